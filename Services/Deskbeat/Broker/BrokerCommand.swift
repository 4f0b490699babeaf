import ArgumentParser
import FoundationEssentials
import LocalBroker
import Logging
import ServiceKit

/// `deskbeat broker`.
struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Run the local broker alone.",
        discussion: """
            A durable broker of one node that speaks the Kafka protocol, without authentication: for this machine, not for a \
            network. `deskbeat up` runs it for you.

            Example:
              deskbeat broker --data-dir .deskbeat/broker --port 9092
            """)

    @Option(help: "Where the log is kept. Without: in memory, gone at the end.")
    var dataDir: String?

    @Option(help: "Address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 lets the system choose, and host:port is printed on standard output.")
    var port: UInt16 = 9092

    @Option(help: "What clients are told to connect to, when --host is a wildcard address.")
    var advertisedHost: String?

    @Flag(help: "Listen on an address that other machines reach. Whoever reaches it may read and write everything.")
    var allowNonLoopback = false

    @Flag(help: "Acknowledge only what has reached the disk (survives loss of power).")
    var fsync = false

    @Flag(
        inversion: .prefixedNo,
        help: "Create a topic when a producer asks for one that is not there, as Apache Kafka does by default.")
    var autoCreateTopics = true

    @Option(help: "Partitions of a topic whose creator does not say how many.")
    var partitions = 1

    @Option(help: "auto (text on a terminal, else JSON), text or json. Environment: DESKBEAT_LOG_FORMAT.")
    var logFormat: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical. Environment: DESKBEAT_LOG_LEVEL.")
    var logLevel: String?

    func validate() throws {
        guard (1...1000).contains(partitions) else { throw ValidationError("--partitions is 1 to 1000") }
    }

    func run() async throws {
        let format = logFormat ?? environment("DESKBEAT_LOG_FORMAT") ?? "auto"
        let level = logLevel ?? environment("DESKBEAT_LOG_LEVEL") ?? "info"
        guard let format = LogFormat(rawValue: format), let level = Logger.Level(rawValue: level) else {
            throw ValidationError("--log-format or --log-level has no such value; see --help")
        }
        let sink = LogSink()
        ServiceLogging.bootstrap(
            format: format, level: level, environment: ProcessInfo.processInfo.environment, sink: sink)
        defer { sink.flush() }
        var configuration = LocalBrokerConfiguration()
        configuration.dataDirectory = dataDir
        configuration.host = host
        configuration.port = Int(port)
        configuration.advertisedHost = advertisedHost
        configuration.allowNonLoopback = allowNonLoopback
        configuration.fsync = fsync
        configuration.createsTopicsAutomatically = autoCreateTopics
        configuration.defaultPartitionCount = partitions
        let end = TerminationSignals()
        let broker = try await LocalBroker.start(configuration)
        if port == 0 { Console.output.line(broker.bootstrapServers) }
        if Console.error.isTerminal { Console.error.line("Kafka at \(broker.bootstrapServers); Ctrl-C stops it") }
        let closed = Task {
            try await broker.waitUntilClosed()
            end.finish()
        }
        let isAsked = await end.first()
        try await broker.shutdown()
        try await closed.value
        if !isAsked { throw InputError("the broker has stopped by itself; its log says why") }
    }
}
