internal import BusinessTime

/// All that one `deskbeat.kpi.updated` event says beyond its window and its cell.
struct KPIUpdate {
    struct Previous {
        let integer: Int64?
        let value: Double?
    }

    let kpi: Int
    let revision: UInt32
    let figures: Figures
    let clock: Micros
    let newest: Micros
    var previous: Previous?
    var weekAgo: Previous?
    var yearAgo: Previous?
    var trend: TheilSen?
    var goals: [(goal: Goal, judgement: GoalJudgement)] = []
    /// For `rate_per_day`.
    var days: Double?
    /// In the order of the definition's companions.
    var companions: [Int64] = []
}

/// Writes KPI updates as CloudEvents into two buffers that are used again.
struct KPIUpdateWriter {
    private(set) var key: [UInt8] = []
    var value: [UInt8] = []

    private let definitions: [KPIDefinition]
    let settings: SeriesSettings
    /// `","source":…,"type":…,"subject":`
    private let envelope: [UInt8]
    /// `","dataschema":…,"data":{"kpi":`
    private let dataHead: [UInt8]
    private let rulesVersion: [UInt8]
    /// By KPI and window kind: `first_response_time/day`.
    private let series: [[[UInt8]]]

    init(_ catalogue: KPICatalogue, _ settings: SeriesSettings) {
        definitions = catalogue.definitions
        self.settings = settings
        var envelope = Array("\",\"source\":".utf8)
        AlertWriter.appendString(settings.source.utf8, to: &envelope)
        envelope.append(contentsOf: ",\"type\":\"deskbeat.kpi.updated\",\"subject\":".utf8)
        self.envelope = envelope
        var dataHead = Array("\",\"dataschema\":".utf8)
        AlertWriter.appendString(settings.dataSchema.utf8, to: &dataHead)
        dataHead.append(contentsOf: ",\"data\":{\"kpi\":".utf8)
        self.dataHead = dataHead
        rulesVersion = Array(",\"rules_version\":\(settings.rulesVersion)".utf8)
        series = catalogue.definitions.map { definition in
            WindowKind.allCases.map { Array("\(definition.id)/\($0.name)".utf8) }
        }
    }

    mutating func write(_ update: KPIUpdate, _ window: Window, _ cell: SeriesStore.Cell) {
        key.removeAll(keepingCapacity: true)
        key.append(contentsOf: series[update.kpi][Int(window.kind.rawValue)])
        key.append(contentsOf: cell.suffix)
        key.append(contentsOf: window.label)

        value.removeAll(keepingCapacity: true)
        text("{\"specversion\":\"1.0\",\"id\":\"")
        writeID(update.revision)
        value.append(contentsOf: envelope)
        AlertWriter.appendString(key, to: &value)
        text(",\"time\":\"")
        AlertWriter.appendInstant(KPIUpdateWriter.time(update, window), to: &value)
        text("\",\"sequence\":\"")
        AlertWriter.appendDigits(UInt64(update.revision), to: &value)
        value.append(contentsOf: dataHead)

        let definition = definitions[update.kpi]
        AlertWriter.appendString(definition.id.utf8, to: &value)
        text(",\"unit\":\"")
        text(definition.unit.rawValue)
        text("\",\"dimensions\":")
        value.append(contentsOf: cell.json)
        text(",\"window\":")
        window.append(at: update.clock, to: &value)
        text(",\"revision\":")
        AlertWriter.appendDigits(UInt64(update.revision), to: &value)
        writeFigures(update, definition, window)
        value.append(contentsOf: rulesVersion)
        writeGoals(update.goals, definition.unit)
        writeComparison("previous", update.previous, update, definition.unit)
        writeComparison("week_ago", update.weekAgo, update, definition.unit)
        writeComparison("year_ago", update.yearAgo, update, definition.unit)
        writeTrend(update.trend)
        if let benchmarks = cell.benchmarks[update.kpi] {
            text(",\"benchmarks\":")
            value.append(contentsOf: benchmarks)
        }
        text("}}")
    }

    /// The instant for which the update speaks: a closed window's end; else the newest event time within the window.
    private static func time(_ update: KPIUpdate, _ window: Window) -> Micros {
        if window.kind == .now { return update.newest == Micros.min ? update.clock : update.newest }
        if window.isClosed { return window.bounds.end }
        return min(max(update.newest, window.bounds.start), window.bounds.end)
    }

    private mutating func writeID(_ revision: UInt32) {
        AlertWriter.appendHash(of: key, version: UInt64(settings.generation) << 32 | UInt64(revision), to: &value)
    }

