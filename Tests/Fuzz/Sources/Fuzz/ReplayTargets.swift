import Deskbeat
import ServiceKit

/// The rules file: it is read, or every fault has a place.
final class RulesTarget: FuzzTarget {
    func run(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        do {
            let rules = try Rules(parsing: text)
            precondition(rules.fingerprint == rules.fingerprint)
        } catch {
            precondition(!error.description.isEmpty)
        }
    }
}

/// Mapping files, and rows under a mapping: everything up to a NUL is the mapping, what follows is the table.
final class MappingTarget: FuzzTarget {
    func run(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard let yaml = String(validating: parts[0], as: UTF8.self), let mapping = try? Mapping(yaml: yaml) else {
            return
        }
        let table = parts.count == 2 ? Array(parts[1]) : []
        guard let source = try? ByteSource(bytes: table, chunk: 64) else { return }
        var reader = DelimitedReader(source, format: mapping.format ?? DelimitedFormat())
        guard (try? reader.next()) == .row else { return }
        let header = reader.fields.map { String(decoding: reader.bytes[$0], as: UTF8.self) }
        guard var mapper = try? RowMapper(mapping, header: header) else { return }
        for _ in 0..<100 {
            guard let step = try? reader.next(), step != .end else { return }
            if step == .row { _ = try? mapper.map(reader) }
        }
    }
}

/// Tables: the first byte chooses the format and the size of the chunks; fields lie inside the row.
final class RowsTarget: FuzzTarget {
    func run(_ bytes: [UInt8]) {
        guard let choice = bytes.first,
            let source = try? ByteSource(bytes: Array(bytes.dropFirst()), chunk: 1 + Int(choice >> 4) * 7)
        else { return }
        let format = DelimitedFormat(
            delimiter: choice & 1 == 0 ? UInt8(ascii: ",") : UInt8(ascii: "\t"), quotes: choice & 2 == 0,
            latin1: choice & 4 != 0, blanks: choice & 9 == 9)
        var reader = DelimitedReader(source, format: format)
        while let step = try? reader.next(), step != .end {
            precondition(reader.fields.count <= DelimitedReader.columnLimit)
            for field in reader.fields { precondition(field.upperBound <= reader.bytes.count) }
        }
    }
}
