package import Kafka
package import Logging
import Synchronization

/// Whether a service creates the topics that it needs.
public enum TopicCreation: String, Sendable, CaseIterable {
    /// Creates those that are missing.
    case missing
    /// `--create-topics=never`: lists them and refuses to start.
    case never
}

/// A topic as the cluster has it.
package struct ExistingTopic: Sendable, Hashable {
    package var partitions: Int32
    /// `nil` when the broker does not tell.
    package var cleanup: String?

    package init(partitions: Int32, cleanup: String?) {
        self.partitions = partitions
        self.cleanup = cleanup
    }
}

/// What has to be done about the topics, and what cannot be.
package struct TopicPlan: Sendable, Hashable {
    package private(set) var missing: [TopicSpec] = []
    /// Sentences for the operator.
    package private(set) var conflicts: [String] = []

    package init(wanted: [TopicSpec], existing: [String: ExistingTopic]) {
        var seen: Set<String> = []
        for topic in wanted where seen.insert(topic.name).inserted {
            guard let found = existing[topic.name] else {
                missing.append(topic)
                continue
            }
            if found.partitions != topic.partitions {
                conflicts.append(
                    """
                    \(topic.name) has \(found.partitions) partitions, not \(topic.partitions) (--partitions, \
                    DESKBEAT_PARTITIONS)
                    """)
            }
            if let cleanup = found.cleanup, Self.policies(cleanup) != Self.policies(topic.cleanup.rawValue) {
                conflicts.append("\(topic.name) has cleanup.policy=\(cleanup), not \(topic.cleanup.rawValue)")
            }
        }
    }

    /// The order of the policies means nothing.
    private static func policies(_ text: String) -> Set<Substring> {
        Set(text.filter { $0 != " " && $0 != "[" && $0 != "]" }.split(separator: ","))
    }

    /// - Parameter replication: of the topics in the commands that a refusal names.
    package func refusal(_ creation: TopicCreation, _ replication: Replication) -> String? {
        if !conflicts.isEmpty {
            return """
                topics do not fit: \(conflicts.joined(separator: "; ")). Set the setting to what the topics have, correct \
                the topics, or choose another prefix
                """
        }
        if creation == .never, !missing.isEmpty {
            let commands = missing.map { "\n  " + $0.createCommand(replication) }
            return """
                topics are missing (or this user may not see them: deskbeat acls), and --create-topics=never forbids to create them. Let somebody who may run these (all topics: \
                deskbeat topics --print):\(commands.joined())
                """
        }
        return nil
    }
}

/// Creates missing topics and compares existing ones, before anything subscribes to them.
package enum TopicSetup {
    private static let budget = Duration.seconds(60)
    /// Each stage of a process comes here; one warning is enough.
    private static let hasWarned = Atomic(false)

    /// - Throws: ``StreamFailure/incompatible(_:)``.
    package static func prepare(
        _ topics: [TopicSpec], creation: TopicCreation, kafka: KafkaConfiguration, logger: Logger
    ) async throws(StreamFailure) {
        let deadline = Deadline.after(budget)
        let refusal: String?
        do throws(KafkaError) {
            let admin = try KafkaAdmin(configuration: kafka, logger: logger)
            do throws(KafkaError) {
                refusal = try await prepare(topics, creation, admin, deadline, logger)
            } catch {
                try? await admin.close(.after(.seconds(5)))
                throw error
            }
            try await admin.close(.after(.seconds(5)))
        } catch {
            throw .incompatible("the topics cannot be prepared: \(error)")
        }
        if let refusal { throw .incompatible(refusal) }
    }

    /// - Returns: why the service cannot start.
    private static func prepare(
        _ topics: [TopicSpec], _ creation: TopicCreation, _ admin: KafkaAdmin, _ deadline: Deadline, _ logger: Logger
    ) async throws(KafkaError) -> String? {
        let replication = Replication(brokers: try await admin.brokers(deadline).count)
        while true {
            let plan = TopicPlan(wanted: topics, existing: try await existing(topics, admin, deadline))
            if let refusal = plan.refusal(creation, replication) { return refusal }
            guard !plan.missing.isEmpty else { return nil }
            let failures = try await admin.createTopics(plan.missing.map { $0.newTopic(replication) }, deadline)
            // Another process may have been faster: the next look compares what it has created.
            for (_, error) in failures where error.code != .topicExists && error.reaction != .retry { throw error }
            let created = plan.missing.filter { failures[$0.name] == nil }
            for topic in created {
                logger.info(
                    "topic created",
                    metadata: [
                        "topic": "\(topic.name)", "partitions": "\(topic.partitions)",
                        "replication": "\(replication.factor)",
                    ])
            }
            if replication.factor == 1, !created.isEmpty, !hasWarned.exchange(true, ordering: .relaxed) {
                logger.warning(
                    "topics have one replica, since the cluster has fewer than 3 brokers: losing a disk loses them")
            }
            // Metadata of a topic just created lags.
            try? await Task.sleep(for: .milliseconds(50))
            if deadline.isExpired { return "topics were created but do not appear in the cluster's metadata" }
        }
    }

    private static func existing(
        _ topics: [TopicSpec], _ admin: KafkaAdmin, _ deadline: Deadline
    ) async throws(KafkaError) -> [String: ExistingTopic] {
        let found = try await admin.topics(deadline)
        let names = Set(topics.map(\.name)).filter { found[$0] != nil }.sorted()
        let settings = try await admin.describeTopicConfigs(names, deadline)
        var existing: [String: ExistingTopic] = [:]
        for name in names {
            existing[name] = ExistingTopic(
                partitions: Int32(found[name]?.partitions.count ?? 0),
                cleanup: settings[name]?["cleanup.policy"]?.value)
        }
        return existing
    }
}
