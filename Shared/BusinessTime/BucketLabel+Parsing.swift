extension BucketLabel {
    /// The window that a label names: `2026-11-22`, `2026-W47`, `2026-11`, `2026-Q4` or `2026`; nil for hours, which need a
    /// zone, and for any other text.
    public static func parse(_ text: String) -> (kind: WindowKind, bucket: Int64)? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts[0].utf8.count == 4, let year = number(parts[0]), (1...9999).contains(year) else { return nil }
        switch parts.count {
        case 1: return window(.year, CivilDate(year: year, month: 1, day: 1))
        case 2:
            let part = parts[1]
            if part.utf8.count == 2, part.first == "Q", let quarter = number(part.dropFirst()) {
                return window(.quarter, CivilDate(year: year, month: quarter * 3 - 2, day: 1))
            }
            if part.utf8.count == 3, part.first == "W", let week = number(part.dropFirst()) {
                return self.week(year, week)
            }
            guard part.utf8.count == 2, let month = number(part) else { return nil }
            return window(.month, CivilDate(year: year, month: month, day: 1))
        case 3:
            guard parts[1].utf8.count == 2, parts[2].utf8.count == 2, let month = number(parts[1]),
                let day = number(parts[2])
            else { return nil }
            return window(.day, CivilDate(year: year, month: month, day: day))
        default: return nil
        }
    }

    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? Int(text) : nil
    }

    private static func window(_ kind: WindowKind, _ date: CivilDate?) -> (kind: WindowKind, bucket: Int64)? {
        date.map { (kind, kind.bucket(ofDay: $0.dayNumber)) }
    }

    /// The first ISO week of a year is the one with its 4th of January.
    private static func week(_ year: Int, _ week: Int) -> (kind: WindowKind, bucket: Int64)? {
        guard (1...53).contains(week), let date = CivilDate(year: year, month: 1, day: 4) else { return nil }
        let bucket = WindowKind.week.bucket(ofDay: date.dayNumber) + Int64(week - 1)
        let found = CivilDate.isoWeek(ofDay: WindowKind.week.firstDay(ofBucket: bucket))
        return Int(found.year) == year ? (.week, bucket) : nil
    }
}
