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
        case ratio
        case boolean
        case choice([String])
        case choices([String])
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
        Definition(name: "compression.gzip.level", kind: .integer(-1...9), value: "-1"),
        Definition(name: "compression.lz4.level", kind: .integer(1...17), value: "9"),
        Definition(
            name: "compression.type",
            kind: .choice(["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]), value: "producer"),
        Definition(name: "compression.zstd.level", kind: .integer(-131_072...22), value: "3"),
        Definition(name: "delete.retention.ms", kind: .integer(0...(.max)), value: "\(day)"),
        Definition(name: "file.delete.delay.ms", kind: .integer(0...(.max)), value: "60000"),
        Definition(name: "flush.messages", kind: .integer(1...(.max)), value: "\(Int64.max)"),
        Definition(name: "flush.ms", kind: .integer(0...(.max)), value: "\(Int64.max)"),
        Definition(name: "follower.replication.throttled.replicas", kind: .text, value: ""),
        Definition(name: "index.interval.bytes", kind: .integer(0...Int64(Int32.max)), value: "4096"),
        Definition(name: "leader.replication.throttled.replicas", kind: .text, value: ""),
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

    /// Why a value cannot be set; nil when it can.
    static func problem(_ name: String, _ value: String) -> String? {
        guard let definition = definitionsByName[name] else { return "Unknown topic config name: \(name)" }
        let isValid: Bool
        let expected: String
        switch definition.kind {
        case .integer(let range):
            isValid = Int64(value).map(range.contains) ?? false
            expected = "an integer from \(range.lowerBound) to \(range.upperBound)"
        case .ratio:
            isValid = Double(value).map((0...1).contains) ?? false
            expected = "a number from 0 to 1"
        case .boolean:
            isValid = value == "true" || value == "false"
            expected = "true or false"
        case .choice(let choices):
            isValid = choices.contains(value)
            expected = "one of \(choices.joined(separator: ", "))"
        case .choices(let choices):
            let parts = value.split(separator: ",", omittingEmptySubsequences: false).map(Self.trimmed)
            isValid = parts.allSatisfy(choices.contains)
            expected = "a list of \(choices.joined(separator: ", "))"
        case .text:
            isValid = true
            expected = ""
        }
        return isValid ? nil : "Invalid value \(value) for configuration \(name): expected \(expected)"
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    static func isList(_ name: String) -> Bool {
        if case .choices = definitionsByName[name]?.kind { return true }
        return false
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
