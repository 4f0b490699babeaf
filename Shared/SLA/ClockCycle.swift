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
    /// Since when no policy promises anything for it. It goes on out of sight, for a policy that may apply again.
    private(set) var cut: (at: Micros, elapsed: Int64, cause: SLAFact.Cause)?
    /// Working time in µs; nil while no policy gives a target.
    var target: Int64?
    /// The due instant of a target in working days, as long as nothing has been waited for.
    var dayDue: Micros?
    private(set) var breachedAt: Micros?
    private(set) var breachCause = SLAFact.Cause.time
    /// Working time used at the breach.
    private(set) var breachElapsed: Int64 = 0
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
        guard cut == nil, let since, let target else { return nil }
        guard let dayDue else { return calendar.add(max(0, target - elapsed), to: since, boundary: boundary) }
        guard let due = moved(dayDue, at: since, calendar, boundary) else { return nil }
        // Nothing is reached while the clock stands.
        return due < since ? calendar.add(0, to: since) : due
    }

    /// The due instant of a target in working days, later by the working time that was waited up to `instant`.
    private func moved(
        _ dayDue: Micros, at instant: Micros, _ calendar: WorkingCalendar, _ boundary: WorkingCalendar.Boundary
    ) -> Micros? {
        let waited = calendar.time(from: start, to: instant) - elapsed
        return waited <= 0 ? dayDue : calendar.add(waited, to: dayDue, boundary: boundary)
    }

    /// When the running clock shows `amount`; nil when it does not run or has passed it.
    private func instant(_ amount: Int64, _ calendar: WorkingCalendar) -> Micros? {
        guard cut == nil, let since, amount >= elapsed, amount >= 0 else { return nil }
        return calendar.add(amount - elapsed, to: since)
    }

    func warningInstant(_ percent: Double, _ calendar: WorkingCalendar, _ boundary: WorkingCalendar.Boundary) -> Micros?
    {
        if let fired = warned[percent] { return fired }
        guard let target else { return nil }
        // What the time used has passed already, after a change, is not warned of when the clock goes on.
        if percent == 100 { return elapsed <= target ? due(calendar, boundary) : nil }
        return instant(Int64((Double(target) * percent / 100).rounded()), calendar)
    }

    /// Offsets from due; behind a breach they count while the clock runs, as what is overdue does.
    func levelInstant(_ offset: Int64, _ calendar: WorkingCalendar, _ boundary: WorkingCalendar.Boundary) -> Micros? {
        if let fired = escalated[offset] { return fired }
        guard cut == nil, let since else { return nil }
        if let breachedAt {
            guard offset >= 0 else { return nil }
            if offset == 0 { return breachedAt }
            // What a change of the time used leaves in the past is reached when the clock goes on.
            return since <= breachedAt
                ? calendar.add(offset, to: breachedAt) : instant(max(elapsed, breachElapsed + offset), calendar)
        }
        guard let due = due(calendar, boundary) else { return nil }
        if offset == 0 { return due }
        if offset > 0 { return calendar.add(offset, to: due) }
        guard let target, target + offset >= elapsed else { return nil }
        return calendar.subtract(-offset, from: due)
    }

    /// Notes what the running clock reached before `instant`, or at it if `inclusive`.
    mutating func observe(
        _ instant: Micros, inclusive: Bool, _ settings: MetricSettings, _ calendar: WorkingCalendar
    ) {
        guard isRunning, cut == nil else { return }
        func isPast(_ other: Micros?) -> Bool { other.map { inclusive ? $0 <= instant : $0 < instant } ?? false }
        for percent in settings.warnings where warned[percent] == nil && breachedAt == nil {
            let at = warningInstant(percent, calendar, settings.boundary)
            if isPast(at) { warned[percent] = at }
        }
        for offset in settings.levels where offset < 0 && escalated[offset] == nil && breachedAt == nil {
            let at = levelInstant(offset, calendar, settings.boundary)
            if isPast(at) { escalated[offset] = at }
        }
        if breachedAt == nil, let at = due(calendar, settings.boundary), isPast(at) {
            breach(at: at, .time, calendar)
        }
        if breachedAt != nil {
            for offset in settings.levels where offset >= 0 && escalated[offset] == nil {
                let at = levelInstant(offset, calendar, settings.boundary)
                if isPast(at) { escalated[offset] = at }
            }
        }
    }

    /// Whether the target has been used up by an instant up to which the time has been counted.
    func isSpent(at instant: Micros, _ calendar: WorkingCalendar) -> Bool {
        guard let target else { return false }
        guard let dayDue else { return elapsed >= target }
        return cut == nil && moved(dayDue, at: instant, calendar, .close).map { $0 <= instant } ?? false
    }

    mutating func breach(at instant: Micros, _ cause: SLAFact.Cause, _ calendar: WorkingCalendar) {
        breachedAt = instant
        breachCause = cause
        breachElapsed = elapsed(at: instant, calendar)
    }

    mutating func forgetBreach() {
        breachedAt = nil
        breachCause = .time
        escalated = escalated.filter { $0.key < 0 }
    }

    /// No policy promises anything from here on.
    mutating func cut(at instant: Micros, _ cause: SLAFact.Cause, _ calendar: WorkingCalendar) {
        if cut == nil { cut = (instant, elapsed(at: instant, calendar), cause) }
    }

    /// A policy applies again.
    mutating func takeUp() { cut = nil }

    /// When it ran, up to an instant.
    func runs(until instant: Micros) -> [Range<Micros>] {
        let last = min(instant, cut?.at ?? .max)
        var runs = runs.filter { $0.lowerBound < last }.map { $0.lowerBound..<min($0.upperBound, last) }
        if let since, since < last { runs.append(since..<last) }
        return runs
    }

    /// How it ended for those who look at it.
    var visibleEnd: End? { cut.map { .cancelled($0.at) } ?? end }

    /// Counts up to an instant, without more.
    mutating func settle(at instant: Micros, _ settings: MetricSettings, _ calendar: WorkingCalendar) {
        observe(instant, inclusive: false, settings, calendar)
        guard isRunning else { return }
        pause(at: instant, calendar)
        resume(at: instant)
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
        forgetBreach()
        since = wasRunning ? instant : nil
    }

    mutating func recompute(_ calendar: WorkingCalendar) {
        elapsed = runs.reduce(0) { $0 + calendar.time(from: $1.lowerBound, to: $1.upperBound) }
    }

    /// Working time in µs at `instant`.
    func elapsed(at instant: Micros, _ calendar: WorkingCalendar) -> Int64 {
        if let cut { return cut.elapsed }
        return elapsed + (since.map { calendar.time(from: $0, to: instant) } ?? 0)
    }
}
