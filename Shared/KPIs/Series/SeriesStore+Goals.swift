internal import BusinessTime

/// A goal with what it needs of the catalogue.
struct ResolvedGoal {
    let goal: Goal
    let code: UInt64
    /// Index of the KPI; nil for one that is not published here.
    let kpi: Int?
    /// The same for the windows of its baseline.
    let baseline: Int?
    /// The instant from which it is judged.
    let by: Micros
    /// Microseconds from a window's end until its figures can no longer change by the mere passing of time.
    let settlesAfter: Micros

    static func resolve(_ goals: [Goal], _ catalogue: KPICatalogue, _ zone: BusinessZone) -> [ResolvedGoal] {
        func index(_ id: String, _ kind: WindowKind) -> Int? {
            catalogue.definitions.indices.first {
                catalogue.definitions[$0].id == id && catalogue.enabledWindows[$0].contains(kind)
            }
        }
        return goals.map { goal in
            let kpi = index(goal.kpi, goal.window).flatMap {
                goal.mismatch(with: catalogue.definitions[$0]) == nil ? $0 : nil
            }
            var baseline: Int?
            if case .change(_, .window(let kind, _)) = goal.target { baseline = index(goal.kpi, kind) }
            var settlesAfter: Micros = 0
            if let kpi, case .proportion(_, _, let maturity?) = catalogue.definitions[kpi].formula {
                settlesAfter = maturity.settlesAfter
            }
            return ResolvedGoal(
                goal: goal, code: goal.code, kpi: kpi, baseline: baseline,
                by: goal.by.map { zone.startOfDay($0) } ?? Micros.min, settlesAfter: settlesAfter)
        }
    }

    /// Whether small samples say little of its figure.
    func needsSamples(_ definition: KPIDefinition) -> Bool {
        if goal.statistic == .count || !definition.hasCount { return false }
        switch definition.formula {
        case .count, .total, .level, .gauge: return false
        default: return true
        }
    }
}

/// A goal that waits: a state for its delay to pass, a window for its figures to settle.
struct WaitingGoal {
    struct Key: Hashable {
        /// ``Bucket/key``.
        let bucket: UInt64
        /// Index of the goal.
        let goal: UInt16
    }

    /// By the clock.
    var due: Micros
    /// Wall time of the last change of the figures; nil: not known yet.
    var quietSince: Micros?
}

extension SeriesStore {
    /// Wall time without a change after which a window's figures are taken to be complete: while a log is being replayed,
    /// its windows are closed from the start.
    static let quietTime: Micros = 10_000_000

    // MARK: - Judging

    /// What each goal says of a figure, in the order of the rules.
    func judgements(_ kpi: Int, _ figures: Figures, _ cell: UInt32, _ window: UInt32) -> [(Goal, GoalJudgement)] {
        let kind = windows[window].kind
        return cells[Int(cell)].goals.filter { goals[Int($0)].kpi == kpi && goals[Int($0)].goal.window == kind }.map {
            (goals[Int($0)].goal, judgement(Int($0), figures, cell, window))
        }
    }

    private func judgement(_ index: Int, _ figures: Figures, _ cell: UInt32, _ window: UInt32) -> GoalJudgement {
        let goal = goals[index].goal
        guard let kpi = goals[index].kpi else {
            return GoalJudgement(value: nil, target: nil, baseline: nil, count: 0, interval: nil)
        }
        let definition = catalogue.definitions[kpi]
        var target: Double?
        var baseline: Double?
        switch goal.target {
        case .value(let value): target = value
        case .change(let share, let against):
            let figures =
                switch against {
                case .previous: figuresBefore(kpi, cell: cell, window: window)
                case .window(let kind, let number):
                    goals[index].baseline.flatMap { self.figures($0, cell: cell, kind, number) }
                }
            baseline = figures.flatMap { statistic(goal, $0, definition) }
            target = baseline.map { $0 + abs($0) * share }
        case .best(let count):
            baseline = figuresBefore(kpi, cell: cell, window: window).flatMap { statistic(goal, $0, definition) }
            var values: [Double] = []
            for distance in 1...Int64(count) {
                let number = windows[window].bucket - distance
                if let figures = self.figures(kpi, cell: cell, goal.window, number), figures.hasSettled,
                    let value = statistic(goal, figures, definition)
                {
                    values.append(value)
                }
            }
            target = goal.comparison.wantsLess ? values.min() : values.max()
        }
        return GoalJudgement(
            value: statistic(goal, figures, definition), target: target, baseline: baseline,
            count: definition.hasCount ? figures.count : nil,
            interval: goal.statistic == .value ? interval(figures, definition) : nil)
    }

