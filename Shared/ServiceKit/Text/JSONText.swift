/// Writes small JSON texts (log lines, health answers, error lists) into bytes. What is published per event has encoders
/// of its own.
public struct JSONText: Sendable {
    public private(set) var bytes: [UInt8] = []
    /// Whether the next member or element of the innermost object or array needs a comma before it.
    private var needsComma = [false]

    public init() {}

    public var string: String { String(decoding: bytes, as: UTF8.self) }

    public mutating func object(_ key: String? = nil, _ members: (inout JSONText) -> Void) {
        nest(key, UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    public mutating func array(_ key: String? = nil, _ elements: (inout JSONText) -> Void) {
        nest(key, UInt8(ascii: "["), UInt8(ascii: "]"), elements)
    }

    public mutating func member(_ key: String, _ value: String) {
        begin(key)
        Self.append(value, to: &bytes)
    }

    public mutating func member(_ key: String, _ value: Int64) {
        begin(key)
        bytes.append(contentsOf: String(value).utf8)
    }

    public mutating func member(_ key: String, _ value: Bool) {
        begin(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// A finite number.
    public mutating func member(_ key: String, _ value: Double) {
        begin(key)
        bytes.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
    }

    /// Text or null.
    public mutating func member(_ key: String, _ value: String?) {
        guard let value else {
            begin(key)
            return bytes.append(contentsOf: "null".utf8)
        }
        member(key, value)
    }

    public mutating func element(_ value: String) {
        begin(nil)
        Self.append(value, to: &bytes)
    }

    private mutating func nest(_ key: String?, _ open: UInt8, _ close: UInt8, _ content: (inout JSONText) -> Void) {
        begin(key)
        bytes.append(open)
        needsComma.append(false)
        content(&self)
        needsComma.removeLast()
        bytes.append(close)
    }

    private mutating func begin(_ key: String?) {
        if needsComma[needsComma.count - 1] { bytes.append(UInt8(ascii: ",")) }
        needsComma[needsComma.count - 1] = true
        if let key {
            Self.append(key, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
        }
    }

    /// Appends `text` as a JSON string (RFC 8259, section 7), control characters escaped.
    public static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7f:
                let digits = Array("0123456789abcdef".utf8)
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
