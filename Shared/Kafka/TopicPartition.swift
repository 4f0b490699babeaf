/// One partition of one topic.
public struct TopicPartition: Hashable, Sendable, CustomStringConvertible {
    public var topic: String
    /// Zero-based.
    public var partition: Int32

    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    public var description: String { "\(topic)-\(partition)" }
}

extension TopicPartition: Comparable {
    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

/// A group's position in a partition, as it is committed: the offset of the next record to process, and a note that
/// travels with it.
public struct OffsetAndMetadata: Hashable, Sendable {
    /// The next offset to process: last processed + 1, or further when control records were skipped.
    public var offset: Int64
    /// Free text; brokers limit it to 4,096 bytes by default (`offset.metadata.max.bytes`).
    public var metadata: String

    public init(offset: Int64, metadata: String = "") {
        self.offset = offset
        self.metadata = metadata
    }
}

/// A group's committed position as the broker stores it.
public typealias CommittedOffset = OffsetAndMetadata

/// The offsets that a partition holds.
public struct Watermarks: Hashable, Sendable {
    /// The first offset still stored.
    public var low: Int64
    /// The offset after the last one: the high watermark on a `read_uncommitted` handle, the last stable offset on a
    /// `read_committed` one.
    public var high: Int64

    public init(low: Int64, high: Int64) {
        self.low = low
        self.high = high
    }
}
