import Synchronization

/// The working hours of a team: windows of wall-clock time on the days of a week, with exceptions by date.
///
/// A window belongs to the date on which it opens; one that runs over midnight ends on the next date, whatever that one's
/// windows are; what two dates' windows both cover counts once. Time is counted in real seconds inside the windows.
///
/// Every answer takes a binary search in tables of windows and sums, which are made when they are first asked for: one for each
/// 1,024 dates.
public struct WorkingCalendar: Sendable {
    public let zone: BusinessZone
    /// Open around the clock.
    public var isAlways: Bool { table == nil }
    private let table: WorkingTable?

    /// A calendar that is open around the clock. Its days are those of `zone`.
    public init(alwaysIn zone: BusinessZone) {
        self.zone = zone
        table = nil
    }

    /// - Parameters:
    ///   - week: Seven lists, Monday first. Nil when there are not seven, or all are empty, or windows of one day overlap.
    ///   - exceptions: The windows of single dates (day numbers) instead of their weekday's; an empty list is a holiday.
    public init?(zone: BusinessZone, week: [[Hours]], exceptions: [Int64: [Hours]] = [:]) {
        guard week.count == 7, week.contains(where: { !$0.isEmpty }) else { return nil }
        let schedule = WorkingSchedule(
            week: week.map { $0.sorted { $0.opens < $1.opens } },
            exceptions: exceptions.mapValues { $0.sorted { $0.opens < $1.opens } })
        for day in schedule.week + Array(schedule.exceptions.values) {
            for (left, right) in zip(day, day.dropFirst()) where right.opens < left.closes { return nil }
        }
        self.zone = zone
        table = WorkingTable(schedule, zone)
    }

    /// The instant at which `duration` µs of working time have passed since `start`; nil when that lies centuries ahead.
    public func add(_ duration: Int64, to start: Micros, boundary: Boundary = .close) -> Micros? {
        guard let table else { return start + duration }
        return table.add(duration, to: start, isLate: boundary == .nextOpen || duration == 0)
    }

    /// The latest instant from which `duration` µs of working time pass until `end`; nil when that lies centuries back.
    public func subtract(_ duration: Int64, from end: Micros) -> Micros? {
        guard let table else { return end - duration }
        return table.subtract(duration, from: end)
    }

    /// Working time in µs between two instants; 0 when `end` is not after `start`.
    public func time(from start: Micros, to end: Micros) -> Int64 {
        guard end > start else { return 0 }
        guard let table else { return end - start }
        return table.time(from: start, to: end)
    }

    /// The same time of day, `days` working days later; at the last closing of that day if `endOfDay`. Nil when the result lies
    /// centuries ahead.
    ///
    /// A start inside a window that has run over midnight counts for the date on which it opened; one on a date without windows
    /// counts as the opening that follows. A time of day behind the last closing of the day found becomes that closing. (So does
    /// GLPI, `Calendar::computeEndDate`.)
    public func add(days: Int, to start: Micros, endOfDay: Bool = false) -> Micros? {
        var begin = start
        var day = zone.day(at: begin).number
        func second() -> Int64 { begin / 1_000_000 + zone.offset(at: begin) - day * 86_400 }
        guard let table else {
            let last = day + Int64(days)
            if endOfDay { return zone.instant(ofDay: last, second: 86_400) }
            return zone.instant(ofDay: last, second: second()) + begin % 1_000_000
        }
        if let night = table.nightBefore(begin, day) {
            day = night
        } else if table.schedule.own(day).isEmpty {
            guard let opening = table.add(0, to: begin, isLate: true) else { return nil }
            begin = opening
            day = zone.day(at: begin).number
        }
        guard let last = table.workingDay(days, after: day), let closes = table.schedule.own(last).last?.closes else {
            return nil
        }
        let closing = zone.instant(ofDay: last, second: closes * 60)
        if endOfDay { return closing }
        return min(closing, zone.instant(ofDay: last, second: second()) + begin % 1_000_000)
    }
}

extension WorkingCalendar: Equatable {
    public static func == (left: WorkingCalendar, right: WorkingCalendar) -> Bool {
        left.zone.name == right.zone.name && left.zone.fingerprint == right.zone.fingerprint
            && left.table?.schedule == right.table?.schedule
    }
}

/// The chunks of a calendar, made as they are asked for.
private final class WorkingTable: Sendable {
    let schedule: WorkingSchedule
    private let zone: BusinessZone
    private let chunks = Mutex<[Int64: WorkingChunk]>([:])

    /// Chunks that are looked at for one answer: a calendar that is open for a minute a year still answers.
    private static let horizon: Int64 = 200

    init(_ schedule: WorkingSchedule, _ zone: BusinessZone) {
        self.schedule = schedule
        self.zone = zone
    }

    private func chunk(_ number: Int64) -> WorkingChunk {
        chunks.withLock { chunks in
            if let chunk = chunks[number] { return chunk }
            let chunk = WorkingChunk(number, schedule, zone)
            chunks[number] = chunk
            return chunk
        }
    }

    /// The number of the chunk that covers an instant.
    private func number(at instant: Micros) -> Int64 {
        let number = number(ofDay: zone.day(at: instant).number)
        let range = chunk(number).range
        // A clock that is put back over midnight shows the first date's end twice.
        if instant < range.lowerBound { return number - 1 }
        return instant < range.upperBound ? number : number + 1
    }

    private func number(ofDay day: Int64) -> Int64 {
        (day - (day % WorkingChunk.days + WorkingChunk.days) % WorkingChunk.days) / WorkingChunk.days
    }

    func time(from start: Micros, to end: Micros) -> Int64 {
        let (first, last) = (number(at: start), number(at: end))
        let before = chunk(first).worked(until: start)
        if first == last { return chunk(first).worked(until: end) - before }
        var sum = chunk(last).worked(until: end) - before
        for number in first..<last { sum += chunk(number).total }
        return sum
    }

    func add(_ duration: Int64, to start: Micros, isLate: Bool) -> Micros? {
        let first = number(at: start)
        var amount = chunk(first).worked(until: start) + duration
        for number in first..<first + Self.horizon {
            let chunk = chunk(number)
            if let instant = chunk.instant(worked: amount, from: start, isLate: isLate) { return instant }
            amount -= chunk.total
        }
        return nil
    }

    func subtract(_ duration: Int64, from end: Micros) -> Micros? {
        let last = number(at: end)
        var amount = chunk(last).worked(until: end) - duration
        for number in stride(from: last, to: last - Self.horizon, by: -1) {
            if number < last { amount += chunk(number).total }
            if let instant = chunk(number).lastInstant(worked: amount, until: end) { return instant }
        }
        return nil
    }

    /// The date before `day` when a window that opened on it holds the instant.
    func nightBefore(_ instant: Micros, _ day: Int64) -> Int64? {
        guard let last = schedule.own(day - 1).last, last.closes > 1440,
            instant < zone.instant(ofDay: day - 1, second: last.closes * 60)
        else { return nil }
        return day - 1
    }

    /// The date that is `count` working days after another one.
    func workingDay(_ count: Int, after day: Int64) -> Int64? {
        if count == 0 { return day }
        var rest = count
        let first = number(ofDay: day)
        for number in first..<first + Self.horizon {
            let days = chunk(number).workingDays
            let passed = number == first ? days.count { $0 <= day } : 0
            if passed + rest <= days.count { return days[passed + rest - 1] }
            rest -= days.count - passed
        }
        return nil
    }
}
