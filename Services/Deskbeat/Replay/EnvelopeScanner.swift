/// What a replay needs to know of an event before it is produced: its key and its time. One pass over the bytes, which
/// are otherwise sent as they are; whether the event is valid is for ingest to judge.
package struct EnvelopeScanner {
    package struct Envelope: Equatable {
        package var type: Range<Int>?
        package var time: Range<Int>?
        /// The id of the entity in `data`, as written (without quotes, escapes kept).
        package var key: Range<Int>?
    }

    private static let entities = [
        "ticket_id", "contact_id", "survey_id", "feedback_id", "subscription_id", "customer_id", "agent_id", "period",
    ].map { Array($0.utf8) }

    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// Nil when the bytes are no JSON object as far as this pass can tell.
    package static func scan(_ bytes: [UInt8], _ range: Range<Int>) -> Envelope? {
        var scanner = EnvelopeScanner(bytes, range)
        return scanner.envelope()
    }

    private mutating func envelope() -> Envelope? {
        var envelope = Envelope()
        var found: [Range<Int>?] = []
        let whole: Bool = members { scanner, name in
            if scanner.bytes[name].elementsEqual("type".utf8) {
                envelope.type = scanner.text()
                return envelope.type != nil
            }
            if scanner.bytes[name].elementsEqual("time".utf8) {
                envelope.time = scanner.text()
                return envelope.time != nil
            }
            guard scanner.bytes[name].elementsEqual("data".utf8), scanner.peek() == UInt8(ascii: "{") else {
                return scanner.skipValue()
            }
            found = Array(repeating: nil, count: Self.entities.count)
            return scanner.members { scanner, name in
                guard let index = Self.entities.firstIndex(where: { scanner.bytes[name].elementsEqual($0) }) else {
                    return scanner.skipValue()
                }
                found[index] = scanner.text()
                return found[index] != nil
            }
        }
        skipSpace()
        guard whole, position == end else { return nil }
        let type = envelope.type.flatMap { EventShape.named(String(decoding: bytes[$0], as: UTF8.self)) }
        if let type, let index = Self.entities.firstIndex(of: Array(type.entity.utf8)), !found.isEmpty {
            envelope.key = found[index]
        } else {
            envelope.key = found.lazy.compactMap { $0 }.first
        }
        return envelope
    }

    /// Calls `body` with the range of each member's name, at its value, which `body` passes over.
    private mutating func members(_ body: (inout EnvelopeScanner, Range<Int>) -> Bool) -> Bool {
        skipSpace()
        guard take(UInt8(ascii: "{")) else { return false }
        skipSpace()
        if take(UInt8(ascii: "}")) { return true }
        while true {
            skipSpace()
            guard let name = string() else { return false }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { return false }
            skipSpace()
            guard body(&self, name) else { return false }
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            return take(UInt8(ascii: "}"))
        }
    }

    /// A string without its quotes, or another scalar as written.
    private mutating func text() -> Range<Int>? {
        if peek() == UInt8(ascii: "\"") { return string() }
        let start = position
        return skipValue() && position > start ? start..<position : nil
    }

    private mutating func string() -> Range<Int>? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = position
        while position < end {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return start..<position - 1 }
            if byte == UInt8(ascii: "\\") { position += 1 }
        }
        return nil
    }

    /// Passes over one value of any kind.
    private mutating func skipValue() -> Bool {
        var depth = 0
        let start = position
        while position < end {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                guard string() != nil else { return false }
                if depth == 0 { return true }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return position > start }
                depth -= 1
                position += 1
                if depth == 0 { return true }
            case UInt8(ascii: ","):
                if depth == 0 { return position > start }
                position += 1
            case 0x20, 0x09, 0x0A, 0x0D:
                if depth == 0 { return position > start }
                position += 1
            default: position += 1
            }
        }
        return depth == 0 && position > start
    }

    private func peek() -> UInt8? { position < end ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }
}
