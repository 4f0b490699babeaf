/// Percent-encoding of dimension values in series ids (RFC 3986, section 2).
public enum PercentEncoding {
    /// Appends `text`: letters, digits, `-`, `.`, `_` and `~` as they are, every other byte as `%XX`.
    public static func write(_ text: RawSpan, into bytes: inout [UInt8]) {
        unsafe text.withUnsafeBytes { buffer in
            for index in 0..<buffer.count { append(unsafe buffer[index], to: &bytes) }
        }
    }

    /// Appends `text`.
    public static func write(_ text: String, into bytes: inout [UInt8]) {
        for byte in text.utf8 { append(byte, to: &bytes) }
    }

    private static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            bytes.append(byte)
        default:
            bytes.append(UInt8(ascii: "%"))
            for digit in [byte >> 4, byte & 15] {
                bytes.append(digit < 10 ? 0x30 + digit : 0x37 + digit)
            }
        }
    }
}
