import Foundation
import ServiceKit
import Testing
import Ticketing

/// What the shared KPI library does for tickets: ages, profiles, business time, goals, and breakdowns of every kind.
@Suite struct SharedKPITests {
    static let minute = TicketEvent.minute
    static let hour = TicketEvent.hour
    static let day = TicketEvent.day
    private static let history = "history: {hours: 100y, days: 100y, months: 100y}\n"

    private func figures(_ events: [(String, TicketEvent)], after: Int64, rules: String = "") throws -> Pipeline {
        let pipeline = try Pipeline(
            try Rules(parsing: Self.history + rules), partitions: 2, now: TicketEvent.epoch * 1_000_000 + after)
        for (ticket, event) in events { pipeline.send(event, of: ticket) }
        try pipeline.drain()
        #expect(pipeline.dead.isEmpty)
        return pipeline
    }

    private func created(_ at: Int64, _ data: [(String, String)] = []) -> TicketEvent {
        TicketEvent("c", "ticket.created", at: at, data)
    }

    private func status(_ id: String, _ status: String, at: Int64) -> TicketEvent {
        TicketEvent(id, "ticket.status_changed", at: at, [("status", "\"\(status)\"")])
    }

    private func reply(_ id: String, at: Int64, _ author: String = "agent") -> TicketEvent {
        TicketEvent(id, "ticket.message", at: at, [("author", "\"\(author)\"")])
    }

    @Test func openTicketsHaveAges() throws {
        let got = try figures(
            [
                ("T-1", created(0)), ("T-2", created(3 * Self.hour, [("channel", "\"email\"")])),
                ("T-2", reply("r", at: 4 * Self.hour)), ("T-2", reply("m", at: 5 * Self.hour, "customer")),
                ("T-3", created(Self.hour)), ("T-3", status("s", "solved", at: 2 * Self.hour)),
            ], after: 6 * Self.hour)
        #expect(got.value("backlog_age/now") == 4.5 * 3600)
        #expect(got.data("backlog_age/now")?["count"] as? Int == 2)
        #expect(got.data("backlog_age/now")?["max"] as? Double == 21_600.0)
        #expect(got.value("backlog_age/now;channel=email") == 10_800.0)
        #expect(got.value("awaiting_first_response/now") == 1)
        #expect((got.data("awaiting_first_response/now")?["age"] as? [String: Double])?["max"] == 21_600.0)
        #expect((got.data("awaiting_reply/now")?["age"] as? [String: Double])?["p50"] == 3600)
        let updates = got.updates
        got.now += Self.minute
        try got.drain()
        #expect(got.updates > updates)
        #expect((got.data("awaiting_reply/now")?["age"] as? [String: Double])?["p50"] == 3660)
        got.send(status("x", "solved", at: 6 * Self.hour), of: "T-1")
        got.send(TicketEvent("d", "ticket.deleted", at: 6 * Self.hour), of: "T-2")
        try got.drain()
        #expect(got.data("backlog_age/now")?["value"] is NSNull && got.value("awaiting_reply/now") == 0)
        #expect(got.data("awaiting_first_response/now")?["age"] is NSNull)
    }

    @Test func theWeekHasAProfile() throws {
        let got = try figures(
            [
                ("T-1", created(9 * Self.hour, [("channel", "\"email\"")])),
                ("T-2", created(9 * Self.hour + Self.minute)),
                ("T-3", created(6 * Self.day + 23 * Self.hour)), ("T-4", created(7 * Self.day)),
                ("T-5", created(Self.day)), ("T-5", TicketEvent("s", "ticket.deleted", at: 2 * Self.day)),
            ], after: 14 * Self.day)
        let cells = try #require(got.data("issue_profile/week@2026-W02")?["cells"] as? [Double])
        #expect(cells[9] == 2 && cells[167] == 1 && cells[24] == 0 && cells.count == 168)
        #expect(got.data("issue_profile/week@2026-W02")?["weeks"] as? Int == 1)
        #expect((got.data("issue_profile/week@2026-W03")?["cells"] as? [Double])?[9] == 1)
        #expect((got.data("issue_profile/week;channel=email@2026-W03")?["cells"] as? [Double])?[9] == 0.5)
        #expect(!got.figures.keys.contains { $0.hasPrefix("issue_profile") && $0.contains("priority") })
    }

    /// A working day of eight hours in between; pauses are not taken out.
    @Test func durationsInBusinessTime() throws {
        let rules = """
            calendars: {office: {week: {mon-fri: ["09:00-17:00"]}}, always: {always: true}}
            business_calendar: office
            business_calendar_by: {team: {Night: always}}

            """
        let life = [
            reply("r", at: Self.day + 10 * Self.hour), status("p", "pending", at: Self.day + 11 * Self.hour),
            status("o", "open", at: Self.day + 13 * Self.hour), status("s", "solved", at: Self.day + 18 * Self.hour),
        ]
        let got = try figures(
            ([created(16 * Self.hour)] + life).map { ("T-1", $0) }
                + ([created(16 * Self.hour, [("team", "\"night\"")])] + life).map { ("T-2", $0) }, after: 40 * Self.day,
            rules: rules)
        // Monday 16:00 to Tuesday 10:00: an hour and an hour; by night 18 hours.
        #expect(got.value("first_response_time_business/day@2026-01-06") == 36_000.0)
        #expect(got.value("first_response_time_business/day;team=night@2026-01-06") == 64_800.0)
        #expect(got.value("response_time_business/day;team=night@2026-01-06") == 64_800.0)
        #expect(got.value("resolution_time_business/day@2026-01-06") == 63_000.0)
        #expect(got.value("resolution_time_first_business/day;team=night@2026-01-06") == 93_600.0)
        #expect(got.value("resolution_time_cycle_business/day;team=night@2026-01-06") == 93_600.0)
        // Two hours of waiting for the customer, of which all are working hours.
        #expect(got.value("requester_wait_time_business/day@2026-01-06") == 55_800.0)
        #expect(got.value("first_response_time/day@2026-01-06") == 64_800.0)
        let without = try figures([("T-1", created(0)), ("T-1", life[0])], after: 40 * Self.day)
        #expect(!without.figures.keys.contains { $0.contains("_business") })
    }

