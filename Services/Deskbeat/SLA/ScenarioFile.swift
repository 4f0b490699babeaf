import BusinessTime
import SLA
import ServiceKit

/// One ticket's story, and what is expected of its promises.
struct Scenario {
    struct Event {
        var event: TicketEvent
        var seen: Micros
        var sequence: Int64
        var id: String?
    }

    struct Check {
        var at: Micros
        /// Index in `metrics`.
        var metric: Int
        /// By the member's name; never empty.
        var expected: [(key: String, value: RulesNode)]
    }

    var id: String
    var calendar: WorkingCalendar
    var metrics: [MetricSettings]
    var events: [Event]
    var checks: [Check]
    var emits: [String]?
}

/// A file of the form `sla-scenarios/1`.
package struct ScenarioFile {
    var scenarios: [Scenario] = []
    /// Scenarios that cannot be run; the others can.
    var faults: [ScenarioError] = []

    package static let maximumBytes = 16 << 20

    /// - Throws: ``ScenarioError`` with line and column.
    package init(_ text: String) throws(ScenarioError) {
        let composed: RulesNode?
        do throws(RulesDiagnostic) {
            composed = try RulesNode.compose(text, maximumBytes: Self.maximumBytes, maximumNodes: 2_000_000)
        } catch {
            throw ScenarioError(error)
        }
        guard let root = composed else {
            throw ScenarioError(RulesNode(content: .mapping([]), line: 1, column: 1), "the file is empty")
        }
        let schema = try root.require("schema").text("\"schema\"")
        guard schema.hasPrefix("sla-scenarios/1") else {
            throw ScenarioError(root, "the schema must be sla-scenarios/1, not '\(schema)'")
        }
        var calendars: [String: WorkingCalendar] = [:]
        for (name, node) in try root.require("calendars").entries("\"calendars\"") {
            calendars[name] = try ScenarioReader.calendar(node)
        }
        for node in try root.require("scenarios").elements("\"scenarios\"") {
            do {
                scenarios.append(try ScenarioReader(calendars: calendars).scenario(node))
            } catch {
                faults.append(error)
            }
        }
    }
}
