import Foundation
import ServiceKit
import Testing
import Ticketing

/// The state is bounded by what lives: what is closed and silent shrinks, and in the end it goes.
@Suite struct ExpiryTests {
    private static let begin = TicketEvent.epoch * 1_000_000
    private static let solved = TicketEvent.hour

    /// How the state is disturbed before each transaction counts.
    enum Disturbance: CaseIterable { case none, aborts, crashes }

    private func run(_ pipeline: Pipeline, _ disturbance: Disturbance) throws {
        for outcome in disturbance == .none ? [] : [disturbance == .aborts ? Pipeline.Outcome.abort : .crash] {
            for stage in Pipeline.Stage.allCases {
                for partition in 0..<Int(pipeline.partitions) {
                    try pipeline.run(stage, partition, records: 3, outcome)
                }
            }
        }
        try pipeline.drain()
    }

    private func wait(days: Int64, _ pipeline: Pipeline, _ disturbance: Disturbance = .none) throws {
        // Verdicts settle first; then there is nothing left to come.
        pipeline.now += days * TicketEvent.day
        try run(pipeline, disturbance)
        pipeline.now += TicketEvent.day
        try run(pipeline, disturbance)
    }

    private func send(
        _ id: String, _ type: String, at: Int64, of ticket: String, _ data: [(String, String)] = [],
        in pipeline: Pipeline
    ) {
        pipeline.send(TicketEvent(id, type, at: at, data), of: ticket)
    }

    private static let attributes = [("customer_id", "\"C-1\""), ("channel", "\"email\""), ("category", "\"billing\"")]

    /// Created, answered and solved within an hour.
    private func solveTicket(_ ticket: String, in pipeline: Pipeline) {
        send("1", "ticket.created", at: 0, of: ticket, Self.attributes, in: pipeline)
        send(
            "2", "ticket.message", at: TicketEvent.minute, of: ticket,
            [("author", "\"agent\""), ("agent_id", "\"A-1\"")], in: pipeline)
        send(
            "3", "ticket.status_changed", at: Self.solved, of: ticket,
            [("status", "\"solved\""), ("agent_id", "\"A-1\"")], in: pipeline)
    }

    private func reasons(_ pipeline: Pipeline) -> [String] { pipeline.dead.map(\.reason) }

    @Test(arguments: Disturbance.allCases) func aSilentSolvedTicketShrinks(disturbance: Disturbance) throws {
        let pipeline = try Pipeline(partitions: 1, now: Self.begin + TicketEvent.day)
        solveTicket("T-1", in: pipeline)
        solveTicket("T-2", in: pipeline)
        try run(pipeline, disturbance)
        try wait(days: 31, pipeline, disturbance)
        #expect(pipeline.value("reopen_rate/day@2026-01-05") == 0)
        // The other ticket of the customer is a repeat of neither: both came before the solves.
        #expect(pipeline.data("first_contact_resolution/day@2026-01-05")?["denominator"] as? Int == 2)

        // What is known already has no effect, and nothing else is accepted.
        solveTicket("T-1", in: pipeline)
        try run(pipeline, disturbance)
        #expect(reasons(pipeline) == [])
        send("4", "ticket.message", at: 32 * TicketEvent.day, of: "T-1", [("author", "\"customer\"")], in: pipeline)
        send("2", "ticket.message", at: TicketEvent.minute, of: "T-1", [("author", "\"bot\"")], in: pipeline)
        try run(pipeline, disturbance)
        #expect(reasons(pipeline) == ["entity_expired", "entity_expired"])
        #expect(pipeline.value("tickets_created/day@2026-01-05") == 2)

        // Deletion takes everything back, once, also what was stated to the customer; there is no way back.
        for _ in 0..<2 {
            send("5", "ticket.deleted", at: 33 * TicketEvent.day, of: "T-1", in: pipeline)
            try run(pipeline, disturbance)
        }
        for kpi in ["tickets_created", "tickets_solved"] {
            #expect(pipeline.value("\(kpi)/day@2026-01-05") == 1)
            #expect(pipeline.value("\(kpi)/day;category=billing@2026-01-05") == 1)
        }
        #expect(pipeline.data("first_contact_resolution/day@2026-01-05")?["denominator"] as? Int == 1)
        #expect(pipeline.data("first_response_time/day@2026-01-05")?["count"] as? Int == 1)
        send("6", "ticket.restored", at: 34 * TicketEvent.day, of: "T-1", in: pipeline)
        try run(pipeline, disturbance)
        #expect(reasons(pipeline).count == 3 && pipeline.value("tickets_created/day@2026-01-05") == 1)
    }

