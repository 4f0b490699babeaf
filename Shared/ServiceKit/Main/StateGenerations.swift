import FoundationEssentials
package import Kafka
package import Logging
package import Streams

/// Which generation of each service's state counts: `deskbeat.generations`, key = service, value = `{"generation":2}`. A
/// service that is not there is in its first. Methods block: for a thread that is not of the cooperative pool.
package struct StateGenerations: Sendable {
    package let topic: TopicSpec
    private let kafka: KafkaConfiguration
    private let logger: Logger

    package init(internalPrefix: String, kafka: KafkaConfiguration, logger: Logger) {
        topic = .generations(internalPrefix + "generations")
        self.kafka = kafka
        self.logger = logger
    }

    private struct Wire: Codable {
        var generation: Int
    }

    /// By service. The topic must exist.
    package func read(_ deadline: Deadline) throws -> [String: Int] {
        let consumer = try KafkaConsumer(configuration: kafka, tuning: .restore, logger: logger)
        defer { try? consumer.close(.after(.seconds(5))) }
        try consumer.assign([TopicPartition(topic: topic.name, partition: 0): KafkaConsumer.beginning])
        let batch = RecordBatch()
        var generations: [String: Int] = [:]
        while true {
            do throws(KafkaError) {
                try consumer.poll(into: batch, timeout: .milliseconds(200))
            } catch {
                guard error.reaction == .retry, !deadline.isExpired else { throw error }
                continue
            }
            for index in batch.records.indices {
                guard let key = batch.key(index), let value = batch.value(index) else { continue }
                let service = String(decoding: key, as: UTF8.self)
                guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(value)), wire.generation > 0 else {
                    throw RulesTopicError("\(topic.name) says nothing that can be read about \(service)")
                }
                generations[service] = wire.generation
            }
            if !batch.endsOfPartition.isEmpty { return generations }
            if deadline.isExpired { throw RulesTopicError("the topic \(topic.name) could not be read in time") }
        }
    }

    /// Makes a generation count from the service's next start on, within a transaction of `producer`.
    package func write(_ generation: Int, of service: String, in producer: TransactionalProducer) throws {
        let (key, value) = (Array(service.utf8), Array(try JSONEncoder().encode(Wire(generation: generation))))
        try unsafe producer.send(topic: topic.name, partition: 0, key: key.span.bytes, value: value.span.bytes)
    }
}

/// Runs work that blocks on a thread of its own.
package func onThread<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        OSThread.start(name) { continuation.resume(with: Result { try body() }) }
    }
}
