import ArgumentParser
public import ServiceKit
public import Streams

/// The service `sla-monitor`: ticket events in, warnings, breaches and attainment out.
@main
struct SLAMonitorService: AsyncParsableCommand {
    static let configuration = CommandConfiguration.service(
        "deskbeat-sla-monitor", "Judges every ticket's promises and publishes warnings and breaches.",
        example: "deskbeat-sla-monitor --bootstrap-servers kafka:9092 --rules rules.yaml",
        subcommands: [AuditCommand<SLATopology>.self])

    @OptionGroup var service: ServiceOptions

    func run() async throws {
        try await ServiceMain.run("sla-monitor", service) { environment in
            let topology = try SLATopology(
                rules: environment.rules, partitions: Int32(environment.settings.partitions))
            return ServiceDefinition(stages: topology.stages(environment))
        }
    }
}

extension SLATopology: AuditedService {
    public static let service = "sla-monitor"

    /// What runs, in the order of the flow.
    public func stages(_ environment: ServiceEnvironment) -> [StageDefinition] {
        let topics = environment.topics
        let prefix = environment.settings.internalPrefix
        let repartition = TopicSpec.repartition("\(prefix)sla-monitor.series", partitions: partitions)
        let alerts = TopicSpec.alerts(topics.alerts, partitions: partitions)
        return [
            StageDefinition(
                service: "sla-monitor", name: "entity", internalPrefix: prefix,
                inputs: [.canonical(topics.tickets, partitions: partitions)], outputs: [repartition, alerts],
                deadLetterTopic: .deadLetters(topics.deadLetters, partitions: partitions), hasChangelog: true,
                commitInterval: 50, upstreamClocks: [.ingest(partitions: partitions)], makeTask: entityTask),
            StageDefinition(
                service: "sla-monitor", name: "series", internalPrefix: prefix, inputs: [repartition],
                outputs: [alerts], hasChangelog: true, commitInterval: 1000,
                upstreamClocks: [UpstreamClock(service: "sla-monitor", stage: "entity", partitions: partitions)],
                makeTask: seriesTask),
        ]
    }
}
