/// Decimal numbers kept as integers of a millionth, as scores are.
enum Millionths {
    /// Reads digits with an optional sign and at most six decimals; nil for anything else and beyond 10^12.
    static func parse(_ text: some Collection<UInt8>) -> Int64? {
        var rest = text[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }
        var value: Int64 = 0
        var digits = 0
        var decimals: Int?
        for byte in rest {
            if byte == UInt8(ascii: "."), decimals == nil, digits > 0 {
                decimals = 0
                continue
            }
            guard 0x30...0x39 ~= byte, digits < 18 else { return nil }
            value = value * 10 + Int64(byte - 0x30)
            digits += 1
            decimals? += 1
        }
        guard digits > 0, decimals != 0, decimals ?? 0 <= 6, digits - (decimals ?? 0) <= 12 else { return nil }
        for _ in (decimals ?? 0)..<6 { value *= 10 }
        return isNegative ? -value : value
    }

    /// The shortest decimal: `4`, `-0.5`.
    static func text(_ value: Int64) -> String { String(decoding: bytes(value), as: UTF8.self) }

    static func bytes(_ value: Int64) -> [UInt8] {
        let whole = value.magnitude / 1_000_000
        var fraction = value.magnitude % 1_000_000
        var bytes = Array((value < 0 ? "-" : "").utf8) + Array(String(whole).utf8)
        guard fraction > 0 else { return bytes }
        bytes.append(UInt8(ascii: "."))
        var place: UInt64 = 100_000
        while fraction > 0 {
            bytes.append(UInt8(0x30 + fraction / place))
            fraction %= place
            place /= 10
        }
        return bytes
    }
}
