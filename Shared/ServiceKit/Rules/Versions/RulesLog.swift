import Kafka
import Logging

/// Reads the rules topic from its beginning, under `read_committed`. Blocks: for one thread that is not of the cooperative
/// pool.
struct RulesLog {
    private let consumer: KafkaConsumer
    private let topic: String
    private let batch = RecordBatch()
    /// Behind the last record or control record that was seen.
    private(set) var position: Int64 = 0
    /// Whether an end of the topic has been reached.
    private(set) var hasReachedEnd = false

    init(_ kafka: KafkaConfiguration, topic: String, logger: Logger) throws(KafkaError) {
        self.topic = topic
        consumer = try KafkaConsumer(configuration: kafka, tuning: .restore, logger: logger)
        try consumer.assign([TopicPartition(topic: topic, partition: 0): KafkaConsumer.beginning])
    }

    /// The versions that have come meanwhile, the oldest first. What goes away by itself is waited for.
    mutating func next(timeout: Duration) throws -> [RulesRecord] {
        do throws(KafkaError) {
            try consumer.poll(into: batch, timeout: timeout)
        } catch {
            guard error.reaction == .retry else { throw error }
            return []
        }
        var versions: [RulesRecord] = []
        for index in batch.records.indices {
            position = max(position, batch.records[index].offset + 1)
            guard let key = batch.key(index), RulesRecord.isKey(key), let value = batch.value(index) else { continue }
            guard let record = RulesRecord(value: value, publishedAt: batch.records[index].timestamp * 1_000) else {
                throw RulesTopicError(
                    """
                    \(topic)@\(batch.records[index].offset) is no version of the rules that this program can read: it was \
                    written by a newer one, or by something else
                    """)
            }
            versions.append(record)
        }
        for end in batch.endsOfPartition {
            position = max(position, end.position)
            hasReachedEnd = true
        }
        return versions
    }

    func close() { try? consumer.close(.after(.seconds(5))) }
}

/// The rules topic cannot be used.
package struct RulesTopicError: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    init(unusable record: RulesRecord, _ reason: any Error) {
        description = """
            version \(record.version) of the rules (\(record.file)) cannot be used here: \(reason). Apply a file that this \
            version of Deskbeat takes: deskbeat rules apply FILE
            """
    }
}
