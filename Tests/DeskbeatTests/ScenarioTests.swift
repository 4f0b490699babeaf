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

    @Test func theConventionsOfTheFieldHold() throws {
        let file = Self.root.appending(path: "deploy/sla/scenarios.conventions.json")
        let outcome = try outcome(String(contentsOf: file, encoding: .utf8))
        #expect(outcome.differences == [])
        #expect(outcome.summary.hasPrefix("39 scenarios"))
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

    private func scenario(metric: String, events: String, checks: String) throws -> ScenarioOutcome {
        let head = #"{"schema": "sla-scenarios/1", "calendars": {"a": {"always": true}}, "#
        let body = #""scenarios": [{"id": "s", "calendar": "a", "metrics": [\#(metric)], "events": [\#(events)], "#
        return try outcome(head + body + #""checks": [\#(checks)]}]}"#)
    }

    private static let created = #"{"t": "2026-11-23T08:00:00Z", "type": "ticket.created"}"#

    /// What is not compared must not pass for checked.
    @Test(arguments: [
        (#""breachd_at": null"#, "a check cannot expect 'breachd_at'"), (#""note": "nothing""#, "expects nothing"),
        (#""warn_at": "2026-11-23T08:30:00Z""#, "must be an object"),
        (#""elapsed_s": 1e300"#, "expected 1e+300, got 3600"),
        (#""elapsed_s": .inf"#, "expected .inf, got 3600"), (#""due": []"#, "must be a text"),
        (#""metric": "update", "state": "none""#, "no metric 'update'"),
    ])
    func aCheckThatComparesNothingIsADifference(_ expected: String, _ difference: String) throws {
        let metric = expected.contains("metric") ? "" : #""metric": "first_response", "#
        let outcome = try scenario(
            metric: #"{"metric": "first_response", "target_s": 3600, "warn_pct": [50]}"#, events: Self.created,
            checks: #"{"at": "2026-11-23T09:00:00Z", \#(metric)\#(expected)}"#)
        #expect(outcome.differences.count == 1)
        #expect(outcome.differences.first?.contains(difference) ?? false, "\(outcome.differences)")
    }

    @Test(arguments: [
        (#""target_s": 0"#, "above 0"), (#""target_days": -1"#, "1 to 10,000"), (#""warn_pct": [101]"#, "up to 100"),
        (#""target_s": 60}, {"metric": "first_response""#, "stands twice"),
        (#""reopened": true"#, "no setting 'reopened'"),
    ])
    func aSettingThatCannotHoldIsADifference(_ setting: String, _ difference: String) throws {
        let outcome = try scenario(
            metric: #"{"metric": "first_response", \#(setting)}"#, events: Self.created,
            checks: #"{"at": "2026-11-23T09:00:00Z", "metric": "first_response", "state": "none"}"#)
        #expect(outcome.differences.first?.contains(difference) ?? false, "\(outcome.differences)")
    }

    /// A policy that does not apply starts no clock, and one that applies again goes on with the clock it had cut off, not
    /// with one that a solve had cancelled.
    @Test func detachingAndAttachingAPolicy() throws {
        let events = [
            Self.created, #"{"t": "2026-11-23T08:10:00Z", "type": "message", "from": "agent"}"#,
            #"{"t": "2026-11-23T08:20:00Z", "type": "message", "from": "customer"}"#,
            #"{"t": "2026-11-23T08:30:00Z", "type": "status", "to": "solved"}"#,
            #"{"t": "2026-11-23T08:40:00Z", "type": "policy.detached"}"#,
            #"{"t": "2026-11-23T08:50:00Z", "type": "message", "from": "customer"}"#,
            #"{"t": "2026-11-23T09:00:00Z", "type": "policy.set", "targets": {"resolution": 7200}}"#,
        ]
        let outcome = try scenario(
            metric: #"{"metric": "next_response", "target_s": 3600}"#, events: events.joined(separator: ", "),
            checks: #"{"at": "2026-11-23T12:00:00Z", "metric": "next_response", "state": "cancelled", "instances": 1}"#)
        #expect(outcome.differences == [])
        let again = try scenario(
            metric: #"{"metric": "first_response", "target_s": 7200}"#,
            events: [Self.created, events[4], events[6]].joined(separator: ", "),
            checks: #"{"at": "2026-11-23T09:30:00Z", "metric": "first_response", "due": "2026-11-23T10:00:00Z"}"#)
        #expect(again.differences == [])
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
        ("", "empty"), ("[1", "did not find"), ("{}", "\"schema\" is missing"),
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
