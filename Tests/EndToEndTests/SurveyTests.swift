import Foundation
import TestSupport
import Testing

/// Surveys and feedback through real processes, judged by a recomputation in another language.
@Suite(.serialized) struct SurveyTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let reference = root.appendingPathComponent("Tests/Reference/survey_kpis.py").path

    @Test func surveysShuffledAndDuplicatedWhileEverythingIsKilled() async throws {
        try await Installation.run { installation in
            let seed = SeededGenerator.newSeed("surveys")
            let lines = try await installation.execute("python3", [Self.reference, "--generate", String(seed)])
            #expect(lines.count > 100_000)
            let events = installation.folder.appendingPathComponent("events.ndjson")
            try lines.write(to: events, atomically: true, encoding: .utf8)
            try await installation.shake(
                events: lines.split(separator: "\n"), seed: seed, killing: ["broker", "ingest", "satisfaction"],
                kills: 6)
            let kpis = try await installation.kpis()
            let verdict = try await installation.execute("python3", [Self.reference, events.path, kpis.path])
            #expect(verdict.hasSuffix(" values, 0 differences\n"), "\(verdict)")
            #expect(!verdict.hasPrefix("0 values"))
            try await installation.expectEachAlertOnce()
            try await installation.expectAuditFindsNothing(["satisfaction"])
        }
    }
}
