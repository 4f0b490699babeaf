import ArgumentParser
import ServiceKit

/// The service `ingest`.
@main
struct Ingest: AsyncParsableCommand {
    static let configuration = CommandConfiguration.service(
        "deskbeat-ingest", "Takes events over HTTP and from support.inbound, checks them, and writes the canonical topics.",
        example: "deskbeat-ingest --bootstrap-servers kafka:9092 --http 0.0.0.0:8080 --tokens-file tokens.txt")

    @OptionGroup var service: ServiceOptions
    @OptionGroup var ingest: IngestOptions

    func run() async throws {}
}
