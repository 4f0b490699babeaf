import ArgumentParser
public import ServiceKit
public import Streams

/// The service `ticketing`: ticket events in, KPIs of volume, backlog, response and resolution out.
@main
struct TicketingService: AsyncParsableCommand {
    static let configuration = CommandConfiguration.service(
        "deskbeat-ticketing", "Keeps every ticket's timeline and publishes the ticket KPIs.",
        example: "deskbeat-ticketing --bootstrap-servers kafka:9092 --rules rules.yaml",
        subcommands: [AuditCommand<TicketingTopology>.self])

    @OptionGroup var service: ServiceOptions

    func run() async throws {
        try await ServiceMain.run("ticketing", service) { environment in
            ServiceDefinition(stages: { rules in
                try TicketingTopology(rules: rules, partitions: Int32(environment.settings.partitions)).stages(
                    environment)
            })
        }
    }
}

extension TicketingTopology: AuditedService {
    public static let service = "ticketing"

    /// What runs, in the order of the flow.
    public func stages(_ environment: ServiceEnvironment) -> [StageDefinition] {
        let topics = environment.topics
        let prefix = environment.settings.internalPrefix
        let repartition = TopicSpec.repartition("\(prefix)ticketing.series", partitions: partitions)
        let facts = TopicSpec.repartition("\(prefix)ticketing.links", partitions: partitions)
        func entities(
            _ name: String, _ input: TopicSpec, outputs: [TopicSpec], upstream: [UpstreamClock], isExternal: Bool,
            _ makeTask: @escaping @Sendable (TaskContext) -> any StreamTask
        ) -> StageDefinition {
            StageDefinition(
                service: "ticketing", name: name, internalPrefix: prefix, inputs: [input], outputs: outputs,
                deadLetterTopic: isExternal ? .deadLetters(topics.deadLetters, partitions: partitions) : nil,
                hasChangelog: true, commitInterval: 100, upstreamClocks: upstream, makeTask: makeTask)
        }
        func clock(_ stage: String) -> UpstreamClock {
            UpstreamClock(service: "ticketing", stage: stage, partitions: partitions)
        }
        return [
            entities(
                "entity", .canonical(topics.tickets, partitions: partitions), outputs: [repartition, facts],
                upstream: [.ingest(partitions: partitions)], isExternal: true, entityTask),
            entities(
                "contacts", .canonical(topics.contacts, partitions: partitions), outputs: [repartition, facts],
                upstream: [.ingest(partitions: partitions)], isExternal: true, contactTask),
            entities(
                "links", facts, outputs: [repartition], upstream: [clock("entity"), clock("contacts")],
                isExternal: false, linkTask),
            StageDefinition(
                service: "ticketing", name: "series", internalPrefix: prefix, inputs: [repartition],
                outputs: [.alerts(topics.alerts, partitions: partitions)], hasChangelog: true, commitInterval: 1000,
                upstreamClocks: [clock("entity"), clock("contacts"), clock("links")], makeTask: seriesTask),
        ]
    }
}