    /// The figure that a goal is about, in the unit in which it is published.
    private func statistic(_ goal: Goal, _ figures: Figures, _ definition: KPIDefinition) -> Double? {
        func seconds(_ milliseconds: Double?, _ age: Int64?) -> Double? {
            age.map { Double($0) / 1_000_000 } ?? milliseconds.map { $0 / 1_000 }
        }
        switch goal.statistic {
        case .value: return published(figures, definition)
        case .count: return Double(figures.count)
        case .p50: return seconds(figures.quantiles?.p50, figures.ages?.p50)
        case .p90: return seconds(figures.quantiles?.p90, figures.ages?.p90)
        case .p95: return seconds(figures.quantiles?.p95, figures.ages?.p95)
        case .p99: return seconds(figures.quantiles?.p99, figures.ages?.p99)
        case .max: return seconds(nil, figures.ages?.largest)
        }
    }

    private func interval(_ figures: Figures, _ definition: KPIDefinition) -> (low: Double, high: Double)? {
        switch definition.unit {
        case .proportion: return Wilson.interval(figures.numerator, of: figures.denominator)
        case .points:
            return figures.answers.flatMap {
                NetPromoterScore.interval(promoters: $0.promoters, detractors: $0.detractors, answers: $0.total)
            }
        default: return nil
        }
    }

    private func hasSamples(_ index: Int, _ figures: Figures) -> Bool {
        guard let kpi = goals[index].kpi else { return false }
        return !goals[index].needsSamples(catalogue.definitions[kpi])
            || figures.count >= goals[index].goal.minimumSamples
    }

    // MARK: - Noting

    /// Looks at the goals of a figure that may have changed. The bucket must be touched.
    mutating func noteGoals(_ kpi: Int, _ figures: Figures, _ bucket: UInt32, wall: Micros) {
        let cell = slab.buckets[Int(bucket)].cell
        if cells[Int(cell)].goals.isEmpty { return }
        let window = slab.buckets[Int(bucket)].window
        let kind = windows[window].kind
        for index in cells[Int(cell)].goals
        where goals[Int(index)].kpi == kpi && goals[Int(index)].goal.window == kind {
            if kind.isCalendar {
                guard windows[window].isClosed, windows[window].bounds.end > goals[Int(index)].by else { continue }
                let state = slab.ensureGoal(index, in: bucket)
                if !slab.goals[Int(state)].flags.contains(.judged) { waitForGoal(state, in: bucket, wall: wall) }
            } else {
                noteState(Int(index), figures, bucket)
            }
        }
    }

    private mutating func noteState(_ index: Int, _ figures: Figures, _ bucket: UInt32) {
        let cell = slab.buckets[Int(bucket)].cell
        let window = slab.buckets[Int(bucket)].window
        let known = slab.goal(UInt16(index), in: bucket)
        let isPending = known.map { slab.goals[Int($0)].flags.contains(.pending) } ?? false
        guard hasChanged(index, known, figures, cell, window) else {
            if let known, isPending { setPending(known, since: nil, bucket) }
            return
        }
        if isPending { return }
        setPending(slab.ensureGoal(UInt16(index), in: bucket), since: clock, bucket)
    }

