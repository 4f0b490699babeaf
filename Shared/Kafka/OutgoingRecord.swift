/// A record for `KafkaProducer`. Its timestamp is the time of sending.
public struct OutgoingRecord: Sendable {
    public var topic: String
    /// nil: chosen from the key, as Java's default partitioner does (without a key: at random).
    public var partition: Int32?
    public var key: [UInt8]?
    /// nil is a tombstone.
    public var value: [UInt8]?
    public var headers: [(name: String, value: [UInt8]?)]

    public init(
        topic: String, partition: Int32? = nil, key: [UInt8]?, value: [UInt8]?,
        headers: [(name: String, value: [UInt8]?)] = []
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
    }

    /// What the record weighs in the producer's limits.
    var byteCount: Int {
        let ofHeaders = headers.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) }
        return (key?.count ?? 0) + (value?.count ?? 0) + ofHeaders
    }
}

/// Where an acknowledged record lies.
public struct Delivery: Hashable, Sendable {
    public var partition: Int32
    public var offset: Int64

    public init(partition: Int32, offset: Int64) {
        self.partition = partition
        self.offset = offset
    }
}
