import ServiceKit
import SupportEvents

/// What is wrong with a scenario file, and where.
package struct ScenarioError: Error, CustomStringConvertible {
    let line: Int
    let column: Int
    let message: String

    init(_ node: RulesNode, _ message: String) {
        line = node.line
        column = node.column
        self.message = message
    }

    init(_ diagnostic: RulesDiagnostic) {
        line = diagnostic.line
        column = diagnostic.column
        message = "\(diagnostic.reason); \(diagnostic.remedy)"
    }

    package var description: String { "\(line):\(column): \(message)" }
}

/// Reading with precise errors. JSON is YAML, whose reader keeps lines and columns.
extension RulesNode {
    func entries(_ what: String) throws(ScenarioError) -> [(key: String, value: RulesNode)] {
        guard let entries else { throw ScenarioError(self, "\(what) must be an object") }
        return entries.map { ($0.key, $0.value) }
    }

    /// Nil when it is missing or null.
    func member(_ key: String) -> RulesNode? {
        guard let value = entries?.first(where: { $0.key == key })?.value, !value.isNull else { return nil }
        return value
    }

    func require(_ key: String) throws(ScenarioError) -> RulesNode {
        guard let value = member(key) else { throw ScenarioError(self, "\"\(key)\" is missing here") }
        return value
    }

    func elements(_ what: String) throws(ScenarioError) -> [RulesNode] {
        guard let elements else { throw ScenarioError(self, "\(what) must be a list") }
        return elements
    }

    func text(_ what: String) throws(ScenarioError) -> String {
        guard let text else { throw ScenarioError(self, "\(what) must be a text") }
        return text
    }

    /// At most ten years of seconds, or as many of anything else.
    func whole(_ what: String) throws(ScenarioError) -> Int64 {
        guard let value = Int64(try text(what)), abs(value) <= 400_000_000 else {
            throw ScenarioError(self, "\(what) must be a whole number of at most 400,000,000")
        }
        return value
    }

    /// More than zero seconds, in µs.
    func target(_ what: String) throws(ScenarioError) -> Int64 {
        let seconds = try whole(what)
        guard seconds > 0 else { throw ScenarioError(self, "\(what) must be above 0") }
        return seconds * 1_000_000
    }

    func instant(_ what: String) throws(ScenarioError) -> Int64 {
        let text = try text(what)
        guard let instant = RFC3339.parse(text) else {
            throw ScenarioError(self, "\(what) must be a time such as 2026-11-22T09:15:00Z, not '\(text)'")
        }
        return instant
    }

    func flag(_ what: String) throws(ScenarioError) -> Bool {
        switch try text(what) {
        case "true": return true
        case "false": return false
        default: throw ScenarioError(self, "\(what) must be true or false")
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ what: String, _: Choice.Type
    ) throws(ScenarioError) -> Choice where Choice.RawValue == String {
        let text = try text(what)
        guard let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw ScenarioError(self, "\(what) must be one of \(names), not '\(text)'")
        }
        return choice
    }
}
