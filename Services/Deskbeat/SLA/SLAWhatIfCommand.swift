import ArgumentParser
import BusinessTime
import FoundationEssentials
import Kafka
import SLA
import ServiceKit
import SupportEvents

/// `deskbeat sla what-if`.
struct SLAWhatIfCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "what-if",
        abstract: "Judge past tickets by candidate rules and show what changes.",
        discussion: """
            Reads support.tickets from its beginning, judges every ticket by the published rules (each by the version that holds \
            for it) and by the candidate's, as if that had always been in force, and shows the attainment of every promise and the \
            tickets whose verdict changes: a table on a terminal, JSON in a pipe. Nothing is published.

            Examples:
              deskbeat sla what-if --rules new.yaml
              deskbeat sla what-if --rules new.yaml --since 2026-10-01 | jq '.changes[].ticket_id'
            """)

    @Option(help: "The candidate rules file.", completion: .file(extensions: ["yaml", "yml"]))
    var rules: String

    @Option(
        help: "Compare with this rules file instead of the published ones, as if it had always been in force.",
        completion: .file(extensions: ["yaml", "yml"]))
    var current: String?

    @Option(help: "Only tickets created from this date (2026-10-01, in the candidate's time zone) or instant on.")
    var since: String?

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        let candidate = try Rules.load(path: rules)
        let now = try await cluster.rules(file: current).editions()
        let then = try candidate.editions()
        let start = try since.map { try Self.instant($0, BusinessZone.load(candidate.timezone)) } ?? .min
        let (configuration, logger, topic) = (try cluster.configuration(), cluster.logger, cluster.topics.tickets)
        let description = try await cluster.admin().topics(.after(.seconds(10)))[topic]
        guard let count = description?.partitions.count else {
            throw InputError("there is no topic \(topic); is this the right broker?")
        }
        let instant = Int64(Date().timeIntervalSince1970 * 1_000_000)
        let result = try await BlockingWork("sla-what-if").run {
            var result = SLAWhatIf(since: start)
            // One partition at a time: that many tickets are in memory.
            for partition in 0..<Int32(count) {
                let reader = try TopicReader(configuration, topic: topic, partitions: [partition], logger: logger)
                defer { reader.close() }
                var timelines = TicketTimelineReader()
                var failure: (any Error)?
                try reader.readToEnd { batch, record in
                    do { try timelines.take(batch, record) } catch { failure = error }
                }
                if let failure { throw failure }
                for ticket in timelines.tickets {
                    let (timeline, before) = try timelines.judged(ticket, by: now, at: instant)
                    let after = try timelines.judged(ticket, by: then, at: instant).promises
                    result.add(
                        String(decoding: ticket, as: UTF8.self), now: before, then: after,
                        isRemoved: timeline.ticketRemoval != nil, at: instant)
                }
            }
            return result
        }
        if Console.output.isTerminal { result.print(to: .output) } else { Console.output.write(result.json) }
    }

    private static func instant(_ text: String, _ zone: BusinessZone) throws -> Int64 {
        if let instant = RFC3339.parse(text) { return instant }
        let parts = text.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, let date = CivilDate(year: parts[0], month: parts[1], day: parts[2]) else {
            throw ValidationError(
                "--since: '\(text)' is no date such as 2026-10-01 and no time such as 2026-10-01T09:00:00Z")
        }
        return zone.startOfDay(date.dayNumber)
    }
}