    /// Whether a figure says otherwise than what was published last.
    private func hasChanged(
        _ index: Int, _ state: UInt32?, _ figures: Figures, _ cell: UInt32, _ window: UInt32
    ) -> Bool {
        guard clock >= goals[index].by, hasSamples(index, figures) else { return false }
        let isMissed = state.map { slab.goals[Int($0)].flags.contains(.missed) } ?? false
        let judgement = judgement(index, figures, cell, window)
        let goal = goals[index].goal
        guard let isMet = isMissed ? judgement.isMetAgain(goal) : judgement.isMet(goal.comparison) else { return false }
        return isMet == isMissed
    }

    private mutating func setPending(_ state: UInt32, since: Micros?, _ bucket: UInt32) {
        slab.goals[Int(state)].pendingSince = since ?? 0
        if since != nil {
            slab.goals[Int(state)].flags.insert(.pending)
            waitForGoal(state, in: bucket, wall: nil)
        } else {
            slab.goals[Int(state)].flags.remove(.pending)
            let key = WaitingGoal.Key(bucket: slab.buckets[Int(bucket)].key, goal: slab.goals[Int(state)].goal)
            waitingGoals[key] = nil
        }
    }

    /// Puts a goal among those that wait, if it has something to wait for.
    mutating func waitForGoal(_ state: UInt32, in bucket: UInt32, wall: Micros?) {
        let known = slab.goals[Int(state)]
        let window = windows[slab.buckets[Int(bucket)].window]
        let goal = goals[Int(known.goal)]
        let key = WaitingGoal.Key(bucket: slab.buckets[Int(bucket)].key, goal: known.goal)
        if window.kind.isCalendar {
            if known.flags.contains(.judged) { return }
            waitingGoals[key] = WaitingGoal(due: window.bounds.end + goal.settlesAfter, quietSince: wall)
        } else if known.flags.contains(.pending) {
            waitingGoals[key] = WaitingGoal(due: known.pendingSince + goal.goal.delay)
        }
    }

    // MARK: - Telling

    /// Publishes what has waited long enough.
    mutating func judgeWaitingGoals(
        wall: Micros, isHeld: Bool, _ emit: (RawSpan, RawSpan, SeriesAlert) -> Void
    ) {
        dueGoals = 0
        if isHeld || waitingGoals.isEmpty { return }
        var due: [(start: Micros, key: WaitingGoal.Key)] = []
        for (key, waiting) in waitingGoals where waiting.due <= clock {
            guard let bucket = slab.find(key.bucket) else {
                waitingGoals[key] = nil
                continue
            }
            let window = windows[slab.buckets[Int(bucket)].window]
            if window.kind.isCalendar {
                guard let since = waiting.quietSince else {
                    waitingGoals[key]?.quietSince = wall
                    continue
                }
                if wall - since < SeriesStore.quietTime { continue }
            }
            due.append((window.kind.isCalendar ? window.bounds.start : 0, key))
        }
        // Earlier windows first, so that a miss is told before what follows it.
        due.sort { ($0.start, $0.key.bucket, $0.key.goal) < ($1.start, $1.key.bucket, $1.key.goal) }
        for (_, key) in due {
            guard let bucket = slab.find(key.bucket), let state = slab.goal(key.goal, in: bucket) else {
                waitingGoals[key] = nil
                continue
            }
            if windows[slab.buckets[Int(bucket)].window].kind.isCalendar {
                tellVerdict(state, bucket, key, emit)
            } else {
                tellState(state, bucket, key, emit)
            }
        }
        dueGoals = waitingGoals.values.count { $0.due <= clock }
    }

