public import BusinessTime

/// The clock of one promise of one ticket: takes the ticket's events in the timeline's order.
public struct MetricClock: Sendable {
    private var settings: MetricSettings
    private var calendar: WorkingCalendar
    private(set) var cycles: [ClockCycle] = []

    private var status = "new"
    private var priority: String?
    private var hasCustomerWritten = false
    private var hasResponded = false
    private var isRemoved = false
    /// No policy applies to the ticket.
    private var isDetached = false
    /// That cut a live clock off; `cutOffAt` tells when, if it ran.
    private var hasCutOff = false
    private var cutOffAt: Micros?

    public init(_ settings: MetricSettings, _ calendar: WorkingCalendar) {
        self.settings = settings
        self.calendar = calendar
    }

    private static func isSolved(_ status: String) -> Bool { status == "solved" || status == "closed" }

    private var endsWithSolve: Bool {
        switch settings.metric {
        case .resolution, .requesterWait, .agentWork: true
        case .firstResponse, .nextResponse, .update, .periodicUpdate, .answer: false
        }
    }

    /// Takes the next event.
    public mutating func apply(_ event: TicketEvent) {
        guard !isRemoved else { return }
        let minute: Int64 = 60_000_000
        let time = settings.wholeMinutes ? event.time - (event.time % minute + minute) % minute : event.time
        switch event.kind {
        case .created(let status, let priority, let isByCustomer):
            self.status = status
            self.priority = priority
            created(at: time, isByCustomer)
        case .message(let author, let isPublic):
            if isPublic { message(author, at: time) }
        case .status(let next): change(to: next, at: time)
        case .priority(let next):
            let old = settings.promised(priority)
            priority = next
            if settings.promised(next) != old { changeTarget(at: time, calendar, .priorityChange) }
        case .policySet(let targets, let newCalendar): attach(targets, newCalendar, at: time)
        case .policyDetached:
            isDetached = true
            hasCutOff = live != nil
            cutOffAt = live?.isRunning == true ? time : nil
            cancel(at: time)
        case .attached(let new, let calendar, let priority):
            self.priority = priority
            settings = new
            attach([:], calendar, at: time)
            setRunning(at: time)
        case .botHandoff: startAnew(at: time)
        case .teamAssigned: if settings.start == .teamAssigned, cycles.isEmpty { begin(at: time) }
        case .answered: if settings.metric == .answer { stop(at: time) }
        case .removed:
            modifyLive { $0.observe(time, inclusive: true, $1, $2) }
            cancel(at: time)
            isRemoved = true
        }
    }

    /// What the running clock has reached by then, itself included.
    mutating func observe(_ instant: Micros) {
        modifyLive { $0.observe(instant, inclusive: true, $1, $2) }
    }

    // MARK: Events

    private mutating func created(at time: Micros, _ isByCustomer: Bool) {
        hasCustomerWritten = isByCustomer
        switch settings.metric {
        case .firstResponse:
            switch settings.start {
            case .auto, .firstCustomerMessage: if isByCustomer { begin(at: time) }
            case .created: begin(at: time)
            case .botHandoff, .teamAssigned: break
            }
        case .resolution:
            let isDue = settings.start == .auto || settings.start == .created
            let hasMessage = settings.start == .firstCustomerMessage && isByCustomer
            if isDue || hasMessage, !Self.isSolved(status) { begin(at: time) }
        case .requesterWait, .agentWork: if !Self.isSolved(status) { begin(at: time) }
        case .answer: begin(at: time)
        case .update: if isByCustomer { begin(at: time) }
        case .nextResponse, .periodicUpdate: break
        }
    }

