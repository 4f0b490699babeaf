import ServiceKit
import Testing

/// What tickets, contacts and customers can only decide together.
@Suite struct LinkTests {
    static let second = TicketEvent.second
    static let hour = TicketEvent.hour
    static let day = TicketEvent.day

    /// A ticket that was created at `at` and solved an hour later after one reply.
    private func ticket(
        _ id: String, at: Int64, customer: String? = "U", solved: Int64? = nil, _ more: [(String, String)] = []
    ) -> [Arrival] {
        var data = more
        if let customer { data.append(("customer_id", "\"\(customer)\"")) }
        let solvedAt = solved ?? at + Self.hour
        return [
            TicketEvent("c", "ticket.created", at: at, data),
            TicketEvent(
                "m", "ticket.message", at: at + 60 * Self.second, [("author", "\"agent\""), ("agent_id", "\"A\"")]),
            TicketEvent("s", "ticket.status_changed", at: solvedAt, [("status", "\"solved\""), ("agent_id", "\"A\"")]),
        ].map { Arrival(entity: id, event: $0) }
    }

    private func contact(
        _ id: String, at: Int64, customer: String? = "U", answered: Bool = true, resolved: Bool? = nil,
        _ more: [(String, String)] = []
    ) -> [Arrival] {
        var data = [("channel", "\"phone\"")] + more
        if let customer { data.append(("customer_id", "\"\(customer)\"")) }
        var events = [TicketEvent("q", "contact.queued", at: at, data)]
        if answered {
            events.append(TicketEvent("a", "contact.answered", at: at + 10 * Self.second))
            let end = resolved.map { [("resolved", "\($0)")] } ?? []
            events.append(TicketEvent("e", "contact.ended", at: at + 70 * Self.second, end))
        } else {
            events.append(TicketEvent("x", "contact.abandoned", at: at + 3 * Self.second))
        }
        return events.map { Arrival(entity: id, isContact: true, event: $0) }
    }

    private func figures(
        _ arrivals: [Arrival], after: Int64 = 100 * TicketEvent.day, _ more: String = "", partitions: Int32 = 3
    ) throws -> Pipeline {
        let pipeline = try Pipeline(
            Rules(parsing: "history: 100y\n" + more), partitions: partitions,
            now: TicketEvent.epoch * 1_000_000 + after)
        for arrival in arrivals { pipeline.send(arrival) }
        try pipeline.drain()
        #expect(pipeline.dead.isEmpty)
        return pipeline
    }

    // MARK: First contact resolution of tickets

    private func resolution(_ got: Pipeline, _ kpi: String = "first_contact_resolution", cell: String = "") -> [Int] {
        let data = got.data("\(kpi)/day\(cell)@2026-01-05")
        return ["numerator", "denominator", "pending", "excluded"].map { data?[$0] as? Int ?? 0 }
    }

    @Test func resolvedAtTheFirstContact() throws {
        let got = try figures(ticket("T", at: 0, [("category", "\"billing\"")]))
        #expect(resolution(got) == [1, 1, 0, 0])
        #expect(resolution(got, cell: ";category=billing") == [1, 1, 0, 0])
        #expect(resolution(got, "agent_first_contact_resolution", cell: ";agent=A") == [1, 1, 0, 0])
    }

    @Test func pendingForSevenDays() throws {
        let pipeline = try figures(ticket("T", at: 0), after: Self.hour + 7 * Self.day - 1)
        #expect(resolution(pipeline) == [0, 0, 1, 0])
        pipeline.now += 1
        try pipeline.drain()
        #expect(resolution(pipeline) == [1, 1, 0, 0])
    }

    @Test func withoutCustomerExcludedAtOnce() throws {
        let got = try figures(ticket("T", at: 0, customer: nil), after: 2 * Self.hour)
        #expect(resolution(got) == [0, 0, 0, 1])
    }

    @Test func onlyCustomersTicketsSolvedByPeople() throws {
        let byAgent = ticket("T", at: 0, [("initiator", "\"agent\"")])
        var byBot = ticket("V", at: 0, customer: "W")
        byBot[2].event.data = [("status", "\"solved\""), ("actor", "\"bot\"")]
        #expect(resolution(try figures(byAgent + byBot)) == [0, 0, 0, 0])
    }