    /// Whether it has been looked at or not: only the arrivals decide.
    @Test func anEventFindsTheTicketExpiredBeforeAnybodyHasLooked() throws {
        let pipeline = try Pipeline(partitions: 1, now: Self.begin + TicketEvent.day)
        solveTicket("T-1", in: pipeline)
        try pipeline.drain()
        pipeline.now += 30 * TicketEvent.day
        send("4", "ticket.updated", at: 31 * TicketEvent.day, of: "T-1", [("priority", "\"high\"")], in: pipeline)
        send("5", "ticket.merged", at: 31 * TicketEvent.day, of: "T-1", [("into", "\"T-9\"")], in: pipeline)
        try pipeline.drain()
        #expect(reasons(pipeline) == ["entity_expired"])
        #expect(pipeline.value("tickets_created/day@2026-01-05") == 0)
    }

    @Test func whatIsOpenDoesNotExpire() throws {
        let pipeline = try Pipeline(partitions: 1, now: Self.begin + TicketEvent.day)
        send("1", "ticket.created", at: 0, of: "T-1", Self.attributes, in: pipeline)
        try pipeline.drain()
        try wait(days: 500, pipeline)
        send(
            "2", "ticket.message", at: 501 * TicketEvent.day, of: "T-1", [("author", "\"agent\"")], in: pipeline)
        try pipeline.drain()
        #expect(reasons(pipeline) == [])
        #expect(pipeline.data("first_response_time/day@2027-05-21")?["count"] as? Int == 1)
    }

    /// A residue stays in the cells in which its ticket counted, whatever the rules are by then.
    @Test func newRulesLeaveResiduesAlone() throws {
        let pipeline = try Pipeline(partitions: 1, now: Self.begin + TicketEvent.day)
        solveTicket("T-1", in: pipeline)
        try pipeline.drain()
        try wait(days: 31, pipeline)
        var rules = try Rules(parsing: "breakdowns: []")
        rules.version = 1
        rules.publishedAt = pipeline.now
        try pipeline.restartAll(try TicketingTopology(rules: rules, partitions: 1))
        try pipeline.drain()
        #expect(pipeline.value("tickets_created/day;category=billing@2026-01-05") == 1)
        send("4", "ticket.deleted", at: 40 * TicketEvent.day, of: "T-1", in: pipeline)
        try pipeline.drain()
        #expect(pipeline.value("tickets_created/day@2026-01-05") == 0)
        #expect(pipeline.value("tickets_created/day;category=billing@2026-01-05") == 0)
    }

    @Test(arguments: Disturbance.allCases) func inTheEndNothingIsLeftButWhatWasCounted(disturbance: Disturbance) throws
    {
        let pipeline = try Pipeline(partitions: 1, now: Self.begin + TicketEvent.day)
        let empty = pipeline.changelogRecords(.tickets)
        solveTicket("T-1", in: pipeline)
        // More events than stand in one record.
        for number in 0..<40 {
            send("n\(number)", "ticket.message", at: 30, of: "T-1", [("author", "\"agent\"")], in: pipeline)
        }
        try run(pipeline, disturbance)
        let whole = pipeline.changelogRecords(.tickets)
        try wait(days: 31, pipeline, disturbance)
        let shrunk = pipeline.changelogRecords(.tickets)
        try wait(days: 400, pipeline, disturbance)
        let gone = pipeline.changelogRecords(.tickets)
        #expect(gone == shrunk - 1 && shrunk < whole && gone >= empty)
        #expect(pipeline.value("tickets_created/year@2026") == 1)
        #expect(pipeline.value("tickets_created/day@2026-01-05") == 1)
    }

