import Foundation
import Testing

/// What is published for others - schemas and the examples of docs/integrations.md - against a running suite.
@Suite(.serialized) struct ContractTests {
    private static let rules = """
        policies:
          - {id: all, calendar: always, metrics: {first_response: {target: 2m, warn: [50%]}}}
        calendars: {always: {always: true}}
        business_calendar: always
        goals:
          - {name: none, kpi: backlog_open, window: now, comparison: "<", target: 1, for: 0s}
          - {name: young, kpi: backlog_age, statistic: max, window: now, comparison: "<", target: 1s, for: 0s}
          - {name: fewer, kpi: tickets_created, window: day, comparison: "<=", change: -50%, baseline: previous}
          - {name: daily, kpi: tickets_created, window: day, comparison: "<", target: 1}
        benchmarks: [{kpi: tickets_created, label: Nobody, value: 1, source: "this test", year: 2026}]

        """

    /// The examples of the event schemas, for KPIs of every service; without those that take back what others have said.
    private static func schemaExamples(_ root: URL) throws -> String {
        let folder = root.appendingPathComponent("docs/contracts")
        let takingBack = [
            "support.ticket.deleted", "support.ticket.merged", "support.event.voided", "support.customer.erased",
        ]
        var lines = ""
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        where name.hasPrefix("support.") {
            let schema = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.appendingPathComponent(name)))
            let examples = (schema as? [String: Any])?["examples"] as? [[String: Any]]
            guard var event = examples?.first, let type = event["type"] as? String, !takingBack.contains(type) else {
                continue
            }
            event["id"] = type
            lines += String(decoding: try JSONSerialization.data(withJSONObject: event), as: UTF8.self) + "\n"
        }
        return lines
    }

    /// Like the conformance tests, this needs kcat, curl, python3 and, once, PyPI.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["DESKBEAT_SKIP_CLIENT_CONFORMANCE"] != "1"))
    func examplesWorkAndWhatIsPublishedFitsItsSchema() async throws {
        let root = OrderAndKillTests.root
        let examples = root.appendingPathComponent("docs/examples").path
        try await Installation.run(rules: Self.rules) { installation in
            let cache =
                ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
            let environment = cache + "/deskbeat/client-conformance"
            try await installation.execute(
                "sh", [root.appendingPathComponent("Tests/Conformance/prepare.sh").path, environment])
            let python = environment + "/bin/python"
            let ingest = try #require(try installation.ready().http["ingest"])
            // The promise of a first response within 2 minutes is broken, and the event is not so late that the monitor
            // would take it for a backfill and wait.
            let earlier = "TIME=\(Date(timeIntervalSinceNow: -240).ISO8601Format())"
            try await installation.execute("env", [earlier, "sh", examples + "/produce.sh", "K-1"])
            try await installation.execute("env", [earlier, python, examples + "/produce.py", "K-2"])
            let answer = try await installation.execute(
                "env", [earlier, "INGEST=\(ingest)", "sh", examples + "/post.sh", "K-3"])
            #expect(answer.contains("\"accepted\""))
            // One fact for each of the three tickets at least.
            let incidents = try await installation.execute(python, [examples + "/breaches.py", "3"])
            #expect(incidents.contains("firing"))

            let sample = try await installation.deskbeat("sample")
            let events = installation.folder.appendingPathComponent("sample.ndjson")
            try sample.write(to: events, atomically: true, encoding: .utf8)
            try await installation.deskbeat("replay", events.path)
            let others = installation.folder.appendingPathComponent("examples.ndjson")
            try Self.schemaExamples(root).write(to: others, atomically: true, encoding: .utf8)
            try await installation.deskbeat("replay", others.path)
            try await installation.deskbeat("wait-idle", "--timeout", "120")
            let printed = try await installation.execute("sh", [examples + "/breaches.sh", "-e"])
            for ticket in ["K-1", "K-2", "K-3"] {
                let breaches = printed.split(separator: "\n").filter {
                    $0.contains("\"type\":\"deskbeat.sla.breached\"") && $0.contains("\"ticket_id\":\"\(ticket)\"")
                }
                #expect(breaches.count == 1, "\(ticket)")
            }

            let alerts = installation.folder.appendingPathComponent("alerts.ndjson")
            try await installation.execute(
                "kcat",
                [
                    "-C", "-b", installation.ready().bootstrap_servers, "-t", "support.alerts", "-e", "-q", "-X",
                    "isolation.level=read_committed",
                ]
            ).write(to: alerts, atomically: true, encoding: .utf8)
            let judged = try await installation.execute(
                python,
                [
                    root.appendingPathComponent("Tests/Contracts/check.py").path,
                    root.appendingPathComponent("docs/contracts").path, events.path, alerts.path,
                ])
            print(judged)
            for service in try installation.ready().http.keys where service != "ingest" {
                #expect(
                    try String(contentsOf: alerts, encoding: .utf8).contains("\"deskbeat/\(service)\""), "\(service)")
            }
            for type in [
                "deskbeat.kpi.updated", "deskbeat.kpi.goal.missed", "deskbeat.sla.breached", "support.ticket.created",
            ] {
                #expect(judged.contains(type))
            }
        }
    }
}
