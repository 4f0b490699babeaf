internal import CRdkafka
public import Logging

/// Reads records, as a member of a group (`subscribe`) or with an assignment of its own (`assign`).
///
/// Not Sendable: the compiler keeps one consumer with one thread. Its calls block, so that thread must be one of your
/// own, never one of Swift's cooperative pool. Groups use the eager `range` assignor. Nothing is ever committed
/// automatically.
///
/// Poll regularly, also while everything is paused: a member that does not poll for `maxPollInterval` loses its
/// partitions. Close explicitly; a consumer that is dropped stays in its group until the session times out.
public final class KafkaConsumer {
    let handle: ClientHandle
    private let context: ConsumerContext
    private let handler: (any RebalanceHandler)?
    private let isMember: Bool
    private let holdsPartitions: Bool
    private var metadata: GroupMetadata?
    private var pausedPartitions: Set<TopicPartition> = []
    private var isClosed = false
    /// An error met while records had been collected already: those first, it next time.
    package private(set) var pending: KafkaError?
    /// The batch that the running poll fills.
    private var filling: RecordBatch?
    /// The batch that the last poll has filled. It may hold messages of this client, which must not outlive it: kept until the next
    /// poll or the end, whoever else has let it go.
    private var filled: RecordBatch?
    private var names = TopicPartitionCache()

    /// The partitions that this consumer has now.
    public private(set) var assignment: Set<TopicPartition> = []
    /// What `pause` has paused, or the group holds, and neither `start` nor `resume` has released.
    public var paused: Set<TopicPartition> { pausedPartitions }

    var logger: Logger { context.logger }

