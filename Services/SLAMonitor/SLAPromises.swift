import BusinessTime
import SLA
import ServiceKit
import Streams

/// What tickets are judged by: the rules in force, and the earlier versions that some tickets go on under.
struct SLAPromises: Sendable {
    /// The rules in force: their owners and links serve all tickets.
    let levels: SLARules
    /// Of the rules in force.
    let rulesVersion: Int64
    /// In the order of their instants; the last one is in force.
    private(set) var editions: [RulesEdition]
    /// The source of each, in the same order.
    private var sources: [Source]

    /// Earlier versions that are kept: a ticket that began under one before those goes on under the oldest.
    private static let mostEditions = 50
    private static let format: UInt8 = 1

    /// What policies are made from.
    private struct Source: Sendable {
        var version: Int64
        var from: Int64
        var timezone: String
        var aliases: [String: String]
        var statusAliases: [String: String]
        var sections: [String: RulesNode]
    }

    /// - Parameter publishedAt: From when on the rules hold, µs since 1970.
    init(_ rules: Rules, zone: BusinessZone, version: Int64, publishedAt: Int64) throws(RulesError) {
        levels = try rules.serviceLevels(zone: zone)
        rulesVersion = version
        sources = [
            Source(
                version: version, from: publishedAt, timezone: rules.timezone, aliases: rules.priorityAliases,
                statusAliases: rules.statusAliases,
                sections: rules.sections.filter { ["calendars", "policies"].contains($0.key) })
        ]
        editions = [RulesEdition(version: version, from: .min, book: levels.book)]
    }

    /// Whether there is, or was, anything to judge calls by.
    var concernCalls: Bool { editions.contains { !$0.book.callPromises.isEmpty } }

    /// Whether there is, or was, anything to judge by.
    var isEmpty: Bool { editions.allSatisfy(\.book.policies.isEmpty) }
}

/// The earlier versions in the state of a partition.
extension SLAPromises {
    /// Takes up the versions before the one in force.
    mutating func restore(_ archive: [UInt8]) throws(InternalRecordError) {
        var reader = BinaryReader(archive)
        guard try reader.byte() == Self.format else {
            throw InternalRecordError("earlier rules of an unknown format: written by a newer version")
        }
        var earlier: [Source] = []
        while !reader.isAtEnd {
            let source = try Self.source(&reader)
            if source.version < rulesVersion { earlier.append(source) }
            // The version in force keeps the instant at which it was first seen.
            if source.version == rulesVersion { sources[sources.count - 1].from = source.from }
        }
        sources = Array((earlier + sources).suffix(Self.mostEditions))
        var all: [RulesEdition] = []
        for source in sources.dropLast() {
            all.append(
                RulesEdition(
                    version: source.version, from: all.isEmpty ? .min : source.from, book: try Self.book(source)))
        }
        let current = editions[editions.count - 1]
        all.append(
            RulesEdition(
                version: current.version, from: all.isEmpty ? .min : sources[sources.count - 1].from,
                book: current.book))
        editions = all
    }

    var archive: [UInt8] {
        var bytes = [Self.format]
        for source in sources {
            bytes.appendSignedVarint(source.version)
            bytes.appendSignedVarint(source.from)
            bytes.appendBytes(source.timezone.utf8)
            for aliases in [source.aliases, source.statusAliases] {
                bytes.appendVarint(UInt64(aliases.count))
                for (alias, name) in aliases.sorted(by: { $0.key < $1.key }) {
                    bytes.appendBytes(alias.utf8)
                    bytes.appendBytes(name.utf8)
                }
            }
            bytes.appendVarint(UInt64(source.sections.count))
            for (name, node) in source.sections.sorted(by: { $0.key < $1.key }) {
                bytes.appendBytes(name.utf8)
                node.append(to: &bytes)
            }
        }
        return bytes
    }

    private static func source(_ reader: inout BinaryReader) throws(InternalRecordError) -> Source {
        func text(_ reader: inout BinaryReader) throws(InternalRecordError) -> String {
            String(decoding: try reader.bytes(), as: UTF8.self)
        }
        func aliases(_ reader: inout BinaryReader) throws(InternalRecordError) -> [String: String] {
            var aliases: [String: String] = [:]
            for _ in 0..<(try reader.count()) {
                let alias = try text(&reader)
                aliases[alias] = try text(&reader)
            }
            return aliases
        }
        var source = Source(
            version: try reader.signedVarint(), from: try reader.signedVarint(), timezone: try text(&reader),
            aliases: try aliases(&reader), statusAliases: try aliases(&reader), sections: [:])
        for _ in 0..<(try reader.count()) {
            let name = try text(&reader)
            source.sections[name] = try RulesNode(&reader)
        }
        return source
    }

    private static func book(_ source: Source) throws(InternalRecordError) -> PolicyBook {
        var rules = Rules()
        rules.timezone = source.timezone
        rules.priorityAliases = source.aliases
        rules.statusAliases = source.statusAliases
        rules.sections = source.sections
        do {
            return try rules.serviceLevels(zone: BusinessZone.load(source.timezone)).book
        } catch {
            throw InternalRecordError("version \(source.version) of the rules, which tickets are judged by: \(error)")
        }
    }
}
