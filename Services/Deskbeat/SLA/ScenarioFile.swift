import BusinessTime
import SLA
import Yams

/// One ticket's story, and what is expected of its promises.
struct Scenario {
    struct Event {
        var event: TicketEvent
        var seen: Micros
        var sequence: Int64
        var id: String?
    }

    struct Check {
        var node: Node
        var at: Micros
        var metric: String
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

    /// - Throws: ``ScenarioError`` with line and column.
    package init(_ text: String) throws(ScenarioError) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            let error = MappingError(yamlError: error)
            throw ScenarioError(line: error.place.line, column: error.place.column, error.message)
        } catch {
            throw ScenarioError(line: 1, column: 1, "\(error)")
        }
        guard let root else { throw ScenarioError(line: 1, column: 1, "the file is empty") }
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
