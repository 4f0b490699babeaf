import ArgumentParser
import FoundationEssentials
import Kafka
import Logging
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

    @Option(
        help: ArgumentHelp(
            "Who may look things up: one \"token source-prefix\" per line, as for ingest. Environment: "
                + "DESKBEAT_TOKENS_FILE; default: everybody.", valueName: "file"))
    var tokensFile: String?

    func run() async throws {
        try await ServiceMain.run("sla-monitor", service) { environment in
            let lookups = SLALookups()
            let named = SettingsReader(environment: ProcessInfo.processInfo.environment)
                .text(tokensFile, "DESKBEAT_TOKENS_FILE")
            let tokens = try named.map { path throws(SettingsError) in
                try TokensFile(named: path, logger: environment.logger)
            }
            let routes = LookupRoutes(lookups, tokens?.tokens, environment)
            return ServiceDefinition(
                stages: { rules in
                    try SLATopology(rules: rules, partitions: Int32(environment.settings.partitions)).stages(
                        environment, lookups)
                }, routes: { routes.add(to: $0) },
                parts: tokens.map { [$0] } ?? [])
        }
    }
}

extension SLATopology: AuditedService {
    public static let service = "sla-monitor"

    /// What runs, in the order of the flow.
    public func stages(_ environment: ServiceEnvironment) -> [StageDefinition] { stages(environment, nil) }

    func stages(_ environment: ServiceEnvironment, _ lookups: SLALookups?) -> [StageDefinition] {
        let topics = environment.topics
        let prefix = environment.settings.internalPrefix
        let repartition = TopicSpec.repartition("\(prefix)sla-monitor.series", partitions: partitions)
        let alerts = TopicSpec.alerts(topics.alerts, partitions: partitions)
        let customers = TopicSpec.repartition("\(prefix)sla-monitor.customers", partitions: partitions)
        func clock(_ stage: String) -> UpstreamClock {
            UpstreamClock(service: "sla-monitor", stage: stage, partitions: partitions)
        }
        return [
            StageDefinition(
                service: "sla-monitor", name: "entity", internalPrefix: prefix,
                inputs: [.canonical(topics.tickets, partitions: partitions)],
                outputs: [repartition, alerts, customers],
                deadLetterTopic: .deadLetters(topics.deadLetters, partitions: partitions), hasChangelog: true,
                commitInterval: 50, upstreamClocks: [.ingest(partitions: partitions)],
                makeTask: { entityTask($0, lookups: lookups?.tickets) }),
            StageDefinition(
                service: "sla-monitor", name: "contacts", internalPrefix: prefix,
                inputs: [.canonical(topics.contacts, partitions: partitions)],
                outputs: [repartition, alerts, customers],
                deadLetterTopic: .deadLetters(topics.deadLetters, partitions: partitions), hasChangelog: true,
                commitInterval: 50, upstreamClocks: [.ingest(partitions: partitions)], makeTask: contactTask),
            StageDefinition(
                service: "sla-monitor", name: "series", internalPrefix: prefix, inputs: [repartition],
                outputs: [alerts], hasChangelog: true, commitInterval: 1000,
                upstreamClocks: [clock("entity"), clock("contacts")], makeTask: seriesTask),
            StageDefinition(
                service: "sla-monitor", name: "customers", internalPrefix: prefix, inputs: [customers], outputs: [],
                hasChangelog: true, commitInterval: 500, upstreamClocks: [clock("entity"), clock("contacts")],
                makeTask: { customerTask($0, lookups: lookups?.customers) }),
        ]
    }
}

extension LookupRoutes {
    init(_ lookups: SLALookups, _ tokens: BearerTokens?, _ environment: ServiceEnvironment) {
        let settings = environment.settings
        let logger = environment.logger
        self.init(lookups: lookups, partitions: Int32(settings.partitions), tokens: tokens) { subject, partition in
            let name =
                switch subject {
                case .ticket: "entity"
                case .customer: "customers"
                }
            do {
                let topology = try SLATopology(rules: environment.rules, partitions: Int32(settings.partitions))
                guard
                    let stage = topology.stages(environment).first(where: { $0.name == name }).map(
                        environment.generation.stage),
                    let input = stage.inputs.first
                else { return nil }
                let admin = try KafkaAdmin(configuration: settings.kafka, logger: logger)
                let group = try await admin.describeGroup(stage.group)
                let topic = TopicPartition(topic: input.name, partition: partition)
                guard let member = group.members.first(where: { $0.assignment.contains(topic) }) else { return nil }
                let host = member.host.drop { $0 == "/" }
                // One of an earlier version does not say; instances mostly serve HTTP on one port.
                let port = MemberPort.port(ofClientID: member.clientID) ?? settings.http.port
                return host.isEmpty ? nil : "\(HTTPAddress(host: String(host), port: port))"
            } catch {
                logger.warning(
                    "the owner of a ticket or customer could not be found out", metadata: ["error": "\(error)"])
                return nil
            }
        }
    }
}
