import Foundation
import Kafka
import LocalBroker
import Logging
import Streams
import Testing

let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A local broker of this process on a port of the system's choice, in memory.
struct TestBroker {
    let broker: LocalBroker
    let kafka: KafkaConfiguration

    /// - Parameters:
    ///   - directory: where the broker keeps its data; `nil` for memory.
    ///   - port: 0 for one of the system's choice.
    static func with<R>(
        directory: String? = nil, port: Int = 0, _ body: (TestBroker) async throws -> R
    ) async throws -> R {
        var configuration = LocalBrokerConfiguration()
        configuration.port = port
        configuration.dataDirectory = directory
        let broker = try await LocalBroker.start(configuration, logger: silent)
        let kafka = KafkaConfiguration(bootstrapServers: broker.bootstrapServers, statisticsInterval: .zero)
        do {
            let result = try await body(TestBroker(broker: broker, kafka: kafka))
            try await broker.shutdown()
            return result
        } catch {
            try? await broker.shutdown()
            throw error
        }
    }

    func create(_ stage: StageDefinition) async throws {
        try await TopicSetup.prepare(
            stage.inputs + stage.writtenTopics, creation: .missing, kafka: kafka, logger: silent)
    }

    /// Appends records to the stage's input, by key.
    func produce(_ keys: [String], to topic: TopicSpec, value: String = "x") async throws {
        let producer = try KafkaProducer(configuration: kafka, logger: silent)
        let records = keys.map { key in
            let bytes = Array(key.utf8)
            return OutgoingRecord(
                topic: topic.name, partition: Partitioner.partition(key: bytes, count: topic.partitions), key: bytes,
                value: Array(value.utf8))
        }
        _ = try await producer.send(records)
        try await producer.close(.after(.seconds(10)))
    }

    /// Reads a topic as a `read_committed` consumer until the numbers in its values add up to `sum`, and then on to the
    /// end as it is now, where there must be nothing more.
    func sums(of topic: TopicSpec, until sum: Int) async throws -> [String: Int] {
        let kafka = kafka
        return try await onThread {
            let reader = try KafkaConsumer(configuration: kafka, logger: silent)
            defer { try? reader.close(.after(.seconds(5))) }
            let partitions = (0..<topic.partitions).map { TopicPartition(topic: topic.name, partition: $0) }
            try reader.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, 0) }))
            let batch = RecordBatch()
            var sums: [String: Int] = [:]
            let deadline = Deadline.after(.seconds(60))
            while sums.values.reduce(0, +) < sum, !deadline.isExpired {
                try reader.poll(into: batch, timeout: .milliseconds(500))
                for index in batch.records.indices {
                    sums[text(batch.key(index)), default: 0] += Int(text(batch.value(index))) ?? 0
                }
            }
            return sums
        }
    }

    func committed(_ stage: StageDefinition) async throws -> [TopicPartition: OffsetAndMetadata] {
        let kafka = kafka
        let partitions = (0..<stage.partitionCount).map {
            TopicPartition(topic: stage.inputs[0].name, partition: $0)
        }
        return try await onThread {
            let reader = try KafkaConsumer(
                configuration: kafka, group: ConsumerGroup(id: stage.group), logger: silent)
            defer { try? reader.close(.after(.seconds(5))) }
            return try reader.committed(partitions, .after(.seconds(20)))
        }
    }
}

/// Runs what blocks on a thread of its own.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result { try body() }) }
        thread.stackSize = 4 << 20
        thread.start()
    }
}

/// Something that happens, once or more often, somewhere else.
final class Event<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func happened(_ value: Value) { continuation.yield(value) }

    /// Waits for one that fits; fails the test after the deadline.
    func wait(
        _ seconds: Int = 60, sourceLocation: SourceLocation = #_sourceLocation,
        where fits: @escaping @Sendable (Value) -> Bool = { _ in true }
    ) async {
        let stream = stream
        let found = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await value in stream where fits(value) { return true }
                return false
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(seconds))
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
        #expect(found, "did not happen in \(seconds) s", sourceLocation: sourceLocation)
    }
}
