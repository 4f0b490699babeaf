import CSimdjson

/// Writes compact JSON into a reused buffer. Commas are its business; that keys and values alternate, and that what is
/// opened is closed, is the caller's. Strings are given as valid UTF-8.
///
///     writer.beginObject()
///     writer.key("count")
///     writer.value(118)
///     writer.endObject()
public struct JSONWriter: Sendable {
    /// What has been written since `clear`.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init(capacity: Int = 1024) {
        bytes.reserveCapacity(capacity)
    }

    /// Forgets what was written and keeps the memory.
    public mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    // MARK: Structure

    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    // MARK: Keys

    /// A key without characters that need escapes.
    public mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        append(name)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Any key.
    public mutating func key(_ name: RawSpan) {
        value(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Any key.
    public mutating func key(_ name: String) {
        value(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// `"name":`, made before.
    mutating func prepared(key: [UInt8]) {
        separate()
        bytes.append(contentsOf: key)
        needsComma = false
    }

    // MARK: Values

    /// A string.
    public mutating func value(_ string: RawSpan) {
        separate()
        unsafe string.withUnsafeBytes { unsafe appendString($0) }
    }

    /// A string.
    public mutating func value(_ string: [UInt8]) {
        separate()
        unsafe string.withUnsafeBytes { unsafe appendString($0) }
    }

    /// A string.
    public mutating func value(_ string: String) {
        var string = string
        separate()
        string.withUTF8 { unsafe appendString(UnsafeRawBufferPointer($0)) }
    }

    /// A string without characters that need escapes.
    public mutating func value(_ string: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        append(string)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A string of a decoder's batch.
    public mutating func value(_ text: EventText, in decoder: EventDecoder) {
        decoder.withText(text) { value($0) }
    }

    public mutating func value(_ integer: Int64) {
        separate()
        appendDigits(of: integer)
    }

    public mutating func value(_ integer: Int) { value(Int64(integer)) }

    /// The shortest decimal text that reads back as the same number. JSON has no NaN and no infinity: whoever has one
    /// has lost a denominator on the way, so that is the caller's error.
    public mutating func value(_ number: Double) {
        precondition(number.isFinite, "JSON has no NaN and no infinity")
        separate()
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
            guard let base = digits.baseAddress else { return }
            let count = unsafe db_format_double(number, base)
            unsafe bytes.append(contentsOf: digits[..<count])
        }
    }

    public mutating func value(_ bool: Bool) {
        separate()
        append(bool ? "true" : "false")
    }

    public mutating func null() {
        separate()
        append("null")
    }

    /// An instant in microseconds since 1970, as RFC 3339 in UTC or with an offset.
    public mutating func value(
        time micros: Int64, offsetMinutes: Int = 0, fraction: RFC3339.Fraction = .shortest
    ) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        RFC3339.write(micros, offsetMinutes: offsetMinutes, fraction: fraction, into: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A number of seconds given in milliseconds, without trailing zeros.
    public mutating func value(secondsFromMilliseconds milliseconds: Int64) {
        separate()
        if milliseconds < 0 { bytes.append(UInt8(ascii: "-")) }
        let (seconds, rest) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        appendDigits(of: seconds)
        guard rest > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        var divisor: UInt64 = 100
        var left = rest
        while left > 0 {
            bytes.append(0x30 + UInt8(left / divisor))
            left %= divisor
            divisor /= 10
        }
    }

    /// A hash as a string of 32 hexadecimal digits.
    public mutating func value(hash: Hash128) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        hash.write(into: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// An integer as a string of digits, as CloudEvents has them where 32 bits are too few.
    public mutating func value(digitsOf integer: Int64) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        appendDigits(of: integer)
        bytes.append(UInt8(ascii: "\""))
    }

    /// One value that is JSON already.
    public mutating func json(_ json: RawSpan) {
        separate()
        unsafe json.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// One value that is JSON already.
    public mutating func json(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
    }

    // MARK: Bytes

    private mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    private mutating func appendDigits(of integer: Int64) {
        if integer < 0 { bytes.append(UInt8(ascii: "-")) }
        appendDigits(of: integer.magnitude)
    }

    private mutating func appendDigits(of magnitude: UInt64) {
        if magnitude < 10 {
            bytes.append(0x30 + UInt8(magnitude))
            return
        }
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var left = magnitude
            var first = 20
            repeat {
                first -= 1
                unsafe digits[first] = 0x30 + UInt8(truncatingIfNeeded: left % 10)
                left /= 10
            } while left > 0
            unsafe bytes.append(contentsOf: UnsafeMutableBufferPointer(rebasing: digits[first...]))
        }
    }

    private mutating func appendString(_ string: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        var left = unsafe string
        while true {
            let plain = unsafe db_plain_prefix(left.bindMemory(to: UInt8.self).baseAddress, left.count)
            unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: left[..<plain]))
            guard plain < left.count else { break }
            unsafe appendEscape(of: left[plain])
            unsafe left = UnsafeRawBufferPointer(rebasing: left[(plain + 1)...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscape(of byte: UInt8) {
        switch byte {
        case 0x08: append("\\b")
        case 0x09: append("\\t")
        case 0x0a: append("\\n")
        case 0x0c: append("\\f")
        case 0x0d: append("\\r")
        case 0x22: append("\\\"")
        case 0x5c: append("\\\\")
        default:
            append("\\u00")
            bytes.append(0x30 + byte >> 4)
            let low = byte & 15
            bytes.append(low < 10 ? 0x30 + low : 0x57 + low)
        }
    }
}
