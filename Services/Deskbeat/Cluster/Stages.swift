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

    package init(service: String, name: String, inputs: [String], hasChangelog: Bool, group: String) {
        self.service = service
        self.name = name
        self.inputs = inputs
        self.hasChangelog = hasChangelog
        self.group = group
    }

    /// `ticketing/entity`.
    package var title: String { "\(service)/\(name)" }

    package static func all(topics: TopicNames, internalPrefix: String) -> [StageEntry] {
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
            ]
            + stages.flatMap(\.inputs).filter { $0.hasPrefix(internalPrefix) }.map {
                .repartition($0, partitions: partitions)
            }
            + stages.filter(\.hasChangelog).map { stage in
                .changelog("\(internalPrefix)\(stage.service).\(stage.name).changelog", partitions: partitions)
            }
    }
}
