import BusinessTime
import KPIs

/// Ages, and figures that are made of many: profiles of the week, staffing, rankings, lifetime values.
extension BatchKPIs {
    // MARK: Ages

    /// - Parameter ages: Ascending, microseconds.
    func age(_ ages: [Int64]) -> Expectation {
        guard let largest = ages.last else { return .null }
        return .members([
            ExpectedMember("p50", .number(Double(item(ages, 50)) / 1_000_000)),
            ExpectedMember("p90", .number(Double(item(ages, 90)) / 1_000_000)),
            ExpectedMember("max", .number(Double(largest) / 1_000_000)),
        ])
    }

    func ages(_ ages: [Int64]) -> [ExpectedMember] {
        guard let largest = ages.last else { return [ExpectedMember("value", .null)] }
        let sum = ages.reduce(Int128(0)) { $0 + Int128($1) }
        return [
            ExpectedMember("value", .close(Double(sum) / Double(ages.count) / 1_000_000)),
            ExpectedMember(
                "quantiles",
                .members(
                    [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)].map { name, percent in
                        ExpectedMember(name, .close(Double(item(ages, percent)) / 1_000_000))
                    })),
            ExpectedMember("max", .number(Double(largest) / 1_000_000)),
        ]
    }

    /// The item of 0-based rank floor(q (n - 1)).
    private func item(_ sorted: [Int64], _ percent: Int) -> Int64 { sorted[percent * (sorted.count - 1) / 100] }

    // MARK: Profiles

    /// - Parameter weeks: The hours of the week of all that happened, week by week.
    func profile(_ weeks: [[Int64]]) -> [ExpectedMember] {
        [
            ExpectedMember("weeks", .integer(Int64(weeks.count))),
            ExpectedMember(
                "cells",
                .list(
                    byHour(weeks).map { counts in
                        weeks.isEmpty ? .null : .number(Double(counts.reduce(0, +)) / Double(weeks.count))
                    })),
        ]
    }

    private func byHour(_ weeks: [[Int64]]) -> [[Int64]] {
        (0..<Int64(HourOfWeek.count)).map { hour in weeks.map { Int64($0.count { $0 == hour }) } }
    }

    func agents(_ formula: StaffingFormula, _ weeks: [[Int64]], handleTime: Double?) -> [ExpectedMember] {
        let settings = formula.settings
        let cells = byHour(weeks).map { counts -> Double? in
            guard !counts.isEmpty else { return nil }
            let arrivals =
                settings.arrivals == .mean
                ? Double(counts.reduce(0, +)) / Double(counts.count) : Double(item(counts.sorted(), 75))
            if arrivals == 0 { return 0 }
            return handleTime.flatMap {
                ErlangC.agents(
                    arrivalsPerHour: arrivals, handleTime: $0, within: settings.threshold, target: settings.target)
            }.map { Double(formula.isScheduled ? settings.scheduled($0) : $0) }
        }
        return [
            ExpectedMember("value", cells.compactMap { $0 }.max().map { .number($0) } ?? .null),
            ExpectedMember("cells", .list(cells.map { $0.map { .number($0) } ?? .null })),
            ExpectedMember("weeks", .integer(Int64(weeks.count))),
            ExpectedMember("handle_time", handleTime.map { .number($0) } ?? .null),
        ]
    }

    // MARK: Lifetime values

    /// Whether months are published of a KPI: without them its levels are not known.
    func keepsMonths(_ definition: KPIDefinition) -> Bool {
        zip(catalogue.definitions, catalogue.enabledWindows).contains {
            $0.code == definition.code && $1.contains(.month)
        }
    }

    /// ARPA x margin x min(atRisk / lost, 60), as one fraction; nil without a value, and where it leaves 128 bits.
    func lifetimeValue(_ value: LifetimeValue, isKept: Bool, _ reader: inout WindowReader) -> Int64? {
        let active = Int128(reader.levelAtEnd(value.active))
        let mrr = Int128(reader.levelAtEnd(value.mrr))
        let months = reader.months(12)
        let atRisk = months.reduce(Int128(0)) { $0 + Int128(reader.level(value.active, beforeDay: $1.lowerBound)) }
        let before = reader.firstDay(ofLastMonths: 12)
        let started = reader.hasBegun(before) ? reader.level(value.lost, beforeDay: before) : 0
        let lost = Int128(reader.levelAtEnd(value.lost)) - Int128(started)
        guard isKept, let margin = value.margin, active > 0, atRisk > 0 else { return nil }
        let scale = (0..<margin.digits).reduce(Int128(1)) { power, _ in power * 10 }
        // Revenue per customer and month, and the cost of its support.
        var above = [mrr, Int128(margin.mantissa)]
        var below = [active, scale]
        if let cost = value.supportCost {
            let customerMonths = reader.months(nil).reduce(Int128(0)) { sum, month in
                let isOver = reader.hasBegun(month.upperBound)
                return sum
                    + Int128(
                        isOver
                            ? reader.level(value.active, beforeDay: month.upperBound)
                            : reader.levelAtEnd(value.active))
            }
            guard customerMonths > 0, let revenue = product(above + [customerMonths]),
                let costs = product([Int128(reader.sum(cost))] + below)
            else { return nil }
            let (rest, overflow) = revenue.subtractingReportingOverflow(costs)
            if overflow { return nil }
            above = [rest]
            below.append(customerMonths)
        }
        let isLong = lost <= 0 || lost * 60 <= atRisk
        guard let dividend = product(above + [isLong ? 60 : atRisk]), let divisor = product(below + [isLong ? 1 : lost])
        else { return nil }
        return halfToEven(dividend, divisor)
    }

    private func product(_ factors: [Int128]) -> Int128? {
        var product: Int128 = 1
        for factor in factors {
            let (next, overflow) = product.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            product = next
        }
        // `halfToEven` doubles what is left over.
        return product.magnitude < UInt128(1) << 125 ? product : nil
    }

    // MARK: Rankings

    struct Tally {
        var positive: Int64 = 0
        var all: Int64 = 0
        /// Positive ones by the rates of the team in the same kinds of tasks.
        var expected = 0.0
    }

    /// What each agent of the team did over the last months.
    func tallies(
        _ formula: RankingFormula, _ cell: Int?, _ window: BatchWindow, _ reader: inout WindowReader
    ) -> [String: Tally] {
        let end = WindowKind.month.firstDay(ofBucket: window.number + 1)
        let days = WindowKind.month.firstDay(ofBucket: window.number + 1 - RankingFormula.months)..<end
        var agents: [String: [String: Tally]] = [:]
        var strata: [String: Tally] = [:]
        for detail in cell.map({ table.details[$0] }) ?? [] {
            let dimensions = CellKey(bytes: table.cellKeys[detail])?.detail ?? []
            guard let agent = dimensions.first(where: { $0.name == "agent" })?.value else { continue }
            func count(_ measure: Measure, _ reader: inout WindowReader) -> Int64 {
                guard let slice = table.series[detail][measure.id]?.slice(ofDays: days) else { return 0 }
                reader.noteMoving(slice.isMoving)
                return Int64(slice.range.count)
            }
            let tally = Tally(positive: count(formula.positive, &reader), all: count(formula.all, &reader))
            if tally.all == 0 { continue }
            let stratum = "\(dimensions.filter { $0.name != "agent" })"
            agents[agent, default: [:]][stratum] = tally
            strata[stratum, default: Tally()].positive += tally.positive
            strata[stratum, default: Tally()].all += tally.all
        }
        return agents.mapValues { own in
            own.sorted { $0.key < $1.key }.reduce(into: Tally()) { sum, entry in
                let team = strata[entry.key] ?? entry.value
                sum.positive += entry.value.positive
                sum.all += entry.value.all
                sum.expected += Double(entry.value.all) * Double(team.positive) / Double(team.all)
            }
        }
    }

    /// What agents are ranked by; how, the definitions of the KPI library say, which are tested elsewhere.
    func ranking(_ formula: RankingFormula, _ agents: [String: Tally]) -> [ExpectedMember] {
        let positive = agents.values.reduce(0) { $0 + $1.positive }
        let all = agents.values.reduce(0) { $0 + $1.all }
        return proportion(positive, of: all) + [
            ExpectedMember("by", .text(formula.by)),
            ExpectedMember(
                "agents",
                .objects(
                    by: "agent_id",
                    agents.mapValues { agent in
                        .members([
                            ExpectedMember("count", .integer(agent.all)),
                            ExpectedMember("observed", .integer(agent.positive)),
                            ExpectedMember("expected", .close(agent.expected)),
                            ExpectedMember("too_few", .bool(agent.all < settings.minimumSample)),
                        ])
                    })),
        ]
    }
}

