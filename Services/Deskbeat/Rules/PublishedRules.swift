import Kafka
import Logging
import ServiceKit
import Streams

extension ClusterOptions {
    /// What a file says, or without one the published rules with their earlier versions.
    func rules(file: String?) async throws -> Rules {
        if let file { return try Rules.load(path: file) }
        return try await PublishedRules(self).inForce()
    }
}

/// The rules topic, as commands use it.
struct PublishedRules: Sendable {
    private let kafka: KafkaConfiguration
    private let topic: RulesTopic
    private let logger: Logger
    private static let patience = Duration.seconds(60)

    init(_ cluster: ClusterOptions) throws {
        self.init(kafka: try cluster.configuration(), internalPrefix: cluster.internalNames, logger: cluster.logger)
    }

    init(kafka: KafkaConfiguration, internalPrefix: String, logger: Logger) {
        self.kafka = kafka
        self.logger = logger
        topic = RulesTopic(internalPrefix: internalPrefix, kafka: kafka, logger: logger)
    }

    /// Publishes a file that passes the check.
    func apply(_ path: String) async throws -> RulesTopic.Outcome {
        let topic = topic
        let text = try await BlockingWork("rules").run {
            let text = try Rules.text(path: path)
            _ = try Rules.load(text, path: path)
            return text
        }
        try await ensureTopic()
        return try await BlockingWork("rules").run { try topic.publish(text, file: path, .after(Self.patience)) }
    }

    /// The newest version; nil when there is none.
    func newest() async throws -> RulesRecord? {
        let topic = topic
        guard try await exists() else { return nil }
        return try await BlockingWork("rules").run { try topic.newest(.after(Self.patience)) }
    }

    /// The rules in force with the versions before them; the built-in ones when none have been published.
    func inForce() async throws -> Rules {
        let topic = topic
        guard try await exists() else { return .default }
        return try await BlockingWork("rules").run { try topic.rules(.after(Self.patience)) }
    }

    private func exists() async throws -> Bool {
        let admin = try KafkaAdmin(configuration: kafka, logger: logger)
        let exists = try await admin.topics(.after(.seconds(20)))[topic.name] != nil
        try await admin.close(.after(.seconds(5)))
        return exists
    }

    private func ensureTopic() async throws {
        let admin = try KafkaAdmin(configuration: kafka, logger: logger)
        try await MissingTopics.ensure([.rules(topic.name)], admin, .after(.seconds(20)))
        try await admin.close(.after(.seconds(5)))
    }
}
