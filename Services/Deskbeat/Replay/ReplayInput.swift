import FoundationEssentials

/// The file of a replay: opens it with the right reader, and hands out its portions away from the cooperative pool.
package final class ReplayInput: Sendable {
    // The reader is touched only by closures on `work`, which runs them one after the other.
    nonisolated(unsafe) private let reader: any EventReader
    private let work = BlockingWork("replay")

    /// What a resumed replay is compared with.
    package let identity: Identity

    package struct Identity: Codable, Equatable, Sendable {
        package var file: String
        package var size: Int64?
        /// Of the mapping file, in hexadecimal.
        package var mapping: String?
    }

    /// - Parameters:
    ///   - path: `-` is standard input.
    ///   - mapping: path of the mapping file; without one the file is NDJSON.
    package init(path: String, mapping: String?) throws {
        let source = try ByteSource(path: path)
        let name = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
        if let mapping {
            let parsed = try Self.mapping(at: mapping)
            var format = parsed.format ?? DelimitedFormat()
            if parsed.format == nil, name.lowercased().hasSuffix(".tsv") {
                format = DelimitedFormat(delimiter: UInt8(ascii: "\t"), quotes: false)
            }
            do {
                unsafe reader = try TableReader(source, parsed, format: format)
            } catch var error as MappingError {
                error.file = mapping
                throw error
            }
            identity = Identity(
                file: path, size: source.size, mapping: String(parsed.fingerprint, radix: 16))
        } else {
            if [".csv", ".tsv"].contains(where: name.lowercased().hasSuffix) {
                throw InputError("\(path) is a table: say with --mapping how its rows become events")
            }
            unsafe reader = try LinesReader(source)
            identity = Identity(file: path, size: source.size, mapping: nil)
        }
    }

    /// Reads and checks a mapping file.
    package static func mapping(at path: String) throws -> Mapping {
        let source = try ByteSource(path: path)
        var bytes: [UInt8] = []
        while try source.read(into: &bytes) {
            guard bytes.count <= 1_048_576 else {
                throw InputError("\(path): larger than 1 MiB, so it is no mapping file")
            }
        }
        do throws(MappingError) {
            return try Mapping(yaml: String(decoding: bytes, as: UTF8.self))
        } catch {
            var named = error
            named.file = path
            throw named
        }
    }

    /// The next portion, how much of the input has been taken, and whether there is more.
    package func next() async throws -> (batch: ReplayBatch, fraction: Double?, more: Bool) {
        try await work.run { [self] in
            var batch = ReplayBatch()
            let more = try unsafe reader.next(into: &batch)
            return unsafe (batch, reader.fraction, more)
        }
    }
}
