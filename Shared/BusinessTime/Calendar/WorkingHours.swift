extension WorkingCalendar {
    /// A window of one date in minutes since local midnight: 0 <= opens < closes <= 2880.
    public struct Hours: Hashable, Sendable {
        public internal(set) var opens: Int64
        public let closes: Int64

        /// `closes` at or before `opens` is on the next date. Nil when a time is outside 00:00 to 24:00, or `opens` is 24:00.
        public init?(opens: Int64, closes: Int64) {
            guard 0..<1440 ~= opens, 0...1440 ~= closes else { return nil }
            self.opens = opens
            self.closes = closes > opens ? closes : closes + 1440
        }
    }

    /// Where a time that is used up exactly at closing ends.
    public enum Boundary: String, CaseIterable, Sendable {
        /// At that closing.
        case close
        /// At the opening that follows.
        case nextOpen = "next_open"
    }
}

/// The windows of every date: those of its weekday, or of an exception.
struct WorkingSchedule: Sendable, Equatable {
    /// Index 0 is Monday; ascending.
    let week: [[WorkingCalendar.Hours]]
    /// By day number.
    let exceptions: [Int64: [WorkingCalendar.Hours]]

    /// The windows that open on a date.
    func own(_ day: Int64) -> [WorkingCalendar.Hours] {
        exceptions[day] ?? week[CivilDate.weekday(ofDay: day)]
    }

    /// The date's windows without what the night before covers already.
    func hours(ofDay day: Int64) -> [WorkingCalendar.Hours] {
        let hours = own(day)
        let covered = (own(day - 1).last?.closes ?? 0) - 1440
        guard let first = hours.first, first.opens < covered else { return hours }
        return hours.compactMap { hours in
            guard hours.closes > covered else { return nil }
            var rest = hours
            rest.opens = max(rest.opens, covered)
            return rest
        }
    }
}
