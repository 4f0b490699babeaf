import ArgumentParser
import BusinessTime
import FoundationEssentials
import Kafka
import SLA
import ServiceKit
import SupportEvents

/// `deskbeat sla explain`.
struct SLAExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Show how the verdicts on one ticket came about.",
        discussion: """
            Reads the ticket's events from the canonical topic and judges them by the published rules, or by a file: every event, \
            policy and calendar, when each clock ran, what it has reached and what is due.

            Example:
              deskbeat sla explain T-91
            """)

    @Argument(help: "The ticket's id.")
    var ticket: String

    @Option(
        help: "Judge by this rules file instead, as if it had always been in force.",
        completion: .file(extensions: ["yaml", "yml"]))
    var rules: String?

    @Option(help: "As of this instant (RFC 3339) instead of now.")
    var at: String?

    @Flag(help: "As the monitor's GET /v1/sla/tickets/{id} answers.")
    var json = false

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        let editions = try await cluster.rules(file: rules).editions()
        var instant = Int64(Date().timeIntervalSince1970 * 1_000_000)
        if let at {
            guard let given = RFC3339.parse(at) else {
                throw ValidationError("--at: '\(at)' is no time such as 2026-11-22T09:15:00Z")
            }
            instant = given
        }
        let (configuration, logger, topic) = (try cluster.configuration(), cluster.logger, cluster.topics.tickets)
        let description = try await cluster.admin().topics(.after(.seconds(10)))[topic]
        guard let count = description?.partitions.count else {
            throw InputError("there is no topic \(topic); is this the right broker?")
        }
        let (ticket, now, asJSON) = (ticket, instant, json)
        let lines = try await BlockingWork("sla-explain").run {
            let partition = Partitioner.partition(key: Array(ticket.utf8), count: Int32(count))
            let reader = try TopicReader(configuration, topic: topic, partitions: [partition], logger: logger)
            defer { reader.close() }
            var timeline = TicketTimelineReader(ticket: ticket)
            var failure: (any Error)?
            try reader.readToEnd { batch, record in
                do { try timeline.take(batch, record) } catch { failure = error }
            }
            if let failure { throw failure }
            guard !timeline.tickets.isEmpty else {
                throw InputError("there is no event of ticket '\(ticket)' on \(topic)")
            }
            let (events, promises) = try timeline.judged(Array(ticket.utf8), by: editions, at: now)
            let explanation = PromiseExplanation(
                subject: "ticket", id: ticket, events: events, promises: promises, at: now)
            return asJSON ? [String(decoding: explanation.json, as: UTF8.self)] : explanation.lines
        }
        for line in lines { Console.output.line(line) }
    }
}
