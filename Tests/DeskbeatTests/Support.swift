import Deskbeat
import Foundation

/// A small generator with a seed that tests print, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init(seed: UInt64 = UInt64.random(in: 1...UInt64.max)) {
        self.seed = seed
        state = seed
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A directory that is removed with the value.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "deskbeat-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String, _ text: String = "") throws -> String {
        let file = path + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }
}

/// The rows of a delimited text; a rejected row is its reason.
enum ReadRow: Equatable {
    case fields([String])
    case rejected(field: Int, reason: String)
}

func rows(_ bytes: [UInt8], _ format: DelimitedFormat = DelimitedFormat(), chunk: Int = 7) throws -> [ReadRow] {
    var reader = DelimitedReader(try ByteSource(bytes: bytes, chunk: chunk), format: format)
    var rows: [ReadRow] = []
    while true {
        switch try reader.next() {
        case .row: rows.append(.fields(reader.fields.indices.map { reader.text($0) }))
        case .rejected(let field, let reason): rows.append(.rejected(field: field, reason: reason))
        case .end: return rows
        }
    }
}

func rows(_ text: String, _ format: DelimitedFormat = DelimitedFormat(), chunk: Int = 7) throws -> [ReadRow] {
    try rows(Array(text.utf8), format, chunk: chunk)
}

/// Everything that a table yields under a mapping.
func replay(_ table: String, _ yaml: String) throws -> ReplayBatch {
    let mapping = try Mapping(yaml: yaml)
    let source = try ByteSource(bytes: Array(table.utf8), chunk: 64)
    let reader = try TableReader(source, mapping, format: mapping.format ?? DelimitedFormat())
    var batch = ReplayBatch()
    while try reader.next(into: &batch) {}
    return batch
}

func object(_ event: ReplayEvent) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(event.value)) as? [String: Any] ?? [:]
}
