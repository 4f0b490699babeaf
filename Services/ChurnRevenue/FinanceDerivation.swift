import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The contributions of one period, a month or a date: its costs and revenue, and the days of which they are known.
public struct FinanceDerivation: EntityDerivation {
    public static let version: UInt32 = 1
    /// The output then knows the period's name.
    public static let keepsMemory = true

    private let rules: RevenueRules
    private let zone: BusinessZone

    init(_ rules: RevenueRules, _ zone: BusinessZone) {
        self.rules = rules
        self.zone = zone
    }

    public mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {
        // Years that no calendar has pass as digits.
        guard let days = Self.days(of: output.key) else { return }
        let start = zone.startOfDay(days.lowerBound)
        let overall = output.cells(of: DimensionValues())
        var hasCosts = false
        var hasRevenue = false
        var isClosed = false
        var teams: Set<UInt32> = []
        for event in timeline {
            let record = try RevenueEvent(event, &output)
            switch record.type {
            case .costRecorded:
                hasCosts = true
                guard let amount = record.payment(rules) else { continue }
                output.add(RevenueMeasure.cost, at: start, value: amount, cells: overall)
                guard let team = record.team else { continue }
                let cells = output.cells(.team, output.label(team))
                teams.insert(cells)
                output.add(RevenueMeasure.cost, at: start, value: amount, cells: cells)
            case .revenueRecorded:
                hasRevenue = true
                guard let amount = record.payment(rules) else { continue }
                output.add(RevenueMeasure.revenue, at: start, value: amount, cells: overall)
            case .periodClosed: isClosed = true
            default: break
            }
        }
        let withCosts = (hasCosts ? [overall] : []) + teams.sorted()
        for day in days {
            for cells in withCosts { add(RevenueMeasure.costDays, day, cells, &output) }
            if hasRevenue { add(RevenueMeasure.revenueDays, day, overall, &output) }
            if isClosed {
                for cells in [overall] + teams.sorted() { add(RevenueMeasure.closedDays, day, cells, &output) }
            }
        }
    }

    private func add(_ measure: Measure, _ day: Int64, _ cells: UInt32, _ output: inout DerivationOutput) {
        let first = WindowKind.year.firstDay(ofBucket: WindowKind.year.bucket(ofDay: day))
        output.add(measure, at: zone.startOfDay(day), value: day - first, cells: cells)
    }

    /// The local dates of `2026-11` or `2026-11-03`.
    private static func days(of period: [UInt8]) -> Range<Int64>? {
        let parts = String(decoding: period, as: UTF8.self).split(separator: "-").map { Int($0) }
        guard parts.count >= 2, let year = parts[0], let month = parts[1],
            let first = CivilDate(year: year, month: month, day: 1)?.dayNumber
        else { return nil }
        guard parts.count == 3 else {
            return first..<WindowKind.month.firstDay(ofBucket: WindowKind.month.bucket(ofDay: first) + 1)
        }
        guard let day = parts[2], let date = CivilDate(year: year, month: month, day: day)?.dayNumber else {
            return nil
        }
        return date..<date + 1
    }
}