    private mutating func tellState(
        _ state: UInt32, _ bucket: UInt32, _ key: WaitingGoal.Key, _ emit: (RawSpan, RawSpan, SeriesAlert) -> Void
    ) {
        let index = Int(key.goal)
        let cell = slab.buckets[Int(bucket)].cell
        let window = slab.buckets[Int(bucket)].window
        waitingGoals[key] = nil
        guard let kpi = goals[index].kpi, slab.goals[Int(state)].flags.contains(.pending) else { return }
        touch(bucket)
        let figures = figures(catalogue.definitions[kpi], scope(of: bucket), cell: cell, window: window)
        guard hasChanged(index, state, figures, cell, window) else { return setPending(state, since: nil, bucket) }
        let since = slab.goals[Int(state)].pendingSince
        let isMissed = !slab.goals[Int(state)].flags.contains(.missed)
        setPending(state, since: nil, bucket)
        tell(
            state, bucket, isMissed: isMissed, judgement(index, figures, cell, window),
            time: since + goals[index].goal.delay, since: since, isFinal: false, emit)
    }

    private mutating func tellVerdict(
        _ state: UInt32, _ bucket: UInt32, _ key: WaitingGoal.Key, _ emit: (RawSpan, RawSpan, SeriesAlert) -> Void
    ) {
        let index = Int(key.goal)
        let cell = slab.buckets[Int(bucket)].cell
        let window = slab.buckets[Int(bucket)].window
        guard let kpi = goals[index].kpi, !slab.goals[Int(state)].flags.contains(.judged) else {
            waitingGoals[key] = nil
            return
        }
        let figures = figures(catalogue.definitions[kpi], scope(of: bucket), cell: cell, window: window)
        // The verdicts that are due by now are on their way.
        if !figures.hasSettled {
            waitingGoals[key]?.due = clock + 1_000_000
            return
        }
        waitingGoals[key] = nil
        touch(bucket)
        slab.goals[Int(state)].flags.insert(.judged)
        let judgement = judgement(index, figures, cell, window)
        guard hasSamples(index, figures), let isMet = judgement.isMet(goals[index].goal.comparison) else {
            slab.goals[Int(state)].flags.insert(.unknown)
            return
        }
        // A window that meets its goal is news only behind one that did not.
        if isMet, !wasMissed(key.goal, cell, before: window) { return }
        let bounds = windows[window].bounds
        tell(
            state, bucket, isMissed: !isMet, judgement, time: bounds.end + goals[index].settlesAfter,
            since: bounds.start, isFinal: true, emit)
    }

    /// Whether the last verdict on an earlier window was a miss.
    private func wasMissed(_ goal: UInt16, _ cell: UInt32, before window: UInt32) -> Bool {
        let kind = windows[window].kind
        let start = windows[window].bounds.start
        for id in windows.ids[Int(kind.rawValue)].reversed() where windows[id].bounds.start < start {
            guard let bucket = slab.find(cell: cell, window: id), let state = slab.goal(goal, in: bucket) else {
                continue
            }
            let flags = slab.goals[Int(state)].flags
            if flags.contains(.judged), !flags.contains(.unknown) { return flags.contains(.missed) }
        }
        return false
    }

    private mutating func tell(
        _ state: UInt32, _ bucket: UInt32, isMissed: Bool, _ judgement: GoalJudgement, time: Micros, since: Micros,
        isFinal: Bool, _ emit: (RawSpan, RawSpan, SeriesAlert) -> Void
    ) {
        slab.goals[Int(state)].ordinal &+= 1
        slab.goals[Int(state)].since = since
        if isMissed {
            slab.goals[Int(state)].flags.insert(.missed)
        } else {
            slab.goals[Int(state)].flags.remove(.missed)
        }
        let goal = goals[Int(slab.goals[Int(state)].goal)]
        guard let kpi = goal.kpi else { return }
        let fact = GoalFact(
            goal: goal.goal, unit: catalogue.definitions[kpi].unit, isMissed: isMissed,
            ordinal: slab.goals[Int(state)].ordinal, judgement: judgement, time: time, since: since, isFinal: isFinal,
            clock: clock)
        goalWriter.write(
            fact, windows[slab.buckets[Int(bucket)].window], cells[Int(slab.buckets[Int(bucket)].cell)])
        unsafe emit(
            goalWriter.key.span.bytes, goalWriter.value.span.bytes, isMissed ? .goalMissed : .goalMet)
    }
}
