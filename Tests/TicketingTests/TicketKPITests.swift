import Foundation
import ServiceKit
import Testing

/// The definitions and their borderline cases, one ticket at a time, through both stages.
@Suite struct TicketKPITests {
    static let minute = TicketEvent.minute
    static let hour = TicketEvent.hour
    static let day = TicketEvent.day

    func figures(
        _ events: [TicketEvent], after: Int64 = 100 * TicketEvent.day, rules: Rules = OrderFreedomTests.utc
    ) throws -> Pipeline {
        let pipeline = try Pipeline(rules, partitions: 1, now: TicketEvent.epoch * 1_000_000 + after)
        for event in events { pipeline.send(event, of: "T-1") }
        try pipeline.drain()
        #expect(pipeline.dead.isEmpty)
        return pipeline
    }

    func created(_ at: Int64 = 0, _ data: [(String, String)] = []) -> TicketEvent {
        TicketEvent("c", "ticket.created", at: at, data)
    }

    func status(_ id: String, _ status: String, at: Int64, _ more: [(String, String)] = []) -> TicketEvent {
        TicketEvent(id, "ticket.status_changed", at: at, [("status", "\"\(status)\"")] + more)
    }

    func message(_ id: String, _ author: String, at: Int64, _ more: [(String, String)] = []) -> TicketEvent {
        TicketEvent(id, "ticket.message", at: at, [("author", "\"\(author)\"")] + more)
    }

    @Test func theLifeOfATicket() throws {
        let life = [
            created(9 * Self.hour, [("channel", "\"email\""), ("priority", "\"urgent\""), ("tier", "\"gold\"")]),
            message("2", "agent", at: 9 * Self.hour + 750 * TicketEvent.second),
            status("3", "pending", at: 9 * Self.hour + 750 * TicketEvent.second),
            message("4", "customer", at: 11 * Self.hour),
            status("6", "solved", at: 9 * Self.hour + 8405 * TicketEvent.second, [("agent_id", "\"A-3\"")]),
        ]
        let got = try figures(life)
        for cell in ["", ";channel=email", ";priority=urgent", ";tier=gold"] {
            #expect(got.value("tickets_created/day\(cell)@2026-01-05") == 1)
            #expect(got.value("tickets_solved/month\(cell)@2026-01") == 1)
            #expect(got.value("tickets_resolved/quarter\(cell)@2026-Q1") == 1)
            #expect(got.value("first_response_time/hour\(cell)@2026-01-05T09+00:00") == 750)
            #expect(got.value("resolution_time/week\(cell)@2026-W02") == 8405)
            #expect(got.value("resolution_time_first/year\(cell)@2026") == 8405)
            #expect(got.value("reopen_rate/day\(cell)@2026-01-05") == 0)
            #expect(got.value("backlog_open/now\(cell)") ?? 0 == 0)
        }
        #expect(got.value("tickets_solved/day;solved_by=agent@2026-01-05") == 1)
        #expect(got.data("tickets_created/week@2026-W02")?["rate_per_day"] as? Double == 1.0 / 7)
        #expect(got.data("first_response_time/day@2026-01-05")?["small_sample"] as? Bool == true)
    }

    @Test func reopening() throws {
        let got = try figures([
            created(), status("1", "solved", at: Self.hour), status("2", "open", at: Self.day),
            status("3", "closed", at: Self.day + Self.hour),
        ])
        #expect(got.value("tickets_solved/month@2026-01") == 2)
        #expect(got.value("tickets_reopened/day@2026-01-06") == 1)
        #expect(got.value("tickets_resolved/day@2026-01-06") == 1)
        #expect(got.value("tickets_resolved/day@2026-01-05") ?? 0 == 0)
        #expect(got.value("resolution_time/day@2026-01-06") == 90_000)
        #expect(got.value("resolution_time_first/day@2026-01-05") == 3600)
        #expect(got.value("resolution_time_cycle/day@2026-01-06") == 3600)
        #expect(got.value("reopen_rate/day@2026-01-05") == 1)
        #expect(got.value("backlog/day@2026-01-05") ?? 0 == 0)
    }

    @Test func solvedToClosedIsNoSolve() throws {
        let got = try figures([created(), status("1", "solved", at: Self.hour), status("2", "closed", at: Self.day)])
        #expect(got.value("tickets_solved/month@2026-01") == 1)
        #expect(got.value("resolution_time/month@2026-01") == 3600)
    }

    @Test func aTicketThatIsReopenedNowKeepsItsResolutionTimeButIsNotResolved() throws {
        let got = try figures([created(), status("1", "solved", at: Self.hour), status("2", "open", at: 2 * Self.hour)])
        #expect(got.value("resolution_time/day@2026-01-05") == 3600)
        #expect(got.value("tickets_resolved/day@2026-01-05") ?? 0 == 0)
        #expect(got.value("backlog_open/now") == 1)
        #expect(got.value("backlog_open/now;status=open") == 1)
        #expect(got.value("backlog_open/now;unassigned=true") == 1)
    }

