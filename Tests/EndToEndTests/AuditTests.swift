import Foundation
import TestSupport
import Testing

/// `deskbeat audit` over real processes: it finds nothing where all is well, and something where it is not.
@Suite(.serialized) struct AuditTests {
    private static let rules = """
        history: {hours: 100y, days: 100y, months: 100y}
        timezone: Europe/Berlin
        breakdowns: [[channel], [priority], [team, priority]]
        policies:
          - {id: all, calendar: weekdays, metrics: {first_response: {target: 15m, warn: [50%]}, resolution: {target: 8h}}}
        calendars: {weekdays: {week: {mon-fri: ["08:00-18:00"]}}}

        """

    @Test func aDayOfTheSampleAndATamperedUpdate() async throws {
        try await Installation.run(rules: Self.rules) { installation in
            let events = try await installation.deskbeat("sample")
            let file = installation.folder.appendingPathComponent("sample.ndjson")
            try events.write(to: file, atomically: true, encoding: .utf8)
            try await installation.deskbeat("replay", file.path)
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            try await installation.expectAuditFindsNothing(["ticketing", "sla-monitor"])
            try await Self.tamper(installation, where: { $0.contains("/month@") }) { $0["value"] = 1_000_000_007 }
            try await Self.expect(1, #""member":"value","published":"1000000007""#, installation)
            // A window that was closed is open, and its end is where it was: wrong by what was said before, and by the clock.
            try await Self.tamper(installation, where: { $0.contains("/hour@") && $0.contains(#""closed":true"#) }) {
                var window = $0["window"] as? [String: Any]
                window?["closed"] = false
                $0["window"] = window
            }
            try await Self.expect(3, #""member":"window.closed","published":"false""#, installation)
        }
    }

    private static func expect(_ count: Int, _ difference: String, _ installation: Installation) async throws {
        do {
            let text = try await installation.audit("--service", "ticketing", "--format", "json")
            Issue.record("nothing was found: \(text)")
        } catch let failure as Installation.CommandFailure {
            #expect(failure.output.contains(difference), "\(failure)")
            #expect(failure.error.hasSuffix(" values, \(count) differences\n"), "\(failure)")
        }
    }

    /// With the usual history: windows become history and move on with the clock.
    @Test func everyKindOfEventShuffledAndDuplicatedWhileEverythingIsKilled() async throws {
        try await Self.judgeAnyEvents(rules: nil)
    }

    @Test func everyKindOfEventUnderRulesOfItsOwn() async throws {
        try await Self.judgeAnyEvents(rules: Self.rules)
    }

    private static func judgeAnyEvents(rules: String?) async throws {
        let generator = OrderAndKillTests.root.appendingPathComponent("Tests/Reference/any_events.py").path
        try await Installation.run(rules: rules) { installation in
            let seed = SeededGenerator.newSeed("any events")
            let lines = try await installation.execute("python3", [generator, String(seed)])
            let services = ["ticketing", "sla-monitor", "satisfaction", "churn-revenue"]
            try await installation.shake(
                events: lines.split(separator: "\n"), seed: seed, killing: ["broker", "ingest"] + services, kills: 8)
            try await installation.expectAuditFindsNothing(
                services.filter { rules != nil || $0 != "sla-monitor" })
        }
    }

    /// Publishes a further revision of one update of `tickets_created`, with other content.
    private static func tamper(
        _ installation: Installation, where isWanted: (Substring) -> Bool, _ change: (inout [String: Any]) -> Void
    ) async throws {
        let lines = try await installation.deskbeat("kpis", "--format", "json", "--kpi", "tickets_created")
        let wanted = lines.split(separator: "\n").first(where: isWanted)
        let line = try #require(wanted)
        var update = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        var data = try #require(update["data"] as? [String: Any])
        let revision = 1 + (data["revision"] as? Int ?? 0)
        data["revision"] = revision
        change(&data)
        update["data"] = data
        update["sequence"] = "\(revision)"
        update["id"] = UUID().uuidString
        let key = try #require(update["subject"] as? String)
        let value = String(decoding: try JSONSerialization.data(withJSONObject: update), as: UTF8.self)
        let topic = (installation.environment["DESKBEAT_TOPIC_PREFIX"] ?? "support.") + "alerts"
        try await installation.execute(
            "kcat",
            [
                "-P", "-b", installation.ready().bootstrap_servers, "-t", topic, "-k", key, "-X",
                "partitioner=murmur2_random", "-H", "ce_type=deskbeat.kpi.updated",
            ], input: value)
    }
}
