/// A date of the proleptic Gregorian calendar, without a time zone.
public struct CivilDate: Hashable, Comparable, Sendable {
    public let year: Int
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
    public let day: Int

    /// The date with the given fields, or nil when the calendar has no such date.
    ///
    /// - Parameter year: 1 to 9999.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9_999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
        guard day <= CivilDate.length(ofMonth: month, year: year) else { return nil }
        self.init(unchecked: year, month, day)
    }

    /// The date of a day number.
    ///
    /// The algorithm is Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last of
    /// its year, and 400 years are one era of 146,097 days.
    ///
    /// - Parameter dayNumber: Days since 1970-01-01; below 0001-01-01 and above 9999-12-31 the nearer of these.
    public init(dayNumber: Int64) {
        let shifted = TimeScale.clamp(dayNumber, TimeScale.firstDay, TimeScale.lastDay) + 719_468
        let era = TimeScale.floorDivide(shifted, by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        self.init(unchecked: Int(year), Int(month), Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1))
    }

    private init(unchecked year: Int, _ month: Int, _ day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// Days since 1970-01-01.
    public var dayNumber: Int64 { CivilDate.dayNumber(year: Int64(year), month: Int64(month), day: Int64(day)) }

    public static func < (left: CivilDate, right: CivilDate) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }

    /// Number of days of a month.
    static func length(ofMonth month: Int, year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Howard Hinnant's `days_from_civil`. The month may be any of 1 to 12; the day may run over the month's end.
    static func dayNumber(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = year - (month <= 2 ? 1 : 0)
        let era = TimeScale.floorDivide(marchYear, by: 400)
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

extension CivilDate {
    /// Weekday of a day number: 0 is Monday, 6 is Sunday (ISO 8601).
    public static func weekday(ofDay dayNumber: Int64) -> Int {
        let day = TimeScale.clamp(dayNumber, TimeScale.firstDay, TimeScale.lastDay)
        return Int(day + 3 - TimeScale.floorDivide(day + 3, by: 7) * 7)
    }

    /// ISO 8601 week of a day number. The year is that of the week's Thursday.
    public static func isoWeek(ofDay dayNumber: Int64) -> (year: Int, week: Int) {
        let day = TimeScale.clamp(dayNumber, TimeScale.firstDay + 7, TimeScale.lastDay - 7)
        let thursday = day - Int64(weekday(ofDay: day)) + 3
        let year = CivilDate(dayNumber: thursday).year
        let newYear = CivilDate.dayNumber(year: Int64(year), month: 1, day: 1)
        return (year, Int((thursday - newYear) / 7) + 1)
    }
}
