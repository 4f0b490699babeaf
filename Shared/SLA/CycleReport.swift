public import BusinessTime

/// How one activation of a promise stands at an instant. Times in µs, instants since 1970.
public struct CycleReport: Sendable {
    public enum State: String, Sendable {
        case running, paused, stopped, cancelled
    }

    /// From 1.
    public var number: Int
    public var state: State
    public var start: Micros
    /// Working time.
    public var target: Int64
    /// The due instant; of a stopped one, when it would have been due. Nil while paused or cancelled in time.
    public var due: Micros?
    public var breachedAt: Micros?
    /// When it was stopped or cancelled.
    public var endedAt: Micros?
    public var elapsed: Int64
    public var overdue: Int64 { max(0, elapsed - target) }
    public var facts: [SLAFact]
    /// When the clock ran, up to now.
    public var runs: [Range<Micros>]
    /// Why it was breached when it was.
    public var breachCause: SLAFact.Cause
    /// Working time used at the breach.
    public var breachElapsed: Int64
    /// Why the promise no longer stands, when that cancelled it.
    public var cutCause: SLAFact.Cause?
    /// When the target was last changed, and by what.
    public var changedAt: Micros?
    public var change: SLAFact.Cause

    init?(_ cycle: ClockCycle, _ settings: MetricSettings, _ calendar: WorkingCalendar, at instant: Micros) {
        guard let target = cycle.target else { return nil }
        number = cycle.number
        start = cycle.start
        self.target = target
        breachedAt = cycle.breachedAt
        elapsed = cycle.elapsed(at: instant, calendar)
        facts = SLAFact.all(of: cycle)
        runs = cycle.runs(until: instant)
        breachCause = cycle.breachCause
        breachElapsed = cycle.breachElapsed
        cutCause = cycle.cut?.cause
        changedAt = cycle.changedAt
        change = cycle.change
        switch cycle.visibleEnd {
        case .stopped(let time):
            state = .stopped
            endedAt = time
            due =
                cycle.breachedAt ?? calendar.add(max(0, target - cycle.elapsed), to: time, boundary: settings.boundary)
        case .cancelled(let time):
            state = .cancelled
            endedAt = time
            due = cycle.breachedAt
        case nil:
            state = cycle.isRunning ? .running : .paused
            due = cycle.breachedAt ?? cycle.due(calendar, settings.boundary)
        }
    }

    /// Whether it was fulfilled in time, or not; nil without a verdict yet, or ever.
    public var isMet: Bool? {
        if breachedAt != nil { return false }
        return state == .stopped ? true : nil
    }

    /// Whether the first warning has gone out and nothing has come of it yet.
    public var isAtRisk: Bool {
        guard state == .running, breachedAt == nil else { return false }
        return facts.contains { if case .warning = $0.kind { true } else { false } }
    }
}
