import Foundation
import Testing

/// A source falls silent and comes back, with real processes: nothing is told of its tickets that was not so, and the audit knows
/// of clocks that wait.
@Suite(.serialized) struct StaleSourceTests {
    private static let quiet = "https://quiet.example/desk"
    private static let other = "https://other.example/desk"
    private static let rules = """
        calendars: {always: {always: true}}
        policies:
          - {id: all, calendar: always, metrics: {first_response: {target: 30s, levels: [2s]}}}
        sources:
          "\(quiet)": {expected_every: 10s, hold_when_stale: true}

        """

    @Test func clocksOfASilentSourceWaitThroughKills() async throws {
        try await Installation.run(rules: Self.rules) { installation in
            let start = Date()
            try await Self.send(
                installation,
                [
                    Self.created("Q-1", Self.quiet, start), Self.created("Q-2", Self.quiet, start),
                    Self.created("L-1", Self.other, start),
                ])
            // The other source's ticket is late by 2 s; by then those of the silent one would have been late, too.
            try await Self.awaitAlert(installation, "L-1/first_response/1/level-2")
            _ = try installation.kill("sla-monitor")
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            var facts = try await Self.facts(installation)
            // On a slow machine it was stale before it was first heard.
            let silences = try #require(facts["source/\(Self.quiet)"])
            #expect(silences == Self.changes(silences.count) && silences.last == "deskbeat.source.stale")
            #expect(facts["ticket/L-1"] == ["breached", "level-2"])
            #expect(facts["ticket/Q-1"] == nil && facts["ticket/Q-2"] == nil)
            // While they wait.
            try await installation.expectAuditFindsNothing(["sla-monitor"])

            // It is back, and tells that one of its tickets had been answered in time.
            let reply = #","author":"agent""#
            try await Self.send(
                installation,
                [
                    Self.event("Q-1", Self.quiet, "message", start.addingTimeInterval(5), reply),
                    Self.created("Q-3", Self.quiet, Date()), Self.event("Q-3", Self.quiet, "message", Date(), reply),
                ])
            try await Self.awaitAlert(installation, "Q-2/first_response/1/level-2")
            _ = try installation.kill("sla-monitor")
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            facts = try await Self.facts(installation)
            let later = try #require(facts["source/\(Self.quiet)"])
            #expect(later.count > silences.count && later == Self.changes(later.count))
            #expect(facts["ticket/Q-1"] == ["fulfilled"])
            #expect(facts["ticket/Q-2"] == ["breached", "level-2"])
            #expect(facts["ticket/Q-3"] == ["fulfilled"])
            try await installation.expectAuditFindsNothing(["sla-monitor"])
        }
    }

    /// What is told of a source: by turns that it is stale and that it is heard again.
    private static func changes(_ count: Int) -> [String] {
        (0..<count).map { $0 % 2 == 0 ? "deskbeat.source.stale" : "deskbeat.source.fresh" }
    }

    private static func event(
        _ ticket: String, _ source: String, _ type: String, _ time: Date, _ data: String = ""
    ) -> String {
        let time = time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        return
            #"{"specversion":"1.0","id":"\#(ticket)-\#(type)","source":"\#(source)","type":"support.ticket.\#(type)","#
            + #""time":"\#(time)","data":{"ticket_id":"\#(ticket)"\#(data)}}"#
    }

    private static func created(_ ticket: String, _ source: String, _ time: Date) -> String {
        event(ticket, source, "created", time)
    }

    private static func send(_ installation: Installation, _ events: [String]) async throws {
        try await installation.execute(
            Installation.binaries.appendingPathComponent("deskbeat").path, ["replay", "-"],
            input: events.joined(separator: "\n") + "\n")
    }

    private static func topic(_ installation: Installation) -> String {
        (installation.environment["DESKBEAT_TOPIC_PREFIX"] ?? "support.") + "alerts"
    }

    /// Until a `read_committed` consumer sees an alert whose key ends so.
    private static func awaitAlert(_ installation: Installation, _ key: String) async throws {
        let broker = try installation.ready().bootstrap_servers
        try await installation.execute(
            "bash",
            [
                "-c",
                """
                exec 3< <(exec kcat -b \(broker) -t \(topic(installation)) -C -q -u -f '%k\\n' -X isolation.level=read_committed)
                reader=$!
                grep -m 1 -c '\(key)$' <&3
                kill $reader
                """,
            ])
    }

    /// What has been told of each ticket and source, in this order.
    private static func facts(_ installation: Installation) async throws -> [String: [String]] {
        let broker = try installation.ready().bootstrap_servers
        let lines = try await installation.execute(
            "kcat", ["-b", broker, "-t", topic(installation), "-C", "-e", "-q", "-X", "isolation.level=read_committed"])
        var facts: [String: [String]] = [:]
        for line in lines.split(separator: "\n") {
            let alert = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let subject = alert["subject"] as? String ?? ""
            let parts = subject.split(separator: "/").map(String.init)
            if subject.hasPrefix("source/") {
                facts[subject, default: []].append(alert["type"] as? String ?? "")
            } else if parts.first == "ticket", parts.count == 5 {
                facts["ticket/\(parts[1])", default: []].append(parts[4])
            }
        }
        return facts
    }
}
