internal import CRdkafka
public import Logging

/// Writes records and a group's offsets in transactions: all of them become visible to `read_committed` readers, or
/// none.
///
/// Not Sendable, and all its calls block: it lives on the thread of one stream. Every error tells what to do next:
///
/// 1. `.abort`: call `abort`, undo, rewind to the committed offsets, go on;
/// 2. `.retry`: the call did not finish before its deadline; the same call with the same arguments continues it. A
///    commit that timed out may have succeeded, so nothing else may be concluded from it;
/// 3. `.fatal`: destroy the producer (and its consumer); never initialize the same handle again.
@safe public final class TransactionalProducer {
    /// A topic to write to: an index into this producer's topic handles.
    public struct Topic: Hashable, Sendable {
        let index: Int
    }

    private let handle: ClientHandle
    private let ledger: DeliveryLedger
    private let logger: Logger
    private let backPressureLimit: Duration
    private var topics: [OpaquePointer] = unsafe []
    private var topicIndex: [String: Topic] = [:]
    private var isClosed = false
    private var sinceServed = 0

    /// Records sent in the current transaction.
    public private(set) var sent = 0
    /// Between `begin` and the success of `commit` or `abort`.
    public private(set) var isInTransaction = false

    /// The first record of the current transaction that could not be delivered: only an abort is left then.
    public var failure: KafkaError? { ledger.failure }

    /// - Parameters:
    ///   - transactionalID: one per slot (service, stage, instance, thread), stable over restarts, so that a restart
    ///     ends its predecessor's open transaction at once instead of after the time-out.
    ///   - transactionTimeout: after which the broker aborts a transaction by itself; below the session timeout of
    ///     the group whose offsets are sent.
    /// - Throws: `KafkaError` for a refused property or a librdkafka below 2.0.2. No broker is contacted yet.
    public init(
        configuration: KafkaConfiguration, transactionalID: String, transactionTimeout: Duration = .seconds(10),
        logger: Logger
    ) throws(KafkaError) {
        let native = NativeConfiguration()
        let timeout = String(transactionTimeout.clampedMilliseconds)
        try native.fill(
            configuration,
            defaults: [
                // librdkafka refuses a longer one than the transaction's.
                ("socket.timeout.ms", timeout),
                // A commit flushes, which ends the wait for more records; before it, only full batches are worth a request.
                ("linger.ms", "100"), ("compression.type", "lz4"), ("queue.buffering.max.messages", "500000"),
                ("queue.buffering.max.kbytes", "262144"), ("batch.num.messages", "100000"),
            ],
            required: [
                ("transactional.id", transactionalID),
                ("transaction.timeout.ms", timeout),
                ("enable.idempotence", "true"),
                ("acks", "all"),
                ("delivery.report.only.error", "false"),
            ], logLevel: logger.logLevel)
        ledger = DeliveryLedger(configuration: configuration, logger: logger)
        ledger.install(in: native)
        handle = try ClientHandle(type: RD_KAFKA_PRODUCER, configuration: native, context: ledger)
        self.logger = ledger.logger
        backPressureLimit = transactionTimeout
    }

    // MARK: Topics

    /// The handle of a topic, made at first use. Keep it: `send` then needs no look-up by name.
    public func topic(_ name: String) throws(KafkaError) -> Topic {
        if let known = topicIndex[name] { return known }
        guard let created = unsafe rd_kafka_topic_new(handle.pointer, name, nil) else {
            throw KafkaError(rd_kafka_last_error(), operation: "open topic \(name)")
        }
        let topic = unsafe Topic(index: topics.count)
        unsafe topics.append(created)
        topicIndex[name] = topic
        return topic
    }

    /// Fetches the metadata of the topics that will be written to: the first record to a topic that librdkafka does not
    /// know yet waits for them, inside the transaction.
    ///
    /// - Returns: the number of partitions of each topic.
    @discardableResult
    public func warm(_ names: [String], _ deadline: Deadline) throws(KafkaError) -> [String: Int32] {
        var counts: [String: Int32] = [:]
        for name in names {
            let topic = try topic(name)
            counts[name] = try retrying(deadline) { () throws(KafkaError) in
                unsafe try TopicMetadata.partitionCount(of: name, topics[topic.index], handle.pointer, deadline)
            }
        }
        return counts
    }

    // MARK: Transactions

    /// Registers the transactional id with its coordinator: fences an older producer with this id and ends what it left
    /// open. Once, before everything else.
    public func initTransactions(_ deadline: Deadline) throws(KafkaError) {
        try call("initialize transactions", deadline) { handle in
            unsafe rd_kafka_init_transactions(handle, deadline.milliseconds)
        }
    }

