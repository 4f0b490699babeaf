import ArgumentParser
import BusinessTime
import Foundation
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
            Reads support.tickets from its beginning, judges every ticket by the rules of today and by the candidate's, as if each \
            had always been in force, and shows the attainment of every promise and the tickets whose verdict changes: a table on \
            a terminal, JSON in a pipe. Nothing is published.

            Examples:
              deskbeat sla what-if --rules new.yaml --current rules.yaml
              deskbeat sla what-if --rules new.yaml --since 2026-10-01 | jq '.changes[].ticket_id'
            """)

    @Option(help: "The candidate rules file.", completion: .file(extensions: ["yaml", "yml"]))
    var rules: String

    @Option(
        help: "The rules file of today. Environment: DESKBEAT_RULES.", completion: .file(extensions: ["yaml", "yml"]))
    var current: String?

    @Option(help: "Only tickets created from this date (2026-10-01, in the candidate's time zone) or instant on.")
    var since: String?

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        guard let path = current ?? environment("DESKBEAT_RULES") else {
            throw ValidationError("name the rules file of today: --current rules.yaml")
        }
        let now = try Self.editions(path)
        let then = try Self.editions(rules)
        let start = try since.map { try Self.instant($0, then.zone) } ?? .min
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
                    let (timeline, before) = try timelines.judged(ticket, by: now.editions, at: instant)
                    let after = try timelines.judged(ticket, by: then.editions, at: instant).promises
                    result.add(
                        String(decoding: ticket, as: UTF8.self), now: before, then: after,
                        isRemoved: timeline.ticketRemoval != nil, at: instant)
                }
            }
            return result
        }
        if Console.output.isTerminal { result.print(to: .output) } else { Console.output.write(result.json) }
    }

    private static func editions(_ path: String) throws -> (editions: [RulesEdition], zone: BusinessZone) {
        let rules = try Rules.load(path: path)
        let zone = try BusinessZone.load(rules.timezone)
        let book = try rules.serviceLevels(zone: zone, file: path).book
        return ([RulesEdition(version: 0, from: .min, book: book)], zone)
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
