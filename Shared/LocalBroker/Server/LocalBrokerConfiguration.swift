/// Settings of a `LocalBroker`.
public struct LocalBrokerConfiguration: Sendable {
    /// Where the broker keeps its data; created when missing, owned by one process at a time. Nil: in memory, gone at the end.
    public var dataDirectory: String?
    /// The address to listen on, an IP address or a host name. Addresses other than loopback need `allowNonLoopback`.
    public var host = "127.0.0.1"
    /// 1 to 65535, or 0: the system chooses (see `LocalBroker.port`).
    public var port = 9092
    /// What clients are told to connect to; nil: `host`. Needed when `host` is a wildcard address.
    public var advertisedHost: String?
    /// Whether an acknowledgement waits until the data has reached the disk (survives loss of power), or only the operating
    /// system (survives the death of the process).
    public var fsync = false
    /// There is no authentication and no encryption: whoever reaches the port may read and write everything.
    public var allowNonLoopback = false
    /// Creates a topic when a client asks for its metadata.
    public var createsTopicsAutomatically = false
    /// Partitions of a topic whose creator does not say how many; 1 or more.
    public var defaultPartitionCount = 1
    /// Defaults of topic settings, by their Kafka names (`retention.ms`, `segment.bytes` ...).
    public var topicDefaults: [String: String] = [:]
    /// How long a new group waits for more members, in milliseconds (`group.initial.rebalance.delay.ms`). A member that comes later
    /// makes the ones before join once more, for which librdkafka takes one to two seconds.
    public var groupInitialRebalanceDelay = 100
    /// The shortest session time-out that a member may ask for, in milliseconds (`group.min.session.timeout.ms`).
    public var minimumSessionTimeout = 100
    /// The longest transaction time-out that a producer may ask for, in milliseconds (`transaction.max.timeout.ms`).
    public var maximumTransactionTimeout = 900_000
    /// The largest request, in bytes (`socket.request.max.bytes`).
    public var maximumRequestBytes = 100 << 20
    /// The most connections at a time; further ones are closed at once.
    public var maximumConnections = 1000

    public init() {}
}

/// Why a broker did not start, or has stopped. The description says what to do.
public struct LocalBrokerError: Error, Sendable, CustomStringConvertible {
    public var description: String

    init(_ description: String) { self.description = description }
}