    /// Starts a transaction. Local: the broker learns of it with the first record or the offsets. An empty one is legal
    /// and cheap.
    public func begin() throws(KafkaError) {
        precondition(!isInTransaction, "the last transaction has not ended")
        try call("begin a transaction", .after(.zero)) { handle in
            unsafe rd_kafka_begin_transaction(handle)
        }
        ledger.reset()
        sent = 0
        isInTransaction = true
    }

    /// Appends a record to the current transaction. The key and the value are copied.
    ///
    /// When the queue is full, serves delivery reports until there is room, for the transaction timeout at most: that
    /// is back-pressure, not an error.
    ///
    /// - Parameters:
    ///   - key: nil for a null key.
    ///   - value: nil for a tombstone.
    ///   - headers: sent in their order.
    public func send(
        to topic: Topic, partition: Int32, key: RawSpan?, value: RawSpan?,
        headers: [(name: String, value: [UInt8]?)] = []
    ) throws(KafkaError) {
        precondition(isInTransaction, "records are sent within a transaction")
        let code = unsafe withOptionalBytes(key) { key in
            unsafe withOptionalBytes(value) { value in
                unsafe enqueue(topics[topic.index], partition, key, value, headers)
            }
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw sendError(code, topic, partition) }
        sent += 1
        sinceServed += 1
        // Unserved delivery reports count against the queue's limits.
        if sinceServed >= 4_096 {
            sinceServed = 0
            unsafe rd_kafka_poll(handle.pointer, 0)
        }
    }

    /// As `send(to:partition:key:value:headers:)`, with a look-up of the topic by name.
    public func send(
        topic name: String, partition: Int32, key: RawSpan?, value: RawSpan?,
        headers: [(name: String, value: [UInt8]?)] = []
    ) throws(KafkaError) {
        try send(to: topic(name), partition: partition, key: key, value: value, headers: headers)
    }

    private func enqueue(
        _ topic: OpaquePointer, _ partition: Int32, _ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?,
        _ headers: [(name: String, value: [UInt8]?)]
    ) -> rd_kafka_resp_err_t {
        var deadline: Deadline?
        while true {
            let code = unsafe HeaderList.produce(
                handle.pointer, topic, partition, key: key, value: value, headers: headers, opaque: nil)
            guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else { return code }
            let limit = deadline ?? .after(backPressureLimit)
            deadline = limit
            if limit.isExpired { return code }
            unsafe rd_kafka_poll(handle.pointer, limit.limited(to: .milliseconds(100)).milliseconds)
        }
    }

    /// librdkafka refuses records with the bare code `_STATE` once the transaction has to be aborted.
    private func sendError(_ code: rd_kafka_resp_err_t, _ topic: Topic, _ partition: Int32) -> KafkaError {
        let name = unsafe String(cString: rd_kafka_topic_name(topics[topic.index]))
        let operation = "send a record to \(name)-\(partition)"
        if let fatal = handle.fatalFailure(operation) { return fatal }
        if code == RD_KAFKA_RESP_ERR__STATE {
            if let failure { return failure }
            return KafkaError(
                code: .wrongState, reason: "the transaction has failed", operation: operation, reaction: .abort)
        }
        // Brokers that stay slow for this long, and a refused topic, end this transaction; what is left (a record that
        // is too large, a partition that does not exist) no repetition makes good.
        let isAbortable = code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
        var error = KafkaError(code, operation: operation)
        error.reaction = KafkaError.reaction(requiresAbort: isAbortable, isRetriable: false)
        return error
    }

    /// Makes the group's offsets part of the transaction.
    ///
    /// - Parameters:
    ///   - offsets: the next offset to process of each partition.
    ///   - group: captured when the assignment arrived: a zombie's generation is refused by the broker.
    public func sendOffsets(
        _ offsets: [TopicPartition: OffsetAndMetadata], _ group: GroupMetadata, _ deadline: Deadline
    ) throws(KafkaError) {
        precondition(isInTransaction, "offsets are sent within a transaction")
        guard !offsets.isEmpty else { return }
        let list = PartitionList(capacity: offsets.count)
        for (partition, position) in offsets { list.add(partition, position) }
        try call("send offsets to the transaction", deadline) { handle in
            list.withPointer { list in
                group.withPointer { group in
                    unsafe rd_kafka_send_offsets_to_transaction(handle, list, group, deadline.milliseconds)
                }
            }
        }
    }

