import Crypto
import FoundationEssentials

/// One version of the rules file, as it stands on the rules topic under the key `rules/3`:
/// `{"format":1,"version":3,"sha256":"…","file":"rules.yaml","rules":"timezone: …"}`.
package struct RulesRecord: Sendable, Equatable {
    private static let keyPrefix = Array("rules/".utf8)
    private static let format = 1
    /// Bytes of a whole record: what brokers accept without settings of their own, with room for what surrounds it.
    package static let maximumBytes = 900_000

    /// From 1, rising by one.
    package var version: Int64
    /// Of the file's bytes, in lower-case hexadecimal.
    package var sha256: String
    /// The file's name as it was given, for people.
    package var file: String
    /// The file's content.
    package var text: String
    /// When the broker appended the record: microseconds since 1970. From this instant on the version holds.
    package var publishedAt: Int64 = 0

    package init(version: Int64, file: String, text: String) {
        self.version = version
        self.file = file
        self.text = text
        sha256 = Self.sha256(of: text)
    }

    /// nil when the bytes are no record of a known format.
    package init?(value: [UInt8], publishedAt: Int64) {
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(value)), wire.format == Self.format else {
            return nil
        }
        (version, sha256, file, text) = (wire.version, wire.sha256, wire.file, wire.rules)
        self.publishedAt = publishedAt
    }

    package var value: [UInt8] {
        var json = JSONText()
        json.object { json in
            json.member("format", Int64(Self.format))
            json.member("version", version)
            json.member("sha256", sha256)
            json.member("file", file)
            json.member("rules", text)
        }
        return json.bytes
    }

    /// Compaction keeps every version.
    package static func key(_ version: Int64) -> [UInt8] { keyPrefix + Array(String(version).utf8) }

    static func isKey(_ key: [UInt8]) -> Bool { key.starts(with: keyPrefix) }

    package static func sha256(of text: String) -> String { Rules.hexadecimal(SHA256.hash(data: Array(text.utf8))) }

    private struct Wire: Decodable {
        var format: Int
        var version: Int64
        var sha256: String
        var file: String
        var rules: String
    }
}

extension Rules {
    /// A published version.
    ///
    /// - Throws: Every fault of the file: it was written for another version of Deskbeat.
    package init(_ record: RulesRecord) throws(RulesError) {
        try self.init(parsing: record.text, file: record.file)
        version = record.version
        publishedAt = record.publishedAt
    }
}
