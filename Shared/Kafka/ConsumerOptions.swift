/// A consumer's membership in a group.
public struct ConsumerGroup: Sendable {
    public var id: String
    /// Makes the member static: a restart within the session timeout moves no partition.
    public var instanceID: String?
    /// How long the group waits for a heartbeat; above the transaction timeout, so that a hanging transaction is
    /// aborted before its member is replaced.
    public var sessionTimeout: Duration
    /// How long may pass between two polls. librdkafka 2.0.2 counts a poll of *any* queue of the handle, so a consumer
    /// loop that hangs while something else polls is never evicted: the runtime needs a watchdog of its own.
    public var maxPollInterval: Duration
    /// Nothing of an assigned partition is delivered before `KafkaConsumer.start` names the offset: for members that
    /// restore a partition's state first. Without, reading starts at the committed offsets.
    ///
    /// To pause in `RebalanceHandler.assigned` is not the same: librdkafka looks the committed offset up meanwhile, on a
    /// thread of its own, and when its start and the pause meet, one of them is dropped without an error (issues 2190 and
    /// 5591 of librdkafka). A partition whose start is dropped is never read.
    public var holdsPartitions: Bool

    public init(
        id: String, instanceID: String? = nil, sessionTimeout: Duration = .seconds(12),
        maxPollInterval: Duration = .seconds(300), holdsPartitions: Bool = false
    ) {
        self.id = id
        self.instanceID = instanceID
        self.sessionTimeout = sessionTimeout
        self.maxPollInterval = maxPollInterval
        self.holdsPartitions = holdsPartitions
    }
}

/// Where to start when there is no committed offset, or when the position is no longer stored.
public enum OffsetReset: String, Sendable {
    case earliest
    case latest
    /// Fail with `KafkaError.Code.offsetReset`: for a restore, whose start must not move silently.
    case error
}

/// How much a consumer fetches ahead.
public enum ConsumerTuning: Sendable {
    /// Low latency, at most about 128 MiB ahead.
    case live
    /// Throughput, at most about 512 MiB ahead. librdkafka before 2.2 looks again only after a second once its queue
    /// has reached its limits, so the limits have to be above what is read in a second.
    case restore

    var properties: [(String, String)] {
        switch self {
        case .live:
            [("queued.min.messages", "1000000"), ("queued.max.messages.kbytes", "131072")]
        case .restore:
            [
                ("queued.min.messages", "5000000"), ("queued.max.messages.kbytes", "524288"),
                ("max.partition.fetch.bytes", "8388608"),
            ]
        }
    }
}
