import Kafka
import ServiceKit

/// Access to `support.alerts` for the commands that show it.
enum AlertTopic {
    /// Calls `body` with a reader, on a thread that may block.
    static func read<Value: Sendable>(
        _ cluster: ClusterOptions, _ body: @escaping @Sendable (TopicReader) throws -> Value
    ) async throws -> Value {
        let configuration = try cluster.configuration()
        let topic = cluster.topics.alerts
        let logger = cluster.logger
        let admin = try KafkaAdmin(configuration: configuration, logger: logger)
        guard let description = try await admin.topics(.after(.seconds(10)))[topic] else {
            throw InputError("there is no topic \(topic); has a service run against \(configuration.bootstrapServers)?")
        }
        try await admin.close(.after(.seconds(5)))
        let partitions = description.partitions.map(\.id)
        return try await BlockingWork("alerts").run {
            let reader = try TopicReader(configuration, topic: topic, partitions: partitions, logger: logger)
            defer { reader.close() }
            return try body(reader)
        }
    }
}
