/// The windows over which KPIs are computed. Raw values are part of stored records and never change.
public enum WindowKind: UInt8, CaseIterable, Hashable, Sendable {
    case hour = 0
    case day = 1
    case week = 2
    case month = 3
    case quarter = 4
    case year = 5
    case rolling24Hours = 6
    case rolling7Days = 7
    case rolling30Days = 8
    /// No window: the state now (gauges).
    case now = 9

    /// The name in series ids.
    public var name: String {
        switch self {
        case .hour: "hour"
        case .day: "day"
        case .week: "week"
        case .month: "month"
        case .quarter: "quarter"
        case .year: "year"
        case .rolling24Hours: "24h"
        case .rolling7Days: "7d"
        case .rolling30Days: "30d"
        case .now: "now"
        }
    }

    /// The kind with a name of series ids and rules files.
    public init?(name: some StringProtocol) {
        guard let kind = WindowKind.allCases.first(where: { $0.name == name }) else { return nil }
        self = kind
    }

    /// Whether the kind has calendar buckets (hour to year), which begin, end and close.
    public var isCalendar: Bool { rawValue <= WindowKind.year.rawValue }

    /// Whether the kind is a window that moves with the clock.
    public var isRolling: Bool { self != .now && !isCalendar }

    /// For a rolling window: the calendar kind of which it is made, and how many of its buckets it covers, the one that
    /// contains the clock included. 24 hours are counted as time, 7 and 30 days as local dates.
    public var rollingBase: (kind: WindowKind, count: Int64)? {
        switch self {
        case .rolling24Hours: (.hour, 24)
        case .rolling7Days: (.day, 7)
        case .rolling30Days: (.day, 30)
        default: nil
        }
    }
}

extension WindowKind {
    /// The bucket of a calendar kind from day to year that contains a civil day: days, ISO weeks (week 0 begins on Monday
    /// 1969-12-29), months, quarters or years since 1970.
    ///
    /// - Precondition: The kind is one of day, week, month, quarter, year.
    public func bucket(ofDay dayNumber: Int64) -> Int64 {
        let day = TimeScale.clamp(dayNumber, TimeScale.firstDay, TimeScale.lastDay)
        switch self {
        case .day: return day
        case .week: return TimeScale.floorDivide(day + 3, by: 7)
        default: break
        }
        let date = CivilDate(dayNumber: day)
        let month = Int64(date.year - 1_970) * 12 + Int64(date.month - 1)
        switch self {
        case .month: return month
        case .quarter: return TimeScale.floorDivide(month, by: 3)
        case .year: return Int64(date.year - 1_970)
        default: preconditionFailure("the window kind \(name) has no buckets of days")
        }
    }

    /// The first civil day of a bucket of ``bucket(ofDay:)``; for the bucket's end ask for that of the next one.
    ///
    /// - Precondition: The kind is one of day, week, month, quarter, year.
    public func firstDay(ofBucket bucket: Int64) -> Int64 {
        let bucket = TimeScale.clamp(bucket, TimeScale.firstDay, TimeScale.lastDay)
        switch self {
        case .day: return bucket
        case .week: return TimeScale.clamp(bucket * 7 - 3, TimeScale.firstDay, TimeScale.lastDay)
        case .month: return WindowKind.firstDay(ofMonth: bucket)
        case .quarter: return WindowKind.firstDay(ofMonth: bucket * 3)
        case .year: return WindowKind.firstDay(ofMonth: bucket * 12)
        default: preconditionFailure("the window kind \(name) has no buckets of days")
        }
    }

    private static func firstDay(ofMonth month: Int64) -> Int64 {
        let month = TimeScale.clamp(month, -1_969 * 12, 8_029 * 12 + 11)
        let year = TimeScale.floorDivide(month, by: 12)
        return CivilDate.dayNumber(year: 1_970 + year, month: month - year * 12 + 1, day: 1)
    }
}