    /// - Parameters:
    ///   - group: nil for manual assignment only.
    ///   - offsetReset: where to start without a committed or stored offset.
    ///   - readUncommitted: also deliver records of open and aborted transactions, and report high watermarks instead
    ///     of last stable offsets.
    ///   - rebalance: kept for the consumer's lifetime.
    /// - Throws: `KafkaError` for a refused property or a librdkafka below 2.0.2. No broker is contacted yet.
    public init(
        configuration: KafkaConfiguration, group: ConsumerGroup? = nil, offsetReset: OffsetReset = .earliest,
        readUncommitted: Bool = false, tuning: ConsumerTuning = .live, rebalance: (any RebalanceHandler)? = nil,
        logger: Logger
    ) throws(KafkaError) {
        let native = NativeConfiguration()
        // 50 ms: with librdkafka's 500 ms, a poll of many partitions waits for the empty ones.
        let defaults = [("fetch.wait.max.ms", "50"), ("fetch.error.backoff.ms", "100")] + tuning.properties
        var required = [
            // Assignment without a group still needs an id here; it is never joined.
            ("group.id", group?.id ?? "\(configuration.clientID).unused"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", offsetReset.rawValue),
            ("isolation.level", readUncommitted ? "read_uncommitted" : "read_committed"),
            // Cooperative assignment has defects up to 2.10 that lose or repeat records.
            ("partition.assignment.strategy", "range"),
            ("allow.auto.create.topics", "false"),
        ]
        if let group {
            required += [
                ("session.timeout.ms", String(group.sessionTimeout.clampedMilliseconds)),
                ("max.poll.interval.ms", String(group.maxPollInterval.clampedMilliseconds)),
            ]
            if let instance = group.instanceID { required.append(("group.instance.id", instance)) }
        }
        try native.fill(configuration, defaults: defaults, required: required, logLevel: logger.logLevel)
        context = ConsumerContext(configuration: configuration, logger: logger)
        context.install(in: native)
        handle = try ClientHandle(type: RD_KAFKA_CONSUMER, configuration: native, context: context)
        handler = rebalance
        isMember = group != nil
        holdsPartitions = group?.holdsPartitions ?? false
        // One queue for records, logs, errors, statistics and rebalances: all of them are served by `poll`.
        unsafe rd_kafka_poll_set_consumer(handle.pointer)
        context.consumer = self
    }

    deinit {
        filled?.detach()
    }

    // MARK: What to read

    /// Joins the group for these topics; the assignment arrives in a later `poll`. Create the topics before.
    public func subscribe(_ topics: [String]) throws(KafkaError) {
        precondition(isMember, "a consumer without a group cannot subscribe")
        let list = PartitionList(topics.map { TopicPartition(topic: $0, partition: -1) })
        try check("subscribe to \(topics.joined(separator: ", "))") { handle in
            list.withPointer { unsafe rd_kafka_subscribe(handle, $0) }
        }
    }

    /// Leaves the group; the handler is told of the revocation in a later `poll`.
    public func unsubscribe() throws(KafkaError) {
        try check("unsubscribe") { unsafe rd_kafka_unsubscribe($0) }
    }

    /// Reads these partitions from these offsets, instead of what was assigned before; an empty dictionary ends reading.
    /// `KafkaConsumer.beginning` and `KafkaConsumer.end` are offsets too. Waits for the partitions' leaders, at most a second.
    public func assign(_ offsets: [TopicPartition: Int64]) throws(KafkaError) {
        learnLeaders(of: Set(offsets.keys.map(\.topic)))
        let list = PartitionList(offsets)
        try check("assign partitions") { handle in
            list.withPointer { unsafe rd_kafka_assign(handle, offsets.isEmpty ? nil : $0) }
        }
        assignmentChanged(to: Set(offsets.keys))
    }

    /// librdkafka looks for a leader that it does not know when a partition starts only after 0.5 s (an offset to be looked up) or
    /// 1 s (a fetch). Where no broker answers in time it is left to do so.
    private func learnLeaders(of topics: Set<String>) {
        let deadline = Deadline.after(.seconds(1))
        for name in topics {
            guard let topic = unsafe rd_kafka_topic_new(handle.pointer, name, nil) else { continue }
            defer { unsafe rd_kafka_topic_destroy(topic) }
            do throws(KafkaError) {
                _ = try unsafe TopicMetadata.partitionCount(of: name, topic, handle.pointer, deadline)
            } catch {
                logger.debug("\(error)")
            }
        }
    }

    /// The first offset stored, as a starting point for `assign` and `seek`.
    public static let beginning = Int64(RD_KAFKA_OFFSET_BEGINNING)
    /// The end of the partition, as a starting point for `assign` and `seek`.
    public static let end = Int64(RD_KAFKA_OFFSET_END)

    private func assignmentChanged(to partitions: Set<TopicPartition>) {
        assignment = partitions
        pausedPartitions = []
        // Topic handles may be freed with the assignment, and their addresses used again.
        names.removeAll()
        filling?.removeAll()
    }

    // MARK: Polling

    /// Replaces the batch's content by what has arrived: waits for the first event, then takes what is there already.
    ///
    /// Returns as soon as there is a record or an end of partition, after a rebalance, or when the time is over. It
    /// never waits to fill the batch: `rd_kafka_consume_batch_queue` would wait out the time-out for one record, and
    /// in 2.0.2 skips offsets around pauses and rebalances.
    ///
    /// - Parameters:
    ///   - maxRecords: the batch ends at this many records.
    ///   - maxBytes: the batch ends with the record that reaches this many bytes.
    ///   - timeout: how long to wait for the first event; zero does not wait.
    /// - Returns: the number of records.
    /// - Throws: an error of the consumer or of one partition. Reaction `.retry` goes away by itself while polling goes
    ///   on (a topic that is still unknown, an unreachable broker).
    @discardableResult
    public func poll(
        into batch: RecordBatch, maxRecords: Int = 8_192, maxBytes: Int = 4 << 20, timeout: Duration
    ) throws(KafkaError) -> Int {
        batch.removeAll()
        if let error = pending {
            pending = nil
            throw error
        }
        return try collect(into: batch, maxRecords: maxRecords, maxBytes: maxBytes, timeout: timeout)
    }

    /// What `poll` does to a batch that it has emptied; tests call it on one with content, as it is between two records.
    package func collect(
        into batch: RecordBatch, maxRecords: Int, maxBytes: Int, timeout: Duration
    ) throws(KafkaError) -> Int {
        if filled !== batch { filled?.detach() }
        filled = batch
        filling = batch
        defer {
            filling = nil
            batch.seal()
        }
        var wait = timeout.clampedMilliseconds
        // Of the last run; a rebalance within the loop empties the batch.
        var place: Int?
        while batch.records.count < maxRecords, batch.byteCount < maxBytes {
            guard let message = unsafe rd_kafka_consumer_poll(handle.pointer, wait) else { break }
            wait = 0
            if unsafe message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR,
                let found = unsafe names.place(of: message)
            {
                if found != place || batch.runs.isEmpty { batch.beginRun(names[found]) }
                place = found
                unsafe batch.append(message)
                continue
            }
            defer { unsafe rd_kafka_message_destroy(message) }
            if unsafe message.pointee.err == RD_KAFKA_RESP_ERR__PARTITION_EOF {
                if let partition = unsafe names.topicPartition(of: message) {
                    unsafe batch.appendEnd(partition, position: message.pointee.offset)
                }
            } else {
                pending = unsafe error(in: message)
                break
            }
        }
        if batch.isEmpty, let error = pending {
            pending = nil
            throw error
        }
        return batch.records.count
    }

    private func error(in message: UnsafeMutablePointer<rd_kafka_message_t>) -> KafkaError {
        var operation = "consume"
        if unsafe message.pointee.rkt != nil, let partition = unsafe names.topicPartition(of: message) {
            operation = "consume \(partition)"
        }
        if unsafe message.pointee.err == RD_KAFKA_RESP_ERR__FATAL, let fatal = handle.fatalFailure(operation) {
            return fatal
        }
        let reason = unsafe rd_kafka_message_errstr(message).map { unsafe String(cString: $0) }
        return unsafe KafkaError(message.pointee.err, operation: operation, reason: reason)
    }

    // MARK: Rebalances

    /// The member's identity in the generation of its assignment; nil outside of one, and when it was lost.
    public func groupMetadata() -> GroupMetadata? {
        isAssignmentLost ? nil : metadata
    }

    /// The group has given our partitions to others. True before any poll tells `RebalanceHandler.lost`: ask before
    /// every commit.
    public var isAssignmentLost: Bool {
        unsafe rd_kafka_assignment_lost(handle.pointer) != 0
    }

    /// Runs inside librdkafka's rebalance callback.
    func rebalance(_ code: KafkaError.Code, _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) {
        let partitions = unsafe PartitionEntry.all(in: UnsafePointer(list)).map(\.partition)
        // What this poll has collected belongs to the old assignment: its next owner reads it again.
        filling?.removeAll()
        switch code {
        case .assignPartitions:
            unsafe assigned(partitions, unsafe list)
        case .revokePartitions where !isAssignmentLost:
            handler?.revoked(partitions, consumer: self)
            giveUp()
        default:
            if code != .revokePartitions {
                logger.warning("\(KafkaError(code: code, operation: "rebalance"))")
            }
            metadata = nil
            handler?.lost(partitions, consumer: self)
            giveUp()
        }
    }

    private func assigned(
        _ partitions: [TopicPartition], _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
    ) {
        let code = unsafe holdsPartitions ? hold(partitions) : rd_kafka_assign(handle.pointer, list)
        assignmentChanged(to: Set(partitions))
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            pending = KafkaError(code, operation: "take over the assignment")
            return
        }
        if holdsPartitions { setPaused(partitions, true) }
        unsafe metadata = GroupMetadata(of: handle.pointer)
        if metadata == nil, !isAssignmentLost {
            logger.warning("the group's metadata is not readable: nothing can be committed in this assignment")
        }
        handler?.assigned(partitions, consumer: self)
    }

