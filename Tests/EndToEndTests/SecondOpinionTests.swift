import Foundation
import TestSupport
import Testing

/// Events of every kind with all their traps through real processes, judged by programs in another language that share nothing with them.
@Suite(.serialized) struct SecondOpinionTests {
    private static let folder = OrderAndKillTests.root.appendingPathComponent("Tests/Reference")
    private static let rules = """
        history: {hours: 100y, days: 100y, months: 100y}
        margin: 0.8
        rates: {USD: 0.92, GBP: 1.2}

        """

    private struct Reference {
        let script: String
        /// What it reads, without the prefix of their names.
        let topics: [String]
        /// Nil: it reads the figures of all of them.
        let service: String?
        var options: [String] = []
    }

    private static let references = [
        Reference(script: "ticket_kpis", topics: ["tickets"], service: "ticketing"),
        Reference(script: "contact_kpis", topics: ["tickets", "contacts"], service: "ticketing"),
        Reference(script: "workforce_kpis", topics: ["tickets", "contacts"], service: "ticketing"),
        Reference(
            script: "revenue_kpis", topics: ["customers", "finance"], service: nil,
            options: ["--margin", "0.8", "--rate", "USD=0.92", "--rate", "GBP=1.2"]),
        Reference(script: "survey_kpis", topics: ["surveys"], service: "satisfaction"),
    ]

    @Test func everyKindOfEventAsFiveOtherProgramsSeeIt() async throws {
        try await Installation.run(rules: Self.rules) { installation in
            let seed = SeededGenerator.newSeed("second opinion")
            let generator = Self.folder.appendingPathComponent("any_events.py").path
            let lines = try await installation.execute(
                "python3", [generator, String(seed), "--events", "2000", "--days", "80"])
            try await installation.shake(
                events: lines.split(separator: "\n"), seed: seed,
                killing: ["ticketing", "satisfaction", "churn-revenue"], kills: 3)
            let published = try String(contentsOf: await installation.kpis(), encoding: .utf8)
                .split(separator: "\n")
            for reference in Self.references {
                let verdict = try await Self.judge(installation, reference, published)
                #expect(verdict.hasSuffix(" values, 0 differences\n"), "\(reference.script): \(verdict)")
                #expect(!verdict.hasPrefix("0 values"), "\(reference.script)")
            }
        }
    }

    private static func judge(
        _ installation: Installation, _ reference: Reference, _ published: [Substring]
    ) async throws -> String {
        let events = installation.folder.appendingPathComponent("\(reference.script).events.ndjson")
        let kpis = installation.folder.appendingPathComponent("\(reference.script).kpis.ndjson")
        try await installation.read(reference.topics, into: events.path)
        let own = published.filter { line in
            reference.service.map { line.contains("\"source\":\"deskbeat/\($0)\"") } ?? true
        }
        try own.joined(separator: "\n").appending("\n").write(to: kpis, atomically: true, encoding: .utf8)
        return try await installation.execute(
            "python3",
            [folder.appendingPathComponent("\(reference.script).py").path, events.path, kpis.path]
                + reference.options)
    }
}