    private mutating func writeFigures(_ update: KPIUpdate, _ definition: KPIDefinition, _ window: Window) {
        let figures = update.figures
        text(",\"value\":")
        let isMoney = definition.unit == .money
        if isMoney, let integer = figures.integer {
            writeMoney(integer)
        } else {
            writeNumber(figures.integer, figures.value)
        }
        if isMoney {
            text(",\"currency\":")
            AlertWriter.appendString(settings.currency.utf8, to: &value)
        }
        text(",\"statistic\":\"")
        text(definition.formula.statistic)
        text("\",\"count\":")
        if definition.hasCount { AlertWriter.append(figures.count, to: &value) } else { text("null") }
        var maturity: Maturity?
        switch definition.formula {
        case .duration(_, let hasQuantiles):
            if hasQuantiles { writeQuantiles(figures.quantiles) }
            writeSmallSample(figures.count)
        case .proportion(_, _, let given):
            writeProportion(figures)
            writeSmallSample(figures.denominator)
            maturity = given
        case .mean:
            writeMean(figures)
            writeSmallSample(figures.count)
        case .netPromoterScore:
            writeNetPromoterScore(figures)
            writeSmallSample(figures.count)
        case .ratio(_, _, let unit):
            writeRatio(figures, unit, definition.unit)
        case .gauge: if definition.formula.measures.first?.kind == .instants { writeAges(figures.ages) }
        case .ages:
            writeQuantiles(figures.quantiles)
            text(",\"max\":")
            AlertWriter.append(
                figure: figures.ages.map { Double($0.largest) / 1_000_000 }, unit: .seconds, digits: 0, to: &value)
        case .profile, .staffing: writeProfile(figures, definition.formula)
        case .ranking(let formula):
            writeRanking(figures, formula)
            writeSmallSample(figures.denominator)
        case .count, .level, .total, .ratioOfRatios, .lifetimeValue: break
        }
        if let days = update.days, let integer = figures.integer {
            text(",\"rate_per_day\":")
            AlertWriter.append(Double(integer) / days, to: &value)
        }
        for (companion, count) in zip(definition.companions, update.companions) {
            text(",")
            AlertWriter.appendString(companion.name.utf8, to: &value)
            text(":")
            if companion.isMoney { writeMoney(count) } else { AlertWriter.append(count, to: &value) }
        }
        for member in definition.fixed {
            text(",")
            AlertWriter.appendString(member.name.utf8, to: &value)
            text(":")
            text(member.json)
        }
        writeSettled(figures, maturity, window)
        if !definition.flags.isEmpty { writeFlags(definition.flags, figures) }
    }

    private mutating func writeQuantiles(_ quantiles: Figures.Quantiles?) {
        guard let quantiles else {
            text(",\"quantiles\":null")
            return
        }
        text(",\"quantiles\":{\"p50\":")
        AlertWriter.append(quantiles.p50 / 1_000, to: &value)
        text(",\"p90\":")
        AlertWriter.append(quantiles.p90 / 1_000, to: &value)
        text(",\"p95\":")
        AlertWriter.append(quantiles.p95 / 1_000, to: &value)
        text(",\"p99\":")
        AlertWriter.append(quantiles.p99 / 1_000, to: &value)
        text("}")
    }

    private mutating func writeProportion(_ figures: Figures) {
        text(",\"numerator\":")
        AlertWriter.append(figures.numerator, to: &value)
        text(",\"denominator\":")
        AlertWriter.append(figures.denominator, to: &value)
        writeInterval(Wilson.interval(figures.numerator, of: figures.denominator))
    }

    private mutating func writeRatio(_ figures: Figures, _ terms: TermUnit, _ unit: KPIUnit) {
        if unit == .money { return }
        guard terms == .count else {
            text(",\"numerator\":")
            writeMoney(figures.numerator)
            text(",\"denominator\":")
            writeMoney(figures.denominator)
            return
        }
        if unit == .proportion {
            writeProportion(figures)
            writeSmallSample(figures.denominator)
            return
        }
        text(",\"numerator\":")
        AlertWriter.append(figures.numerator, to: &value)
        text(",\"denominator\":")
        AlertWriter.append(figures.denominator, to: &value)
    }

    private mutating func writeMoney(_ minor: Int64) {
        AlertWriter.append(minor: minor, digits: settings.currencyDigits, to: &value)
    }

    private mutating func writeMean(_ figures: Figures) {
        text(",\"numerator\":")
        let sum = figures.sum ?? 0
        if let whole = Int64(exactly: sum) {
            AlertWriter.append(whole, to: &value)
        } else {
            AlertWriter.append(sum, to: &value)
        }
        text(",\"denominator\":")
        AlertWriter.append(figures.count, to: &value)
    }

