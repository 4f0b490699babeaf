import Foundation
import TestSupport
import Testing

/// Real processes over TCP, judged by a recomputation in another language that knows nothing of them.
@Suite(.serialized) struct OrderAndKillTests {
    /// Windows stay open for longer than any log is long, so that each order of arrival must give the same figures.
    static let rules = "history: {hours: 100y, days: 100y, months: 100y}\n"

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let reference = root.appendingPathComponent("Tests/Reference/ticket_kpis.py").path

    /// The folder of real data sets, named by DESKBEAT_SHARED_DATA: minutes of work, so that it is asked for.
    static let sharedData: URL? = {
        guard let named = ProcessInfo.processInfo.environment["DESKBEAT_SHARED_DATA"] else { return nil }
        return FileManager.default.fileExists(atPath: named) ? URL(fileURLWithPath: named) : nil
    }()

    /// 141,712 events make 835,000 figures, each of them computed again twice, once of it in Python.
    private static let wholeLog = Duration.seconds(1_200)

    @Test func sampleTicketsShuffledAndDuplicatedWhileEverythingIsKilled() async throws {
        try await Installation.run(rules: Self.rules) { installation in
            let lines = try await installation.deskbeat("sample").split(separator: "\n")
            #expect(lines.count > 500)
            try await survive(installation, events: lines, kills: 12)
        }
    }

    @Test(.enabled(if: sharedData != nil, "the shared data sets are not here: set DESKBEAT_SHARED_DATA"))
    func theIncidentLogInFileOrderGivesItsTrueFigures() async throws {
        try await withIncidentLog { installation, log, lines in
            try await installation.deskbeat("replay", log.path, "--mapping", Self.mapping)
            try await settle(installation, events: lines)
            try compareWithTruth(try await installation.kpis(), log)
        }
    }

    @Test(.enabled(if: sharedData != nil, "the shared data sets are not here: set DESKBEAT_SHARED_DATA"))
    func theIncidentLogReversed() async throws {
        try await withIncidentLog { installation, log, lines in
            let reversed: [Substring] = lines.reversed()
            let events = installation.folder.appendingPathComponent("reversed.ndjson")
            try (reversed.joined(separator: "\n") + "\n").write(to: events, atomically: true, encoding: .utf8)
            try await installation.deskbeat("replay", events.path)
            try await settle(installation, events: reversed)
            try compareWithTruth(try await installation.kpis(), log)
        }
    }

    @Test(.enabled(if: sharedData != nil, "the shared data sets are not here: set DESKBEAT_SHARED_DATA"))
    func theIncidentLogShuffledAndDuplicatedWhileEverythingIsKilled() async throws {
        try await withIncidentLog { installation, _, lines in
            try await survive(installation, events: lines, kills: 20)
        }
    }

    private static let mapping = root.appendingPathComponent("deploy/mappings/uci-incident-log.yaml").path

    /// Gives `body` a running installation, the log's file and its events, one a line.
    private func withIncidentLog(
        _ body: @Sendable @escaping (Installation, URL, [Substring]) async throws -> Void
    ) async throws {
        let log = try #require(Self.sharedData).appendingPathComponent("uci-incident-log/incident_event_log.csv.gz")
        try await Installation.run(rules: Self.rules, deadline: Self.wholeLog) { installation in
            let lines = try await installation.deskbeat("replay", log.path, "--mapping", Self.mapping, "--print")
            try await body(installation, log, lines.split(separator: "\n"))
        }
    }

    /// Waits until all of them have been counted, and judges the figures.
    private func settle(_ installation: Installation, events: [Substring]) async throws {
        try await installation.deskbeat("wait-idle", "--timeout", "240")
        try await judge(installation, events: events)
        try await installation.expectAuditFindsNothing(["ticketing"])
    }

    private func survive(_ installation: Installation, events: [Substring], kills: Int) async throws {
        try await installation.shake(
            events: events, seed: SeededGenerator.newSeed("tickets"), killing: ["broker", "ingest", "ticketing"],
            kills: kills)
        try await judge(installation, events: events)
        try await installation.expectEachAlertOnce()
        try await installation.expectAuditFindsNothing(["ticketing"])
    }

    private func judge(_ installation: Installation, events: [Substring]) async throws {
        let file = installation.folder.appendingPathComponent("events.ndjson")
        try (events.joined(separator: "\n") + "\n").write(to: file, atomically: true, encoding: .utf8)
        let kpis = try await installation.kpis()
        let verdict = try await installation.execute("python3", [Self.reference, file.path, kpis.path])
        #expect(verdict.hasSuffix(" values, 0 differences\n"), "\(verdict)")
        #expect(!verdict.hasPrefix("0 values"))
    }

    /// - Parameter log: the truth lies beside it.
    private func compareWithTruth(_ kpis: URL, _ log: URL) throws {
        let truthFile = log.deletingLastPathComponent().appendingPathComponent("truth_events.json")
        let truth = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: truthFile)) as? [String: Any])
        var published: [String: [String: Any]] = [:]
        for line in try String(contentsOf: kpis, encoding: .utf8).split(separator: "\n") where line.contains("/month@")
        {
            let update = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            if let subject = update?["subject"] as? String { published[subject] = update?["data"] as? [String: Any] }
        }
        let counts = [
            "tickets_created": "tickets_created_by_month", "tickets_solved": "tickets_solved_by_month",
            "tickets_reopened": "tickets_reopened_by_month", "tickets_resolved": "last_solve_by_month",
        ]
        for (kpi, name) in counts {
            let months = try #require(truth[name] as? [String: Int])
            #expect(!months.isEmpty)
            for (month, count) in months {
                #expect(published["\(kpi)/month@\(month)"]?["value"] as? Int == count, "\(kpi) of \(month)")
            }
        }
        let expected = try #require(truth["resolution_time"] as? [String: Any])
        var count = 0
        var sum = 0.0
        for (subject, data) in published where subject.hasPrefix("resolution_time/month@") {
            let windowCount = data["count"] as? Int ?? 0
            count += windowCount
            sum += Double(windowCount) * (data["value"] as? Double ?? 0)
        }
        #expect(count == expected["count"] as? Int)
        let mean = try #require(expected["mean_seconds"] as? Double)
        #expect(abs(sum / Double(count) - mean) <= 1e-9 * mean)
    }
}
