internal import CRdkafka
public import Logging

/// Sends records and says when each of them is durable (`acks=all`, idempotent, no transaction).
///
/// For request handlers: `send` never blocks; what is on its way is bounded, and beyond the bound `send` throws an
/// error with `isQueueFull` at once, so that an HTTP front can answer 429 or 503. Delivery is tried for
/// `deliveryTimeout`; a record whose delivery failed with a time-out may have been written all the same.
public final class KafkaProducer: Sendable {
    private let handle: ClientHandle
    private let engine: ProducerEngine
    private let closing = BlockingQueue("kafka.producer.close")

    /// - Parameters:
    ///   - maxRecords: records on their way at any time.
    ///   - maxBytes: their keys, values and headers. A single call above it is accepted when nothing else is on its way.
    ///   - deliveryTimeout: after which a record's delivery has failed.
    /// - Throws: `KafkaError` for a refused property or a librdkafka below 2.0.2. No broker is contacted yet.
    public init(
        configuration: KafkaConfiguration, maxRecords: Int = 50_000, maxBytes: Int = 64 << 20,
        deliveryTimeout: Duration = .seconds(30), logger: Logger
    ) throws(KafkaError) {
        precondition(maxRecords > 0 && maxBytes > 0, "the limits are above zero")
        let native = NativeConfiguration()
        // librdkafka counts a record until its report has been served, so its own limits stand above ours.
        let queueRecords = min(maxRecords * 2, 10_000_000)
        let queueKilobytes = min(maxBytes / 1_024 * 2 + 1_024, 2_097_151)
        try native.fill(
            configuration,
            defaults: [
                ("linger.ms", "2"), ("compression.type", "lz4"), ("partitioner", "murmur2_random"),
                ("queue.buffering.max.messages", String(queueRecords)),
                ("queue.buffering.max.kbytes", String(queueKilobytes)),
            ],
            required: [
                ("enable.idempotence", "true"), ("acks", "all"), ("delivery.report.only.error", "false"),
                ("message.timeout.ms", String(deliveryTimeout.clampedMilliseconds)),
            ], logLevel: logger.logLevel)
        engine = ProducerEngine(
            configuration: configuration, maxRecords: maxRecords, maxBytes: maxBytes, logger: logger)
        engine.install(in: native)
        handle = try ClientHandle(type: RD_KAFKA_PRODUCER, configuration: native, context: engine)
        engine.start(handle)
    }

    deinit {
        engine.stop()
    }

    /// Sends one record; returns when it is durable.
    ///
    /// A cancelled caller still waits: an accepted record cannot be taken back.
    public func send(_ record: OutgoingRecord) async throws(KafkaError) -> Delivery {
        try await send([record])[0]
    }

    /// Sends records and returns when all of them are durable, with their places in the same order.
    ///
    /// - Throws: `isQueueFull` when there is no room for all of them: none was sent. Any other error means that at
    ///   least one was not delivered, while the others may have been.
    public func send(_ records: [OutgoingRecord]) async throws(KafkaError) -> [Delivery] {
        guard !records.isEmpty else { return [] }
        let outcome: PendingDelivery.Outcome = await withCheckedContinuation { continuation in
            let pending = PendingDelivery(count: records.count, continuation: continuation)
            do throws(KafkaError) {
                try engine.accept(records, handle, pending)
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try outcome.get()
    }

    /// Takes no more records, waits for those on their way, and destroys the handle. Records that are not delivered by
    /// the deadline fail. Does nothing when closed before.
    public func close(_ deadline: Deadline) async throws(KafkaError) {
        guard engine.closeForSending() else { return }
        let (handle, engine) = (handle, engine)
        try await closing.run { () throws(KafkaError) in
            unsafe rd_kafka_flush(handle.pointer, deadline.milliseconds)
            // Whatever is left is reported as failed: no caller may wait for ever.
            unsafe rd_kafka_purge(handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
            unsafe rd_kafka_flush(handle.pointer, 1_000)
            engine.finish()
            guard handle.destroy(deadline.limited(to: .seconds(30))) else {
                throw .timedOut("close the producer", reason: "librdkafka has not finished within the deadline")
            }
        }
    }
}
