import FoundationEssentials

/// Wall-clock instants as text.
public enum UTCTime {
    /// Microseconds since 1970-01-01T00:00:00Z, now.
    public static func now() -> Int64 {
        Int64((Date.now.timeIntervalSince1970 * 1_000_000).rounded(.down))
    }

    /// `2026-11-22T15:04:05.123Z`, cut to milliseconds.
    ///
    /// - Parameter micros: Microseconds since 1970-01-01T00:00:00Z, in the years 0 to 9999.
    public static func text(_ micros: Int64) -> String {
        let (days, ofDay) = floorDivide(micros, 86_400_000_000)
        let date = civil(days)
        let millis = ofDay / 1_000
        return "\(pad(date.year, 4))-\(pad(date.month, 2))-\(pad(date.day, 2))T\(clock(millis))Z"
    }

    /// `15:04:05.123` for milliseconds of a day.
    static func clock(_ millis: Int64) -> String {
        "\(pad(millis / 3_600_000, 2)):\(pad(millis / 60_000 % 60, 2)):\(pad(millis / 1_000 % 60, 2)).\(pad(millis % 1_000, 3))"
    }

    /// Gregorian date of a day number since 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms",
    /// `civil_from_days`).
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
