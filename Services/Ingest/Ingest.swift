import ArgumentParser
import ServiceKit

/// The service `ingest`: HTTP and `support.inbound` in, canonical events out.
@main
struct Ingest: AsyncParsableCommand {
    static let configuration = CommandConfiguration.service(
        "deskbeat-ingest",
        "Takes events over HTTP and from support.inbound, checks them, and writes the canonical topics.",
        example: "deskbeat-ingest --bootstrap-servers kafka:9092 --http 0.0.0.0:8080 --tokens-file tokens.txt")

    @OptionGroup var service: ServiceOptions
    @OptionGroup var ingest: IngestOptions

    func run() async throws {
        try await ServiceMain.run("ingest", service, defaultHTTP: HTTPAddress(host: "127.0.0.1", port: 8080)) {
            environment in
            try IngestDefinition.make(ingest, environment)
        }
    }
}