    /// With an absolute offset librdkafka looks nothing up: it has ordered the start when the assignment returns, and the
    /// pause comes after it. Whatever is read in between is below, or again at, the offset of `start`.
    private func hold(_ partitions: [TopicPartition]) -> rd_kafka_resp_err_t {
        let code = PartitionList(partitions, offset: 0).withPointer { unsafe rd_kafka_assign(handle.pointer, $0) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, !partitions.isEmpty else { return code }
        return PartitionList(partitions).withPointer { unsafe rd_kafka_pause_partitions(handle.pointer, $0) }
    }

    private func giveUp() {
        metadata = nil
        unsafe rd_kafka_assign(handle.pointer, nil)
        assignmentChanged(to: [])
    }

    // MARK: Closing

    /// Leaves the group, which revokes the assignment through the handler, and destroys the handle. Does nothing when
    /// closed before. After a close the consumer must not be used.
    ///
    /// - Throws: when the deadline passes first: librdkafka's threads are left behind, and the process should end.
    public func close(_ deadline: Deadline) throws(KafkaError) {
        guard !isClosed else { return }
        isClosed = true
        logger.debug("closing the consumer")
        filled?.detach()
        filled = nil
        let left = leave(deadline)
        metadata = nil
        assignmentChanged(to: [])
        guard handle.destroy(left ? deadline : .after(.zero)) else {
            throw .timedOut("close the consumer", reason: "librdkafka has not finished within the deadline")
        }
    }

    /// - Returns: false when the deadline passed first.
    private func leave(_ deadline: Deadline) -> Bool {
        guard let queue = unsafe rd_kafka_queue_new(handle.pointer) else { return true }
        defer { unsafe rd_kafka_queue_destroy(queue) }
        if let error = unsafe rd_kafka_consumer_close_queue(handle.pointer, queue) {
            // A fatal error has ended the membership already.
            unsafe rd_kafka_error_destroy(error)
            return true
        }
        while unsafe rd_kafka_consumer_closed(handle.pointer) == 0 {
            if deadline.isExpired { return false }
            // The rebalance callback runs in here, and records that still arrive are dropped. Not
            // rd_kafka_queue_poll_callback: it asserts that no record arrives. The wait is cut into slices, because the
            // closed flag may be set just after the last event was served.
            let slice = deadline.limited(to: .milliseconds(100)).milliseconds
            if let message = unsafe rd_kafka_consume_queue(queue, slice) { unsafe rd_kafka_message_destroy(message) }
        }
        return true
    }

    @safe func check(_ operation: String, _ body: (OpaquePointer) -> rd_kafka_resp_err_t) throws(KafkaError) {
        precondition(!isClosed, "the consumer is closed")
        let code = unsafe body(handle.pointer)
        if code == RD_KAFKA_RESP_ERR__FATAL, let fatal = handle.fatalFailure(operation) { throw fatal }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, operation: operation) }
    }

    func setPaused(_ partitions: some Collection<TopicPartition>, _ isPaused: Bool) {
        if isPaused {
            pausedPartitions.formUnion(partitions)
        } else {
            pausedPartitions.subtract(partitions)
        }
    }
}
