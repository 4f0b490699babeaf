import Kafka
import Streams

/// Creates what is missing, as the services do.
enum MissingTopics {
    /// Creates those of `specs` that do not exist; returns their names.
    @discardableResult
    static func ensure(_ specs: [TopicSpec], _ admin: KafkaAdmin, _ deadline: Deadline) async throws -> [String] {
        let existing = try await admin.topics(deadline)
        let missing = specs.filter { existing[$0.name] == nil }
        let replication = Replication(brokers: try await admin.brokers(deadline).count)
        let failures = try await admin.createTopics(missing.map { $0.newTopic(replication) }, deadline)
        // Somebody else may have been faster.
        if let failure = failures.first(where: { $0.value.code != .topicExists }) { throw failure.value }
        return missing.map(\.name).filter { failures[$0] == nil }
    }
}
