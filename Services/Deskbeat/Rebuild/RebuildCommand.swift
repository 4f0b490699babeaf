import ArgumentParser
import Kafka
import ServiceKit

/// `deskbeat rebuild`.
struct RebuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract:
            "Prepare a new generation of a service's state, which it builds from the first event on at its next start.",
        discussion: """
            For a new KPI or breakdown over all of history, or for figures under today's rules. All \
            processes of the service must be stopped. The new generation takes over which revision of each figure was published \
            last: nothing is published before everything has been counted again, then only what differs, and sequences go on. \
            The old generation's topics stay until you delete them; they are named at the end.

            With `deskbeat up`, which stops the broker too: deskbeat up --rebuild ticketing.

            Example:
              docker compose stop ticketing && deskbeat rebuild ticketing && docker compose start ticketing
            """)

    @Argument(help: "ticketing, sla-monitor, satisfaction or churn-revenue.")
    var service: String

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        let rebuild = try Rebuild(
            service, kafka: cluster.configuration(), topics: cluster.topics, internalPrefix: cluster.internalNames,
            logger: cluster.logger)
        let result = try await rebuild.run()
        Console.output.line(
            "\(service) begins generation \(result.generation) at its next start; \(Humanise.count(Int64(result.seeds))) "
                + "figures and alerts go on from where they are")
        Console.output.line("when it is caught up, the topics of the old generation may be deleted:")
        for topic in result.oldTopics { Console.output.line("  \(topic)") }
    }
}