    @Test func createdAsSolvedIsNoSolveAndNeverInTheBacklog() throws {
        let got = try figures([created(0, [("status", "\"solved\"")]), status("1", "open", at: Self.day)])
        #expect(got.value("tickets_solved/month@2026-01") ?? 0 == 0)
        #expect(got.value("tickets_reopened/month@2026-01") == 1)
        #expect(got.value("backlog/day@2026-01-05") ?? 0 == 0)
        #expect(got.value("backlog/day@2026-01-06") == 1)
    }

    @Test func reopenRateSettlesThirtyDaysAfterTheFirstSolve() throws {
        let life = [created(), status("1", "solved", at: Self.hour), status("2", "open", at: 2 * Self.hour)]
        let settles = Self.hour + 30 * Self.day
        let pipeline = try figures(life, after: settles - 1)
        #expect(pipeline.data("reopen_rate/day@2026-01-05")?["pending"] as? Int == 1)
        #expect(pipeline.value("reopen_rate/day@2026-01-05") == nil)
        pipeline.now += 1
        try pipeline.drain()
        #expect(pipeline.value("reopen_rate/day@2026-01-05") == 1)
        #expect(pipeline.data("reopen_rate/day@2026-01-05")?["pending"] as? Int ?? 0 == 0)
    }

    @Test(arguments: [(0, 0.0), (1, 1.0), (30 * TicketEvent.day, 1.0), (30 * TicketEvent.day + 1, 0.0)])
    func theReopeningWindowIsOpenBelowAndClosedAbove(after: Int64, rate: Double) throws {
        let got = try figures([
            created(), status("1", "solved", at: Self.hour),
            TicketEvent("2", "ticket.status_changed", at: Self.hour + after, sequence: 1, [("status", "\"open\"")]),
        ])
        #expect(got.value("reopen_rate/day@2026-01-05") == rate)
        #expect(got.value("tickets_reopened/year@2026") == 1)
    }

    @Test func firstResponses() throws {
        let bot = try figures([
            created(), message("1", "bot", at: Self.minute), message("2", "agent", at: 2 * Self.minute),
        ])
        #expect(bot.value("first_response_time/day@2026-01-05") == 120)
        let note = try figures([
            created(), message("1", "agent", at: Self.minute, [("public", "false")]),
            message("2", "agent", at: 3 * Self.minute), message("3", "agent", at: 4 * Self.minute),
        ])
        #expect(note.value("first_response_time/day@2026-01-05") == 180)
        #expect(note.data("first_response_time/day@2026-01-05")?["count"] as? Int == 1)
        let outbound = try figures([
            created(0, [("initiator", "\"agent\"")]), message("1", "agent", at: Self.minute),
            message("2", "customer", at: 5 * Self.minute), message("3", "agent", at: 7 * Self.minute),
        ])
        #expect(outbound.value("first_response_time/day@2026-01-05") == 120)
        let none = try figures([created()])
        #expect(none.data("first_response_time/day@2026-01-05")?["open"] as? Int == 1)
        #expect(none.data("first_response_time/day@2026-01-05")?["count"] as? Int == 0)
    }

    @Test func aSkewedFirstResponseIsTheFirstResponseAndIsLeftOut() throws {
        let got = try figures([
            message("1", "agent", at: -Self.minute), created(), message("2", "agent", at: Self.minute),
        ])
        #expect(got.data("first_response_time/day@2026-01-05")?["count"] as? Int ?? 0 == 0)
        #expect(got.data("first_response_time/day@2026-01-05")?["open"] as? Int ?? 0 == 0)
    }

    @Test func aSolveBeforeTheCreation() throws {
        let got = try figures([status("1", "solved", at: -Self.hour), created()])
        #expect(got.value("tickets_solved/day@2026-01-04") == 1)
        #expect(got.value("tickets_resolved/day@2026-01-04") == 1)
        #expect(got.data("resolution_time/day@2026-01-04")?["count"] as? Int ?? 0 == 0)
        #expect(got.value("backlog_open/now") ?? 0 == 0)
        #expect(got.value("backlog/day@2026-01-05") ?? 0 == 0)
    }

    @Test func eventsBeforeTheirCreationWaitForIt() throws {
        let pipeline = try figures([status("1", "solved", at: Self.hour)])
        #expect(pipeline.published.isEmpty)
        pipeline.send(created(), of: "T-1")
        try pipeline.drain()
        #expect(pipeline.value("tickets_solved/day@2026-01-05") == 1)
    }

    @Test func attributesMoveEarlierContributionsButNotTheBacklog() throws {
        let got = try figures([
            created(0, [("team", "\"red\"")]), TicketEvent("1", "ticket.updated", at: Self.day, [("team", "\"Blue\"")]),
            status("2", "solved", at: 2 * Self.day),
        ])
        #expect(got.value("tickets_created/day;team=red@2026-01-05") ?? 0 == 0)
        #expect(got.value("tickets_created/day;team=blue@2026-01-05") == 1)
        #expect(got.value("backlog/day;team=red@2026-01-05") == 1)
        #expect(got.value("backlog/day;team=red@2026-01-06") ?? 0 == 0)
        #expect(got.value("backlog/day;team=blue@2026-01-06") == 1)
        #expect(got.value("backlog/day;team=blue@2026-01-07") ?? 0 == 0)
    }

