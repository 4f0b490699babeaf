import Foundation
import TestSupport
import Testing

/// Calls, chats and their links with tickets through real processes, judged by a recomputation in another language and by the
/// published figures of a call centre.
@Suite(.serialized) struct ContactTests {
    private static let root = OrderAndKillTests.root
    private static let reference = root.appendingPathComponent("Tests/Reference/contact_kpis.py").path

    @Test func contactsShuffledAndDuplicatedWhileEverythingIsKilled() async throws {
        try await Installation.run(rules: OrderAndKillTests.rules) { installation in
            let seed = SeededGenerator.newSeed("contacts")
            let lines = try await installation.execute(
                "python3", [Self.reference, "--generate", String(seed), "--tickets", "100"])
            let events = installation.folder.appendingPathComponent("events.ndjson")
            try lines.write(to: events, atomically: true, encoding: .utf8)
            try await installation.shake(
                events: lines.split(separator: "\n"), seed: seed, killing: ["broker", "ingest", "ticketing"], kills: 3)
            let kpis = try await installation.kpis()
            let verdict = try await installation.execute("python3", [Self.reference, events.path, kpis.path])
            #expect(verdict.hasSuffix(" values, 0 differences\n"), "\(verdict)")
            #expect(!verdict.hasPrefix("0 values"))
            try await installation.expectEachAlertOnce()
            try await installation.expectAuditFindsNothing(["ticketing"])
        }
    }

    @Test(
        .enabled(
            if: OrderAndKillTests.sharedData != nil, "the shared data sets are not here: set DESKBEAT_SHARED_DATA"))
    func aCallCentresMonthGivesItsPublishedFigures() async throws {
        let folder = try #require(OrderAndKillTests.sharedData).appendingPathComponent("technion-anonymous-bank")
        let rules = try String(
            contentsOf: Self.root.appendingPathComponent("deploy/rules/technion-call-centre.yaml"), encoding: .utf8)
        try await Installation.run(rules: rules) { installation in
            try await installation.deskbeat(
                "replay", folder.appendingPathComponent("january.txt.gz").path, "--mapping",
                Self.root.appendingPathComponent("deploy/mappings/technion-call-centre.yaml").path)
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            var published: [String: [String: Any]] = [:]
            for line in try String(contentsOf: try await installation.kpis(), encoding: .utf8).split(separator: "\n")
            where line.contains("/month@2010-01\"") {
                let update = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                if let data = update?["data"] as? [String: Any], let kpi = data["kpi"] as? String {
                    published[kpi] = data
                }
            }
            let truthFile = try JSONSerialization.jsonObject(
                with: Data(contentsOf: folder.appendingPathComponent("truth.json")))
            let truth = try #require((truthFile as? [String: Any])?["january"] as? [String: Any])
            func value(_ kpi: String) -> Double? { published[kpi]?["value"] as? Double }
            #expect(value("contacts_answered") == truth["answered(AGENT)"] as? Double)
            #expect(value("contacts_abandoned") == truth["hang_in_queue(abandoned)"] as? Double)
            for (kpi, name) in [
                ("speed_of_answer", "wait_s(answered)"), ("abandon_time", "wait_s(abandoned)"),
                ("handle_time", "service_s(answered)"),
            ] {
                let expected = try #require(truth[name] as? [String: Double])
                #expect(published[kpi]?["count"] as? Double == expected["n"])
                #expect(abs((value(kpi) ?? 0) - (expected["sum"] ?? 0) / (expected["n"] ?? 1)) < 1e-9, "\(kpi)")
            }
            let level = try #require(truth["service_level_20s"] as? [String: Any])
            #expect(published["service_level"]?["numerator"] as? Int == level["num"] as? Int)
            #expect(published["service_level"]?["denominator"] as? Int == level["den"] as? Int)
        }
    }
}