    /// Waits for all records and commits.
    ///
    /// - Throws: `.retry` when the deadline passed: call it again, the outcome is open.
    public func commit(_ deadline: Deadline) throws(KafkaError) {
        precondition(isInTransaction, "there is no transaction to commit")
        // Flushes first, so that the count of delivery reports is complete before the commit is asked for.
        try flush(deadline)
        if let failure = ledger.failure { throw handle.fatalFailure("commit the transaction") ?? failure }
        guard ledger.delivered == sent else { throw transactionError("commit the transaction") }
        try call("commit the transaction", deadline) { handle in
            unsafe rd_kafka_commit_transaction(handle, deadline.milliseconds)
        }
        isInTransaction = false
    }

    /// Why records are missing. librdkafka purges them when it has found out, by another request, that the transaction
    /// is over (fenced, not authorized); beginning another one in this state fails and tells that reason.
    private func transactionError(_ operation: String) -> KafkaError {
        if let fatal = handle.fatalFailure(operation) { return fatal }
        if let probe = unsafe rd_kafka_begin_transaction(handle.pointer) {
            let error = unsafe KafkaError(consuming: probe, operation: operation)
            if error.reaction == .abort { return error }
        }
        return handle.fatalFailure(operation)
            ?? KafkaError(
                code: .underlyingFailure, reason: "\(ledger.delivered) of \(sent) records were delivered",
                operation: operation, reaction: .abort)
    }

    /// Throws away the transaction's records and offsets.
    public func abort(_ deadline: Deadline) throws(KafkaError) {
        precondition(isInTransaction, "there is no transaction to abort")
        try call("abort the transaction", deadline) { handle in
            unsafe rd_kafka_abort_transaction(handle, deadline.milliseconds)
        }
        isInTransaction = false
        ledger.reset()
        sent = 0
    }

    /// Destroys the handle. An open transaction is left to the broker's time-out or to the successor's
    /// `initTransactions`; abort it before if it matters. Does nothing when closed before.
    ///
    /// - Throws: when the deadline passes first: librdkafka's threads are left behind, and the process should end.
    public func close(_ deadline: Deadline) throws(KafkaError) {
        guard !isClosed else { return }
        isClosed = true
        isInTransaction = false
        // Records of an unfinished transaction would be waited for.
        unsafe rd_kafka_purge(handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
        unsafe rd_kafka_poll(handle.pointer, 0)
        destroyTopics()
        guard handle.destroy(deadline) else {
            throw .timedOut("close the producer", reason: "librdkafka has not finished within the deadline")
        }
    }

    deinit {
        destroyTopics()
    }

    /// A topic handle that is left over blocks the destruction of its client.
    private func destroyTopics() {
        unsafe topics.forEach { unsafe rd_kafka_topic_destroy($0) }
        unsafe topics.removeAll()
        topicIndex.removeAll()
    }

    // MARK: Calls

    private func flush(_ deadline: Deadline) throws(KafkaError) {
        sinceServed = 0
        let code = unsafe rd_kafka_flush(handle.pointer, deadline.milliseconds)
        if code == RD_KAFKA_RESP_ERR__TIMED_OUT, ledger.failure == nil, handle.fatalFailure("flush") == nil {
            throw .timedOut("commit the transaction", reason: "\(sent - ledger.reported) records are not delivered yet")
        }
    }

    /// Repeats a call while it may be repeated and there is time.
    @safe private func call(
        _ operation: String, _ deadline: Deadline, _ body: (OpaquePointer) -> OpaquePointer?
    ) throws(KafkaError) {
        precondition(!isClosed, "the producer is closed")
        try retrying(deadline) { () throws(KafkaError) in
            guard let error = unsafe body(handle.pointer) else { return }
            let failed = unsafe KafkaError(consuming: error, operation: operation)
            throw handle.fatalFailure(operation) ?? failed
        }
    }

    private func retrying<R>(_ deadline: Deadline, _ body: () throws(KafkaError) -> R) throws(KafkaError) -> R {
        var cause: KafkaError?
        while true {
            do throws(KafkaError) {
                return try body()
            } catch {
                // A last attempt that only ran out of time says less than the error before it.
                if !error.isTimedOut { cause = error }
                guard error.reaction == .retry else { throw error }
                if deadline.isExpired { throw cause ?? error }
                // Serves delivery reports, and is the pause between two attempts.
                unsafe rd_kafka_poll(handle.pointer, deadline.limited(to: .milliseconds(20)).milliseconds)
            }
        }
    }
}
