import SupportEvents
import Yams

/// What is wrong with a scenario file, and where.
package struct ScenarioError: Error, CustomStringConvertible {
    let line: Int
    let column: Int
    let message: String

    init(_ node: Node?, _ message: String) {
        line = node?.mark?.line ?? 1
        column = node?.mark?.column ?? 1
        self.message = message
    }

    init(line: Int, column: Int, _ message: String) {
        self.line = line
        self.column = column
        self.message = message
    }

    package var description: String { "\(line):\(column): \(message)" }
}

/// Reading with precise errors. JSON is YAML, whose reader keeps lines and columns.
extension Node {
    func entries(_ what: String) throws(ScenarioError) -> [(key: String, value: Node)] {
        guard case .mapping(let mapping) = self else { throw ScenarioError(self, "\(what) must be an object") }
        var entries: [(key: String, value: Node)] = []
        for (key, value) in mapping { entries.append((key.string ?? "", value)) }
        return entries
    }

    func member(_ key: String) -> Node? {
        guard case .mapping(let mapping) = self else { return nil }
        return mapping.first { $0.key.string == key }?.value
    }

    func require(_ key: String) throws(ScenarioError) -> Node {
        guard let value = member(key) else { throw ScenarioError(self, "\"\(key)\" is missing here") }
        return value
    }

    func elements(_ what: String) throws(ScenarioError) -> [Node] {
        guard case .sequence(let sequence) = self else { throw ScenarioError(self, "\(what) must be a list") }
        return Array(sequence)
    }

    func text(_ what: String) throws(ScenarioError) -> String {
        guard case .scalar(let scalar) = self else { throw ScenarioError(self, "\(what) must be a text") }
        return scalar.string
    }

    var isNothing: Bool {
        guard case .scalar(let scalar) = self else { return false }
        return scalar.style == .plain && (scalar.string == "null" || scalar.string.isEmpty)
    }

    /// At most ten years of seconds, or as many of anything else.
    func whole(_ what: String) throws(ScenarioError) -> Int64 {
        guard let value = Int64(try text(what)), abs(value) <= 400_000_000 else {
            throw ScenarioError(self, "\(what) must be a whole number of at most 400,000,000")
        }
        return value
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
