import ArgumentParser
public import ServiceKit
public import Streams

/// The service `satisfaction`: survey and feedback events in, KPIs of satisfaction out.
@main
struct SatisfactionService: AsyncParsableCommand {
    static let configuration = CommandConfiguration.service(
        "deskbeat-satisfaction", "Keeps every survey's timeline and publishes the satisfaction KPIs.",
        example: "deskbeat-satisfaction --bootstrap-servers kafka:9092 --rules rules.yaml",
        subcommands: [AuditCommand<SatisfactionTopology>.self])

    @OptionGroup var service: ServiceOptions

    func run() async throws {
        try await ServiceMain.run("satisfaction", service) { environment in
            ServiceDefinition(stages: { rules in
                try SatisfactionTopology(rules: rules, partitions: Int32(environment.settings.partitions)).stages(
                    environment)
            })
        }
    }
}

extension SatisfactionTopology: AuditedService {
    public static let service = "satisfaction"

    /// What runs, in the order of the flow.
    public func stages(_ environment: ServiceEnvironment) -> [StageDefinition] {
        let topics = environment.topics
        let prefix = environment.settings.internalPrefix
        let repartition = TopicSpec.repartition("\(prefix)satisfaction.series", partitions: partitions)
        return [
            StageDefinition(
                service: "satisfaction", name: "entity", internalPrefix: prefix,
                inputs: [.canonical(topics.surveys, partitions: partitions)], outputs: [repartition],
                deadLetterTopic: .deadLetters(topics.deadLetters, partitions: partitions), hasChangelog: true,
                commitInterval: 100, upstreamClocks: [.ingest(partitions: partitions)], makeTask: entityTask),
            StageDefinition(
                service: "satisfaction", name: "series", internalPrefix: prefix, inputs: [repartition],
                outputs: [.alerts(topics.alerts, partitions: partitions)], hasChangelog: true, commitInterval: 1000,
                upstreamClocks: [UpstreamClock(service: "satisfaction", stage: "entity", partitions: partitions)],
                makeTask: seriesTask),
        ]
    }
}