extension WindowReader {
    /// How old things are at an instant, ascending; what is yet to begin has no age.
    mutating func ages(_ measure: Measure, at instant: Int64) -> [Int64] {
        guard let one = series[measure.id] else { return [] }
        noteMoving(one.slice(window, zone).isMoving)
        return one.items.compactMap { instant - $0.bucket >= 0 ? instant - $0.bucket : nil }.sorted()
    }

    /// The values of the last weeks up to the window, from the first week that has any on, one list a week.
    mutating func weeks(_ measure: Measure) -> [[Int64]] {
        guard let one = series[measure.id] else { return [] }
        noteMoving(one.moves(before: WindowKind.week.firstDay(ofBucket: window.number + 1)))
        guard let firstDay = one.firstDay else { return [] }
        let first = max(WindowKind.week.bucket(ofDay: firstDay), window.number + 1 - HourOfWeek.weeks)
        guard first <= window.number else { return [] }
        return (first...window.number).map { week in
            let days = WindowKind.week.firstDay(ofBucket: week)..<WindowKind.week.firstDay(ofBucket: week + 1)
            return one.items[one.slice(ofDays: days).range].map(\.value)
        }
    }

    /// The mean of a measure's values over the last weeks up to the window, in seconds.
    mutating func mean(_ measure: Measure, weeks: Int) -> Double? {
        guard let one = series[measure.id] else { return nil }
        let first = WindowKind.week.firstDay(ofBucket: window.number + 1 - Int64(weeks))
        let slice = one.slice(ofDays: first..<WindowKind.week.firstDay(ofBucket: window.number + 1))
        noteMoving(slice.isMoving)
        return slice.range.isEmpty ? nil : Double(one.sum(slice)) / Double(slice.range.count) / 1_000
    }

