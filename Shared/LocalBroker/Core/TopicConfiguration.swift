/// The settings of a topic, by their Kafka names. A setting that this broker does not use is still stored and described, so
/// that a topic's definition is the same here and on Apache Kafka.
package struct TopicConfiguration: Equatable, Sendable {
    /// Only what differs from the defaults.
    package private(set) var overrides: [String: String] = [:]
    var defaults: [String: String] = [:]

    init(defaults: [String: String] = [:], overrides: [String: String] = [:]) {
        self.defaults = defaults
        self.overrides = overrides
    }

    enum Kind {
        case integer(ClosedRange<Int64>)
        case gzipLevel
        case ratio
        case boolean
        case choice([String])
        case choices([String])
        /// `*`, or partition:broker as often as wanted.
        case replicas
        case text
    }

    struct Definition {
        var name: String
        var kind: Kind
        var value: String
    }

    private static let day: Int64 = 24 * 3_600_000

    static let definitions: [Definition] = [
        Definition(name: "cleanup.policy", kind: .choices(["delete", "compact"]), value: "delete"),
        Definition(name: "compression.gzip.level", kind: .gzipLevel, value: "-1"),
        Definition(name: "compression.lz4.level", kind: .integer(1...17), value: "9"),
        Definition(
            name: "compression.type",
            kind: .choice(["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]), value: "producer"),
        Definition(name: "compression.zstd.level", kind: .integer(-131_072...22), value: "3"),
        Definition(name: "delete.retention.ms", kind: .integer(0...(.max)), value: "\(day)"),
        Definition(name: "file.delete.delay.ms", kind: .integer(0...(.max)), value: "60000"),
        Definition(name: "flush.messages", kind: .integer(1...(.max)), value: "\(Int64.max)"),
        Definition(name: "flush.ms", kind: .integer(0...(.max)), value: "\(Int64.max)"),
        Definition(name: "follower.replication.throttled.replicas", kind: .replicas, value: ""),
        Definition(name: "index.interval.bytes", kind: .integer(0...Int64(Int32.max)), value: "4096"),
        Definition(name: "leader.replication.throttled.replicas", kind: .replicas, value: ""),
        Definition(name: "local.retention.bytes", kind: .integer(-2...(.max)), value: "-2"),
        Definition(name: "local.retention.ms", kind: .integer(-2...(.max)), value: "-2"),
        Definition(name: "max.compaction.lag.ms", kind: .integer(1...(.max)), value: "\(Int64.max)"),
        Definition(name: "max.message.bytes", kind: .integer(0...(100 << 20)), value: "1048588"),
        Definition(name: "message.downconversion.enable", kind: .boolean, value: "true"),
        Definition(name: "message.format.version", kind: .text, value: "3.0-IV1"),
        Definition(name: "message.timestamp.after.max.ms", kind: .integer(0...(.max)), value: "\(Int64.max)"),
        Definition(name: "message.timestamp.before.max.ms", kind: .integer(0...(.max)), value: "\(Int64.max)"),
        Definition(name: "message.timestamp.difference.max.ms", kind: .integer(0...(.max)), value: "\(Int64.max)"),
        Definition(
            name: "message.timestamp.type", kind: .choice(["CreateTime", "LogAppendTime"]), value: "CreateTime"),
        Definition(name: "min.cleanable.dirty.ratio", kind: .ratio, value: "0.5"),
        Definition(name: "min.compaction.lag.ms", kind: .integer(0...(.max)), value: "0"),
        Definition(name: "min.insync.replicas", kind: .integer(1...Int64(Int32.max)), value: "1"),
        Definition(name: "preallocate", kind: .boolean, value: "false"),
        Definition(name: "remote.log.copy.disable", kind: .boolean, value: "false"),
        Definition(name: "remote.log.delete.on.disable", kind: .boolean, value: "false"),
        Definition(name: "remote.storage.enable", kind: .boolean, value: "false"),
        Definition(name: "retention.bytes", kind: .integer(-1...(.max)), value: "-1"),
        Definition(name: "retention.ms", kind: .integer(-1...(.max)), value: "\(7 * day)"),
        Definition(name: "segment.bytes", kind: .integer(14...Int64(Int32.max)), value: "\(256 << 20)"),
        Definition(name: "segment.index.bytes", kind: .integer(4...Int64(Int32.max)), value: "10485760"),
        Definition(name: "segment.jitter.ms", kind: .integer(0...(.max)), value: "0"),
        Definition(name: "segment.ms", kind: .integer(1...(.max)), value: "\(7 * day)"),
        Definition(name: "unclean.leader.election.enable", kind: .boolean, value: "false"),
    ]

    private static let definitionsByName = Dictionary(uniqueKeysWithValues: definitions.map { ($0.name, $0) })

    struct Invalid: Error {
        var reason: String
    }

    /// A value as it is kept and described: like Kafka, this takes blanks around it, a sign before it, and any case of true and false.
    static func canonical(_ name: String, _ value: String) throws(Invalid) -> String {
        guard let definition = definitionsByName[name] else {
            throw Invalid(reason: "Unknown topic config name: \(name)")
        }
        let (canonical, expected) = parse(trimmed(value[...]), definition.kind)
        guard let canonical else {
            throw Invalid(reason: "Invalid value \(value) for configuration \(name): expected \(expected)")
        }
        return canonical
    }

    /// nil for what is not of this kind, and what would be.
    private static func parse(_ text: String, _ kind: Kind) -> (canonical: String?, expected: String) {
        switch kind {
        case .integer(let range):
            let value = Int64(text).flatMap { range.contains($0) ? "\($0)" : nil }
            return (value, "an integer from \(range.lowerBound) to \(range.upperBound)")
        case .gzipLevel:
            let value = Int64(text).flatMap { $0 == -1 || (1...9).contains($0) ? "\($0)" : nil }
            return (value, "an integer from 1 to 9, or -1")
        case .ratio:
            return (Double(text).flatMap { (0...1).contains($0) ? "\($0)" : nil }, "a number from 0 to 1")
        case .boolean:
            let value = text.lowercased()
            return (value == "true" || value == "false" ? value : nil, "true or false")
        case .choice(let choices):
            return (choices.contains(text) ? text : nil, "one of \(choices.joined(separator: ", "))")
        case .choices(let choices):
            let items = items(text)
            let value = items.allSatisfy(choices.contains) ? items.joined(separator: ",") : nil
            return (value, "a list of \(choices.joined(separator: ", "))")
        case .replicas:
            let items = items(text)
            let value = items == ["*"] || items.allSatisfy(isReplica) ? items.joined(separator: ",") : nil
            return (value, "* or a list of partition:broker")
        case .text: return (text, "")
        }
    }

    /// No items in an empty text: a topic whose cleanup.policy is empty keeps everything.
    private static func items(_ text: String) -> [String] {
        text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
    }

    private static func isReplica(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    static func isList(_ name: String) -> Bool {
        switch definitionsByName[name]?.kind {
        case .choices, .replicas: true
        default: false
        }
    }

    /// Brings every override into its canonical form.
    ///
    /// - Throws: when a value is wrong, or does not go with another one.
    mutating func validate() throws(Invalid) {
        for (name, value) in overrides.sorted(by: { $0.key < $1.key }) {
            overrides[name] = try Self.canonical(name, value)
        }
        if value("remote.storage.enable") == "true" {
            throw Invalid(
                reason: """
                    Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.
                    """)
        }
        let minimum = integer("min.compaction.lag.ms")
        let maximum = integer("max.compaction.lag.ms")
        if minimum > maximum {
            throw Invalid(
                reason: """
                    conflict topic config setting min.compaction.lag.ms (\(minimum)) > max.compaction.lag.ms (\(maximum))
                    """)
        }
    }

    func defaultValue(_ name: String) -> String { defaults[name] ?? Self.definitionsByName[name]?.value ?? "" }
    package func value(_ name: String) -> String { overrides[name] ?? defaultValue(name) }
    package func integer(_ name: String) -> Int64 { Int64(value(name)) ?? 0 }

    mutating func set(_ name: String, to value: String?) { overrides[name] = value }

    var compacts: Bool { value("cleanup.policy").contains("compact") }
    var deletes: Bool { value("cleanup.policy").contains("delete") }

    var compaction: CompactionSettings {
        CompactionSettings(
            minimumDirtyRatio: Double(value("min.cleanable.dirty.ratio")) ?? 0.5,
            minimumLag: integer("min.compaction.lag.ms"), maximumLag: integer("max.compaction.lag.ms"),
            deleteRetention: integer("delete.retention.ms"), segmentBytes: Int(integer("segment.bytes")))
    }

    var limits: LogLimits {
        LogLimits(
            segmentBytes: Int(integer("segment.bytes")),
            segmentAge: compacts ? min(integer("segment.ms"), integer("max.compaction.lag.ms")) : integer("segment.ms"),
            maximumBatchBytes: Int(integer("max.message.bytes")),
            stampsAppendTime: value("message.timestamp.type") == "LogAppendTime", requiresKeys: compacts)
    }
}
