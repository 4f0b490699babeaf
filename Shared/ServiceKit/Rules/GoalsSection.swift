import BusinessTime
import KPIs
import SupportEvents

/// Reading `goals:`.
extension RulesReader {
    private static let goalMembers = [
        "name", "kpi", "statistic", "window", "dimensions", "comparison", "target", "change", "baseline",
        "best_of_last", "by", "severity", "min_samples", "hysteresis", "for",
    ]
    private static let goalExample =
        "{name: quick, kpi: first_response_time, statistic: p90, window: day, comparison: \"<=\", target: 1h}"

    mutating func goals(_ node: RulesNode, file: String) -> [Goal] {
        var goals: [Goal] = []
        for (index, element) in (list(node, "goals", example: "[\(Self.goalExample)]") ?? []).enumerated() {
            guard let goal = goal(element, "goals[\(index)]", file) else { continue }
            if goals.contains(where: { $0.name == goal.name }) {
                fault(
                    element, "goals[\(index)].name", "two goals have the name \"\(goal.name)\"",
                    "give each a name of its own")
            }
            goals.append(goal)
        }
        if goals.count > 500 { fault(node, "goals", "\(goals.count) goals", "write at most 500") }
        return goals
    }

    private mutating func goal(_ node: RulesNode, _ path: String, _ file: String) -> Goal? {
        guard let entries = mapping(node, path, example: Self.goalExample) else { return nil }
        let faultsBefore = faults.count
        for entry in entries where !Self.goalMembers.contains(entry.key) {
            unknownKey(entry, in: path, known: Self.goalMembers)
        }
        func member(_ name: String) -> RulesNode? { entries.first { $0.key == name }?.value }
        guard let name = goalName(member("name"), node, path) else { return nil }
        guard let kpiNode = member("kpi") else {
            fault(node, path, "\"\(name)\" names no KPI", "write for example kpi: first_response_time")
            return nil
        }
        guard let kpi = self.name(kpiNode, "\(path).kpi", among: RulesNames.kpis) else { return nil }
        guard let windowNode = member("window") else {
            fault(node, path, "\"\(name)\" names no window", "write for example window: day, 7d, or now for gauges")
            return nil
        }
        guard
            let window = self.name(windowNode, "\(path).window", among: RulesNames.windows).flatMap(
                WindowKind.init(name:))
        else { return nil }
        guard let comparison = comparison(member("comparison"), node, path) else { return nil }
        guard let target = target(entries, node, path, comparison) else { return nil }
        var goal = Goal(name: name, kpi: kpi, window: window, comparison: comparison, target: target)
        goal.place = "\(file):\(node.line):\(node.column)"
        for entry in entries { read(entry, "\(path).\(entry.key)", into: &goal) }
        return faults.count == faultsBefore ? goal : nil
    }

