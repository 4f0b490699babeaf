import Testing

/// What another version of the rules does to the tickets that are there.
@Suite struct RulesChangeTests {
    private static func rules(_ first: String, _ resolution: String, _ next: String) -> String {
        """
        history: 100y
        calendars: {always: {always: true}}
        policies:
          - id: all
            calendar: always
            metrics:
              first_response: {target: \(first)}
              resolution: {target: \(resolution), on_rules_change: now}
              next_response: {target: \(next), on_rules_change: next_event}
        """
    }

    private func breach(_ monitor: Monitor, _ ticket: String, _ metric: String) -> [String: Any]? {
        monitor.alert("ticket/\(ticket)/\(metric)/1/breached")
    }

    @Test func eachPromiseTakesItUpAsItSays() throws {
        let monitor = try Monitor(Self.rules("60m", "100m", "50m"))
        try monitor.run(at: 0, [.created("A", at: 0), .created("C", at: 0), .reply("C", at: 1), .customer("C", at: 2)])
        try monitor.run(at: 20)
        try monitor.adopt(Self.rules("10m", "30m", "5m"), version: 2, at: 20)
        try monitor.run(at: 21, [.created("B", at: 21)])
        #expect(breach(monitor, "A", "first_response") == nil, "a ticket goes on under the version that it began with")
        try monitor.run(at: 31)
        let now = try #require(breach(monitor, "A", "resolution"))
        #expect(now["breached_at"] as? String == "2026-01-05T09:30:00Z")
        #expect(now["rules_version"] as? Int == 2)
        #expect(breach(monitor, "B", "first_response")?["rules_version"] as? Int == 2)
        // Until something happens to C, 50 minutes are promised; then 5, and they are over.
        #expect(breach(monitor, "C", "next_response") == nil)
        try monitor.run(at: 40, [.status("open", "C", at: 40)])
        let next = try #require(breach(monitor, "C", "next_response"))
        #expect(next["breached_at"] as? String == "2026-01-05T09:40:00Z")
        #expect(next["cause"] as? String == "rules_change")
        try monitor.run(at: 61)
        #expect(breach(monitor, "A", "first_response")?["rules_version"] as? Int == 1)
        #expect(!monitor.keys.contains { $0.contains("retracted") })
    }

    @Test func whatIsDoneStaysAsItIs() throws {
        let monitor = try Monitor(Self.rules("60m", "100m", "50m"))
        try monitor.run(at: 0, [.created("A", at: 0), .reply("A", at: 0.5), .created("B", at: 0)])
        try monitor.run(at: 50, [.status("solved", "A", at: 50)])
        let before = try #require(monitor.day("sla_attainment/day;metric=resolution"))
        try monitor.adopt(Self.rules("1m", "30m", "5m"), version: 2, at: 55)
        try monitor.run(at: 56)
        // Another restart changes nothing.
        try monitor.restart()
        try monitor.run(at: 57)
        #expect(
            monitor.keys.filter { $0.hasPrefix("ticket/A/") } == [
                "ticket/A/first_response/1/fulfilled", "ticket/A/resolution/1/fulfilled",
            ])
        let after = try #require(monitor.day("sla_attainment/day;metric=resolution"))
        #expect(before["numerator"] as? Int == 1 && after["numerator"] as? Int == 1)
        let found = try #require(breach(monitor, "B", "resolution"))
        #expect(found["breached_at"] as? String == "2026-01-05T09:55:00Z")
        #expect(found["cause"] as? String == "rules_change")
    }
}
