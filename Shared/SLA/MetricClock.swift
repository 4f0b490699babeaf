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
    /// What changed the target while the cycle that may be taken up again was stopped.
    private var missedChange: SLAFact.Cause?

    /// Cycles behind this one are not judged.
    private let cycleLimit: Int

    public init(_ settings: MetricSettings, _ calendar: WorkingCalendar, cycleLimit: Int = .max) {
        self.cycleLimit = cycleLimit
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
        case .policyDetached(let cause):
            isDetached = true
            modifyLive { cycle, settings, calendar in
                cycle.observe(time, inclusive: false, settings, calendar)
                cycle.cut(at: time, cause, calendar)
            }
        case .attached(let new, let calendar, let priority, let cause):
            self.priority = priority
            modifyLive { $0.settle(at: time, $1, $2) }
            settings = new
            attach([:], calendar, at: time, cause)
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
        case .resolution, .requesterWait, .agentWork:
            let isDue = settings.start == .auto || settings.start == .created
            if isDue || (settings.start == .firstCustomerMessage && isByCustomer) { begin(at: time) }
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
            case .firstResponse, .resolution, .requesterWait, .agentWork:
                let waits =
                    settings.start == .firstCustomerMessage
                    || (settings.start == .auto && settings.metric == .firstResponse)
                if isFirst, waits, !hasResponded, cycles.isEmpty { begin(at: time) }
            case .update: if live == nil { begin(at: time) }
            case .nextResponse: if hasResponded, live == nil { begin(at: time) }
            case .periodicUpdate, .answer: break
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
        case .resume:
            cycles[last].end = nil
            takeUp(at: time)
        case .fromCreation:
            cycles[last].end = nil
            cycles[last].count(from: stoppedAt, to: time, calendar)
            takeUp(at: time)
            breachIfSpent(at: time, isRunning: !settings.pauseOn.contains(status), .time)
        }
    }

    /// The stopped cycle goes on, under what is promised by now.
    private mutating func takeUp(at time: Micros) {
        if !isDetached { modifyLive { cycle, _, _ in cycle.takeUp() } }
        if let cause = missedChange {
            changeTarget(at: time, calendar, cause, isRunning: !settings.pauseOn.contains(status))
        }
    }

    /// A bot hands over to people, or what it had solved comes back: the wait for a person begins now.
    private mutating func startAnew(at time: Micros) {
        guard settings.start == .botHandoff, !hasResponded else { return }
        if live == nil {
            if settings.metric == .firstResponse || cycles.isEmpty { begin(at: time) }
        } else {
            let target = settings.promised(priority)
            modifyLive { cycle, settings, calendar in
                cycle.observe(time, inclusive: false, settings, calendar)
                // What was late for the hand-off before stays late.
                guard cycle.breachedAt == nil else { return }
                cycle.restart(at: time)
                cycle.setTarget(target, calendar)
                cycle.changedAt = time
                cycle.change = .time
            }
        }
    }

    private mutating func attach(
        _ targets: [SLAMetric: SLATarget], _ newCalendar: WorkingCalendar?, at time: Micros,
        _ cause: SLAFact.Cause = .policyChange
    ) {
        if let target = targets[settings.metric] {
            settings.target = target
            settings.targetsByPriority = [:]
        }
        isDetached = false
        modifyLive { cycle, settings, calendar in
            cycle.settle(at: time, settings, calendar)
            cycle.takeUp()
        }
        changeTarget(at: time, newCalendar ?? calendar, cause)
    }

    private mutating func changeTarget(
        at time: Micros, _ newCalendar: WorkingCalendar, _ cause: SLAFact.Cause, isRunning: Bool? = nil
    ) {
        guard !isDetached else { return }
        missedChange = live == nil ? cause : nil
        modifyLive { cycle, settings, calendar in
            cycle.settle(at: time, settings, calendar)
            switch settings.onChange {
            case .keepElapsed: break
            case .restart: cycle.restart(at: time)
            case .recompute: cycle.recompute(newCalendar)
            }
        }
        calendar = newCalendar
        guard let target = settings.promised(priority) else {
            // Nothing is promised for this priority.
            return modifyLive { cycle, _, calendar in
                if cycle.target != nil { cycle.cut(at: time, cause, calendar) }
            }
        }
        modifyLive { cycle, _, calendar in
            cycle.takeUp()
            cycle.setTarget(target, calendar)
            cycle.changedAt = time
            cycle.change = cause
        }
        modifyLive { cycle, _, calendar in
            if !cycle.isSpent(at: time, calendar) { cycle.forgetBreach() }
        }
        breachIfSpent(at: time, isRunning: isRunning ?? live?.isRunning ?? false, cause)
    }

    /// A breach by a change is dated at the change, and so is the level without an offset, whatever else happens at this instant.
    private mutating func breachIfSpent(at time: Micros, isRunning: Bool, _ cause: SLAFact.Cause) {
        modifyLive { cycle, settings, calendar in
            guard isRunning, cycle.breachedAt == nil, cycle.isSpent(at: time, calendar) else { return }
            cycle.breach(at: time, cause, calendar)
            if settings.levels.contains(0) { cycle.escalated[0] = time }
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
        if endsWithSolve, Self.isSolved(status) { return }
        if cycles.count == cycleLimit { return }
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
        guard let cycle = observed.live, cycle.isRunning, cycle.visibleEnd == nil else { return nil }
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
