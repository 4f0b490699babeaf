import Foundation
import ServiceKit
import SupportEvents
import TestSupport
import Testing

/// Calls and chats: the definitions and their borderline cases, through all stages.
@Suite struct ContactKPITests {
    static let second = TicketEvent.second
    static let hour = TicketEvent.hour

    /// A call that was queued at `at`; everything else in seconds after that.
    struct Call {
        var at = TicketEvent.hour
        var queued: [(String, String)] = []
        var events: [TicketEvent] = []

        init(at: Int64 = TicketEvent.hour, _ queued: [(String, String)] = []) {
            self.at = at
            self.queued = queued
        }

        func then(_ type: String, _ seconds: Double, _ data: [(String, String)] = [], id: String = "") -> Call {
            var call = self
            call.events.append(
                TicketEvent(
                    id.isEmpty ? "\(type)\(events.count)" : id, "contact.\(type)",
                    at: at + Int64(seconds * 1e6), data))
            return call
        }

        var all: [TicketEvent] {
            [TicketEvent("q", "contact.queued", at: at, [("channel", "\"phone\"")] + queued)] + events
        }
    }

    static func rules(_ more: String = "") throws -> Rules { try Rules(parsing: "history: 100y\n" + more) }

    func figures(_ calls: [Call], _ more: String = "", tickets: [Arrival] = []) throws -> Pipeline {
        let now = (TicketEvent.epoch + 100 * 86_400) * 1_000_000
        let pipeline = try Pipeline(Self.rules(more), partitions: 2, now: now)
        for (number, call) in calls.enumerated() {
            for event in call.all { pipeline.send(event, ofContact: "C-\(number)") }
        }
        for ticket in tickets { pipeline.send(ticket) }
        try pipeline.drain()
        #expect(pipeline.dead.isEmpty)
        return pipeline
    }

    private func count(_ got: Pipeline, _ kpi: String) -> Double { got.value("\(kpi)/day@2026-01-05") ?? 0 }

    // MARK: Waiting

    @Test(arguments: [("net", 70, 88), ("offered", 70, 92), ("answered", 70, 80)])
    func theWorkedExample(_ denominator: String, _ above: Int, _ below: Int) throws {
        let calls =
            (0..<70).map { _ in Call().then("answered", 20) } + (0..<10).map { _ in Call().then("answered", 20.5) }
            + (0..<8).map { _ in Call().then("abandoned", 4.999) } + (0..<4).map { _ in Call().then("abandoned", 20) }
            + (0..<8).map { _ in Call().then("abandoned", 21) }
        for spelling in ["denominator: \(denominator)\n", "service_level: {denominator: \(denominator)}\n"] {
            let got = try figures(calls, spelling)
            let level = try #require(got.data("service_level/day@2026-01-05"))
            #expect(level["numerator"] as? Int == above)
            #expect(level["denominator"] as? Int == below)
            let named = try #require(level["service_level"] as? [String: Any])
            #expect(named["denominator"] as? String == denominator)
            #expect(named["within_seconds"] as? Int == 20)
            #expect(named["target"] as? Double == 0.8)
            #expect(count(got, "contacts_offered") == 92)
            #expect(count(got, "contacts_short_abandoned") == 8)
            #expect(count(got, "contacts_answered") == 80)
            #expect(count(got, "contacts_abandoned") == 12)
            #expect(count(got, "abandonment_rate") == 12.0 / 92)
        }
    }

    @Test func theSettingsAreUsed() throws {
        let calls = [
            Call().then("answered", 30), Call([("channel", "\"chat\"")]).then("answered", 50),
            Call().then("abandoned", 0), Call().then("abandoned", 10),
        ]
        let got = try figures(
            calls,
            "short_abandon: 0s\nservice_level: {within: 25s, target: 90%, denominator: offered, by_channel: {chat: 60s}}\n"
        )
        let level = try #require(got.data("service_level/day@2026-01-05"))
        #expect(level["numerator"] as? Int == 1)
        #expect(level["denominator"] as? Int == 4)
        #expect(count(got, "contacts_short_abandoned") == 0)
        #expect(count(got, "contacts_abandoned") == 2)
        #expect((level["service_level"] as? [String: Any])?["target"] as? Double == 0.9)
    }

