package import Kafka

/// An error of a client, reduced to what the runtime decides by.
package struct ClientError: Error, Sendable, Hashable, CustomStringConvertible {
    package var reaction: TransactionMachine.Reaction
    /// Somebody else has taken over this identity.
    package var isFenced: Bool
    /// The position to read from does not exist (any more).
    package var isPositionInvalid: Bool
    /// For the operator.
    package var description: String

    package init(
        _ reaction: TransactionMachine.Reaction, isFenced: Bool = false, isPositionInvalid: Bool = false,
        _ description: String
    ) {
        self.reaction = reaction
        self.isFenced = isFenced
        self.isPositionInvalid = isPositionInvalid
        self.description = description
    }
}

/// The group's generation that offsets are sent with.
package final class GroupGeneration {
    package let generation: Int32
    package let member: String
    /// The client's own form of it.
    package let native: AnyObject?

    package init(generation: Int32, member: String, native: AnyObject? = nil) {
        self.generation = generation
        self.member = member
        self.native = native
    }
}

/// Told about the assignment, inside `poll` and `close`, on the thread that calls them.
package protocol RebalanceListener: AnyObject {
    func assigned(_ partitions: [TopicPartition])
    /// Before the partitions are given up: a commit made here counts.
    func revoked(_ partitions: [TopicPartition])
    /// The partitions have been given to others already.
    func lost(_ partitions: [TopicPartition])
}

/// A member of the stage's group, `read_committed`.
package protocol StreamConsumer: AnyObject {
    func subscribe(_ topics: [String]) throws(ClientError)

    /// Waits for the first record or event, then takes what is there. Replaces the content of `batch`.
    ///
    /// - Parameter timeout: milliseconds.
    func poll(into batch: RecordBatch, maximumRecords: Int, maximumBytes: Int, timeout: Int64) throws(ClientError)

    func pause(_ partitions: [TopicPartition]) throws(ClientError)

    /// Reads from these offsets what has been assigned or paused: of neither does anything count that comes before.
    func start(_ offsets: [TopicPartition: Int64]) throws(ClientError)

    /// The next records come from these offsets; what was fetched already is dropped.
    func seek(_ offsets: [TopicPartition: Int64]) throws(ClientError)

    /// The group's committed positions, after the end of all transactions that hold offsets of these partitions.
    func committed(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: OffsetAndMetadata]

    /// Last stable offsets: how far a `read_committed` consumer can read at this moment.
    func stableEnds(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError) -> [TopicPartition: Int64]

    /// `nil` outside of a generation.
    var generation: GroupGeneration? { get }
    var isAssignmentLost: Bool { get }

    /// Revokes the partitions (the listener is called) and leaves the group.
    func close(deadline: Deadline)
}

/// A transactional producer.
package protocol StreamProducer: AnyObject {
    /// Fences predecessors with the same identity and ends their transaction.
    func initialize(deadline: Deadline) throws(ClientError)
    /// Learns where these topics are, so that the first record of each does not wait inside a transaction.
    func warm(_ topics: [String], deadline: Deadline) throws(ClientError)
    /// A number for the topic, for this producer's lifetime.
    func topic(_ name: String) throws(ClientError) -> Int
    /// Local; cannot fail transiently.
    func begin() throws(ClientError)
    func send(
        topic: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]
    ) throws(ClientError)
    func sendOffsets(
        _ offsets: [TopicPartition: OffsetAndMetadata], generation: GroupGeneration, deadline: Deadline
    ) throws(ClientError)
    /// Waits for the delivery of all records first.
    func commit(deadline: Deadline) throws(ClientError)
    func abort(deadline: Deadline) throws(ClientError)
    func close(deadline: Deadline)
}

/// Reads partitions outside of the group, `read_committed`, from given offsets; reports ends of partitions.
package protocol StreamReader: AnyObject {
    /// Replaces the assignment.
    func assign(_ offsets: [TopicPartition: Int64]) throws(ClientError)
    func poll(into batch: RecordBatch, maximumRecords: Int, maximumBytes: Int, timeout: Int64) throws(ClientError)
    func close(deadline: Deadline)
}

/// Asks for first offsets and high watermarks with a `read_uncommitted` handle, which also counts what is not committed
/// yet. (A `read_committed` handle answers with the last stable offset.)
package protocol WatermarkReader: AnyObject {
    func watermarks(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: Watermarks]
    /// High watermarks only.
    func ends(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError) -> [TopicPartition: Int64]
    func close(deadline: Deadline)
}

extension WatermarkReader {
    package func ends(
        _ partitions: [TopicPartition], deadline: Deadline
    ) throws(ClientError) -> [TopicPartition: Int64] {
        try watermarks(partitions, deadline: deadline).mapValues(\.high)
    }
}

/// Makes the handles of one stream thread. Called on that thread.
package protocol StreamClients: Sendable {
    /// - Parameter identity: static member id.
    func consumer(group: String, identity: String, listener: any RebalanceListener) throws(ClientError)
        -> any StreamConsumer
    /// - Parameter identity: transactional id.
    func producer(identity: String) throws(ClientError) -> any StreamProducer
    func reader(identity: String) throws(ClientError) -> any StreamReader
    func watermarkReader(identity: String) throws(ClientError) -> any WatermarkReader
}

/// The only source of time of the runtime.
package protocol TimeSource: Sendable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    var wall: Int64 { get }
    /// Milliseconds of a clock that never goes backwards.
    var monotonic: Int64 { get }
}
