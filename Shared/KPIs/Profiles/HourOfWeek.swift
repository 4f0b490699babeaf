public import BusinessTime

/// The hours of the local week, by which profiles count: 0 is Monday from 00:00.
///
/// An hour that a clock change repeats counts in its place twice; one that it skips stays empty in that week.
public enum HourOfWeek {
    public static let count = 168

    /// How many weeks a profile rests on at most.
    public static let weeks: Int64 = 8

    /// The place of a clock hour.
    @inline(__always)
    public static func place(of hour: HourBucket) -> Int64 {
        // 1970-01-01 was a Thursday.
        let place = (hour.hour + 72) % 168
        return place < 0 ? place + 168 : place
    }
}

/// How many of what happened in each hour of the week, week by week.
struct WeeklyCounts {
    /// By week, the earliest one first; each with ``HourOfWeek/count`` counts.
    var weeks: [[Int64]] = []

    var total: Int64 { weeks.reduce(0) { $0 + $1.reduce(0, +) } }

    /// The mean of the weeks, by hour; nil without a week.
    func means() -> [Double?] {
        (0..<HourOfWeek.count).map { hour in
            weeks.isEmpty ? nil : Double(weeks.reduce(0) { $0 + $1[hour] }) / Double(weeks.count)
        }
    }

    /// The item of rank floor(q (n - 1)) of the weeks, by hour; nil without a week.
    func quantiles(_ q: Double) -> [Double?] {
        (0..<HourOfWeek.count).map { hour in
            let sorted = weeks.map { $0[hour] }.sorted()
            return sorted.isEmpty ? nil : Double(sorted[Int((q * Double(sorted.count - 1)).rounded(.down))])
        }
    }
}
