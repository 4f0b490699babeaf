/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
public typealias Micros = Int64

/// What every conversion shares: whole-number division towards minus infinity, and the range inside which instants and
/// days are computed. Arguments outside that range count as its nearest end, so that no `Int64` can make a conversion trap.
enum TimeScale {
    static let microsPerSecond: Int64 = 1_000_000
    static let secondsPerHour: Int64 = 3_600
    static let secondsPerDay: Int64 = 86_400

    /// 0001-01-01 and 9999-12-31: the years that RFC 3339 can write.
    static let firstDay: Int64 = -719_162
    static let lastDay: Int64 = 2_932_896

    /// The instants of those days in UTC, with a day of room on either side for offsets.
    static let firstSecond = (firstDay + 1) * secondsPerDay
    static let lastSecond = (lastDay - 1) * secondsPerDay

    @inline(__always)
    static func floorDivide(_ dividend: Int64, by divisor: Int64) -> Int64 {
        let quotient = dividend / divisor
        // The remainder's sign bit is -1 exactly when truncation went the wrong way (divisors here are positive).
        return quotient &+ ((dividend &- quotient &* divisor) >> 63)
    }

    @inline(__always)
    static func clamp(_ value: Int64, _ low: Int64, _ high: Int64) -> Int64 { min(max(value, low), high) }

    /// The second that contains an instant, inside the computed range.
    @inline(__always)
    static func second(of instant: Micros) -> Int64 {
        clamp(floorDivide(instant, by: microsPerSecond), firstSecond, lastSecond)
    }
}