    @Test(arguments: Disturbance.allCases) func whatNeverBeganBecomesDeadLetters(disturbance: Disturbance) throws {
        let pipeline = try Pipeline(partitions: 1, now: Self.begin + TicketEvent.day)
        for ticket in ["T-1", "T-2"] {
            send(
                "2", "ticket.message", at: TicketEvent.minute, of: ticket, [("author", "\"agent\"")], in: pipeline)
            send("3", "ticket.status_changed", at: Self.solved, of: ticket, [("status", "\"solved\"")], in: pipeline)
        }
        try run(pipeline, disturbance)
        // The creation of one of them comes in time.
        pipeline.now += 20 * TicketEvent.day
        send("1", "ticket.created", at: 0, of: "T-2", Self.attributes, in: pipeline)
        try run(pipeline, disturbance)
        try wait(days: 11, pipeline, disturbance)
        #expect(reasons(pipeline) == ["orphan_expired", "orphan_expired"])
        #expect(pipeline.value("tickets_solved/day@2026-01-05") == 1)
        // From now on it is a ticket like any other.
        solveTicket("T-1", in: pipeline)
        try run(pipeline, disturbance)
        #expect(reasons(pipeline).count == 2 && pipeline.value("tickets_solved/day@2026-01-05") == 2)
    }

    /// 1,000 values of a dimension have series of their own; the rest is counted together, and everything overall.
    @Test func furtherValuesOfADimensionShareASeries() throws {
        let pipeline = try Pipeline(
            try Rules(parsing: "kpis: [tickets_created]\nwindows: [day]\nbreakdowns: [category, tag]"), partitions: 1,
            now: Self.begin + TicketEvent.day)
        for number in 0..<1_004 {
            let tags = #"["a\#(number)","b\#(number)"]"#
            send(
                "1", "ticket.created", at: Int64(number), of: "T-\(number)",
                [("category", "\"c\(number)\""), ("tags", tags)], in: pipeline)
        }
        try pipeline.drain()
        #expect(pipeline.value("tickets_created/day@2026-01-05") == 1_004)
        #expect(pipeline.value("tickets_created/day;category=c999@2026-01-05") == 1)
        #expect(pipeline.value("tickets_created/day;category=~other@2026-01-05") == 4)
        // A ticket with two tags beyond the limit counts once.
        #expect(pipeline.value("tickets_created/day;tag=~other@2026-01-05") == 504)
        // After a restart the same values are known.
        try pipeline.restartAll()
        for (ticket, category) in [("N-1", "c999"), ("N-2", "c1003"), ("N-3", "new")] {
            send(
                "1", "ticket.created", at: 5, of: ticket, [("category", "\"\(category)\"")], in: pipeline)
        }
        try pipeline.drain()
        #expect(pipeline.value("tickets_created/day;category=c999@2026-01-05") == 2)
        #expect(pipeline.value("tickets_created/day;category=~other@2026-01-05") == 6)
        #expect(pipeline.data("tickets_created/day;category=c1003@2026-01-05") == nil)
    }

    /// Facts have no end of their own: customers, tickets and agents' days would pile up.
    @Test(arguments: Disturbance.allCases) func whatIsMadeOfFactsGoes(disturbance: Disturbance) throws {
        let pipeline = try Pipeline(
            Rules(parsing: "history: 100y"), partitions: 1, now: Self.begin + TicketEvent.day)
        solveTicket("T-1", in: pipeline)
        try run(pipeline, disturbance)
        try wait(days: 440, pipeline, disturbance)
        let figures = pipeline.figures
        let records = pipeline.changelogRecords(.links)
        #expect(records > 0 && figures["first_contact_resolution/day@2026-01-05"] != nil)
        try wait(days: 30, pipeline, disturbance)
        #expect(pipeline.changelogRecords(.links) < records)
        try pipeline.restartAll()
        try run(pipeline, disturbance)
        #expect(pipeline.figures == figures)
    }
}
