import BusinessTime
import KPIs

/// A KPI in one window of one cell, recomputed by brute force from every single contribution.
struct BatchFigures {
    /// Of `data`.
    var members: [ExpectedMember] = []
    /// Whether it has to be published: something was counted in the window.
    var isRequired = false
    /// Whether it has a value that the next window has to follow, even if nothing comes.
    var hasValue = false
    /// Events or timers of just now touch it: the service may rightly say something else.
    var isMoving = false
    /// The one figure that differences show.
    var value: Expectation { members.first { $0.name == "value" }?.value ?? .null }
}

/// The batch counterpart of `Figures`, and independent of it.
struct BatchKPIs {
    let catalogue: KPICatalogue
    let zone: BusinessZone
    let settings: SeriesSettings
    let table: BatchTable
    /// What comes from elsewhere than the stages that are recomputed.
    var external: Set<Measure> = []

    /// Nil for a KPI of measures that the batch does not know.
    ///
    /// - Parameters:
    ///   - clock: What is known of the clock of the cell's series task.
    ///   - instant: For which an update says how old things are; nil: ages are not looked at.
    func figures(
        _ definition: KPIDefinition, cell: Int?, _ window: BatchWindow, clock: ClosedRange<Int64>, at instant: Int64?
    ) -> BatchFigures? {
        guard external.isDisjoint(with: definition.measures) else { return nil }
        var reader = WindowReader(
            series: cell.map { table.series[$0] } ?? [:], window: window, zone: zone, clock: clock)
        var figures = BatchFigures()
        // Nil: it has to be published where some measure that it reads holds anything.
        var isSubstantial: Bool?
        let count: Int64
        let formula = definition.formula
        if case .count(let measure) = formula {
            count = reader.count(measure)
            figures.members = [ExpectedMember("value", .integer(count))]
            figures.hasValue = count != 0
            if definition.ratePerDay, let days = wholeDays(window) {
                figures.members.append(ExpectedMember("rate_per_day", .number(Double(count) / days)))
            }
        } else if case .duration(let measure, let hasQuantiles) = formula {
            let values = reader.values(measure).sorted()
            count = Int64(values.count)
            figures.members = [
                ExpectedMember("value", count == 0 ? .null : .number(mean(reader.sum(measure), count, 1_000)))
            ]
            if hasQuantiles { figures.members.append(ExpectedMember("quantiles", quantiles(values))) }
            figures.members.append(smallSample(count))
            figures.hasValue = count > 0
        } else if case .proportion(let numerator, let denominator, let maturity) = formula {
            count = reader.count(denominator)
            let pending = maturity.map { reader.count($0.pending) } ?? 0
            figures.members = proportion(reader.count(numerator), of: count)
            if maturity != nil { figures.members.append(ExpectedMember("pending", .integer(pending))) }
            figures.members.append(ExpectedMember("settled", .bool(pending == 0)))
            figures.hasValue = count > 0
        } else if case .mean(let measure, let scale) = formula {
            count = reader.count(measure)
            let sum = reader.sum(measure)
            figures.members = [
                ExpectedMember("value", count == 0 ? .null : .number(mean(sum, count, scale))),
                ExpectedMember("numerator", .number(Double(sum) / Double(scale))),
                ExpectedMember("denominator", .integer(count)),
                smallSample(count),
            ]
            figures.hasValue = count > 0
        } else if case .netPromoterScore(let promoters, let passives, let detractors) = formula {
            let (good, neutral, bad) = (reader.count(promoters), reader.count(passives), reader.count(detractors))
            count = good + neutral + bad
            figures.members = [
                ExpectedMember("value", count == 0 ? .null : .number(100 * Double(good - bad) / Double(count))),
                ExpectedMember("promoters", .integer(good)), ExpectedMember("passives", .integer(neutral)),
                ExpectedMember("detractors", .integer(bad)),
                ExpectedMember("interval", netPromoterInterval(good, bad, count)), smallSample(count),
            ]
            figures.hasValue = count > 0
        } else if case .total(let terms) = formula {
            let sum = reader.sum(of: terms)
            count = Int64(clamping: sum)
            figures.members = [ExpectedMember("value", definition.unit == .money ? money(count) : .integer(count))]
            figures.hasValue = sum != 0
        } else if case .ratio(let above, let below, let unit) = formula {
            let (top, bottom) = (reader.sum(of: above), reader.sum(of: below))
            count = Int64(clamping: bottom)
            figures.members = ratio(top, bottom, unit, definition.unit)
            figures.hasValue = bottom != 0
        } else if case .ratioOfRatios(let first, let second) = formula {
            let parts = [first.above, first.below, second.above, second.below].map { Double(reader.sum(of: $0)) }
            count = 0
            figures.hasValue = parts[1] != 0 && parts[2] != 0 && parts[3] != 0
            figures.members = [
                ExpectedMember(
                    "value", figures.hasValue ? .number((parts[0] / parts[1]) / (parts[2] / parts[3])) : .null)
            ]
        } else if case .level(let measure) = formula {
            count = reader.levelAtEnd(measure)
            figures.members = [ExpectedMember("value", .integer(count))]
        } else if case .gauge(let measure) = formula {
            count = measure.kind == .instants ? reader.count(measure) : reader.sum(measure)
            figures.members = [ExpectedMember("value", definition.unit == .money ? money(count) : .integer(count))]
            if measure.kind == .instants, let instant {
                figures.members.append(ExpectedMember("age", age(reader.ages(measure, at: instant))))
            }
        } else if case .ages(let measure) = formula {
            let ages = instant.map { reader.ages(measure, at: $0) } ?? []
            count = Int64(ages.count)
            figures.members = self.ages(ages)
            figures.hasValue = count > 0
        } else if case .profile(let measure) = formula {
            let weeks = reader.weeks(measure)
            count = Int64(weeks.reduce(0) { $0 + $1.count })
            figures.members =
                profile(weeks) + [
                    ExpectedMember(
                        "value", weeks.isEmpty ? .null : .number(Double(count) / Double(weeks.count)))
                ]
            figures.hasValue = count != 0
            isSubstantial = count != 0
        } else if case .staffing(let staffing) = formula {
            let weeks = reader.weeks(staffing.arrivals)
            count = Int64(weeks.reduce(0) { $0 + $1.count })
            figures.members = agents(staffing, weeks, handleTime: reader.mean(staffing.handleTime, weeks: weeks.count))
            figures.hasValue = count != 0
            isSubstantial = count != 0
        } else if case .lifetimeValue(let value) = formula {
            count = 0
            let worth = lifetimeValue(value, isKept: keepsMonths(definition), &reader)
            figures.members = [ExpectedMember("value", worth.map(money) ?? .null)]
            figures.hasValue = worth != nil
            isSubstantial =
                reader.hasFirstMonthBegun()
                && [value.mrr, value.active].contains { measure in
                    reader.levelAtStart(measure) != 0 || reader.levelAtEnd(measure) != 0
                }
        } else if case .ranking(let ranking) = formula {
            let places = tallies(ranking, cell, window, &reader)
            count = places.values.reduce(0) { $0 + $1.all }
            figures.members = self.ranking(ranking, places)
            figures.hasValue = count > 0
            isSubstantial = count > 0
        } else {
            return nil
        }
        finish(&figures, definition, count, &reader)
        if let isSubstantial { figures.isRequired = figures.isRequired && isSubstantial }
        return figures
    }

