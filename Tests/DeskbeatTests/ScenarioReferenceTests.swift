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
        print("sla_clocks.py \(seed) \(120 * Self.effort)")
        let result = try await Subprocess.run(
            .name("python3"), arguments: [Self.script, "\(seed)", "\(120 * Self.effort)"], input: .none,
            output: .string(limit: 1 << 30), error: .string(limit: 1 << 20))
        try #require(result.terminationStatus == .exited(0), "\(result.standardError)")
        var outcome = ScenarioOutcome()
        outcome.add(try ScenarioFile(result.standardOutput))
        #expect(outcome.differences == [], "seed \(seed)")
        #expect(outcome.summary.hasPrefix("\(120 * Self.effort) scenarios"))
    }
}
