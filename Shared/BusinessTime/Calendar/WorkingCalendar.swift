/// The working hours of a team: windows of wall-clock time on the days of a week, with exceptions by date.
///
/// A window belongs to the date on which it opens; one that runs over midnight ends on the next date, whatever that one's
/// windows are; what two dates' windows both cover counts once. Time is counted in real seconds inside the windows.
public struct WorkingCalendar: Sendable {
    /// A window of one date in minutes since local midnight: 0 <= opens < closes <= 2880.
    public struct Hours: Hashable, Sendable {
        public fileprivate(set) var opens: Int64
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

    public let zone: BusinessZone
    /// Open around the clock.
    public let isAlways: Bool
    /// Index 0 is Monday; ascending.
    private let week: [[Hours]]
    /// By day number.
    private let exceptions: [Int64: [Hours]]

    /// No result lies further than this from the start: a calendar that is open for a minute a year still answers.
    private static let horizon: Int64 = 200_000

    /// A calendar that is open around the clock. Its days are those of `zone`.
    public init(alwaysIn zone: BusinessZone) {
        self.zone = zone
        isAlways = true
        week = []
        exceptions = [:]
    }

    /// - Parameters:
    ///   - week: Seven lists, Monday first. Nil when there are not seven, or all are empty, or windows of one day overlap.
    ///   - exceptions: The windows of single dates (day numbers) instead of their weekday's; an empty list is a holiday.
    public init?(zone: BusinessZone, week: [[Hours]], exceptions: [Int64: [Hours]] = [:]) {
        guard week.count == 7, week.contains(where: { !$0.isEmpty }) else { return nil }
        self.zone = zone
        isAlways = false
        self.week = week.map { $0.sorted { $0.opens < $1.opens } }
        self.exceptions = exceptions.mapValues { $0.sorted { $0.opens < $1.opens } }
        for day in self.week + Array(self.exceptions.values) {
            for (left, right) in zip(day, day.dropFirst()) where right.opens < left.closes { return nil }
        }
    }

    private func own(_ day: Int64) -> [Hours] {
        exceptions[day] ?? week[CivilDate.weekday(ofDay: day)]
    }

    /// The date's windows without what the night before covers already.
    private func hours(ofDay day: Int64) -> [Hours] {
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

    private func opening(_ hours: Hours, ofDay day: Int64) -> Micros {
        zone.instant(ofDay: day, second: hours.opens * 60)
    }
    private func closing(_ hours: Hours, ofDay day: Int64) -> Micros {
        zone.instant(ofDay: day, second: hours.closes * 60)
    }

    private func day(at instant: Micros) -> Int64 { zone.day(at: instant).number }

    /// The instant at which `duration` µs of working time have passed since `start`; nil when that lies centuries ahead.
    public func add(_ duration: Int64, to start: Micros, boundary: Boundary = .close) -> Micros? {
        if isAlways { return start + duration }
        var rest = duration
        let first = day(at: start) - 1
        for day in first..<(first + Self.horizon) {
            for hours in hours(ofDay: day) {
                let opens = max(opening(hours, ofDay: day), start)
                let closes = closing(hours, ofDay: day)
                guard opens < closes else { continue }
                if rest < closes - opens { return opens + rest }
                rest -= closes - opens
                if rest == 0, boundary == .close { return closes }
            }
        }
        return nil
    }

    /// The latest instant from which `duration` µs of working time pass until `end`; nil when that lies centuries back.
    public func subtract(_ duration: Int64, from end: Micros) -> Micros? {
        if isAlways { return end - duration }
        var rest = duration
        let last = day(at: end)
        for day in stride(from: last, to: last - Self.horizon, by: -1) {
            for hours in hours(ofDay: day).reversed() {
                let opens = opening(hours, ofDay: day)
                let closes = min(closing(hours, ofDay: day), end)
                guard opens < closes else { continue }
                if rest <= closes - opens { return closes - rest }
                rest -= closes - opens
            }
        }
        return nil
    }

    /// Working time in µs between two instants; 0 when `end` is not after `start`.
    public func time(from start: Micros, to end: Micros) -> Int64 {
        guard end > start else { return 0 }
        if isAlways { return end - start }
        var sum: Int64 = 0
        for day in (day(at: start) - 1)...day(at: end) {
            for hours in hours(ofDay: day) {
                let opens = max(opening(hours, ofDay: day), start)
                let closes = min(closing(hours, ofDay: day), end)
                guard opens < closes else { continue }
                sum += closes - opens
            }
        }
        return sum
    }

    /// The same time of day, `days` working days later; at the last closing of that day if `endOfDay`. A start outside the
    /// working hours counts as the opening that follows. Nil when the result lies centuries ahead.
    public func add(days: Int, to start: Micros, endOfDay: Bool = false) -> Micros? {
        guard let begin = isAlways ? start : add(0, to: start) else { return nil }
        let offset = zone.offset(at: begin)
        let firstDay = day(at: begin)
        let second = (begin / 1_000_000) + offset - firstDay * 86_400
        var day = firstDay
        var rest = days
        while rest > 0 {
            day += 1
            if day - firstDay > Self.horizon { return nil }
            if isAlways || !own(day).isEmpty { rest -= 1 }
        }
        if endOfDay {
            let closes = isAlways ? 1440 : own(day).last?.closes ?? 1440
            return zone.instant(ofDay: day, second: closes * 60)
        }
        return zone.instant(ofDay: day, second: second) + begin % 1_000_000
    }
}