    @Test func fates() throws {
        let got = try figures([
            Call(),  // waits
            Call().then("ended", 2, [("outcome", "\"voicemail\"")]),
            Call().then("abandoned", 40, [("in", "\"ivr\"")]),
            // Answered wins, whatever happens during the transfer.
            Call().then("answered", 10).then("transferred", 30).then("abandoned", 45),
            Call().then("abandoned", 7).then("ended", 8),
        ])
        #expect(count(got, "contacts_offered") == 5)
        #expect(count(got, "contacts_answered") == 1)
        #expect(count(got, "contacts_abandoned") == 1)
        #expect(count(got, "contacts_other") == 2)
        #expect(count(got, "contact_transfer_rate") == 1)
        #expect(count(got, "abandon_time") == 7)
        // Waiting and other ones are in the net denominator.
        #expect(got.data("service_level/day@2026-01-05")?["denominator"] as? Int == 4)
    }

    @Test func withoutQueueingNothingCounts() throws {
        let pipeline = try Pipeline(Self.rules(), partitions: 1)
        pipeline.send(TicketEvent("a", "contact.abandoned", at: 0, [("in", "\"ivr\"")]), ofContact: "C")
        pipeline.send(TicketEvent("b", "contact.answered", at: 0), ofContact: "D")
        try pipeline.drain()
        #expect(pipeline.published.isEmpty)
    }

    @Test func theFirstQueueingAndTheFirstAnswerCount() throws {
        let got = try figures([
            Call().then("queued", 30, [("channel", "\"chat\"")]).then("transferred", 35, [("team", "\"B\"")])
                .then("answered", 40).then("answered", 90)
        ])
        #expect(count(got, "speed_of_answer") == 40)
        #expect(got.value("speed_of_answer/hour;channel=phone@2026-01-05T01+00:00") == 40)
        #expect(got.value("speed_of_answer/hour;team=b@2026-01-05T01+00:00") == 40)
        // Transferred before any answer.
        #expect(count(got, "contact_transfer_rate") == 1)
    }

    @Test func negativeWaitsAreLeftOut() throws {
        let got = try figures([Call().then("answered", -3)])
        #expect(count(got, "contacts_answered") == 1)
        #expect(count(got, "service_level") == 1)
        #expect(got.data("speed_of_answer/day@2026-01-05")?["count"] as? Int ?? 0 == 0)
    }

    // MARK: Handling time

    static let parts: [(call: Call, expected: Double?)] = [
        (Call().then("answered", 10).then("ended", 100), 90),
        (Call().then("answered", 10).then("held", 20).then("resumed", 50).then("ended", 100), 90),
        (Call().then("answered", 10).then("ended", 100, [("talk_seconds", "12.5")]), 12.5),
        // Talk is stated, hold is not: 30 s, and one without resumption to the end.
        (
            Call().then("answered", 10).then("held", 20).then("resumed", 50).then("held", 95)
                .then("ended", 100, [("talk_seconds", "12")]), 47
        ),
        (Call().then("answered", 10).then("ended", 100, [("hold_seconds", "500")]), 90),
        (
            Call().then("answered", 10).then("ended", 100, [("wrap_seconds", "7")]).then(
                "wrapped", 110, [("seconds", "3")]), 97
        ),
        (
            Call().then("answered", 10).then("ended", 100).then("wrapped", 110, [("seconds", "3")])
                .then("wrapped", 120, [("seconds", "4")]), 97
        ),
        // Waits between transfer and second answer are talk.
        (Call().then("answered", 10).then("transferred", 40).then("answered", 60).then("ended", 100), 90),
        (Call().then("answered", 10).then("transferred", 40), nil),
        (Call().then("abandoned", 10).then("ended", 11), nil),
        (Call().then("answered", 110).then("ended", 100), nil),
    ]

