/// The time as the core is told it: it has no clock of its own. Both in milliseconds.
package struct BrokerTime: Equatable, Sendable {
    /// Since 1970; stamps records and ages segments. May jump.
    package var wall: Int64
    /// Since anything; measures time-outs. Never goes backwards.
    package var monotonic: Int64

    package init(wall: Int64, monotonic: Int64) {
        self.wall = wall
        self.monotonic = monotonic
    }
}

/// Settings of the core. Times in milliseconds, defaults as Apache Kafka's unless a reason is given.
package struct BrokerCoreConfiguration: Sendable {
    package var nodeID: Int32 = 1
    /// What clients are told to connect to.
    package var host = "127.0.0.1"
    package var port: Int32 = 9092
    /// What clients are told where the logs are.
    package var logDirectory = "memory"
    package var createsTopicsAutomatically = false
    package var defaultPartitionCount: Int32 = 1
    package var topicDefaults: [String: String] = [:]
    /// Limit of the partitions of all topics together: each has an open file and an index.
    package var maximumPartitions = 10_000
    /// Kafka waits 3 s for more members of a new group; on one machine they come at once.
    package var groupInitialRebalanceDelay: Int64 = 100
    /// Kafka: 6 s. A local broker serves tests, too, which want to see a session expire.
    package var minimumSessionTimeout: Int32 = 100
    package var maximumSessionTimeout: Int32 = 1_800_000
    package var newMemberJoinTimeout: Int64 = 300_000
    package var maximumGroupSize = 10_000
    package var maximumTransactionTimeout: Int32 = 900_000
    package var producerExpiration: Int64 = 86_400_000
    package var transactionalIDExpiration: Int64 = 7 * 86_400_000
    /// How long the offsets of a group without members are kept (`offsets.retention.minutes`). Kafka: 7 days; but losing them makes a
    /// consumer start over, and they cost nothing.
    package var offsetRetention: Int64 = 365 * 86_400_000
    package var maximumOffsetMetadataBytes = 4096
    package var maximumFetchBytes = 55 << 20
    package var housekeepingInterval: Int64 = 60_000
    /// How often the broker looks for a log to compact (`log.cleaner.backoff.ms`).
    package var compactionInterval: Int64 = 15_000
    /// Memory for the keys of a round of compaction, in bytes (`log.cleaner.dedupe.buffer.size`; Kafka: 128 MB).
    package var compactionMemory = 32 << 20
    /// Seeds the member ids and the cluster id.
    package var seed: UInt64 = 0

    package init() {}
}
