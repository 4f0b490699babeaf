import ArgumentParser

/// Which broker a command talks to.
struct ClusterOptions: ParsableArguments {
    @Option(help: "Brokers, host:port; default KAFKA_BOOTSTRAP_SERVERS, else those of a running `deskbeat up`.")
    var bootstrapServers: String?

    func sink() async throws -> any EventSink { PrintingSink() }
}
