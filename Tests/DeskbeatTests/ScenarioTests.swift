import Deskbeat
import Foundation
import Testing

@Suite struct ScenarioTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func outcome(_ text: String) throws -> ScenarioOutcome {
        var outcome = ScenarioOutcome()
        outcome.add(try ScenarioFile(text))
        return outcome
    }

    private func example() throws -> String {
        try String(contentsOf: Self.root.appending(path: "deploy/sla/scenarios.example.json"), encoding: .utf8)
    }

    @Test func theExampleHolds() throws {
        let outcome = try outcome(example())
        #expect(outcome.differences == [])
        #expect(outcome.summary == "6 scenarios, 11 checks, 0 differences")
    }

    @Test(arguments: [
        (#""due": "2026-11-23T13:00:00Z", "warn_at""#, #""due": "2026-11-23T13:00:01Z", "warn_at""#, "lunch, check 1"),
        (#"{"50": "2026-11-23T11:00:00Z"}"#, #"{"50": "2026-11-23T11:30:00Z"}"#, "warn_at 50"),
        (#""state": "cancelled""#, #""state": "running""#, "expected running, got cancelled"),
        (#""misses": 1,"#, #""misses": 2,"#, "misses"),
        (#""longest_s": 5400"#, #""longest_s": 5401"#, "longest_s: expected 5401, got 5400"),
        ("deskbeat.sla.cancelled first_response", "deskbeat.sla.breached first_response", "emits"),
    ])
    func aWrongExpectationIsADifference(_ old: String, _ new: String, _ expected: String) throws {
        let text = try example()
        let changed = text.replacingOccurrences(of: old, with: new)
        #expect(changed != text)
        let differences = try outcome(changed).differences
        #expect(!differences.isEmpty)
        #expect(differences.contains { $0.contains(expected) }, "\(differences)")
    }

    @Test func aScenarioThatCannotBeRunIsADifferenceAndTheOthersRun() throws {
        let text = try example().replacingOccurrences(of: "ticket.merged", with: "ticket.forgotten")
        let outcome = try outcome(text)
        #expect(outcome.differences.count == 1)
        #expect(outcome.differences.first?.contains("there is no event type 'ticket.forgotten'") ?? false)
        #expect(outcome.summary == "6 scenarios, 10 checks, 1 differences")
    }

    @Test func aReplyThatASkewedClockDatesBeforeTheCreationIsTheFirstResponse() throws {
        let outcome = try outcome(
            """
            {"schema": "sla-scenarios/1", "calendars": {"a": {"always": true}}, "scenarios": [{"id": "skew", "calendar": "a",
              "metrics": [{"metric": "first_response", "target_s": 3600}],
              "events": [{"t": "2026-11-23T08:00:00Z", "type": "ticket.created"},
                {"t": "2026-11-23T07:59:58Z", "type": "message", "from": "agent"}],
              "checks": [{"at": "2026-11-23T12:00:00Z", "metric": "first_response", "state": "fulfilled", "elapsed_s": 0}]}]}
            """)
        #expect(outcome.differences == [])
    }

    @Test(arguments: [
        ("", "empty"), ("[1", "expected"), ("{}", "\"schema\" is missing"),
        (#"{"schema": "other/1"}"#, "sla-scenarios/1"),
        (#"{"schema": "sla-scenarios/1", "calendars": {"a": {"tz": "No/Where", "always": true}}}"#, "No/Where"),
        (#"{"schema": "sla-scenarios/1", "calendars": {"a": {"week": {"sat": []}}}}"#, "empty week"),
        (#"{"schema": "sla-scenarios/1", "calendars": {"a": {"week": {"sun": [["9:00","25:00"]]}}}}"#, "a window is"),
    ])
    func aFileThatContradictsItselfIsRefused(_ text: String, _ expected: String) throws {
        let error = #expect(throws: ScenarioError.self) { try ScenarioFile(text) }
        #expect(error?.description.contains(expected) ?? false, "\(String(describing: error))")
    }
}
