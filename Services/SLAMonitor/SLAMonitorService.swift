import ArgumentParser
import Foundation
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
            let lookups = EntityLookups()
            let named = tokensFile ?? ProcessInfo.processInfo.environment["DESKBEAT_TOKENS_FILE"]
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

    public init(rules: Rules, partitions: Int32) throws {
        try self.init(rules: rules, partitions: partitions, version: nil, publishedAt: rules.publishedAt)
    }

    /// What runs, in the order of the flow.
    public func stages(_ environment: ServiceEnvironment) -> [StageDefinition] { stages(environment, nil) }

    func stages(_ environment: ServiceEnvironment, _ lookups: EntityLookups?) -> [StageDefinition] {
        let topics = environment.topics
        let prefix = environment.settings.internalPrefix
        let repartition = TopicSpec.repartition("\(prefix)sla-monitor.series", partitions: partitions)
        let alerts = TopicSpec.alerts(topics.alerts, partitions: partitions)
        return [
            StageDefinition(
                service: "sla-monitor", name: "entity", internalPrefix: prefix,
                inputs: [.canonical(topics.tickets, partitions: partitions)], outputs: [repartition, alerts],
                deadLetterTopic: .deadLetters(topics.deadLetters, partitions: partitions), hasChangelog: true,
                commitInterval: 50, upstreamClocks: [.ingest(partitions: partitions)],
                makeTask: { entityTask($0, lookups: lookups) }),
            StageDefinition(
                service: "sla-monitor", name: "contacts", internalPrefix: prefix,
                inputs: [.canonical(topics.contacts, partitions: partitions)], outputs: [repartition, alerts],
                deadLetterTopic: .deadLetters(topics.deadLetters, partitions: partitions), hasChangelog: true,
                commitInterval: 50, upstreamClocks: [.ingest(partitions: partitions)], makeTask: contactTask),
            StageDefinition(
                service: "sla-monitor", name: "series", internalPrefix: prefix, inputs: [repartition],
                outputs: [alerts], hasChangelog: true, commitInterval: 1000,
                upstreamClocks: ["entity", "contacts"].map {
                    UpstreamClock(service: "sla-monitor", stage: $0, partitions: partitions)
                },
                makeTask: seriesTask),
        ]
    }
}

extension LookupRoutes {
    init(_ lookups: EntityLookups, _ tokens: BearerTokens?, _ environment: ServiceEnvironment) {
        let settings = environment.settings
        let logger = environment.logger
        self.init(lookups: lookups, partitions: Int32(settings.partitions), tokens: tokens) { partition in
            // Instances of one service serve HTTP on one port; where they do not, a proxy knows.
            do {
                let admin = try KafkaAdmin(configuration: settings.kafka, logger: logger)
                let group = try await admin.describeGroup("\(settings.internalPrefix)sla-monitor-entity")
                let topic = TopicPartition(topic: environment.topics.tickets, partition: partition)
                guard let member = group.members.first(where: { $0.assignment.contains(topic) }) else { return nil }
                let host = member.host.drop { $0 == "/" }
                return host.isEmpty ? nil : "\(HTTPAddress(host: String(host), port: settings.http.port))"
            } catch {
                logger.warning("the owner of a ticket could not be found out", metadata: ["error": "\(error)"])
                return nil
            }
        }
    }
}