    @Test func aTicketSolvedAtMidnightWasOpenAtTheEndOfTheDay() throws {
        let got = try figures([created(Self.hour), status("1", "solved", at: Self.day)])
        #expect(got.value("backlog/day@2026-01-05") == 1)
        #expect(got.value("backlog/day@2026-01-06") == 0)
    }

    @Test(arguments: ["deleted", "merged"]) func deletionMergeAndRestoration(kind: String) throws {
        let end = TicketEvent("9", "ticket.\(kind)", at: 3 * Self.day, kind == "merged" ? [("into", "\"T-2\"")] : [])
        let pipeline = try figures([created(), status("1", "solved", at: Self.hour)])
        let before = pipeline.figures
        pipeline.send(end, of: "T-1")
        try pipeline.drain()
        #expect(pipeline.figures.isEmpty)
        pipeline.send(TicketEvent("10", "ticket.restored", at: 4 * Self.day), of: "T-1")
        try pipeline.drain()
        #expect(pipeline.figures == before)
    }

    @Test func snapshots() throws {
        func snapshot(_ version: Int, _ status: String, at: Int64, team: String? = nil) -> TicketEvent {
            TicketEvent(
                "s\(version)", "ticket.snapshot", at: at, sequence: version,
                [("created_at", "\"\(TicketEvent.time(0))\""), ("status", "\"\(status)\"")]
                    + (team.map { [("team", "\"\($0)\"")] } ?? []))
        }
        let got = try figures([
            snapshot(3, "open", at: 2 * Self.day, team: "b"), snapshot(1, "solved", at: Self.day, team: "a"),
            snapshot(4, "closed", at: 2 * Self.day), snapshot(1, "solved", at: Self.day, team: "a"),
        ])
        #expect(got.value("tickets_created/day@2026-01-05") == 1)
        #expect(got.value("tickets_solved/month@2026-01") == 2)
        #expect(got.value("tickets_reopened/month@2026-01") == 1)
        #expect(got.value("resolution_time_first/day@2026-01-06") == 86_400)
        #expect(got.value("tickets_created/day;team=a@2026-01-05") ?? 0 == 0)
        #expect(got.value("tickets_created/day;team=b@2026-01-05") ?? 0 == 0)
        #expect(got.value("backlog/day;team=a@2026-01-05") == 1)
    }

    @Test func voids() throws {
        func void(_ id: String, _ target: String) -> TicketEvent {
            TicketEvent(
                id, "event.voided", at: 5 * Self.day,
                [("voids", "{\"source\":\"https://acme.example/desk\",\"id\":\"T-1-\(target)\"}")])
        }
        let solve = status("1", "solved", at: Self.hour)
        #expect(try figures([void("v", "1"), created(), solve]).value("tickets_solved/day@2026-01-05") ?? 0 == 0)
        #expect(
            try figures([created(), solve, void("v", "1"), void("w", "v")]).value("tickets_solved/day@2026-01-05") == 1)
        #expect(try figures([created(), void("v", "c")]).value("tickets_created/day@2026-01-05") ?? 0 == 0)
    }

    @Test func theGreaterOfTwoConflictingEventsCounts() throws {
        let small = status("1", "closed", at: Self.hour, [("reason", "\"a\"")])
        let great = status("1", "open", at: Self.hour, [("reason", "\"b\"")])
        for order in [[created(), small, great], [great, small, created()]] {
            #expect(try figures(order).value("tickets_solved/day@2026-01-05") ?? 0 == 0)
        }
    }

    @Test func aTimelineHasAtMost4096Events() throws {
        let pipeline = try Pipeline(OrderFreedomTests.utc, partitions: 1)
        pipeline.send(created(), of: "T-1")
        for number in 0..<4200 { pipeline.send(message("m\(number)", "agent", at: Int64(number)), of: "T-1") }
        try pipeline.drain(records: 1000)
        #expect(pipeline.dead.count == 105)
        #expect(pipeline.dead.allSatisfy { $0.reason == "entity_too_large" })
        try pipeline.restartAll()
        pipeline.send(message("m0", "agent", at: 0), of: "T-1")
        try pipeline.drain()
        #expect(pipeline.dead.count == 105)
    }

    @Test func onlyTheKPIsAndWindowsOfTheRules() throws {
        let rules = try Rules(
            parsing:
                "kpis: [first_response_time, resolution_time]\nbreakdowns: [priority, channel]\nwindows: [day]\n")
        let got = try figures(
            [
                created(0, [("channel", "\"email\""), ("team", "\"x\"")]), message("1", "agent", at: Self.minute),
                status("2", "solved", at: Self.hour),
            ], rules: rules)
        #expect(
            Set(got.figures.keys) == [
                "first_response_time/day@2026-01-05", "first_response_time/day;channel=email@2026-01-05",
                "resolution_time/day@2026-01-05", "resolution_time/day;channel=email@2026-01-05",
            ])
    }
}
