import BusinessTime
import SLA
import ServiceKit
import SupportEvents

/// What running scenarios has found.
package struct ScenarioOutcome: Sendable {
    private var scenarios = 0
    private var checks = 0
    /// One line each: expected, got, scenario, check.
    package private(set) var differences: [String] = []

    package init() {}

    package var summary: String { "\(scenarios) scenarios, \(checks) checks, \(differences.count) differences" }

    /// Runs all scenarios of a file. One that cannot be run is a difference.
    package mutating func add(_ file: ScenarioFile) {
        scenarios += file.faults.count
        for fault in file.faults { differences.append("a scenario that cannot be run: \(fault)") }
        for scenario in file.scenarios {
            scenarios += 1
            let run = ScenarioRun(scenario)
            for (index, check) in scenario.checks.enumerated() {
                checks += 1
                let report = run.report(of: check)
                let metric = scenario.metrics[check.metric].name
                for (key, value) in check.expected {
                    let got = Self.got(key, report)
                    compare(key, value, got, "scenario \(scenario.id), check \(index + 1) (\(metric))")
                }
            }
            if let emits = scenario.emits {
                let got = run.emitted()
                if got != emits {
                    differ("emits", "\(emits)", "\(got)", "scenario \(scenario.id), emits")
                }
            }
        }
    }

    private mutating func differ(_ key: String, _ expected: String, _ got: String, _ place: String) {
        differences.append("\(place): \(key): expected \(expected), got \(got)")
    }

    private mutating func compare(_ key: String, _ expected: RulesNode, _ got: Got, _ place: String) {
        switch got {
        case .value(let text):
            let wanted = Self.normal(expected)
            if wanted != text { differ(key, wanted, text, place) }
        case .table(let table):
            for entry in expected.entries ?? [] {
                let wanted = Self.normal(entry.value)
                let text = table[Double(entry.key) ?? .nan] ?? "null"
                if wanted != text { differ("\(key) \(entry.key)", wanted, text, place) }
            }
        }
    }

    /// Times in UTC, numbers without needless zeros.
    private static func normal(_ node: RulesNode) -> String {
        guard let text = node.text else { return node.isNull ? "null" : node.kind }
        if let instant = RFC3339.parse(text) { return RFC3339.string(instant) }
        if let number = Double(text) { return self.text(number) }
        return text
    }

    private static func text(_ number: Double) -> String {
        Int64(exactly: number).map(String.init) ?? "\(number)"
    }

    private enum Got {
        case value(String)
        case table([Double: String])
    }

    /// - Precondition: `key` is one that ``ScenarioReader`` lets through.
    private static func got(_ key: String, _ report: MetricReport) -> Got {
        func instant(_ instant: Micros?) -> Got { .value(instant.map { RFC3339.string($0) } ?? "null") }
        func seconds(_ micros: Int64) -> Got { .value(text(Double(micros) / 1_000_000)) }
        switch key {
        case "state": return .value(report.state.rawValue)
        case "due": return instant(report.due)
        case "breached_at": return instant(report.breachedAt)
        case "met_at": return instant(report.metAt)
        case "elapsed_s": return seconds(report.elapsed)
        case "overdue_s": return seconds(report.overdue)
        case "longest_s": return seconds(report.longest)
        case "misses": return .value("\(report.misses)")
        case "instances": return .value("\(report.instances)")
        case "warn_at": return .table(report.warnings.mapValues { RFC3339.string($0) })
        case "levels":
            let pairs = report.levels.map { (Double($0.key) / 1_000_000, RFC3339.string($0.value)) }
            return .table(Dictionary(uniqueKeysWithValues: pairs))
        default: preconditionFailure("a check on \(key) has not been refused")
        }
    }
}
