import Foundation
import TestSupport
import Testing

/// Calls and chats: from the queue to the answer.
@Suite struct CallTests {
    private static let rules = """
        history: 100y
        calendars: {always: {always: true}}
        links: {ticket: "https://desk.example/{ticket_id}", runbook: "https://desk.example/{metric}"}
        policies:
          - id: calls
            calendar: always
            metrics: {answer: {target: 60s, warn: [50%]}, first_response: {target: 1h}}
        """

    private static func call(_ type: String, _ id: String, at: Double, _ data: String = "") -> Event {
        Event(ticket: id, type: "contact.\(type)", at: at, data: data)
    }

    @Test func anAnswerInTimeALateOneAndNone() throws {
        let monitor = try Monitor(Self.rules, calls: true)
        let queued = #","channel":"phone","queue":"first","team":"billing""#
        try monitor.run(
            at: 0,
            ["C1", "C2", "C3", "C4"].map { Self.call("queued", $0, at: 0, queued) })
        try monitor.run(
            at: 0.4, [Self.call("answered", "C1", at: 0.4, #","agent_id":"A""#), Self.call("abandoned", "C3", at: 0.3)])
        try monitor.run(at: 2, [Self.call("answered", "C2", at: 2, #","agent_id":"A""#)])
        try monitor.run(at: 3, [Self.call("ended", "C2", at: 3), Self.call("abandoned", "C4", at: 3)])
        func facts(_ call: String) -> [String] {
            monitor.keys.filter { $0.hasPrefix("contact/\(call)/answer/1/") }
                .map { String($0.split(separator: "/")[4]) }
        }
        #expect(facts("C1") == ["fulfilled"])
        #expect(facts("C2") == ["warning-50", "breached", "fulfilled"])
        #expect(facts("C3") == [])
        #expect(facts("C4") == ["warning-50", "breached"])
        let breach = try #require(monitor.alert("contact/C2/answer/1/breached"))
        #expect(breach["contact_id"] as? String == "C2" && breach["ticket_id"] == nil)
        #expect(breach["fingerprint"] as? String == "contact/C2/answer/1")
        #expect(breach["channel"] as? String == "phone")
        #expect((breach["links"] as? [String: String])?.keys.sorted() == ["runbook"])
        let attainment = try #require(monitor.day("sla_attainment/day;metric=answer"))
        #expect(attainment["numerator"] as? Int == 1 && attainment["denominator"] as? Int == 2)
        #expect(monitor.day("sla_breaches/day;metric=answer;team=billing")?["value"] as? Int == 2)
    }

    @Test func agentsAreNotKept() throws {
        let monitor = try Monitor(Self.rules, calls: true)
        try monitor.run(
            at: 0, [Event(ticket: "A", type: "agent.state", at: 0, data: #","agent_id":"A","state":"available""#)])
        #expect(monitor.stored == 0)
    }

    private static let shop = """
        history: 100y
        calendars: {shop: {timezone: UTC, week: {mon-sun: ["08:00-12:00", "13:00-18:00"]}}}
        policies: [{id: calls, calendar: shop, metrics: {answer: {target: 20m}}}]
        """

    /// The first instant at which the shop has been open for 20 minutes since the queueing, counted minute by minute.
    private static func breach(of queued: Int) -> Int {
        var (minute, used) = (queued, 0)
        while used < 20 {
            let ofDay = (minute + 9 * 60) % 1440
            if (480..<720).contains(ofDay) || (780..<1080).contains(ofDay) { used += 1 }
            minute += 1
        }
        return minute
    }

    /// Random calls around a lunch break and over nights, in random order within what arrives together.
    @Test(arguments: UInt64(1)...12) func callsAgreeWithCountedMinutes(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func upTo(_ limit: Int) -> Int { Int(generator.next() % UInt64(limit)) }
        var events: [Event] = []
        var expected: [String: String] = [:]
        for number in 0..<120 {
            let id = "C\(number)"
            let queued = upTo(2_880)
            let due = Self.breach(of: queued)
            // Often close to the due instant, and at it.
            let end = max(queued, upTo(2) == 0 ? due - 3 + upTo(6) : queued + upTo(90))
            events.append(Self.call("queued", id, at: Double(queued), #","channel":"phone","queue":"first""#))
            if upTo(3) == 0 {
                events.append(
                    Self.call("transferred", id, at: Double(queued + upTo(end - queued + 1)), #","team":"second""#))
            }
            switch upTo(4) {
            case 0, 1:
                events.append(Self.call("answered", id, at: Double(end), #","agent_id":"A""#))
                events.append(Self.call("ended", id, at: Double(end + upTo(30))))
                expected["contact/\(id)/answer/1/fulfilled"] = ""
                if end > due { expected["contact/\(id)/answer/1/breached"] = Self.text(due) }
            case 2:
                events.append(Self.call("abandoned", id, at: Double(end)))
                if end >= due { expected["contact/\(id)/answer/1/breached"] = Self.text(due) }
            default: expected["contact/\(id)/answer/1/breached"] = Self.text(due)
            }
        }
        events.sort { $0.at < $1.at }
        let monitor = try Monitor(Self.shop, calls: true)
        var (clock, taken) = (0.0, 0)
        while clock < 5_760 {
            clock += Double(1 + upTo(15))
            let end = events[taken...].firstIndex { $0.at > clock } ?? events.count
            try monitor.run(at: clock, Array(events[taken..<end].shuffled(using: &generator)))
            taken = end
        }
        #expect(Set(monitor.keys) == Set(expected.keys) && monitor.keys.count == expected.count)
        for (key, instant) in expected where instant != "" {
            #expect(monitor.alert(key)?["breached_at"] as? String == instant, "\(key)")
        }
    }

    private static func text(_ minute: Int) -> String {
        Date(timeIntervalSince1970: Double(Monitor.instant(Double(minute))) / 1_000_000).ISO8601Format()
    }
}
