package import Streams

/// A value of a rules file in state: without its place, and with nothing else lost.
extension RulesNode {
    private static let deepest = 64

    package func append(to bytes: inout [UInt8]) {
        switch content {
        case .scalar(let text, let plain):
            bytes.append(plain ? 0 : 1)
            bytes.appendBytes(text.utf8)
        case .sequence(let elements):
            bytes.append(2)
            bytes.appendVarint(UInt64(elements.count))
            for element in elements { element.append(to: &bytes) }
        case .mapping(let entries):
            bytes.append(3)
            bytes.appendVarint(UInt64(entries.count))
            for entry in entries {
                bytes.appendBytes(entry.key.utf8)
                entry.value.append(to: &bytes)
            }
        }
    }

    package init(_ reader: inout BinaryReader, depth: Int = 0) throws(InternalRecordError) {
        guard depth < Self.deepest else { throw InternalRecordError("a stored rules value that is nested too deeply") }
        let content: Content
        switch try reader.byte() {
        case 0: content = .scalar(String(decoding: try reader.bytes(), as: UTF8.self), plain: true)
        case 1: content = .scalar(String(decoding: try reader.bytes(), as: UTF8.self), plain: false)
        case 2:
            var elements: [RulesNode] = []
            for _ in 0..<(try reader.count()) { elements.append(try RulesNode(&reader, depth: depth + 1)) }
            content = .sequence(elements)
        case 3:
            var entries: [RulesEntry] = []
            for _ in 0..<(try reader.count()) {
                let key = String(decoding: try reader.bytes(), as: UTF8.self)
                let value = try RulesNode(&reader, depth: depth + 1)
                entries.append(RulesEntry(key: key, line: 1, column: 1, value: value))
            }
            content = .mapping(entries)
        case let kind: throw InternalRecordError("a stored rules value of the unknown kind \(kind)")
        }
        self.init(content: content, line: 1, column: 1)
    }
}
