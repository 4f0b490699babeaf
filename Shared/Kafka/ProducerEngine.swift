internal import CRdkafka
import Dispatch
internal import FoundationEssentials
internal import Logging
internal import Synchronization

/// A `KafkaProducer`'s insides, which its polling thread keeps alive: the thread must not keep the producer itself.
///
/// `@unchecked Sendable`: `rd_kafka_t` and `rd_kafka_topic_t` may be used from any thread; the table of topics and the
/// counters are inside the mutex.
@safe final class ProducerEngine: ClientContext, @unchecked Sendable {
    private struct State: ~Copyable {
        var isOpen = true
        var records = 0
        var bytes = 0
        var topics: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let maxRecords: Int
    private let maxBytes: Int
    private let isStopping = Atomic(false)
    private let hasStopped = DispatchSemaphore(value: 0)

    init(configuration: KafkaConfiguration, maxRecords: Int, maxBytes: Int, logger: Logger) {
        self.maxRecords = maxRecords
        self.maxBytes = maxBytes
        super.init(configuration: configuration, logger: logger)
    }

    override func install(in configuration: borrowing NativeConfiguration) {
        super.install(in: configuration)
        configuration.withPointer { pointer in
            unsafe rd_kafka_conf_set_dr_msg_cb(pointer) { _, message, opaque in
                guard let message = unsafe message, let opaque = unsafe opaque else { return }
                let engine = unsafe Unmanaged<ProducerEngine>.fromOpaque(opaque).takeUnretainedValue()
                unsafe engine.report(message)
            }
        }
    }

    // MARK: The polling thread

    func start(_ handle: ClientHandle) {
        OSThread.start("kafka-producer") { [self] in
            while !isStopping.load(ordering: .acquiring) { unsafe rd_kafka_poll(handle.pointer, 100) }
            destroyTopics()
            hasStopped.signal()
        }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
    }

    /// Ends the thread; after this the handle may be destroyed.
    func finish() {
        stop()
        hasStopped.wait()
    }

    /// A topic handle that is left over blocks the destruction of its client.
    private func destroyTopics() {
        let topics = state.withLock { state in
            defer { state.topics = [:] }
            return Array(state.topics.values)
        }
        for address in topics { unsafe rd_kafka_topic_destroy(OpaquePointer(bitPattern: address)) }
    }

    /// - Returns: false when it was closed before.
    func closeForSending() -> Bool {
        state.withLock { state in
            defer { state.isOpen = false }
            return state.isOpen
        }
    }

    // MARK: Sending

    /// Accepts all of the records, or none of them. A record that librdkafka refuses afterwards is reported to its
    /// `pending` like one that could not be delivered.
    func accept(_ records: [OutgoingRecord], _ handle: ClientHandle, _ pending: PendingDelivery) throws(KafkaError) {
        let bytes = records.reduce(0) { $0 + $1.byteCount }
        let refused: [(Int, KafkaError)] = try state.withLock { state throws(KafkaError) in
            guard state.isOpen else {
                throw KafkaError(
                    code: .destroyed, reason: "the producer is closed", operation: "send records", reaction: .fatal)
            }
            // An empty queue takes even more bytes than its limit: a request above it would never get through.
            let fits = state.records + records.count <= maxRecords && state.bytes + bytes <= maxBytes
            guard fits || (state.records == 0 && records.count <= maxRecords) else {
                throw KafkaError(
                    code: .queueFull, operation: "send records", reason: "\(state.records) records are on their way")
            }
            state.records += records.count
            state.bytes += bytes
            var refused: [(Int, KafkaError)] = []
            for (index, record) in records.enumerated() {
                let ticket = DeliveryTicket(pending: pending, index: index, byteCount: record.byteCount)
                if let error = produce(record, ticket, handle, &state) {
                    state.records -= 1
                    state.bytes -= record.byteCount
                    refused.append((index, error))
                }
            }
            return refused
        }
        for (index, error) in refused { pending.report(index, .failure(error)) }
    }

    private func produce(
        _ record: OutgoingRecord, _ ticket: DeliveryTicket, _ handle: ClientHandle, _ state: inout State
    ) -> KafkaError? {
        let operation = "send a record to \(record.topic)"
        guard let topic = unsafe topic(record.topic, handle, &state) else {
            return KafkaError(rd_kafka_last_error(), operation: operation)
        }
        let opaque = unsafe Unmanaged.passRetained(ticket)
        let code = unsafe withOptionalBytes(record.key?.span.bytes) { key in
            unsafe withOptionalBytes(record.value?.span.bytes) { value in
                unsafe HeaderList.produce(
                    handle.pointer, topic, record.partition ?? crdkafka_partition_unassigned, key: key, value: value,
                    headers: record.headers, opaque: opaque.toOpaque())
            }
        }
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        unsafe opaque.release()
        if code == RD_KAFKA_RESP_ERR__FATAL, let fatal = handle.fatalFailure(operation) { return fatal }
        return KafkaError(code, operation: operation)
    }

    private func topic(_ name: String, _ handle: ClientHandle, _ state: inout State) -> OpaquePointer? {
        if let known = state.topics[name] { return unsafe OpaquePointer(bitPattern: known) }
        guard let created = unsafe rd_kafka_topic_new(handle.pointer, name, nil) else { return nil }
        state.topics[name] = Int(bitPattern: created)
        return unsafe created
    }

    // MARK: Delivery reports

    private func report(_ message: UnsafePointer<rd_kafka_message_t>) {
        guard let opaque = unsafe message.pointee._private else { return }
        let ticket = unsafe Unmanaged<DeliveryTicket>.fromOpaque(opaque).takeRetainedValue()
        state.withLock { state in
            state.records -= 1
            state.bytes -= ticket.byteCount
        }
        guard unsafe message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
            let topic = unsafe rd_kafka_topic_name(message.pointee.rkt).map { unsafe String(cString: $0) } ?? "?"
            // Not rd_kafka_message_errstr: for a produced message that is the value, without an end.
            let error = unsafe KafkaError(message.pointee.err, operation: "deliver a record to \(topic)")
            return ticket.pending.report(ticket.index, .failure(error))
        }
        let delivery = unsafe Delivery(partition: message.pointee.partition, offset: message.pointee.offset)
        ticket.pending.report(ticket.index, .success(delivery))
    }
}
