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
}
