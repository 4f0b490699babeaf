import ArgumentParser
public import ServiceKit
public import Streams

/// The service `churn-revenue`: events of customers and finance and ticketing's counts in, KPIs of churn and revenue out.
@main
struct ChurnRevenueService: AsyncParsableCommand {
    static let configuration = CommandConfiguration.service(
        "deskbeat-churn-revenue", "Keeps every customer's timeline and publishes the KPIs of churn and revenue.",
        example: "deskbeat-churn-revenue --bootstrap-servers kafka:9092 --rules rules.yaml",
        subcommands: [AuditCommand<RevenueTopology>.self])

    @OptionGroup var service: ServiceOptions

    func run() async throws {
        try await ServiceMain.run("churn-revenue", service) { environment in
            ServiceDefinition(stages: { rules in
                try RevenueTopology(rules: rules, partitions: Int32(environment.settings.partitions)).stages(
                    environment)
            })
        }
    }
}

extension RevenueTopology: AuditedService {
    public static let service = "churn-revenue"

    /// What runs, in the order of the flow.
    public func stages(_ environment: ServiceEnvironment) -> [StageDefinition] {
        let topics = environment.topics
        let prefix = environment.settings.internalPrefix
        let repartition = TopicSpec.repartition("\(prefix)churn-revenue.series", partitions: partitions)
        let alerts = TopicSpec.alerts(topics.alerts, partitions: partitions)
        func entities(
            _ name: String, _ topic: String, _ makeTask: @escaping @Sendable (TaskContext) -> any StreamTask
        ) -> StageDefinition {
            StageDefinition(
                service: "churn-revenue", name: name, internalPrefix: prefix,
                inputs: [.canonical(topic, partitions: partitions)], outputs: [repartition],
                deadLetterTopic: .deadLetters(topics.deadLetters, partitions: partitions), hasChangelog: true,
                commitInterval: 100, upstreamClocks: [.ingest(partitions: partitions)], makeTask: makeTask)
        }
        return [
            entities("entity", topics.customers, entityTask),
            entities("finance", topics.finance, financeTask),
            StageDefinition(
                service: "churn-revenue", name: "tickets", internalPrefix: prefix, inputs: [alerts],
                outputs: [repartition], hasChangelog: true, commitInterval: 1000, makeTask: ticketsTask),
            StageDefinition(
                service: "churn-revenue", name: "series", internalPrefix: prefix, inputs: [repartition],
                outputs: [alerts], hasChangelog: true, commitInterval: 1000,
                upstreamClocks: ["entity", "finance", "tickets"].map {
                    UpstreamClock(service: "churn-revenue", stage: $0, partitions: partitions)
                },
                makeTask: seriesTask),
        ]
    }
}
