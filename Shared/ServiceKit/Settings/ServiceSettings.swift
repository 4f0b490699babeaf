import FoundationEssentials
public import Kafka
public import Logging
public import Streams

/// A service's settings, resolved and checked.
public struct ServiceSettings: Sendable {
    /// The service's name: `ticketing`.
    public let service: String
    public let kafka: KafkaConfiguration
    /// Variables that look like Kafka settings and are none; worth a warning.
    public let unknownVariables: [String]
    /// Stable over restarts, unique among the service's processes.
    public let instance: String
    /// Stream threads per stage.
    public let threads: Int
    /// Partitions of topics that this service creates.
    public let partitions: Int
    /// Whether this service creates topics that are missing.
    public let topicCreation: TopicCreation
    /// Prefix of the public topics, with its dot.
    public let topicPrefix: String
    /// Prefix of internal topics, groups and transactional ids, with its dot.
    public let internalPrefix: String
    public let rulesPath: String?
    public let http: HTTPAddress
    public let announceFile: String?
    public let logFormat: LogFormat
    public let logLevel: Logger.Level

    /// - Parameters:
    ///   - service: The service's name.
    ///   - defaultHTTP: Where it listens when nothing is said.
    ///   - environment: The process's variables.
    /// - Throws: Every setting that is at fault.
    public init(
        _ options: ServiceOptions, service: String, defaultHTTP: HTTPAddress = HTTPAddress(host: "127.0.0.1", port: 0),
        environment: [String: String]
    ) throws(SettingsError) {
        var reader = SettingsReader(environment: environment)
        self.service = service
        instance = reader.kafkaName(
            options.instance, "--instance", "DESKBEAT_INSTANCE", default: Self.hostName(), maximumBytes: 100)
        partitions = reader.integer(
            options.partitions, "--partitions", "DESKBEAT_PARTITIONS", default: 12, in: 1...1_000)
        threads = reader.integer(
            options.threads, "--threads", "DESKBEAT_THREADS", default: min(Self.defaultThreads, partitions), in: 1...64)
        let creation = reader.choice(
            options.createTopics, "--create-topics", "DESKBEAT_CREATE_TOPICS", default: TopicCreation.missing.rawValue,
            among: TopicCreation.allCases.map(\.rawValue))
        topicCreation = TopicCreation(rawValue: creation) ?? .missing
        topicPrefix = reader.kafkaName(
            options.topicPrefix, "--topic-prefix", "DESKBEAT_TOPIC_PREFIX", default: "support.", maximumBytes: 100)
        internalPrefix = reader.kafkaName(
            options.internalPrefix, "--internal-prefix", "DESKBEAT_INTERNAL_PREFIX", default: "deskbeat.",
            maximumBytes: 100)
        if topicPrefix == internalPrefix {
            reader.fault(
                "--topic-prefix", "DESKBEAT_TOPIC_PREFIX", "the same as the internal prefix (\(internalPrefix))",
                "give the two different prefixes, for example support. and deskbeat.")
        }
        rulesPath = reader.text(options.rules, "DESKBEAT_RULES")
        let address = reader.text(options.http, "DESKBEAT_HTTP")
        if let address, HTTPAddress(parsing: address) == nil {
            reader.fault(
                "--http", "DESKBEAT_HTTP", "\"\(address)\" is no address", "write host:port, for example 127.0.0.1:8080"
            )
        }
        http = address.flatMap { HTTPAddress(parsing: $0) } ?? defaultHTTP
        announceFile = reader.text(options.announceFile, "DESKBEAT_ANNOUNCE_FILE")
        let formats = LogFormat.allCases.map(\.rawValue)
        let format = reader.choice(
            options.logFormat, "--log-format", "DESKBEAT_LOG_FORMAT", default: "auto", among: formats)
        logFormat = LogFormat(rawValue: format) ?? .auto
        let levels = Logger.Level.allCases.map(\.rawValue)
        let level = reader.choice(options.logLevel, "--log-level", "DESKBEAT_LOG_LEVEL", default: "info", among: levels)
        logLevel = Logger.Level(rawValue: level) ?? .info

        let secrets = SecretFile.resolving(environment)
        for fault in secrets.faults { reader.fault(fault) }
        do {
            let kafka = try KafkaConfiguration.fromEnvironment(
                secrets.environment, bootstrapServers: reader.text(options.bootstrapServers, ""),
                clientID: "deskbeat-\(service)-\(instance)")
            self.kafka = kafka.configuration
            unknownVariables = kafka.unknownVariables
        } catch {
            reader.fault("--bootstrap-servers", "KAFKA_BOOTSTRAP_SERVERS", error.reason, "for example 127.0.0.1:9092")
            kafka = KafkaConfiguration(bootstrapServers: "")
            unknownVariables = []
        }
        try reader.check()
    }

    /// Two, so that one works while the other commits, where there are two cores. More cost memory and idle time in each of a
    /// service's stages.
    static var defaultThreads: Int { min(2, ProcessInfo.processInfo.activeProcessorCount) }

    private static func hostName() -> String {
        let name = ProcessInfo.processInfo.hostName
        let kept = name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        return kept.isEmpty ? "local" : String(kept.prefix(100))
    }
}