    private mutating func message(_ author: TicketEvent.Author, at time: Micros) {
        switch author {
        case .customer:
            let isFirst = !hasCustomerWritten
            hasCustomerWritten = true
            switch settings.metric {
            case .firstResponse, .resolution:
                let waits =
                    settings.start == .firstCustomerMessage
                    || (settings.start == .auto && settings.metric == .firstResponse)
                if isFirst, waits, !hasResponded, cycles.isEmpty { begin(at: time) }
            case .update: if live == nil { begin(at: time) }
            case .nextResponse: if hasResponded, live == nil { begin(at: time) }
            case .periodicUpdate, .requesterWait, .agentWork, .answer: break
            }
        case .agent:
            if hasCustomerWritten { hasResponded = true }
            switch settings.metric {
            case .firstResponse, .nextResponse, .update: stop(at: time)
            case .periodicUpdate:
                stop(at: time)
                begin(at: time)
            case .resolution, .requesterWait, .agentWork, .answer: break
            }
        case .bot, .system: break
        }
    }

    private mutating func change(to next: String, at time: Micros) {
        let wasSolved = Self.isSolved(status)
        let isSolved = Self.isSolved(next)
        status = next
        if !wasSolved, isSolved {
            if endsWithSolve {
                stop(at: time)
            } else {
                switch settings.onSolve {
                case .keep: break
                case .stop: stop(at: time)
                case .cancel: cancel(at: time)
                }
            }
        } else if wasSolved, !isSolved {
            reopen(at: time)
        }
        setRunning(at: time)
    }

    private mutating func reopen(at time: Micros) {
        guard endsWithSolve else { return startAnew(at: time) }
        guard let last = cycles.indices.last, case .stopped(let stoppedAt) = cycles[last].end else {
            if cycles.isEmpty, settings.start != .botHandoff, settings.start != .teamAssigned { begin(at: time) }
            return
        }
        switch settings.reopen {
        case .firstOnly: break
        case .newCycle: begin(at: time)
        case .resume: cycles[last].end = nil
        case .fromCreation:
            cycles[last].end = nil
            cycles[last].count(from: stoppedAt, to: time, calendar)
            breachIfSpent(at: time, isRunning: !settings.pauseOn.contains(status), .time)
        }
    }

    /// A bot hands over to people, or what it had solved comes back: the wait for a person begins now.
    private mutating func startAnew(at time: Micros) {
        guard settings.start == .botHandoff, !hasResponded else { return }
        if live == nil {
            if settings.metric == .firstResponse || cycles.isEmpty { begin(at: time) }
        } else {
            modifyLive { cycle, _, _ in cycle.restart(at: time) }
            let target = settings.promised(priority)
            modifyLive { cycle, _, calendar in cycle.setTarget(target, calendar) }
        }
    }

    private mutating func attach(
        _ targets: [SLAMetric: SLATarget], _ newCalendar: WorkingCalendar?, at time: Micros
    ) {
        if let target = targets[settings.metric] {
            settings.target = target
            settings.targetsByPriority = [:]
        }
        if isDetached, hasCutOff, let last = cycles.indices.last {
            cycles[last].end = nil
            if let cutOffAt { cycles[last].count(from: cutOffAt, to: time, calendar) }
            setRunning(at: time)
        }
        isDetached = false
        hasCutOff = false
        cutOffAt = nil
        changeTarget(at: time, newCalendar ?? calendar, .policyChange)
    }

    private mutating func changeTarget(at time: Micros, _ newCalendar: WorkingCalendar, _ cause: SLAFact.Cause) {
        modifyLive { cycle, settings, calendar in
            cycle.observe(time, inclusive: false, settings, calendar)
            let wasRunning = cycle.isRunning
            cycle.pause(at: time, calendar)
            if wasRunning { cycle.resume(at: time) }
            switch settings.onChange {
            case .keepElapsed: break
            case .restart: cycle.restart(at: time)
            case .recompute: cycle.recompute(newCalendar)
            }
        }
        calendar = newCalendar
        let target = settings.promised(priority)
        modifyLive { cycle, _, calendar in
            cycle.setTarget(target, calendar)
            cycle.changedAt = time
            cycle.change = cause
        }
        if let cycle = live, let spent = cycle.target, cycle.elapsed < spent {
            modifyLive { cycle, _, _ in cycle.breachedAt = nil }
        }
        breachIfSpent(at: time, isRunning: live?.isRunning ?? false, cause)
    }

