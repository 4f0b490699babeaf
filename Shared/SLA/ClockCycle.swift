internal import BusinessTime

/// One activation of a metric's clock: state is `{running, elapsed, since, target}`, everything else follows.
struct ClockCycle {
    enum End {
        case stopped(Micros)
        case cancelled(Micros)
    }

    let number: Int
    var start: Micros
    /// Working time in µs up to `since` while running, in all while not.
    var elapsed: Int64 = 0
    /// Runs from here on; nil while paused or ended.
    var since: Micros?
    var end: End?
    /// Working time in µs; nil while no policy gives a target.
    var target: Int64?
    /// The due instant of a target in working days, as long as nothing has been waited for.
    var dayDue: Micros?
    var breachedAt: Micros?
    var breachCause = SLAFact.Cause.time
    /// When the target was last changed, and by what.
    var changedAt: Micros?
    var change = SLAFact.Cause.time
    /// By the share in percent.
    var warned: [Double: Micros] = [:]
    /// By the offset in µs.
    var escalated: [Int64: Micros] = [:]
    private(set) var runs: [Range<Micros>] = []

    init(number: Int, start: Micros) {
        self.number = number
        self.start = start
    }

    var isLive: Bool { end == nil }
    var isRunning: Bool { since != nil }

    mutating func setTarget(_ new: SLATarget?, _ calendar: WorkingCalendar) {
        dayDue = nil
        switch new {
        case .duration(let duration): target = duration
        case .days(let days, let endOfDay):
            dayDue = calendar.add(days: days, to: start, endOfDay: endOfDay)
            target = dayDue.map { calendar.time(from: start, to: $0) }
        case nil: target = nil
        }
    }

    /// Nil while paused, ended or without a target.
    func due(_ calendar: WorkingCalendar, _ boundary: WorkingCalendar.Boundary) -> Micros? {
        guard let since, let target else { return nil }
        if let dayDue {
            let waited = calendar.time(from: start, to: since) - elapsed
            return waited <= 0 ? dayDue : calendar.add(waited, to: dayDue, boundary: boundary)
        }
        return calendar.add(max(0, target - elapsed), to: since, boundary: boundary)
    }

    /// When the running clock shows `amount`; nil when it does not run or has passed it.
    private func instant(_ amount: Int64, _ calendar: WorkingCalendar) -> Micros? {
        guard let since, amount >= elapsed, amount >= 0 else { return nil }
        return calendar.add(amount - elapsed, to: since)
    }

    func warningInstant(_ percent: Double, _ calendar: WorkingCalendar, _ boundary: WorkingCalendar.Boundary) -> Micros?
    {
        if let fired = warned[percent] { return fired }
        guard let target else { return nil }
        if percent == 100 { return due(calendar, boundary) }
        return instant(Int64((Double(target) * percent / 100).rounded()), calendar)
    }

    func levelInstant(_ offset: Int64, _ calendar: WorkingCalendar, _ boundary: WorkingCalendar.Boundary) -> Micros? {
        if let fired = escalated[offset] { return fired }
        guard isRunning, let due = breachedAt ?? due(calendar, boundary) else { return nil }
        if offset >= 0 { return calendar.add(offset, to: due) }
        guard let target, target + offset >= elapsed else { return nil }
        return calendar.subtract(-offset, from: due)
    }

    /// Notes what the running clock reached before `instant`, or at it if `inclusive`.
    mutating func observe(
        _ instant: Micros, inclusive: Bool, _ settings: MetricSettings, _ calendar: WorkingCalendar
    ) {
        guard isRunning else { return }
        func isPast(_ other: Micros?) -> Bool { other.map { inclusive ? $0 <= instant : $0 < instant } ?? false }
        for percent in settings.warnings where warned[percent] == nil && breachedAt == nil {
            let at = warningInstant(percent, calendar, settings.boundary)
            if isPast(at) { warned[percent] = at }
        }
        let before = settings.levels.filter { $0 < 0 }
        for offset in before where escalated[offset] == nil && breachedAt == nil {
            let at = levelInstant(offset, calendar, settings.boundary)
            if isPast(at) { escalated[offset] = at }
        }
        if breachedAt == nil {
            let at = due(calendar, settings.boundary)
            if isPast(at) { breachedAt = at }
        }
        if breachedAt != nil {
            for offset in settings.levels where offset >= 0 && escalated[offset] == nil {
                let at = levelInstant(offset, calendar, settings.boundary)
                if isPast(at) { escalated[offset] = at }
            }
        }
    }

    mutating func pause(at instant: Micros, _ calendar: WorkingCalendar) {
        guard let from = since else { return }
        elapsed += calendar.time(from: from, to: instant)
        if from < instant { runs.append(from..<instant) }
        since = nil
    }

    mutating func resume(at instant: Micros) {
        if since == nil { since = instant }
    }

    /// Time that had not counted does.
    mutating func count(from start: Micros, to end: Micros, _ calendar: WorkingCalendar) {
        elapsed += calendar.time(from: start, to: end)
        if start < end { runs.append(start..<end) }
    }

    /// Starts from nothing.
    mutating func restart(at instant: Micros) {
        let wasRunning = isRunning
        start = instant
        elapsed = 0
        runs = []
        warned = [:]
        escalated = [:]
        breachedAt = nil
        breachCause = .time
        since = wasRunning ? instant : nil
    }

    mutating func recompute(_ calendar: WorkingCalendar) {
        elapsed = runs.reduce(0) { $0 + calendar.time(from: $1.lowerBound, to: $1.upperBound) }
    }

    /// Working time in µs at `instant`.
    func elapsed(at instant: Micros, _ calendar: WorkingCalendar) -> Int64 {
        elapsed + (since.map { calendar.time(from: $0, to: instant) } ?? 0)
    }
}
