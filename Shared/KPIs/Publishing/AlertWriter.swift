internal import BusinessTime

/// Writes the bytes of alerts: percent-encoding, RFC 3339 instants and JSON, appended to a caller's buffer that is used
/// again for the next alert.
enum AlertWriter {
    private static let hexUpper = Array("0123456789ABCDEF".utf8)
    private static let hexLower = Array("0123456789abcdef".utf8)

    // MARK: - Percent-encoding (RFC 3986)

    static func appendPercentEncoded(_ text: some Sequence<UInt8>, to output: inout [UInt8]) {
        for byte in text {
            if isUnreserved(byte) {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(hexUpper[Int(byte >> 4)])
                output.append(hexUpper[Int(byte & 15)])
            }
        }
    }

    /// Nil when the text is no percent-encoding of UTF-8.
    static func percentDecoded(_ text: some Collection<UInt8>) -> String? {
        var decoded: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                    return nil
                }
                decoded.append(high << 4 | low)
            } else if isUnreserved(byte) {
                decoded.append(byte)
            } else {
                return nil
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    // MARK: - Numbers

    static func append(_ number: Int64, to output: inout [UInt8]) {
        if number < 0 { output.append(UInt8(ascii: "-")) }
        appendDigits(number.magnitude, to: &output)
    }

    static func appendDigits(_ number: UInt64, to output: inout [UInt8]) {
        let first = output.count
        var rest = number
        repeat {
            output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        output[first...].reverse()
    }

    /// The shortest decimal that reads back as the same number; `null` for what JSON cannot write.
    static func append(_ number: Double, to output: inout [UInt8]) {
        if number.isFinite {
            output.append(contentsOf: number.description.utf8)
        } else {
            output.append(contentsOf: "null".utf8)
        }
    }

    static func appendHex(_ number: UInt64, to output: inout [UInt8]) {
        for shift in stride(from: 60, through: 0, by: -4) { output.append(hexLower[Int(number >> UInt64(shift) & 15)]) }
    }

    /// 128 bits, so that ids do not meet: FNV-1a over the key, once forwards and once with a version mixed into a second,
    /// differently seeded lane.
    static func appendHash(of key: [UInt8], version: UInt64, to output: inout [UInt8]) {
        var first: UInt64 = 0xcbf2_9ce4_8422_2325
        var second: UInt64 = 0x9E37_79B9_7F4A_7C15
        for byte in key {
            first = (first ^ UInt64(byte)) &* 0x100_0000_01b3
            second = (second &+ UInt64(byte)) &* 0xBF58_476D_1CE4_E5B9
            second ^= second >> 29
        }
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            first = (first ^ (version >> shift & 0xFF)) &* 0x100_0000_01b3
        }
        second = (second ^ version) &* 0x94D0_49BB_1331_11EB
        appendHex(first, to: &output)
        appendHex(second ^ second >> 31, to: &output)
    }

    /// Minor units as a decimal string.
    static func append(minor: Int64, digits: Int, to output: inout [UInt8]) {
        var divisor: UInt64 = 1
        for _ in 0..<digits { divisor *= 10 }
        output.append(contentsOf: (minor < 0 ? "\"-" : "\"").utf8)
        appendDigits(minor.magnitude / divisor, to: &output)
        if digits > 0 {
            let rest = String(minor.magnitude % divisor)
            output.append(contentsOf: ("." + String(repeating: "0", count: digits - rest.utf8.count) + rest).utf8)
        }
        output.append(UInt8(ascii: "\""))
    }

    /// A figure in the unit in which it is published: money as a decimal string, `null` for none.
    ///
    /// - Parameter digits: Decimal places of the currency.
    static func append(figure: Double?, unit: KPIUnit, digits: Int, to output: inout [UInt8]) {
        guard let figure, figure.isFinite else { return output.append(contentsOf: "null".utf8) }
        guard unit == .money else { return append(figure, to: &output) }
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        append(minor: Int64(exactly: (figure * scale).rounded(.toNearestOrEven)) ?? 0, digits: digits, to: &output)
    }

    /// A 95 % interval, or `null`.
    static func append(interval: (low: Double, high: Double)?, to output: inout [UInt8]) {
        guard let interval else { return output.append(contentsOf: "null".utf8) }
        output.append(contentsOf: "{\"low\":".utf8)
        append(interval.low, to: &output)
        output.append(contentsOf: ",\"high\":".utf8)
        append(interval.high, to: &output)
        output.append(contentsOf: ",\"confidence\":0.95}".utf8)
    }

    // MARK: - JSON strings

    /// Appends the text in quotation marks.
    static func appendString(_ text: some Sequence<UInt8>, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case 0..<0x20:
                output.append(contentsOf: "\\u00".utf8)
                output.append(hexLower[Int(byte >> 4)])
                output.append(hexLower[Int(byte & 15)])
            default:
                output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    // MARK: - Instants (RFC 3339)

    /// Appends an instant on the wall clock `offset` seconds east of UTC, with as many digits of the second's fraction as
    /// it needs (0, 3 or 6). UTC is written as `Z` if `zulu`, else as `+00:00`.
    static func appendInstant(_ instant: Micros, offset: Int64 = 0, zulu: Bool = true, to output: inout [UInt8]) {
        // Offsets with seconds cannot be written: the instant is kept, the wall clock gives way.
        let offset = offset / 60 * 60
        let clamped = min(max(instant, -62_135_510_400_000_000), 253_402_214_400_000_000)
        let local = clamped + offset * 1_000_000
        let dayLength: Int64 = 86_400_000_000
        let day = local >= 0 ? local / dayLength : (local + 1) / dayLength - 1
        let inDay = local - day * dayLength
        BucketLabel.append(CivilDate(dayNumber: day), to: &output)
        output.append(UInt8(ascii: "T"))
        let second = inDay / 1_000_000
        appendTwoDigits(second / 3_600, to: &output)
        output.append(UInt8(ascii: ":"))
        appendTwoDigits(second / 60 % 60, to: &output)
        output.append(UInt8(ascii: ":"))
        appendTwoDigits(second % 60, to: &output)
        appendFraction(inDay % 1_000_000, to: &output)
        if zulu, offset == 0 {
            output.append(UInt8(ascii: "Z"))
        } else {
            BucketLabel.appendOffset(offset, to: &output)
        }
    }

    private static func appendTwoDigits(_ number: Int64, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / 10))
        output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
    }

    private static func appendFraction(_ micros: Int64, to output: inout [UInt8]) {
        if micros == 0 { return }
        output.append(UInt8(ascii: "."))
        var rest = micros
        var digits = 6
        if micros % 1_000 == 0 {
            rest /= 1_000
            digits = 3
        }
        let first = output.count
        for _ in 0..<digits {
            output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        output[first...].reverse()
    }
}