    private mutating func goalName(_ member: RulesNode?, _ node: RulesNode, _ path: String) -> String? {
        guard let member else {
            fault(node, path, "the goal has no name", "write for example name: quick-first-response; alerts carry it")
            return nil
        }
        guard let name = text(member, "\(path).name", maximumBytes: 100) else { return nil }
        guard !name.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "#") }) else {
            fault(member, "\(path).name", "the name contains # or a control character", "use letters, digits, - and _")
            return nil
        }
        return name
    }

    private mutating func comparison(_ member: RulesNode?, _ node: RulesNode, _ path: String) -> Goal.Comparison? {
        guard let member else {
            fault(node, path, "the goal compares nothing", "write comparison: \"<=\", \"<\", \">=\" or \">\"")
            return nil
        }
        guard let comparison = member.text.flatMap(Goal.Comparison.init(rawValue:)) else {
            fault(
                member, "\(path).comparison", "\(member.kind) is no comparison",
                "write \"<=\", \"<\", \">=\" or \">\", in quotes")
            return nil
        }
        return comparison
    }

    // MARK: Target

    private mutating func target(
        _ entries: [RulesEntry], _ node: RulesNode, _ path: String, _ comparison: Goal.Comparison
    ) -> Goal.Target? {
        let given = entries.filter { ["target", "change", "best_of_last"].contains($0.key) }
        guard given.count == 1, let entry = given.first else {
            fault(
                node, path, given.isEmpty ? "the goal has no target" : "the goal has several targets",
                "write one of target: 1h, change: -20% (with baseline: 2026-10), best_of_last: 6")
            return nil
        }
        let full = "\(path).\(entry.key)"
        let baseline = entries.first { $0.key == "baseline" }
        if let baseline, entry.key != "change" {
            fault(
                line: baseline.line, column: baseline.column, "\(path).baseline", "only a change has a baseline",
                "write change instead of \(entry.key), or leave baseline out")
        }
        switch entry.key {
        case "target": return figure(entry.value, full).map { .value($0) }
        case "best_of_last":
            return integer(entry.value, full, in: 1...Goal.Target.largestCount).map { .best(ofLast: $0) }
        default: return change(entry.value, full, baseline, path, comparison)
        }
    }

    /// `-20%`, or `-20 % against 2026-10`.
    private mutating func change(
        _ node: RulesNode, _ path: String, _ baseline: RulesEntry?, _ goal: String, _ comparison: Goal.Comparison
    ) -> Goal.Target? {
        let words = (node.text ?? "").split(separator: " ")
        let parts = words.split(separator: "against", maxSplits: 1)
        let share = parts.first?.joined() ?? ""
        guard share.hasSuffix("%"), let percent = Double(share.dropLast()), percent.isFinite, percent != 0,
            abs(percent) <= 10_000
        else {
            fault(node, path, "\(node.kind) is no change", "write for example -20% or +5%")
            return nil
        }
        guard (percent < 0) == comparison.wantsLess else {
            fault(
                node, path, "a change of \(share) and the comparison \(comparison.rawValue) contradict each other",
                percent < 0
                    ? "compare with \"<=\", or write a positive change"
                    : "compare with \">=\", or write a negative change")
            return nil
        }
        let word: RulesNode
        if parts.count == 2, baseline == nil {
            word = RulesNode(
                content: .scalar(parts[1].joined(separator: " "), plain: false), line: node.line, column: node.column)
        } else if let baseline, parts.count == 1 {
            word = baseline.value
        } else {
            fault(
                node, path, baseline == nil ? "the change has no baseline" : "the change has two baselines",
                "write baseline: previous, or the window, for example baseline: 2026-10")
            return nil
        }
        guard let against = self.baseline(word, "\(goal).baseline") else { return nil }
        return .change(share: percent / 100, against)
    }

    private mutating func baseline(_ node: RulesNode, _ path: String) -> Goal.Baseline? {
        if node.text?.lowercased() == "previous" { return .previous }
        guard let window = node.text.flatMap(BucketLabel.parse) else {
            fault(
                node, path, "\(node.kind) is no window",
                "write previous, or a window as series name it: 2026-11-22, 2026-W47, 2026-11, 2026-Q4 or 2026")
            return nil
        }
        return .window(window.kind, bucket: window.bucket)
    }

    /// A number in the KPI's unit, a duration, or a percentage.
    mutating func figure(_ node: RulesNode, _ path: String) -> Double? {
        let text = node.text ?? ""
        if text.hasSuffix("%"), let percent = Double(text.dropLast().filter { $0 != " " }), percent.isFinite {
            return percent / 100
        }
        if let number = Double(text), number.isFinite, abs(number) <= 1e15 { return number }
        if let duration = try? RulesDuration(parsing: text) { return Double(duration.milliseconds) / 1_000 }
        fault(
            node, path, "\(node.kind) is no figure", "write a number in the KPI's unit, a duration such as 1h, or 80%")
        return nil
    }

    // MARK: The rest

    private mutating func read(_ entry: RulesEntry, _ path: String, into goal: inout Goal) {
        let node = entry.value
        switch entry.key {
        case "statistic":
            let names = ["mean", "median"] + Goal.Statistic.allCases.map(\.rawValue)
            guard let name = name(node, path, among: names) else { return }
            goal.statistic = Goal.Statistic(rawValue: name) ?? (name == "median" ? .p50 : .value)
        case "dimensions":
            for dimension in mapping(node, path, example: "{channel: email}") ?? [] {
                readDimension(dimension, "\(path).\(dimension.key)", into: &goal)
            }
        case "by":
            guard let window = node.text.flatMap(BucketLabel.parse), window.kind == .day else {
                fault(node, path, "\(node.kind) is no date", "write for example 2026-12-31")
                return
            }
            goal.by = window.bucket
        case "severity":
            guard let name = name(node, path, among: Goal.Severity.allCases.map(\.rawValue)) else { return }
            goal.severity = Goal.Severity(rawValue: name) ?? .warning
        case "min_samples":
            if let count = integer(node, path, in: 1...1_000_000_000) { goal.minimumSamples = Int64(count) }
        case "hysteresis":
            guard let figure = figure(node, path) else { return }
            if figure < 0 { fault(node, path, "a hysteresis has no sign", "write for example 5% or 60s") }
            goal.hysteresis = node.text?.hasSuffix("%") == true ? .share(figure) : .value(figure)
        case "for":
            guard let duration = duration(node, path) else { return }
            let limit = RulesDuration(30, .days)
            if duration.milliseconds > limit.milliseconds {
                fault(node, path, "\(duration) is too long", "write at most \(limit)")
            }
            goal.delay = duration.microseconds
        default: break
        }
    }

    private mutating func readDimension(_ entry: RulesEntry, _ path: String, into goal: inout Goal) {
        // In rankings and profiles there is nothing to reach.
        let known = Dimension.allCases.map(\.name)
        guard known.contains(entry.key) else {
            return unknownKey(entry, in: String(path.dropLast(entry.key.utf8.count + 1)), known: known)
        }
        guard let value = text(entry.value, path, maximumBytes: 200) else { return }
        // Agents are known by their ids, which are not folded.
        let folded = entry.key == "agent" ? value : LabelFolding.folded(value)
        goal.dimensions[entry.key] = .some(value == "*" ? nil : folded)
    }
}
