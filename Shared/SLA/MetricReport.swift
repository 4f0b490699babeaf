public import BusinessTime

/// How a promise stands at an instant. Times in µs, instants since 1970.
public struct MetricReport: Sendable {
    public enum State: String, Sendable {
        case none, running, paused, breached, fulfilled, cancelled
    }

    public var state = State.none
    /// Nil when paused, stopped or cancelled.
    public var due: Micros?
    public var breachedAt: Micros?
    public var metAt: Micros?
    public var elapsed: Int64 = 0
    public var overdue: Int64 = 0
    /// Breaches of this promise on this ticket.
    public var misses = 0
    /// How often its clock was started.
    public var instances = 0
    /// The longest finished cycle.
    public var longest: Int64 = 0
    /// By the share in percent.
    public var warnings: [Double: Micros] = [:]
    /// By the offset in µs.
    public var levels: [Int64: Micros] = [:]

    init(_ cycles: [ClockCycle], _ settings: MetricSettings, _ calendar: WorkingCalendar, at instant: Micros) {
        guard let cycle = cycles.last, cycle.target != nil else { return }
        instances = cycles.count
        misses = cycles.count { $0.breachedAt != nil }
        for cycle in cycles { if case .stopped = cycle.end { longest = max(longest, cycle.elapsed) } }
        breachedAt = cycle.breachedAt
        elapsed = cycle.elapsed(at: instant, calendar)
        switch cycle.visibleEnd {
        case .stopped(let time):
            state = .fulfilled
            metAt = time
        case .cancelled: state = .cancelled
        case nil:
            state = cycle.isRunning ? .running : .paused
            if cycle.isRunning { due = cycle.breachedAt ?? cycle.due(calendar, settings.boundary) }
        }
        if breachedAt != nil {
            state = .breached
            overdue = max(0, elapsed - (cycle.target ?? 0))
        }
        for percent in settings.warnings {
            warnings[percent] = cycle.warningInstant(percent, calendar, settings.boundary)
        }
        for offset in settings.levels { levels[offset] = cycle.levelInstant(offset, calendar, settings.boundary) }
    }
}