    // MARK: Months

    private var endOfMonths: Int64 { WindowKind.month.bucket(ofDay: window.days(zone).upperBound) }

    func firstDay(ofLastMonths count: Int64) -> Int64 { WindowKind.month.firstDay(ofBucket: endOfMonths - count) }

    /// The local dates of the last months up to the window's end, or of the window's own, of those that have begun.
    mutating func months(_ count: Int64?) -> [Range<Int64>] {
        let first = count.map { endOfMonths - $0 } ?? WindowKind.month.bucket(ofDay: window.days(zone).lowerBound)
        return (first..<endOfMonths).compactMap { month in
            let days = WindowKind.month.firstDay(ofBucket: month)..<WindowKind.month.firstDay(ofBucket: month + 1)
            return hasBegun(days.lowerBound) ? days : nil
        }
    }

    /// Whether the month in which the window begins has begun.
    mutating func hasFirstMonthBegun() -> Bool {
        hasBegun(WindowKind.month.firstDay(ofBucket: WindowKind.month.bucket(ofDay: window.days(zone).lowerBound)))
    }

    /// Whether a local date has begun. One that begins while the audit reads moves what is read.
    mutating func hasBegun(_ day: Int64) -> Bool {
        let start = zone.startOfDay(day)
        noteMoving(clock.lowerBound < start && start <= clock.upperBound)
        return start <= clock.lowerBound
    }
}