    @Test func everyBreakdownThatTheRulesAskFor() throws {
        let got = try figures(
            [
                (
                    "T-1",
                    created(
                        0,
                        [
                            ("tags", "[\"VIP\",\"a b;c=d\",\"vip\"]"), ("subcategory", "\"Zölle\""),
                            ("queue", "\"q/1\""),
                            ("team", "\"t\""), ("priority", "\"high\""),
                        ])
                ),
                ("T-2", created(0, [("tags", "[\"vip\"]"), ("team", "\"t\"")])),
            ], after: Self.day, rules: "breakdowns: [tag, subcategory, queue, [team, priority], [tag, queue]]\n")
        // A ticket has no queue; only contacts do.
        let keys = Set(got.figures.keys.filter { $0.hasPrefix("tickets_created/day") })
        #expect(
            keys == [
                "tickets_created/day@2026-01-05", "tickets_created/day;tag=vip@2026-01-05",
                "tickets_created/day;tag=a%20b%3Bc%3Dd@2026-01-05",
                "tickets_created/day;subcategory=z%C3%B6lle@2026-01-05",
                "tickets_created/day;priority=high;team=t@2026-01-05",
                // The usual ones are there besides.
                "tickets_created/day;priority=high@2026-01-05", "tickets_created/day;team=t@2026-01-05",
            ])
        #expect(got.value("tickets_created/day;tag=vip@2026-01-05") == 2)
        #expect(got.value("tickets_created/day@2026-01-05") == 2)
        let dimensions =
            got.data("tickets_created/day;tag=a%20b%3Bc%3Dd@2026-01-05")?["dimensions"] as? [String: String]
        #expect(dimensions == ["tag": "a b;c=d"])
    }

    /// A thousand values have cells of their own; further ones count in `~other`, over restarts and when they are taken back.
    @Test func furtherValuesCountTogether() throws {
        let rules =
            Self.history + "kpis: [tickets_created]\nwindows: [day]\nbreakdowns: [category, tag, [category, tag]]\n"
        let pipeline = try Pipeline(
            try Rules(parsing: rules), partitions: 1, now: TicketEvent.epoch * 1_000_000 + Self.day)
        func send(_ numbers: Range<Int>) throws {
            for number in numbers {
                let data = [("category", "\"C-\(number)\""), ("tags", "[\"a-\(number)\",\"b-\(number)\"]")]
                pipeline.send(created(0, data), of: "T-\(number)")
            }
            try pipeline.drain(records: 500)
        }
        func value(_ cell: String) -> Double? { pipeline.value("tickets_created/day\(cell)@2026-01-05") }
        try send(0..<1_000)
        #expect(value(";category=~other") == nil)
        // Of two tags a ticket, 500 tickets have used up what is admitted; a ticket counts in a cell once.
        #expect(value(";tag=~other") == 500 && value(";tag=b-499") == 1 && value(";tag=a-500") == nil)
        try pipeline.restartAll()
        try send(1_000..<1_020)
        #expect(value("") == 1_020 && value(";category=~other") == 20 && value(";category=c-999") == 1)
        #expect(value(";category=c-1000") == nil && value(";category=~other;tag=~other") == 20)
        pipeline.send(TicketEvent("d", "ticket.deleted", at: Self.hour), of: "T-1001")
        pipeline.send(
            TicketEvent("u", "ticket.updated", at: Self.hour, [("category", "\"C-7\"")]), of: "T-1002")
        try pipeline.drain()
        #expect(value("") == 1_019 && value(";category=~other") == 18 && value(";category=c-7") == 2)
    }

    @Test func aGoalOnTicketsIsTold() throws {
        let rules = """
            goals:
              - {name: few, kpi: tickets_created, window: day, comparison: "<=", target: 1, dimensions: {channel: email}}
              - {name: young, kpi: backlog_age, statistic: max, window: now, comparison: "<", target: 2h, for: 10m}

            """
        let email = [("channel", "\"email\"")]
        let pipeline = try Pipeline(
            try Rules(parsing: Self.history + rules), partitions: 2,
            now: TicketEvent.epoch * 1_000_000 + Self.hour)
        for ticket in ["T-1", "T-2"] { pipeline.send(created(0, email), of: ticket) }
        try pipeline.drain()
        #expect(
            (pipeline.data("tickets_created/day;channel=email@2026-01-05")?["goal"] as? [String: Any])?["met"] as? Bool
                == false)
        func pass(_ time: Int64) throws {
            pipeline.now += time
            for index in 0..<2 { try pipeline.run(.series, index, records: 100) }
        }
        try pass(Self.hour)
        try pass(10 * Self.minute)
        let age = try #require(pipeline.published["backlog_age/now#young#1"])
        #expect(
            age["type"] as? String == "deskbeat.kpi.goal.missed" && age["source"] as? String == "deskbeat/ticketing")
        try pass(Self.day)
        try pass(TicketEvent.second)
        #expect(pipeline.published["tickets_created/day;channel=email@2026-01-05#few#1"] == nil)
        try pass(10 * TicketEvent.second)
        let data = pipeline.data("tickets_created/day;channel=email@2026-01-05#few#1")
        #expect(data?["final"] as? Bool == true && data?["value"] as? Int == 2)
    }
}
