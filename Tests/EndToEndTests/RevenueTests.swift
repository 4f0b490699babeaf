import Foundation
import TestSupport
import Testing

/// Customers and costs through real processes, judged by a recomputation in another language.
@Suite(.serialized) struct RevenueTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let reference = root.appendingPathComponent("Tests/Reference/revenue_kpis.py").path

    @Test
    func customersShuffledAndDuplicatedWhileEverythingIsKilled() async throws {
        try await Installation.run(rules: "margin: 0.8") { installation in
            let seed = SeededGenerator.newSeed("customers")
            let lines = try await installation.execute("python3", [Self.reference, "--generate", String(seed)])
            #expect(lines.count > 50_000)
            let events = installation.folder.appendingPathComponent("events.ndjson")
            try lines.write(to: events, atomically: true, encoding: .utf8)
            try await installation.shake(
                events: lines.split(separator: "\n"), seed: seed, killing: ["broker", "ingest", "churn-revenue"],
                kills: 6)
            let kpis = try await installation.kpis()
            let verdict = try await installation.execute(
                "python3", [Self.reference, events.path, kpis.path, "--margin", "0.8"])
            #expect(verdict.hasSuffix(" values, 0 differences\n"), "\(verdict)")
            #expect(!verdict.hasPrefix("0 values"))
            try await installation.expectEachAlertOnce()
        }
    }

    // MARK: Published data

    private static let data: URL? = {
        let folder = ProcessInfo.processInfo.environment["DESKBEAT_SHARED_DATA"].map { URL(fileURLWithPath: $0) }
        let found = folder.flatMap { folder in
            let truth = ["ibm-telco-churn", "sfo-survey"].map { folder.appendingPathComponent("\($0)/truth.json").path }
            return truth.allSatisfy { FileManager.default.fileExists(atPath: $0) } ? folder : nil
        }
        if found == nil { print("the published data is not here (DESKBEAT_SHARED_DATA); its tests are skipped") }
        return found
    }()

    private func truth(_ name: String) throws -> [String: Any] {
        let file = try #require(Self.data).appendingPathComponent("\(name)/truth.json")
        return try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    /// The telephone company and the airport, through the shipped mappings.
    @Test(.enabled(if: data != nil)) func publishedFiguresAreFoundAgain() async throws {
        let telco = try truth("ibm-telco-churn")
        let survey = try #require(try truth("sfo-survey")["2017"] as? [String: Any])
        let data = try #require(Self.data)
        var wanted: [String: Double] = [:]
        func expect(_ cell: String, _ figures: Any?) throws {
            let figures = try #require(figures as? [String: Any])
            let logo = try #require(figures["logo_churn_pct"] as? Double)
            let revenue = try #require(figures["gross_revenue_churn_pct"] as? Double)
            wanted["churn_rate/month\(cell)@2018-12"] = logo / 100
            wanted["revenue_churn_gross/month\(cell)@2018-12"] = revenue / 100
        }
        try expect("", telco["overall"])
        for (contract, figures) in try #require(telco["by_Contract"] as? [String: Any]) {
            try expect(";plan=\(contract.lowercased().replacing(" ", with: "%20"))", figures)
        }
        let satisfied = try #require((survey["CSAT_Q7ALL"] as? [String: Any])?["top2_pct(4-5)"] as? Double)
        wanted["csat/month@2017-05"] = satisfied / 100
        wanted["nps/month@2017-05"] = 39.839767
        let expected = wanted
        try await Installation.run { installation in
            for (file, mapping) in [
                ("ibm-telco-churn/WA_Fn-UseC_-Telco-Customer-Churn.csv", "telco-churn"),
                ("sfo-survey/2017_SFO_Customer_Survey.csv", "sfo-survey"),
            ] {
                try await installation.deskbeat(
                    "replay", data.appendingPathComponent(file).path, "--mapping",
                    Self.root.appendingPathComponent("deploy/mappings/\(mapping).yaml").path)
            }
            try await installation.deskbeat("wait-idle", "--timeout", "200")
            var found: [String: Double] = [:]
            for line in try String(contentsOf: await installation.kpis(), encoding: .utf8).split(separator: "\n") {
                let update = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                guard let key = update?["subject"] as? String, expected[key] != nil else { continue }
                found[key] = (update?["data"] as? [String: Any])?["value"] as? Double
            }
            for (key, value) in expected {
                #expect(abs((found[key] ?? .nan) - value) < 5e-7, "\(key) is \(String(describing: found[key]))")
            }
        }
    }
}
