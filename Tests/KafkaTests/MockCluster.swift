import CRdkafka
import Foundation
import Kafka
import Logging
import Synchronization
import Testing

/// librdkafka's mock cluster: for errors, close paths and what the client does with answers. It fences nobody and has
/// neither control records nor a last stable offset, so it proves nothing about exactly-once.
@safe final class MockCluster: @unchecked Sendable {
    private let client: OpaquePointer
    private let cluster: OpaquePointer
    private let isDown = Mutex(false)

    enum API: Int16 {
        case produce = 0
        case fetch = 1
        case listOffsets = 2
        case offsetCommit = 8
        case offsetFetch = 9
        case heartbeat = 12
        case initProducerID = 22
        case addPartitionsToTransaction = 24
        case addOffsetsToTransaction = 25
        case endTransaction = 26
        case transactionOffsetCommit = 28
    }

    init(brokers: Int32 = 1) throws {
        var text = [CChar](repeating: 0, count: 256)
        let conf = unsafe rd_kafka_conf_new()
        unsafe rd_kafka_conf_set(conf, "log_level", "0", &text, text.count)
        unsafe client = try #require(unsafe rd_kafka_new(RD_KAFKA_PRODUCER, conf, &text, text.count))
        unsafe cluster = try #require(unsafe rd_kafka_mock_cluster_new(client, brokers))
    }

    deinit {
        setDown()
        unsafe rd_kafka_destroy(client)
    }

    var configuration: KafkaConfiguration {
        let servers = unsafe String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
        return KafkaConfiguration(bootstrapServers: servers, clientID: "test")
    }

    func createTopic(_ name: String, partitions: Int32 = 1) throws {
        let code = unsafe rd_kafka_mock_topic_create(cluster, name, partitions, 1)
        try #require(code == RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    /// The next requests of this kind are answered with these errors.
    func fail(_ api: API, _ codes: KafkaError.Code...) {
        let natives = codes.map { rd_kafka_resp_err_t(rawValue: $0.rawValue) }
        unsafe rd_kafka_mock_push_request_errors_array(cluster, api.rawValue, natives.count, natives)
    }

    /// How many injected errors have not been consumed yet: a test of a fault checks that it has fired.
    func unconsumedErrors(_ api: API) -> Int {
        var count = 0
        unsafe rd_kafka_mock_broker_error_stack_cnt(cluster, 1, api.rawValue, &count)
        return count
    }

    func setTopicError(_ topic: String, _ code: KafkaError.Code?) {
        unsafe rd_kafka_mock_topic_set_error(
            cluster, topic, code.map { rd_kafka_resp_err_t(rawValue: $0.rawValue) } ?? RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    /// For good, and nothing else may be asked of it: a mock broker that is set down by itself binds its port again at once, and
    /// aborts the process when something else has it by then, be it a child that has just been forked.
    func setDown() {
        isDown.withLock { isDown in
            guard !isDown else { return }
            isDown = true
            unsafe rd_kafka_mock_cluster_destroy(cluster)
        }
    }

    /// Requests of this kind fail with an error that librdkafka repeats, until `recover`.
    func stall(_ api: API, _ code: KafkaError.Code) {
        let natives = Array(repeating: rd_kafka_resp_err_t(rawValue: code.rawValue), count: 100_000)
        unsafe rd_kafka_mock_push_request_errors_array(cluster, api.rawValue, natives.count, natives)
    }

    func recover(_ api: API) {
        unsafe rd_kafka_mock_clear_request_errors(cluster, api.rawValue)
    }
}

/// Runs blocking calls on a thread of their own, as the module demands of its callers.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result { try body() }) }
        thread.start()
    }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Long enough for a slow machine; a test that needs it has failed.
var patience: Deadline { .after(.seconds(45)) }

extension KafkaConfiguration {
    func with(_ properties: [String: String]) -> KafkaConfiguration {
        var copy = self
        copy.properties.merge(properties) { $1 }
        return copy
    }
}

extension TransactionalProducer {
    static func ready(
        _ cluster: MockCluster, id: String = "tx", _ properties: [String: String] = [:]
    ) throws -> TransactionalProducer {
        let producer = try TransactionalProducer(
            configuration: cluster.configuration.with(properties), transactionalID: id, logger: quiet)
        try producer.initTransactions(patience)
        return producer
    }

    func send(_ topic: String, _ partition: Int32 = 0, _ key: String? = nil, _ value: String?) throws(KafkaError) {
        let key = key.map { Array($0.utf8) }
        let value = value.map { Array($0.utf8) }
        unsafe try send(topic: topic, partition: partition, key: key?.span.bytes, value: value?.span.bytes)
    }
}

/// Writes `count` records with the values 0, 1, ... to a partition of the mock cluster.
func fill(_ cluster: MockCluster, _ topic: String, partition: Int32 = 0, count: Int) throws {
    let producer = try TransactionalProducer.ready(cluster, id: "fill-\(topic)-\(partition)")
    try producer.begin()
    for number in 0..<count { try producer.send(topic, partition, "k\(number)", String(number)) }
    try producer.commit(patience)
    try producer.close(patience)
}

extension KafkaConsumer {
    /// Polls until `done`, for `patience` at most.
    func poll(
        into batch: RecordBatch = RecordBatch(), maxRecords: Int = 10_000, until done: (RecordBatch) throws -> Bool
    ) throws {
        let deadline = patience
        repeat {
            try #require(!deadline.isExpired, "nothing came within the deadline")
            try poll(into: batch, maxRecords: maxRecords, timeout: .seconds(1))
        } while try !done(batch)
    }
}

extension RecordBatch {
    var values: [String] {
        records.indices.map { String(decoding: value($0) ?? [], as: UTF8.self) }
    }
}

/// Records what a consumer tells its handler.
final class RecordingHandler: RebalanceHandler {
    enum Event: Equatable {
        case assigned([TopicPartition])
        case revoked([TopicPartition])
        case lost([TopicPartition])
    }

    var events: [Event] = []
    var whenAssigned: (KafkaConsumer) -> Void = { _ in }
    var whenRevoked: (KafkaConsumer) -> Void = { _ in }
    var whenLost: (KafkaConsumer) -> Void = { _ in }

    func assigned(_ partitions: [TopicPartition], consumer: KafkaConsumer) {
        events.append(.assigned(partitions.sorted()))
        whenAssigned(consumer)
    }

    func revoked(_ partitions: [TopicPartition], consumer: KafkaConsumer) {
        events.append(.revoked(partitions.sorted()))
        whenRevoked(consumer)
    }

    func lost(_ partitions: [TopicPartition], consumer: KafkaConsumer) {
        events.append(.lost(partitions.sorted()))
        whenLost(consumer)
    }
}
