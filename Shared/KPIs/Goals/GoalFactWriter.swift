internal import BusinessTime

/// All that a goal's fact says beyond its series.
struct GoalFact {
    let goal: Goal
    let unit: KPIUnit
    let isMissed: Bool
    let ordinal: UInt32
    let judgement: GoalJudgement
    /// When it holds.
    let time: Micros
    let since: Micros
    let isFinal: Bool
    /// Of `now`.
    let clock: Micros
}

/// Writes `deskbeat.kpi.goal.missed` and `deskbeat.kpi.goal.met` as CloudEvents into two buffers that are used again.
struct GoalFactWriter {
    private(set) var key: [UInt8] = []
    private(set) var value: [UInt8] = []
    private let settings: SeriesSettings

    init(_ settings: SeriesSettings) {
        self.settings = settings
    }

    static func type(isMissed: Bool) -> String { isMissed ? "deskbeat.kpi.goal.missed" : "deskbeat.kpi.goal.met" }

    mutating func write(_ fact: GoalFact, _ window: Window, _ cell: SeriesStore.Cell) {
        let goal = fact.goal
        let series = Array("\(goal.kpi)/\(window.kind.name)".utf8) + cell.suffix
        key.removeAll(keepingCapacity: true)
        key.append(contentsOf: series)
        key.append(contentsOf: window.label)
        key.append(contentsOf: "#\(goal.name)#\(fact.ordinal)".utf8)

        value.removeAll(keepingCapacity: true)
        let type = GoalFactWriter.type(isMissed: fact.isMissed)
        text("{\"specversion\":\"1.0\",\"id\":\"")
        AlertWriter.appendHash(of: key, version: 0, to: &value)
        text("\",\"source\":")
        string(settings.source)
        text(",\"type\":\"\(type)\",\"subject\":")
        AlertWriter.appendString(key, to: &value)
        text(",\"time\":\"")
        AlertWriter.appendInstant(fact.time, to: &value)
        text("\",\"sequence\":\"\(fact.ordinal)\",\"dataschema\":\"urn:deskbeat:schema:\(type):1\",\"data\":{\"goal\":")
        string(goal.name)
        text(",\"kpi\":")
        string(goal.kpi)
        text(",\"unit\":\"\(fact.unit.rawValue)\",\"window\":")
        window.append(at: fact.clock, to: &value)
        text(",\"dimensions\":")
        value.append(contentsOf: cell.json)
        text(",\"value\":")
        number(fact.judgement.value, fact.unit)
        text(",\"target\":")
        number(fact.judgement.target, fact.unit)
        text(",\"comparison\":\"\(goal.comparison.rawValue)\",\"statistic\":\"\(goal.statistic.rawValue)\",\"count\":")
        if let count = fact.judgement.count { AlertWriter.append(count, to: &value) } else { text("null") }
        text(",\"severity\":\"\(goal.severity.rawValue)\",\"state\":\"\(fact.isMissed ? "firing" : "resolved")\"")
        text(",\"fingerprint\":")
        AlertWriter.appendString(series + Array("#\(goal.name)".utf8), to: &value)
        text(",\"since\":\"")
        AlertWriter.appendInstant(fact.since, to: &value)
        text("\",\"interval\":")
        AlertWriter.append(interval: fact.judgement.interval, to: &value)
        text(",\"final\":\(fact.isFinal),\"confident\":\(fact.judgement.isConfident(goal.comparison))")
        if let progress = fact.judgement.progress {
            text(",\"progress\":")
            AlertWriter.append(progress, to: &value)
        }
        text(",\"summary\":")
        string(summary(fact, window, cell))
        text(",\"rules_version\":\(settings.rulesVersion)}}")
    }

    /// One line without personal data: names of agents stay in `dimensions`.
    private func summary(_ fact: GoalFact, _ window: Window, _ cell: SeriesStore.Cell) -> String {
        let goal = fact.goal
        let statistic = goal.statistic == .value ? "" : " \(goal.statistic.rawValue)"
        let place =
            cell.dimensions.isEmpty
            ? ""
            : " ("
                + cell.dimensions.map { $0.name == "agent" ? "one agent" : "\($0.name) \($0.value)" }.joined(
                    separator: ", ") + ")"
        let when =
            window.kind == .now
            ? "now" : "\(window.kind.name) \(String(decoding: window.label.dropFirst(), as: UTF8.self))"
        let verdict = fact.isMissed ? "missed" : "met"
        func said(_ number: Double?) -> String {
            guard let number else { return "unknown" }
            let rounded = (number * 1_000).rounded() / 1_000
            let digits = rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int64(rounded))" : "\(rounded)"
            return fact.unit == .seconds ? "\(digits) s" : digits
        }
        return "Goal \(goal.name) \(verdict): \(goal.kpi)\(statistic)\(place), \(when), is "
            + "\(said(fact.judgement.value)), target \(goal.comparison.rawValue) \(said(fact.judgement.target))"
    }

    private mutating func number(_ number: Double?, _ unit: KPIUnit) {
        AlertWriter.append(figure: number, unit: unit, digits: settings.currencyDigits, to: &value)
    }

    private mutating func string(_ text: String) { AlertWriter.appendString(text.utf8, to: &value) }
    private mutating func text(_ text: String) { value.append(contentsOf: text.utf8) }
}
