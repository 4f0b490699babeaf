import ArgumentParser
import FoundationEssentials
import Kafka
import Logging
import ServiceKit

/// Which installation a command talks to.
struct ClusterOptions: ParsableArguments {
    @Option(help: "Brokers, host:port. Environment: KAFKA_BOOTSTRAP_SERVERS; default: the local broker of --data-dir.")
    var bootstrapServers: String?

    @Option(help: "Data directory of a `deskbeat up`, to find its broker.")
    var dataDir = ".deskbeat"

    @Option(help: "Prefix of the public topics. Environment: DESKBEAT_TOPIC_PREFIX; default support.")
    var topicPrefix: String?

    @Option(help: "Prefix of internal topics and groups. Environment: DESKBEAT_INTERNAL_PREFIX; default deskbeat.")
    var internalPrefix: String?

    var topics: TopicNames {
        TopicNames(prefix: Self.prefix(topicPrefix ?? environment("DESKBEAT_TOPIC_PREFIX") ?? "support."))
    }

    var internalNames: String {
        Self.prefix(internalPrefix ?? environment("DESKBEAT_INTERNAL_PREFIX") ?? "deskbeat.")
    }

    private static func prefix(_ text: String) -> String { text.hasSuffix(".") ? text : text + "." }

    /// Whether no broker was named, so that the one of the data directory is meant.
    var isLocal: Bool { bootstrapServers == nil && environment("KAFKA_BOOTSTRAP_SERVERS") == nil }

    /// Flag, environment, then the broker of the data directory.
    func configuration() throws -> KafkaConfiguration {
        var servers = bootstrapServers ?? environment("KAFKA_BOOTSTRAP_SERVERS")
        if servers == nil {
            let file = dataDir + "/broker.port"
            guard
                let port = (try? String(contentsOfFile: file, encoding: .utf8)).flatMap({ Int($0.filter(\.isNumber)) })
            else {
                throw InputError(
                    "no broker is known: set KAFKA_BOOTSTRAP_SERVERS or --bootstrap-servers, or start `deskbeat up` "
                        + "(there is no \(file))")
            }
            servers = "127.0.0.1:\(port)"
        }
        let secrets = SecretFile.resolving(ProcessInfo.processInfo.environment)
        if let fault = secrets.faults.first { throw InputError(fault.description) }
        return try KafkaConfiguration.fromEnvironment(
            secrets.environment, bootstrapServers: servers, clientID: "deskbeat-cli"
        ).configuration
    }

    /// Partitions of topics that a command creates: as the services would.
    func partitions(_ flag: Int?) -> Int32 { partitions(flag, isLocal: isLocal) }

    func partitions(_ flag: Int?, isLocal: Bool) -> Int32 {
        Int32(clamping: flag ?? environment("DESKBEAT_PARTITIONS").flatMap { Int($0) } ?? (isLocal ? 4 : 12))
    }

    /// The client library's own words, which repeat what a command says in the end; shown on request.
    var logger: Logger {
        var logger = Logger(label: "deskbeat") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = environment("DESKBEAT_LOG_LEVEL").flatMap { Logger.Level(rawValue: $0) } ?? .critical
        return logger
    }

    func admin() throws -> KafkaAdmin { try KafkaAdmin(configuration: configuration(), logger: logger) }
}