    private mutating func writeNetPromoterScore(_ figures: Figures) {
        guard let answers = figures.answers else { return }
        text(",\"promoters\":")
        AlertWriter.append(answers.promoters, to: &value)
        text(",\"passives\":")
        AlertWriter.append(answers.passives, to: &value)
        text(",\"detractors\":")
        AlertWriter.append(answers.detractors, to: &value)
        writeInterval(
            NetPromoterScore.interval(
                promoters: answers.promoters, detractors: answers.detractors, answers: answers.total))
    }

    private mutating func writeInterval(_ interval: (low: Double, high: Double)?) {
        text(",\"interval\":")
        AlertWriter.append(interval: interval, to: &value)
    }

    mutating func writeSmallSample(_ count: Int64) {
        text(count < settings.minimumSample ? ",\"small_sample\":true" : ",\"small_sample\":false")
    }

    private mutating func writeSettled(_ figures: Figures, _ maturity: Maturity?, _ window: Window) {
        if let isSettled = figures.isSettled {
            // When its costs will be complete nobody can say, so there is no `settles_at`.
            text(isSettled ? ",\"settled\":true" : ",\"settled\":false")
            return
        }
        guard let maturity else {
            text(",\"settled\":true")
            return
        }
        text(figures.pending > 0 ? ",\"settled\":false" : ",\"settled\":true")
        if figures.pending > 0 {
            text(",\"settles_at\":\"")
            AlertWriter.appendInstant(
                window.bounds.end.addingReportingOverflow(maturity.settlesAfter).partialValue, to: &value)
            text("\"")
        }
        text(",\"pending\":")
        AlertWriter.append(figures.pending, to: &value)
    }

    /// Those that hold; none is an empty list.
    private mutating func writeFlags(_ flags: [ValueFlag], _ figures: Figures) {
        text(",\"flags\":[")
        var isFirst = true
        for flag in flags {
            guard let number = figures.valueAsDouble, number < flag.below else { continue }
            if !isFirst { text(",") }
            isFirst = false
            AlertWriter.appendString(flag.name.utf8, to: &value)
        }
        text("]")
    }

    private mutating func writeComparison(
        _ name: String, _ other: KPIUpdate.Previous?, _ update: KPIUpdate, _ unit: KPIUnit
    ) {
        guard let other else { return }
        text(",\"\(name)\":{\"value\":")
        if unit == .money, let integer = other.integer {
            writeMoney(integer)
        } else {
            writeNumber(other.integer, other.value)
        }
        text(",\"change\":")
        let before = other.integer.map { Double($0) } ?? other.value
        if let before, before != 0, let now = update.figures.valueAsDouble {
            AlertWriter.append((now - before) / abs(before), to: &value)
        } else {
            text("null")
        }
        text("}")
    }

    private mutating func writeTrend(_ trend: TheilSen?) {
        guard let trend else { return }
        text(",\"trend\":{\"direction\":\"\(trend.direction.rawValue)\",\"slope\":")
        AlertWriter.append(trend.slope, to: &value)
        text(",\"windows\":\(trend.count)}")
    }

    /// The first goal as `goal`; if there are more, all of them as `goals`, too.
    private mutating func writeGoals(_ goals: [(goal: Goal, judgement: GoalJudgement)], _ unit: KPIUnit) {
        guard let first = goals.first else { return }
        text(",\"goal\":")
        writeGoal(first.goal, first.judgement, unit)
        guard goals.count > 1 else { return }
        text(",\"goals\":[")
        for (index, entry) in goals.enumerated() {
            if index > 0 { text(",") }
            writeGoal(entry.goal, entry.judgement, unit)
        }
        text("]")
    }

    private mutating func writeGoal(_ goal: Goal, _ judgement: GoalJudgement, _ unit: KPIUnit) {
        text("{\"name\":")
        AlertWriter.appendString(goal.name.utf8, to: &value)
        text(",\"target\":")
        AlertWriter.append(figure: judgement.target, unit: unit, digits: settings.currencyDigits, to: &value)
        text(",\"comparison\":\"\(goal.comparison.rawValue)\",\"statistic\":\"\(goal.statistic.rawValue)\",\"met\":")
        text(judgement.isMet(goal.comparison).map { $0 ? "true" : "false" } ?? "null")
        if case .value = goal.target {
        } else {
            text(",\"baseline\":")
            AlertWriter.append(figure: judgement.baseline, unit: unit, digits: settings.currencyDigits, to: &value)
            text(",\"progress\":")
            AlertWriter.append(figure: judgement.progress, unit: .ratio, digits: 0, to: &value)
        }
        text("}")
    }

    private mutating func writeNumber(_ integer: Int64?, _ number: Double?) {
        if let integer {
            AlertWriter.append(integer, to: &value)
        } else if let number {
            AlertWriter.append(number, to: &value)
        } else {
            text("null")
        }
    }

    @inline(__always)
    mutating func text(_ text: String) { value.append(contentsOf: text.utf8) }
}
