public import ArgumentParser

/// The command-line options that every service shares. A flag goes before its environment variable, which goes before the
/// default; ``ServiceSettings`` resolves and checks them. Secrets have no flags: a command line is visible to everybody
/// on the machine.
public struct ServiceOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "Kafka brokers, as host:port[,host:port]. Environment: KAFKA_BOOTSTRAP_SERVERS.",
            discussion: "Any librdkafka property is set by environment: KAFKA_SASL_USERNAME is sasl.username, and "
                + "KAFKA_SASL_PASSWORD_FILE names a file that holds sasl.password.",
            valueName: "host:port"))
    public var bootstrapServers: String?

    @Option(
        help: ArgumentHelp(
            "This process's name: stable over restarts, unique among its siblings. "
                + "Environment: DESKBEAT_INSTANCE; default: the host name.", valueName: "name"))
    public var instance: String?

    @Option(
        help: ArgumentHelp(
            "Threads per stage, 1 to 64. Environment: DESKBEAT_THREADS; default 2, on one core 1.", valueName: "n"))
    public var threads: Int?

    @Option(
        help: ArgumentHelp(
            "Partitions of topics that are created, 1 to 1000; fixed for an installation's life. "
                + "Environment: DESKBEAT_PARTITIONS; default 12.", valueName: "n"))
    public var partitions: Int?

    @Option(
        help: ArgumentHelp(
            "missing creates the topics that are missing, never lists them and refuses to start. "
                + "Environment: DESKBEAT_CREATE_TOPICS; default missing.", valueName: "when"))
    public var createTopics: String?

    @Option(
        help: ArgumentHelp(
            "Prefix of the public topics. Environment: DESKBEAT_TOPIC_PREFIX; default support.", valueName: "prefix"))
    public var topicPrefix: String?

    @Option(
        help: ArgumentHelp(
            "Prefix of internal topics, groups and transactional ids. Environment: DESKBEAT_INTERNAL_PREFIX; "
                + "default deskbeat.", valueName: "prefix"))
    public var internalPrefix: String?

    @Option(
        help: ArgumentHelp(
            "Business rules file (YAML). Environment: DESKBEAT_RULES; default: the built-in rules.", valueName: "file"))
    public var rules: String?

    @Option(
        help: ArgumentHelp(
            "Address of the HTTP server; port 0 lets the system choose. Environment: DESKBEAT_HTTP.",
            valueName: "host:port"))
    public var http: String?

    @Option(
        help: ArgumentHelp(
            "Writes {\"service\", \"http\", \"pid\"} to this file once HTTP is bound. Environment: DESKBEAT_ANNOUNCE_FILE.",
            valueName: "file"))
    public var announceFile: String?

    @Option(
        help: ArgumentHelp(
            "auto (text on a terminal, else JSON), text or json. Environment: DESKBEAT_LOG_FORMAT; default auto.",
            valueName: "format"))
    public var logFormat: String?

    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical. Environment: DESKBEAT_LOG_LEVEL; default info.",
            valueName: "level"))
    public var logLevel: String?

    public init() {}
}