    private func finish(
        _ figures: inout BatchFigures, _ definition: KPIDefinition, _ count: Int64, _ reader: inout WindowReader
    ) {
        let counted = definition.countedBy.isEmpty ? count : Int64(clamping: reader.sum(of: definition.countedBy))
        figures.members += [
            ExpectedMember("count", definition.hasCount ? .integer(counted) : .null),
            ExpectedMember("unit", .text(definition.unit.rawValue)),
            ExpectedMember("statistic", .text(definition.formula.statistic)),
        ]
        if definition.unit == .money { figures.members.append(ExpectedMember("currency", .text(settings.currency))) }
        let isKnown = settle(&figures, definition, &reader)
        for companion in definition.companions {
            let value =
                companion.isMoney
                ? money(reader.sum(companion.measure)) : .integer(reader.count(companion.measure))
            figures.members.append(ExpectedMember(companion.name, value))
        }
        for member in definition.fixed {
            if let value = JSONValue(Array(member.json.utf8)) {
                figures.members.append(ExpectedMember(member.name, .json(value)))
            }
        }
        if !definition.flags.isEmpty {
            figures.members.append(ExpectedMember("flags", flags(definition, figures.value)))
        }
        if let carrier = definition.carriedBy, reader.levelAtEnd(carrier) != 0 { figures.hasValue = true }
        figures.isRequired =
            definition.formula.isMadeOfDetails || definition.measures.contains { reader.hasContent($0) }
        // What reaches over several windows speaks of closed ones only.
        let isTooEarly = definition.formula.reach > 1 && reader.window.bounds.end > reader.clock.lowerBound
        if isTooEarly || !isKnown { figures.isRequired = false }
        figures.isMoving = reader.isMoving
    }