    /// A breach by a change is dated at the change.
    private mutating func breachIfSpent(at time: Micros, isRunning: Bool, _ cause: SLAFact.Cause) {
        modifyLive { cycle, _, _ in
            guard isRunning, cycle.breachedAt == nil, let target = cycle.target, cycle.elapsed >= target else { return }
            cycle.breachedAt = time
            cycle.breachCause = cause
        }
    }

    // MARK: The cycle

    private var live: ClockCycle? { cycles.last.flatMap { $0.isLive ? $0 : nil } }

    private mutating func modifyLive(_ body: (inout ClockCycle, MetricSettings, WorkingCalendar) -> Void) {
        guard let last = cycles.indices.last, cycles[last].isLive else { return }
        body(&cycles[last], settings, calendar)
    }

    private mutating func begin(at time: Micros) {
        if isDetached || (settings.metric == .firstResponse && hasResponded) { return }
        var cycle = ClockCycle(number: cycles.count + 1, start: time)
        cycle.setTarget(settings.promised(priority), calendar)
        if !settings.pauseOn.contains(status) { cycle.resume(at: time) }
        cycles.append(cycle)
    }

    private mutating func setRunning(at time: Micros) {
        let isPaused = settings.pauseOn.contains(status)
        modifyLive { cycle, settings, calendar in
            if isPaused {
                cycle.observe(time, inclusive: false, settings, calendar)
                cycle.pause(at: time, calendar)
            } else {
                cycle.resume(at: time)
            }
        }
    }

    private mutating func stop(at time: Micros) {
        modifyLive { cycle, settings, calendar in
            cycle.observe(time, inclusive: false, settings, calendar)
            cycle.pause(at: time, calendar)
            cycle.end = .stopped(time)
        }
    }

    private mutating func cancel(at time: Micros) {
        modifyLive { cycle, settings, calendar in
            cycle.observe(time, inclusive: false, settings, calendar)
            cycle.pause(at: time, calendar)
            cycle.end = .cancelled(time)
        }
    }
}

extension MetricClock {
    /// What holds at an instant, when no further event has been seen by then.
    public func report(at instant: Micros) -> MetricReport {
        var observed = self
        observed.observe(instant)
        return MetricReport(observed.cycles, settings, calendar, at: instant)
    }

    /// The facts that hold at an instant, in the order of their cycles and then of their instants.
    public func facts(at instant: Micros) -> [SLAFact] {
        var observed = self
        observed.observe(instant)
        return observed.cycles.flatMap { SLAFact.all(of: $0) }
    }

    /// How every activation stands at an instant, those without a target left out.
    public func cycles(at instant: Micros) -> [CycleReport] {
        var observed = self
        observed.observe(instant)
        return observed.cycles.compactMap { CycleReport($0, settings, calendar, at: instant) }
    }

    /// When something happens next although nothing arrives; `instant` itself excluded.
    public func nextInstant(after instant: Micros) -> Micros? {
        var observed = self
        observed.observe(instant)
        guard let cycle = observed.live, cycle.isRunning else { return nil }
        var instants: [Micros?] = []
        if cycle.breachedAt == nil {
            instants.append(cycle.due(calendar, settings.boundary))
            for percent in settings.warnings where cycle.warned[percent] == nil {
                instants.append(cycle.warningInstant(percent, calendar, settings.boundary))
            }
        }
        for offset in settings.levels where cycle.escalated[offset] == nil {
            instants.append(cycle.levelInstant(offset, calendar, settings.boundary))
        }
        return instants.compactMap { $0 }.filter { $0 > instant }.min()
    }
}
