import Deskbeat
import Foundation
import Subprocess
import Testing

/// Random tickets and promises, judged by a ticker in another language that goes from minute to minute.
@Suite(.serialized) struct ScenarioReferenceTests {
    private static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Reference/sla_clocks.py").path

    /// How many times as many tickets: `DESKBEAT_SECOND_OPINION=10` looks harder.
    private static let effort =
        ProcessInfo.processInfo.environment["DESKBEAT_SECOND_OPINION"].flatMap { Int($0) } ?? 1

    @Test func theEngineAgreesWithTheTicker() async throws {
        let seed = Int.random(in: 0..<1_000_000)
        let count = 120 * Self.effort
        print("sla_clocks.py \(seed) \(count)")
        try await expectAgreement(seed: seed, count: count)
    }

    /// They once differed: 812193 promises anew when more time has been used than is promised, and 231449 solves at that very instant.
    @Test(arguments: [812_193, 231_449])
    func theyAgreeWhereTheyDiffered(seed: Int) async throws {
        try await expectAgreement(seed: seed, count: 120)
    }

    private func expectAgreement(seed: Int, count: Int) async throws {
        let result = try await Subprocess.run(
            .name("python3"), arguments: [Self.script, "\(seed)", "\(count)"], input: .none,
            output: .string(limit: 1 << 30), error: .string(limit: 1 << 20))
        try #require(result.terminationStatus == .exited(0), "\(result.standardError)")
        var outcome = ScenarioOutcome()
        outcome.add(try ScenarioFile(result.standardOutput))
        #expect(outcome.differences == [], "seed \(seed)")
        #expect(outcome.summary.hasPrefix("\(count) scenarios"))
    }
}