    /// What must be known before there is a value, and which days are complete. Returns whether anything at all is known.
    private func settle(
        _ figures: inout BatchFigures, _ definition: KPIDefinition, _ reader: inout WindowReader
    ) -> Bool {
        var isMet = true
        var isKnown = definition.requirements.isEmpty
        for requirement in definition.requirements {
            switch requirement {
            case .everyDay(let measure):
                isMet = isMet && reader.hasEveryDay(measure)
                isKnown = isKnown || reader.count(measure) > 0
            case .nothing(let measure):
                isMet = isMet && reader.levelAtEnd(measure) == 0
                isKnown = true
            }
        }
        if !isMet, let index = figures.members.firstIndex(where: { $0.name == "value" }) {
            figures.members[index] = ExpectedMember("value", .null)
            figures.hasValue = false
        }
        if let measure = definition.settledBy {
            figures.members.append(ExpectedMember("settled", .bool(reader.hasEveryDay(measure))))
        }
        return isKnown
    }

    // MARK: Parts

    private func mean(_ sum: Int64, _ count: Int64, _ scale: Int64) -> Double {
        Double(sum) / (Double(count) * Double(scale))
    }

    func smallSample(_ count: Int64) -> ExpectedMember {
        ExpectedMember("small_sample", .bool(count < settings.minimumSample))
    }

    /// The items of 0-based rank floor(q (n - 1)), in seconds.
    private func quantiles(_ sorted: [Int64]) -> Expectation {
        if sorted.isEmpty { return .null }
        return .members(
            [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)].map { name, percent in
                ExpectedMember(name, .within(Double(sorted[percent * (sorted.count - 1) / 100]) / 1_000))
            })
    }

    func proportion(_ numerator: Int64, of denominator: Int64) -> [ExpectedMember] {
        [
            ExpectedMember("value", denominator == 0 ? .null : .number(Double(numerator) / Double(denominator))),
            ExpectedMember("numerator", .integer(numerator)), ExpectedMember("denominator", .integer(denominator)),
            ExpectedMember("interval", wilson(numerator, denominator)), smallSample(denominator),
        ]
    }

    /// E. B. Wilson's interval as the two roots of (p - x)^2 = z^2 x (1 - x) / n.
    func wilson(_ successes: Int64, _ total: Int64) -> Expectation {
        guard total > 0 else { return .null }
        let (n, p, z2) = (Double(total), Double(successes) / Double(total), 3.841458820694124)
        let (a, b, c) = (1 + z2 / n, 2 * p + z2 / n, p * p)
        let root = max(0, b * b - 4 * a * c).squareRoot()
        return .members([
            ExpectedMember("low", .close((b - root) / (2 * a))), ExpectedMember("high", .close((b + root) / (2 * a))),
            ExpectedMember("confidence", .number(0.95)),
        ])
    }

    private func netPromoterInterval(_ promoters: Int64, _ detractors: Int64, _ answers: Int64) -> Expectation {
        guard answers > 0 else { return .null }
        let n = Double(answers) + 1
        let (p, d) = ((Double(promoters) + 0.5) / n, (Double(detractors) + 0.5) / n)
        let half = 1.959963984540054 * ((p + d - (p - d) * (p - d)) / n).squareRoot()
        return .members([
            ExpectedMember("low", .close(max(-100, 100 * (p - d - half)))),
            ExpectedMember("high", .close(min(100, 100 * (p - d + half)))),
            ExpectedMember("confidence", .number(0.95)),
        ])
    }

    private func ratio(
        _ top: Int128, _ bottom: Int128, _ terms: TermUnit, _ unit: KPIUnit
    ) -> [ExpectedMember] {
        if unit == .money {
            return [ExpectedMember("value", bottom == 0 ? .null : money(halfToEven(top, bottom)))]
        }
        let (numerator, denominator) = (Int64(clamping: top), Int64(clamping: bottom))
        if unit == .proportion {
            return proportion(numerator, of: denominator) + [ExpectedMember("settled", .bool(true))]
        }
        let value: Expectation = bottom == 0 ? .null : .number(Double(numerator) / Double(denominator))
        return [
            ExpectedMember("value", value),
            ExpectedMember("numerator", terms == .money ? money(numerator) : .integer(numerator)),
            ExpectedMember("denominator", terms == .money ? money(denominator) : .integer(denominator)),
        ]
    }

    func halfToEven(_ top: Int128, _ bottom: Int128) -> Int64 {
        let (top, bottom) = bottom < 0 ? (-top, -bottom) : (top, bottom)
        var floor = top / bottom
        if top % bottom < 0 { floor -= 1 }
        let twice = 2 * (top - floor * bottom)
        return Int64(clamping: twice > bottom || (twice == bottom && floor & 1 != 0) ? floor + 1 : floor)
    }

    func money(_ minor: Int64) -> Expectation {
        let places = settings.currencyDigits
        var digits = String(minor.magnitude)
        while digits.utf8.count <= places { digits = "0" + digits }
        let text = places == 0 ? digits : "\(digits.dropLast(places)).\(digits.suffix(places))"
        return .text(minor < 0 ? "-" + text : text)
    }

    private func flags(_ definition: KPIDefinition, _ value: Expectation) -> Expectation {
        let number: Double? =
            switch value {
            case .integer(let integer): Double(integer)
            case .number(let number): number
            default: nil
            }
        return .texts(definition.flags.filter { flag in number.map { $0 < flag.below } ?? false }.map(\.name))
    }

    /// The length of a window that does not depend on the clock, in days.
    private func wholeDays(_ window: BatchWindow) -> Double? {
        switch window.kind {
        case .hour: 1.0 / 24
        case .day, .rolling24Hours: 1
        case .rolling7Days: 7
        case .rolling30Days: 30
        case .week, .month, .quarter, .year, .now: nil
        }
    }
}

