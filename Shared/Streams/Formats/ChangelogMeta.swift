import FoundationEssentials

/// The first record of every changelog partition: what its content depends on and cannot be read from the content.
/// State that was written under other values must not be used: keys would be looked for in the wrong partition.
public struct ChangelogMeta: Sendable, Hashable {
    /// Key of the record. No task writes it.
    public static let key: [UInt8] = [0] + Array("deskbeat.meta".utf8)

    /// What this build writes.
    public static let currentFormat = 1
    public static let currentHash = "murmur2"

    /// Number of partitions of the stage's inputs.
    public var partitions: Int32

    /// Name of the function from key to partition.
    public var hash: String

    /// Version of the runtime's own use of the changelog. The tasks' records carry versions of their own.
    public var format: Int

    public init(
        partitions: Int32, hash: String = ChangelogMeta.currentHash, format: Int = ChangelogMeta.currentFormat
    ) {
        self.partitions = partitions
        self.hash = hash
        self.format = format
    }

    public init?(value: [UInt8]) {
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(value)) else { return nil }
        self.init(partitions: wire.partitions, hash: wire.hash, format: wire.format)
    }

    public var value: [UInt8] {
        Array("{\"format\":\(format),\"hash\":\(jsonString(hash)),\"partitions\":\(partitions)}".utf8)
    }

    /// Why state written under `self` cannot be used where `expected` holds; `nil` when it can.
    public func conflict(with expected: ChangelogMeta, service: String, changelog: String) -> String? {
        let rebuild = "or run `deskbeat rebuild \(service)`, which builds new state from the beginning"
        if partitions != expected.partitions {
            return """
                \(changelog) holds state for \(partitions) partitions, but the setting --partitions \
                (DESKBEAT_PARTITIONS) is \(expected.partitions): set it back to \(partitions), \(rebuild)
                """
        }
        if hash != expected.hash {
            return """
                \(changelog) holds state that was partitioned by \(hash), but this version partitions by \
                \(expected.hash): use the version that wrote it, \(rebuild)
                """
        }
        if format != expected.format {
            return """
                \(changelog) has format \(format), but this version reads format \(expected.format): use the version \
                that wrote it, \(rebuild)
                """
        }
        return nil
    }

    private struct Wire: Decodable {
        var format: Int
        var hash: String
        var partitions: Int32
    }
}