    @Test(arguments: 0..<Self.parts.count) func handlingTimePartByPart(_ index: Int) throws {
        let (call, expected) = Self.parts[index]
        for linked in [false, true] {
            var call = call
            if linked { call.queued.append(("ticket_id", "\"T\"")) }
            let got = try figures([call])
            #expect(got.value("handle_time/day@2026-01-05") == expected, "linked: \(linked)")
            #expect(got.value("handle_time/day;channel=phone@2026-01-05") == expected, "linked: \(linked)")
        }
    }

    @Test func eachAgentHasItsOwnSegment() throws {
        let got = try figures([
            Call().then("answered", 10, [("agent_id", "\"A\"")]).then("transferred", 40)
                .then("answered", 60, [("agent_id", "\"B\"")]).then("ended", 100).then(
                    "wrapped", 105, [("seconds", "5")]),
            Call().then("answered", 1, [("agent_id", "\"A\"")]).then("ended", 100, [("talk_seconds", "11")]),
        ])
        let own = got.data("agent_handle_time/day;agent=A@2026-01-05")
        #expect(own?["count"] as? Int == 2)
        #expect(own?["value"] as? Double == 20.5)
        #expect(got.value("agent_handle_time/day;agent=B@2026-01-05") == 45)
        let off = try figures([Call().then("answered", 10, [("agent_id", "\"A\"")]).then("ended", 20)], "agents: off\n")
        #expect(!off.published.keys.contains { $0.contains("agent=") })
    }

    @Test func queuesAreABreakdown() throws {
        let got = try figures([Call([("queue", "\"Loans\"")]).then("answered", 5)], "breakdowns: [queue]\n")
        #expect(got.value("speed_of_answer/day;queue=loans@2026-01-05") == 5)
    }

    // MARK: Identity

    /// Two events of one identity: the one with the greater canonical encoding counts, in either order, as the encoding of
    /// the event itself says, not the one that the state has put together again.
    @Test(arguments: 0..<40) func ofTwoEventsWithOneIdentityTheGreaterCounts(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let types: [(String, [(String, [String])])] = [
            ("answered", [("agent_id", ["\"A\"", "7"]), ("ticket_id", ["\"T\"", "8"])]),
            ("held", [("ticket_id", ["\"T\""])]),
            ("transferred", [("team", ["\"B\"", "\"a\""]), ("agent_id", ["\"A\""])]),
            (
                "ended",
                [
                    ("talk_seconds", ["1", "1.5"]), ("hold_seconds", ["2", "0"]), ("wrap_seconds", ["3"]),
                    ("resolved", ["true", "false"]), ("outcome", ["\"voicemail\"", "\"callback\""]),
                ]
            ),
            ("wrapped", [("seconds", ["2", "30"])]), ("abandoned", [("in", ["\"queue\"", "\"ivr\""])]),
        ]
        func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }
        let pair = (0..<2).map { _ in
            let (type, members) = pick(types)
            var data: [(String, String)] = []
            for (name, values) in members where name == "seconds" || Bool.random(using: &random) {
                data.append((name, pick(values)))
            }
            return TicketEvent("x", "contact.\(type)", at: Self.hour + pick([10, 60]) * Self.second, data)
        }
        let decoder = EventDecoder()
        let encodings = pair.map { event in
            var encoder = CanonicalEncoder()
            let decoded = decoder.decode(value: event.json(contact: "C-0"))
            #expect(decoded.rejection == nil)
            encoder.encodeForConflict(decoded, in: decoder)
            return encoder.bytes
        }
        let winner = CanonicalEncoder.isGreater(encodings[0], than: encodings[1]) ? pair[0] : pair[1]
        func figures(_ events: [TicketEvent]) throws -> [String: String] {
            var call = Call().then("answered", 30).then("ended", 70)
            call.events += events
            return try self.figures([call]).figures
        }
        let expected = try figures([winner])
        #expect(try figures(pair) == expected, "seed \(seed)")
        #expect(try figures(pair.reversed()) == expected, "seed \(seed)")
    }
}