/// Reads the measures of one cell in one window, and notes whether any of what it read moves.
struct WindowReader {
    let series: [UInt16: BatchSeries]
    let window: BatchWindow
    let zone: BusinessZone
    /// What is known of the clock of the series task.
    let clock: ClosedRange<Int64>
    private(set) var isMoving = false

    init(series: [UInt16: BatchSeries], window: BatchWindow, zone: BusinessZone, clock: ClosedRange<Int64>) {
        self.series = series
        self.window = window
        self.zone = zone
        self.clock = clock
    }

    mutating func noteMoving(_ isMoving: Bool) { if isMoving { self.isMoving = true } }

    private mutating func slice(_ measure: Measure) -> (series: BatchSeries, slice: BatchSeries.Slice)? {
        guard let one = series[measure.id] else { return nil }
        let slice = one.slice(window, zone)
        if slice.isMoving { isMoving = true }
        return (one, slice)
    }

    mutating func count(_ measure: Measure) -> Int64 { slice(measure).map { Int64($0.slice.range.count) } ?? 0 }

    mutating func sum(_ measure: Measure) -> Int64 { slice(measure).map { $0.series.sum($0.slice) } ?? 0 }

    mutating func values(_ measure: Measure) -> [Int64] {
        slice(measure).map { found in found.series.items[found.slice.range].map(\.value) } ?? []
    }

    /// Whether each day of the window is among the measure's, which are days of the year.
    mutating func hasEveryDay(_ measure: Measure) -> Bool {
        let known = Set(values(measure))
        return window.days(zone).allSatisfy { day in
            known.contains(day - WindowKind.year.firstDay(ofBucket: WindowKind.year.bucket(ofDay: day)))
        }
    }

    /// Whether the window holds something of the measure that does not cancel out.
    mutating func hasContent(_ measure: Measure) -> Bool {
        let isLevel = measure.kind == .levelDelta || measure.kind == .gauge
        return isLevel ? sum(measure) != 0 : count(measure) != 0
    }

    mutating func levelAtStart(_ measure: Measure) -> Int64 {
        level(measure, beforeDay: window.days(zone).lowerBound)
    }

    mutating func levelAtEnd(_ measure: Measure) -> Int64 {
        guard window.kind == .hour else {
            return window.kind == .now ? sum(measure) : level(measure, beforeDay: window.days(zone).upperBound)
        }
        guard let level = series[measure.id]?.level(throughHour: window.number) else { return 0 }
        if level.isMoving { isMoving = true }
        return level.value
    }

    mutating func level(_ measure: Measure, beforeDay day: Int64) -> Int64 {
        guard let level = series[measure.id]?.level(beforeDay: day) else { return 0 }
        if level.isMoving { isMoving = true }
        return level.value
    }

    mutating func sum(of terms: [Term]) -> Int128 {
        var total: Int128 = 0
        for term in terms {
            let part =
                switch term.part {
                case .count: count(term.measure)
                case .sum: sum(term.measure)
                case .levelAtStart: levelAtStart(term.measure)
                case .levelAtEnd: levelAtEnd(term.measure)
                case .changeOverTwelveMonths, .startsOfTwelveMonths, .monthEnds:
                    preconditionFailure("a part of lifetime values, which are read in their own way")
                }
            total += Int128(part) * Int128(term.weight)
        }
        return total
    }
}
