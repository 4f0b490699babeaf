internal import FoundationEssentials

extension KafkaConfiguration {
    /// A configuration from the environment, and what in it was not understood.
    public struct Environment: Sendable {
        public var configuration: KafkaConfiguration
        /// `KAFKA_*` variables that name no librdkafka property. Not an error: Kubernetes sets some for every service
        /// called `kafka`, and images of brokers set others. Worth a warning, because it may be a misspelling.
        public var unknownVariables: [String]
    }

    /// Reads `KAFKA_BOOTSTRAP_SERVERS` and every other `KAFKA_*` variable: `KAFKA_SASL_USERNAME` is `sasl.username`.
    ///
    /// An empty variable counts as none: compose files and unit files pass empty ones for what is not set.
    ///
    /// - Parameters:
    ///   - environment: the process's environment when nil.
    ///   - bootstrapServers: goes before the variable (a command line flag); neither is an error.
    ///   - clientID: used unless `KAFKA_CLIENT_ID` is set.
    public static func fromEnvironment(
        _ environment: [String: String]? = nil, bootstrapServers: String? = nil, clientID: String = "deskbeat"
    ) throws(KafkaError) -> Environment {
        let environment = environment ?? ProcessInfo.processInfo.environment
        var configuration = KafkaConfiguration(bootstrapServers: bootstrapServers ?? "", clientID: clientID)
        var unknown: [String] = []
        let known = NativeConfiguration()
        for (variable, value) in environment.sorted(by: { $0.key < $1.key })
        where variable.hasPrefix("KAFKA_") && !value.isEmpty {
            let property = variable.dropFirst("KAFKA_".count).lowercased().replacing("_", with: ".")
            switch property {
            case "bootstrap.servers", "metadata.broker.list":
                if bootstrapServers == nil { configuration.bootstrapServers = value }
            case "client.id":
                configuration.clientID = value
            default:
                if known.knows(property) {
                    configuration.properties[property] = value
                } else {
                    unknown.append(variable)
                }
            }
        }
        guard !configuration.bootstrapServers.isEmpty else {
            throw .configuration(
                "no broker is named: set KAFKA_BOOTSTRAP_SERVERS or --bootstrap-servers to host:port[,host:port]")
        }
        return Environment(configuration: configuration, unknownVariables: unknown)
    }
}
