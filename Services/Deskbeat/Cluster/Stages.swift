import Kafka
package import ServiceKit
import Streams

/// The stages of every service, in the order in which events pass them: what `wait-idle` walks along and `topics`
/// creates. A further stage is an entry here.
package struct StageEntry: Sendable, Equatable {
    package var service: String
    package var name: String
    package var inputs: [String]
    package var hasChangelog: Bool
    package var group: String
    package var generation = 1

    package init(service: String, name: String, inputs: [String], hasChangelog: Bool, group: String) {
        self.service = service
        self.name = name
        self.inputs = inputs
        self.hasChangelog = hasChangelog
        self.group = group
    }

    /// `ticketing/entity`.
    package var title: String { "\(service)/\(name)" }

    /// Name of the stage's changelog.
    func changelog(_ internalPrefix: String) -> String {
        "\(internalPrefix)\(service)\(generation == 1 ? "" : ".g\(generation)").\(name).changelog"
    }

    /// - Parameter generations: of the services whose state has been rebuilt.
    package static func all(
        topics: TopicNames, internalPrefix: String, generations: [String: Int] = [:]
    ) -> [StageEntry] {
        first(topics: topics, internalPrefix: internalPrefix).map { stage in
            let generation = generations[stage.service] ?? 1
            guard generation > 1 else { return stage }
            // As `StageDefinition.inGeneration` names them.
            let own = "\(internalPrefix)\(stage.service)."
            var stage = stage
            stage.generation = generation
            stage.group += ".g\(generation)"
            stage.inputs = stage.inputs.map { name in
                name.hasPrefix(own) ? "\(own)g\(generation).\(name.dropFirst(own.count))" : name
            }
            return stage
        }
    }

    private static func first(topics: TopicNames, internalPrefix: String) -> [StageEntry] {
        func entry(_ service: String, _ name: String, _ inputs: [String], hasChangelog: Bool) -> StageEntry {
            StageEntry(
                service: service, name: name, inputs: inputs, hasChangelog: hasChangelog,
                group: "\(internalPrefix)\(service)-\(name)")
        }
        return [
            entry("ingest", "transform", [topics.inbound], hasChangelog: false),
            entry("ticketing", "entity", [topics.tickets], hasChangelog: true),
            entry("ticketing", "contacts", [topics.contacts], hasChangelog: true),
            entry("ticketing", "links", ["\(internalPrefix)ticketing.links"], hasChangelog: true),
            entry("ticketing", "series", ["\(internalPrefix)ticketing.series"], hasChangelog: true),
            entry("sla-monitor", "entity", [topics.tickets], hasChangelog: true),
            entry("sla-monitor", "contacts", [topics.contacts], hasChangelog: true),
            entry("sla-monitor", "customers", ["\(internalPrefix)sla-monitor.customers"], hasChangelog: true),
            entry("sla-monitor", "series", ["\(internalPrefix)sla-monitor.series"], hasChangelog: true),
            entry("satisfaction", "entity", [topics.surveys], hasChangelog: true),
            entry("satisfaction", "series", ["\(internalPrefix)satisfaction.series"], hasChangelog: true),
            entry("churn-revenue", "entity", [topics.customers], hasChangelog: true),
            entry("churn-revenue", "finance", [topics.finance], hasChangelog: true),
            entry("churn-revenue", "tickets", [topics.alerts], hasChangelog: true),
            entry("churn-revenue", "series", ["\(internalPrefix)churn-revenue.series"], hasChangelog: true),
        ]
    }

    /// Every topic of an installation, with the settings that the services give it.
    static func topicSpecs(topics: TopicNames, internalPrefix: String, partitions: Int32) -> [TopicSpec] {
        let canonical = [topics.tickets, topics.contacts, topics.surveys, topics.customers, topics.finance]
        let stages = all(topics: topics, internalPrefix: internalPrefix)
        return [.inbound(topics.inbound, partitions: partitions)]
            + canonical.map { .canonical($0, partitions: partitions) }
            + [
                .alerts(topics.alerts, partitions: partitions),
                .deadLetters(topics.deadLetters, partitions: partitions),
                .clocks(internalPrefix + "clocks"),
                .rules(internalPrefix + "rules"),
                .generations(internalPrefix + "generations"),
            ]
            + stages.flatMap(\.inputs).filter { $0.hasPrefix(internalPrefix) }.map {
                .repartition($0, partitions: partitions)
            }
            + stages.filter(\.hasChangelog).map { stage in
                .changelog("\(internalPrefix)\(stage.service).\(stage.name).changelog", partitions: partitions)
            }
    }
}

extension StageEntry {
    /// The stages as they run now: in the generations that count.
    static func running(_ cluster: ClusterOptions) async throws -> [StageEntry] {
        let generations = StateGenerations(
            internalPrefix: cluster.internalNames, kafka: try cluster.configuration(), logger: cluster.logger)
        let admin = try cluster.admin()
        let exists = try await admin.topics(.after(.seconds(20)))[generations.topic.name] != nil
        try await admin.close(.after(.seconds(5)))
        let counting =
            exists ? try await BlockingWork("generations").run { try generations.read(.after(.seconds(20))) } : [:]
        return all(topics: cluster.topics, internalPrefix: cluster.internalNames, generations: counting)
    }
}
