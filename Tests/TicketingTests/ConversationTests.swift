import Testing

/// Replies, touches, bots and waiting: each case of the definitions.
@Suite struct ConversationTests {
    private static let minute = TicketEvent.minute
    private static let day = "@2026-01-05"

    private func created(_ more: [(String, String)] = []) -> TicketEvent {
        TicketEvent("0", "ticket.created", at: 0, [("team", "\"a\"")] + more)
    }
    private func message(_ author: String, at minutes: Int64, _ more: [(String, String)] = []) -> TicketEvent {
        TicketEvent(
            "m\(minutes)\(author)", "ticket.message", at: minutes * Self.minute,
            [("author", "\"\(author)\"")] + (author == "agent" ? [("agent_id", "\"A\"")] : []) + more)
    }
    private func status(_ status: String, at minutes: Int64, _ more: [(String, String)] = []) -> TicketEvent {
        TicketEvent(
            "s\(minutes)", "ticket.status_changed", at: minutes * Self.minute, [("status", "\"\(status)\"")] + more)
    }

    /// The tickets' figures `later` days after the Monday on which everything happens.
    private func pipeline(_ tickets: [[TicketEvent]], later: Int64 = 40) throws -> Pipeline {
        let pipeline = try Pipeline(now: (TicketEvent.epoch + later * 86_400) * 1_000_000)
        for (index, events) in tickets.enumerated() {
            for event in events { pipeline.send(event, of: "T-\(index)") }
        }
        try pipeline.drain()
        return pipeline
    }

    /// A ticket's life as the event contract tells it: first response 750 s, response times 750 s and 1,080 s, resolution
    /// 8,405 s, not one-touch.
    @Test func aTicketsLife() throws {
        let second = TicketEvent.second
        let pipeline = try pipeline([
            [
                created(),
                TicketEvent(
                    "1", "ticket.message", at: 750 * second, [("author", "\"agent\""), ("agent_id", "\"A-3\"")]),
                TicketEvent(
                    "2", "ticket.status_changed", at: 750 * second, sequence: 1,
                    [("status", "\"pending\""), ("agent_id", "\"A-3\"")]),
                TicketEvent("3", "ticket.message", at: 7_320 * second, [("author", "\"customer\"")]),
                TicketEvent(
                    "4", "ticket.message", at: 8_400 * second, [("author", "\"agent\""), ("agent_id", "\"A-3\"")]),
                TicketEvent(
                    "5", "ticket.status_changed", at: 8_405 * second,
                    [("status", "\"solved\""), ("agent_id", "\"A-3\"")]),
            ]
        ])
        #expect(pipeline.value("first_response_time/day\(Self.day)") == 750)
        #expect(pipeline.value("response_time/day\(Self.day)") == 915)
        #expect(pipeline.data("response_time/day\(Self.day)")?["count"] as? Int == 2)
        #expect(pipeline.value("response_time_next/day\(Self.day)") == 1_080)
        #expect(pipeline.value("resolution_time/day\(Self.day)") == 8_405)
        #expect(pipeline.value("one_touch_resolution/day\(Self.day)") == 0)
        #expect(pipeline.value("replies_per_ticket/day\(Self.day)") == 2)
        #expect(pipeline.value("requester_wait_time/day\(Self.day)") == 750)
        #expect(pipeline.value("time_in_status/day;status=pending\(Self.day)") == 7_655)
        #expect(pipeline.data("time_in_status/day\(Self.day)") == nil)
        #expect(pipeline.value("agent_tickets_solved/day;agent=A-3\(Self.day)") == 1)
        #expect(pipeline.value("agent_first_response_time/day;agent=A-3\(Self.day)") == 750)
    }

    @Test func severalMessagesAreOneQuestionAndNotesAreNoReplies() throws {
        let pipeline = try pipeline([
            [
                created(), message("agent", at: 5), message("customer", at: 10), message("customer", at: 12),
                message("agent", at: 14, [("public", "false")]), message("agent", at: 20), message("agent", at: 30),
            ]
        ])
        #expect(pipeline.value("response_time_next/day\(Self.day)") == 600)
        #expect(pipeline.data("response_time/day\(Self.day)")?["count"] as? Int == 2)
    }

    @Test func anAgentsTicketWaitsForTheCustomer() throws {
        let pipeline = try pipeline([
            [
                created([("initiator", "\"agent\"")]), message("agent", at: 5), message("customer", at: 10),
                message("agent", at: 17), status("solved", at: 20),
            ]
        ])
        #expect(pipeline.value("first_response_time/day\(Self.day)") == 420)
        #expect(pipeline.value("replies_per_ticket/day\(Self.day)") == 2)
    }

    @Test func botsAnswerButDoNotRespond() throws {
        let pipeline = try pipeline([
            [
                created(), message("bot", at: 1), TicketEvent("h", "ticket.handed_off", at: 10 * Self.minute),
                message("agent", at: 15), status("solved", at: 20, [("agent_id", "\"A\"")]),
            ],
            [created(), message("bot", at: 1), status("solved", at: 2, [("actor", "\"bot\"")])],
            [
                created(), message("bot", at: 1), status("solved", at: 2, [("actor", "\"bot\"")]),
                status("open", at: 60), message("agent", at: 70),
            ],
            [created(), message("agent", at: 4), status("solved", at: 5)],
        ])
        #expect(pipeline.value("first_response_time_any/day\(Self.day)") == 105)
        // 5 minutes from the hand-off, 10 from the reopening, 4 without a bot.
        #expect(pipeline.value("first_response_time_human/day\(Self.day)") == Double(300 + 600 + 240) / 3)
        let bots = try #require(pipeline.data("bot_resolution_rate/day\(Self.day)"))
        #expect(bots["numerator"] as? Int == 1 && bots["denominator"] as? Int == 3)
        #expect(pipeline.value("agent_tickets_solved/day;agent=A\(Self.day)") == 1)
    }

    @Test func oneTouchIsPendingFor30Days() throws {
        let touched = [created(), message("agent", at: 4), status("solved", at: 5)]
        let reopened = touched + [status("open", at: 5 + 10 * 1_440)]
        let early = try pipeline([touched, reopened], later: 20)
        #expect(early.data("one_touch_resolution/day\(Self.day)")?["pending"] as? Int == 2)
        let late = try pipeline([touched, reopened])
        #expect(late.value("one_touch_resolution/day\(Self.day)") == 0.5)
    }

    @Test func transfersAreChangesFromTeamToTeam() throws {
        func team(_ team: String, at minutes: Int64) -> TicketEvent {
            TicketEvent("t\(minutes)", "ticket.updated", at: minutes * Self.minute, [("team", team)])
        }
        let pipeline = try pipeline([
            [
                created(), team("null", at: 1), team("\"a\"", at: 2), team("\"b\"", at: 3),
                TicketEvent("h", "ticket.handed_off", at: 4 * Self.minute, [("team", "\"c\"")]),
                status("solved", at: 5),
                team("\"d\"", at: 6),
            ]
        ])
        #expect(pipeline.value("transfers_per_ticket/day\(Self.day)") == 2)
    }

    @Test func whoWaitsIsCountedNow() throws {
        let pipeline = try pipeline([
            [created()], [created(), message("agent", at: 1)],
            [created(), message("agent", at: 1), message("customer", at: 2)],
            [created(), status("solved", at: 2)],
        ])
        #expect(pipeline.value("awaiting_first_response/now") == 1)
        #expect(pipeline.value("awaiting_reply/now") == 1)
    }
}
