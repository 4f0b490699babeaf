/// A topic as this installation needs it: created so when it is missing, compared when it exists.
public struct TopicSpec: Sendable, Hashable {
    /// What the broker does with old records.
    public enum Cleanup: String, Sendable, Hashable {
        case delete
        case compact
        case compactAndDelete = "compact,delete"
    }

    /// Full name, prefix included.
    public var name: String

    /// Number of partitions, at least 1, fixed for the installation's life.
    public var partitions: Int32

    public var cleanup: Cleanup

    /// Broker settings other than `cleanup.policy`, by their Kafka names. They are given at creation; only
    /// ``partitions`` and ``cleanup`` of an existing topic are insisted on.
    public var settings: [String: String]

    public init(name: String, partitions: Int32, cleanup: Cleanup, settings: [String: String] = [:]) {
        precondition(partitions > 0, "a topic has at least one partition")
        self.name = name
        self.partitions = partitions
        self.cleanup = cleanup
        // A record's timestamp is the wall time of its arrival (the arrival clock rests on it, and retention would
        // delete a backfill at once if it were the event's time). Only the broker can vouch for that: anybody may
        // write to the inbound topic, and producers' own clocks differ.
        self.settings = settings.merging(["message.timestamp.type": "LogAppendTime"]) { own, _ in own }
    }
}

extension TopicSpec {
    private static let hour: Int64 = 3_600_000
    private static let day: Int64 = 24 * hour

    /// `support.inbound`: anything, kept for 7 days.
    public static func inbound(_ name: String, partitions: Int32) -> TopicSpec {
        TopicSpec(name: name, partitions: partitions, cleanup: .delete, settings: ["retention.ms": "\(7 * day)"])
    }

    /// Canonical events: the source of truth, kept for ever unless `retention` says otherwise.
    ///
    /// - Parameter retention: milliseconds; -1 keeps for ever.
    public static func canonical(_ name: String, partitions: Int32, retention: Int64 = -1) -> TopicSpec {
        TopicSpec(name: name, partitions: partitions, cleanup: .delete, settings: ["retention.ms": "\(retention)"])
    }

    /// What one stage sends to the next: kept for one day.
    public static func repartition(_ name: String, partitions: Int32) -> TopicSpec {
        TopicSpec(name: name, partitions: partitions, cleanup: .delete, settings: ["retention.ms": "\(day)"])
    }

    /// The state of a stage: the latest record of each key.
    public static func changelog(_ name: String, partitions: Int32) -> TopicSpec {
        TopicSpec(name: name, partitions: partitions, cleanup: .compact)
    }

    /// `deskbeat.clocks`: the latest clock of each task.
    public static func clocks(_ name: String) -> TopicSpec {
        // One record per task and second: small segments keep reading it from the start cheap.
        TopicSpec(
            name: name, partitions: 1, cleanup: .compact,
            settings: ["segment.ms": "\(hour)", "segment.bytes": "\(16 << 20)", "min.cleanable.dirty.ratio": "0.1"])
    }

    /// `deskbeat.rules`: versions of the rules file, under one key.
    public static func rules(_ name: String) -> TopicSpec {
        TopicSpec(name: name, partitions: 1, cleanup: .compact)
    }

    /// `deskbeat.generations`: the generation of each service's state that counts.
    public static func generations(_ name: String) -> TopicSpec {
        TopicSpec(name: name, partitions: 1, cleanup: .compact)
    }

    /// `support.alerts`: the latest revision of each bucket for 400 days; nothing is compacted away within 7 days, so
    /// that a consumer which was away that long misses no revision.
    public static func alerts(_ name: String, partitions: Int32) -> TopicSpec {
        TopicSpec(
            name: name, partitions: partitions, cleanup: .compactAndDelete,
            settings: ["retention.ms": "\(400 * day)", "min.compaction.lag.ms": "\(7 * day)"])
    }

    /// `support.deadletter`: rejected input, kept for 90 days.
    public static func deadLetters(_ name: String, partitions: Int32) -> TopicSpec {
        TopicSpec(name: name, partitions: partitions, cleanup: .delete, settings: ["retention.ms": "\(90 * day)"])
    }
}