    @Test func aRepeatInTheWindowFails() throws {
        let window = Self.hour + 7 * Self.day
        for (at, expected) in [(Self.hour, 1), (Self.hour + 1, 0), (window, 0), (window + 1, 1)] {
            let next = ticket("N", at: at, solved: 50 * Self.day)
            #expect(resolution(try figures(ticket("T", at: 0) + next)) == [expected, 1, 0, 0], "ticket at \(at)")
            #expect(
                resolution(try figures(ticket("T", at: 0) + contact("C", at: at))) == [expected, 1, 0, 0],
                "contact at \(at)")
        }
        let abandoned = contact("C", at: Self.day, answered: false)
        #expect(resolution(try figures(ticket("T", at: 0) + abandoned)) == [1, 1, 0, 0])
        let ofOthers = ticket("N", at: Self.day, customer: "V", solved: 50 * Self.day)
        #expect(resolution(try figures(ticket("T", at: 0) + ofOthers)) == [1, 1, 0, 0])
        let byAgent = ticket("N", at: Self.day, solved: 50 * Self.day, [("initiator", "\"agent\"")])
        #expect(resolution(try figures(ticket("T", at: 0) + byAgent)) == [1, 1, 0, 0])
        // A contact about the same ticket is a repeat, too.
        let own = contact("C", at: Self.day, [("ticket_id", "\"T\"")])
        #expect(resolution(try figures(ticket("T", at: 0) + own)) == [0, 1, 0, 0])
    }

    @Test func ofTheSameCategoryUnlessTheRulesSayOtherwise() throws {
        let first = ticket("T", at: 0, [("category", "\"Billing\"")])
        let other = ticket("N", at: Self.day, solved: 50 * Self.day, [("category", "\"login\"")])
        let same = ticket("N", at: Self.day, solved: 50 * Self.day, [("category", "\"BILLING\"")])
        let none = ticket("N", at: Self.day, solved: 50 * Self.day)
        #expect(resolution(try figures(first + other)) == [1, 1, 0, 0])
        #expect(resolution(try figures(first + none)) == [1, 1, 0, 0])
        #expect(resolution(try figures(first + same)) == [0, 1, 0, 0])
        #expect(resolution(try figures(first + other, "repeat_scope: customer\n")) == [0, 1, 0, 0])
        #expect(resolution(try figures(first + same, "repeat_window: 5h\n")) == [1, 1, 0, 0])
    }

    @Test func moreThanOneAgentOrTeamFails() throws {
        let second = TicketEvent(
            "m2", "ticket.message", at: 120 * Self.second, [("author", "\"agent\""), ("agent_id", "\"B\"")])
        let late = TicketEvent(
            "m3", "ticket.message", at: 2 * Self.hour, [("author", "\"agent\""), ("agent_id", "\"B\"")])
        func team(_ at: Int64) -> TicketEvent { TicketEvent("t\(at)", "ticket.updated", at: at, [("team", "\"two\"")]) }
        let first = ticket("T", at: 0, [("team", "\"one\"")])
        func with(_ event: TicketEvent) -> [Arrival] { first + [Arrival(entity: "T", event: event)] }
        #expect(resolution(try figures(with(second))) == [0, 1, 0, 0])
        #expect(resolution(try figures(with(late))) == [1, 1, 0, 0])
        #expect(resolution(try figures(with(team(30 * Self.second)))) == [1, 1, 0, 0])
        #expect(resolution(try figures(with(team(90 * Self.second)))) == [0, 1, 0, 0])
        let reopened = TicketEvent("r", "ticket.status_changed", at: Self.day, [("status", "\"open\"")])
        #expect(resolution(try figures(with(reopened))) == [0, 1, 0, 0])
    }

    @Test func spamIsNoRepeatAndRestoringBringsItBack() throws {
        let pipeline = try figures(ticket("T", at: 0) + ticket("N", at: Self.day, solved: 50 * Self.day))
        #expect(resolution(pipeline) == [0, 1, 0, 0])
        pipeline.send(TicketEvent("d", "ticket.deleted", at: 60 * Self.day, [("reason", "\"spam\"")]), of: "N")
        try pipeline.drain()
        #expect(resolution(pipeline) == [1, 1, 0, 0])
        try pipeline.restartAll()
        pipeline.send(TicketEvent("r", "ticket.restored", at: 61 * Self.day), of: "N")
        try pipeline.drain()
        #expect(resolution(pipeline) == [0, 1, 0, 0])
        // To another customer.
        pipeline.send(TicketEvent("u", "ticket.updated", at: 62 * Self.day, [("customer_id", "\"V\"")]), of: "N")
        try pipeline.drain()
        #expect(resolution(pipeline) == [1, 1, 0, 0])
    }

    // MARK: First call resolution

    @Test func reportedAndInferredAreNeverMixed() throws {
        let got = try figures(
            contact("C", at: 0, resolved: true) + contact("D", at: Self.hour, customer: nil, resolved: false)
                + contact("E", at: 2 * Self.hour, customer: "W") + contact("F", at: 3 * Self.hour, customer: nil))
        #expect(resolution(got, "first_call_resolution", cell: ";basis=reported") == [1, 2, 0, 0])
        #expect(resolution(got, "first_call_resolution", cell: ";basis=inferred") == [1, 1, 0, 1])
        #expect(resolution(got, "first_call_resolution", cell: ";basis=inferred;channel=phone") == [1, 1, 0, 1])
        #expect(got.data("first_call_resolution/day@2026-01-05") == nil)
    }

    @Test func furtherContactsAndTicketsAreRepeats() throws {
        func inferred(_ arrivals: [Arrival]) throws -> [Int] {
            resolution(
                try figures(contact("C", at: 0, [("ticket_id", "\"T\"")]) + arrivals), "first_call_resolution",
                cell: ";basis=inferred")
        }
        #expect(try inferred([]) == [1, 1, 0, 0])
        // Of other days, so that they do not count here themselves.
        #expect(try inferred(contact("D", at: Self.day, answered: false)) == [0, 1, 0, 0])
        #expect(try inferred(contact("D", at: Self.day, answered: false, [("ticket_id", "\"T\"")])) == [0, 1, 0, 0])
        #expect(try inferred(ticket("N", at: Self.day)) == [0, 1, 0, 0])
        #expect(try inferred(ticket("T", at: Self.day)) == [1, 1, 0, 0])
        #expect(try inferred(contact("D", at: 8 * Self.day)) == [1, 1, 0, 0])
        let moved = TicketEvent("t", "contact.transferred", at: 30 * Self.second)
        #expect(try inferred([Arrival(entity: "C", isContact: true, event: moved)]) == [0, 1, 0, 0])
    }

    // MARK: Handling time

    private func worked(_ id: String, _ at: Int64, _ seconds: Int) -> Arrival {
        Arrival(entity: "T", event: TicketEvent("w\(id)", "ticket.worked", at: at, [("seconds", "\(seconds)")]))
    }

    private func handling(_ got: Pipeline, cell: String = "") -> [Double] {
        let data = got.data("handle_time/day\(cell)@2026-01-05")
        let count = Double(data?["count"] as? Int ?? 0)
        return [count, (data?["value"] as? Double ?? 0) * count, Double(data?["unmeasured"] as? Int ?? 0)]
    }

    @Test func workGoesToTheLatestContactThatEndedBeforeIt() throws {
        let link = [("ticket_id", "\"T\"")]
        let calls = contact("C", at: 0, customer: nil, link) + contact("D", at: Self.hour, customer: nil, link)
        let base = ticket("T", at: 0, customer: nil, [("priority", "\"high\"")])
        // Both calls last 60 s and end 70 s after their beginning.
        let early = worked("1", 70 * Self.second, 1000)
        let first = worked("2", 71 * Self.second, 7)
        let second = worked("3", 2 * Self.hour, 11)
        let got = try figures(base + calls + [early, first, second])
        #expect(handling(got) == [2, 138, 0])
        #expect(handling(got, cell: ";priority=high") == [0, 0, 0])
        #expect(handling(got, cell: ";channel=phone") == [2, 138, 0])
        let quantiles = got.data("handle_time/day@2026-01-05")?["quantiles"] as? [String: Double]
        #expect(abs((quantiles?["p50"] ?? 0) - 67) < 0.7)
    }

    @Test func ofTwoContactsThatEndTogetherTheGreaterIDHasTheWork() throws {
        let link = [("ticket_id", "\"T\"")]
        let got = try figures(
            ticket("T", at: 0, customer: nil) + contact("C9", at: 0, customer: nil, link + [("queue", "\"nine\"")])
                + contact("C10", at: 0, customer: nil, link + [("queue", "\"ten\"")]) + [worked("1", Self.hour, 40)],
            "breakdowns: [queue]\n")
        #expect(handling(got, cell: ";queue=nine") == [1, 100, 0])
        #expect(handling(got, cell: ";queue=ten") == [1, 60, 0])
    }

    @Test func aTicketWithoutContactsHasItsOwn() throws {
        let base = ticket("T", at: 0, customer: nil, [("priority", "\"high\"")])
        #expect(handling(try figures(base)) == [0, 0, 1])
        let own = base + [worked("1", 600 * Self.second, 5), worked("2", 20 * Self.day, 6)]
        #expect(handling(try figures(own), cell: ";priority=high") == [1, 11, 0])
        // Abandoned contacts are none, a call for another ticket neither.
        let abandoned = contact("C", at: 0, customer: nil, answered: false, [("ticket_id", "\"T\"")])
        #expect(handling(try figures(own + abandoned)) == [1, 11, 0])
        let call = contact("C", at: 25 * Self.day, customer: nil, [("ticket_id", "\"T\"")])
        #expect(handling(try figures(own + call)) == [0, 0, 0])
        #expect(handling(try figures(Array(base.dropLast()) + [worked("1", 1, 5)])) == [0, 0, 0])
    }

    @Test func theWorkOfADeletedTicketIsGoneAndTheCallStays() throws {
        let call = contact("C", at: 0, customer: nil, [("ticket_id", "\"T\"")])
        let pipeline = try figures(ticket("T", at: 0, customer: nil) + call + [worked("1", Self.hour, 40)])
        #expect(handling(pipeline) == [1, 100, 0])
        pipeline.send(TicketEvent("d", "ticket.deleted", at: Self.day), of: "T")
        try pipeline.drain()
        #expect(handling(pipeline) == [1, 60, 0])
        pipeline.send(TicketEvent("r", "ticket.restored", at: 2 * Self.day), of: "T")
        try pipeline.drain()
        #expect(handling(pipeline) == [1, 100, 0])
    }

    @Test func theLastTicketOfAContactWins() throws {
        let call = contact("C", at: 0, customer: nil, [("ticket_id", "\"T\"")])
        let pipeline = try figures(ticket("T", at: 0, customer: nil) + call + [worked("1", Self.hour, 40)])
        pipeline.send(
            TicketEvent("w", "contact.wrapped", at: Self.hour, [("seconds", "1"), ("ticket_id", "\"V\"")]),
            ofContact: "C")
        try pipeline.drain()
        // The call without the work, and the ticket on its own.
        #expect(handling(pipeline) == [2, 101, 0])
    }

    // MARK: Bounds

    @Test func whatNobodyStatesAnyMoreLeavesNothing() throws {
        let pipeline = try figures([], partitions: 2)
        let empty = pipeline.changelogRecords(.links)
        let arrivals = (0..<100).flatMap { number in ticket("T\(number)", at: Int64(number), customer: "U") }
        for arrival in arrivals { pipeline.send(arrival) }
        try pipeline.drain()
        let full = pipeline.changelogRecords(.links)
        #expect(full > empty + 100)
        for number in 0..<60 { pipeline.send(TicketEvent("d", "ticket.deleted", at: Self.day), of: "T\(number)") }
        try pipeline.drain()
        try pipeline.restartAll()
        for number in 60..<100 { pipeline.send(TicketEvent("d", "ticket.deleted", at: Self.day), of: "T\(number)") }
        try pipeline.drain()
        #expect(resolution(pipeline) == [0, 0, 0, 0])
        // What remains are cell sets and settings.
        #expect(pipeline.changelogRecords(.links) < empty + 20)
        try pipeline.restartAll()
        try pipeline.drain()
        #expect(resolution(pipeline) == [0, 0, 0, 0])
    }

    @Test func aCustomerHasAtMost4096Facts() throws {
        let arrivals = (0..<4_200).map { number in
            Arrival(
                entity: "T\(number)",
                event: TicketEvent("c", "ticket.created", at: Int64(number), [("customer_id", "\"U\"")]))
        }
        let pipeline = try figures(arrivals, "kpis: [first_contact_resolution]\n", partitions: 1)
        // Heads and chunks of 32.
        #expect(pipeline.changelogRecords(.links) < 2 + 1 + 128 + 1)
    }
}
