public import BusinessTime

/// What a published record is.
public enum SeriesAlert: Hashable, Sendable {
    /// `deskbeat.kpi.updated`, with the index of the KPI in the catalogue's definitions.
    case update(kpi: Int)
    case goalMissed
    case goalMet

    /// The CloudEvents type.
    public var type: String {
        switch self {
        case .update: "deskbeat.kpi.updated"
        case .goalMissed: GoalFactWriter.type(isMissed: true)
        case .goalMet: GoalFactWriter.type(isMissed: false)
        }
    }
}

extension SeriesStore {
    /// How far one call of `publish` has come.
    struct Round {
        let wall: Micros
        let idle: Bool
        let limit: Int
        var published = 0
        /// Figures that were looked at, changed or not.
        var examined = 0

        /// Looking at a figure that turns out to be unchanged is cheap, but not free.
        var isFull: Bool { published >= limit || examined >= 8 * limit }
    }

    /// Publishes what has changed as `deskbeat.kpi.updated` events: windows of the present before closed ones, each key
    /// at most once per emit interval, and once more when its window closes. Figures that are what was published last
    /// make no new revision.
    ///
    /// `time` of an update is the end of a window that has closed, else the newest event time, kept within the window.
    ///
    /// - Parameters:
    ///   - clock: The service's clock, which closes windows. A value below an earlier one counts as that one.
    ///   - wall: The wall clock, for the emit interval.
    ///   - idle: No input is waiting: the emit interval is not waited for.
    ///   - isHeld: The clock is behind for a reason that the figures do not show (input is waiting, a stage before is silent):
    ///     no goal is judged.
    ///   - limit: The most updates to publish; the rest stays dirty (``dirtyCount``).
    ///   - emit: Called with key, value and what the record is. The bytes are valid during the call only.
    /// - Returns: The number of KPI updates published.
    @discardableResult
    public mutating func publish(
        clock: Micros, wall: Micros, idle: Bool, isHeld: Bool = false, limit: Int = 5_000,
        emit: (_ key: RawSpan, _ value: RawSpan, _ alert: SeriesAlert) -> Void
    ) -> Int {
        adoptSettings()
        if self.clock < heldUntil {
            // What became history meanwhile was published by the generation before, as far as it was counted then.
            forgetHistory()
            guard clock >= heldUntil else { return 0 }
        }
        self.clock = max(self.clock, min(clock, SeriesStore.lastInstant))
        closeWindows()
        advanceRolling()
        republishOpen()
        markLevels()
        markTimedGauges()
        markMonths()
        while let key = cooling.popFirst(until: wall.subtractingReportingOverflow(settings.emitInterval).partialValue) {
            guard let bucket = slab.find(key) else { continue }
            slab.buckets[Int(bucket)].flags.remove(.cooling)
            enqueue(bucket)
        }
        if idle, slab.dirtyCount > 0 {
            for item in cooling.waiting {
                if let bucket = slab.find(item.key) { enqueue(bucket, evenIfCooling: true) }
            }
        }
        var round = Round(wall: wall, idle: idle, limit: limit)
        dropHistory(&round, emit)
        // Publishing an old window can put the one behind it into the queue of current ones, so this is one loop.
        while !round.isFull {
            if let key = currentQueue.popFirst() {
                if let bucket = slab.find(key), isOld(slab.buckets[Int(bucket)].window) {
                    oldQueue.append(key)
                } else {
                    publishQueued(key, &round, emit)
                }
            } else if let key = oldQueue.popFirst() {
                publishQueued(key, &round, emit)
            } else {
                break
            }
        }
        judgeWaitingGoals(wall: wall, isHeld: isHeld, emit)
        lastRoundWasFull = round.isFull
        return round.published
    }

    /// Puts a dirty bucket into the queue where it belongs, unless it waits for its emit interval.
    @inline(__always)
    mutating func enqueue(_ bucket: UInt32, evenIfCooling: Bool = false) {
        let flags = slab.buckets[Int(bucket)].flags
        if flags.contains(.queued) { return }
        if flags.contains(.cooling), !flags.contains(.closeDue), !evenIfCooling { return }
        if !slab.isDirty(bucket) { return }
        slab.buckets[Int(bucket)].flags.insert(.queued)
        let key = slab.buckets[Int(bucket)].key
        if isOld(slab.buckets[Int(bucket)].window) { oldQueue.append(key) } else { currentQueue.append(key) }
    }

    /// Whether a window has been closed for longer than it is long.
    @inline(__always)
    private func isOld(_ window: UInt32) -> Bool {
        guard windows[window].isClosed else { return false }
        let bounds = windows[window].bounds
        return clock - bounds.end >= bounds.end - bounds.start
    }

    private mutating func publishQueued(
        _ key: UInt64, _ round: inout Round, _ emit: (RawSpan, RawSpan, SeriesAlert) -> Void
    ) {
        guard let bucket = slab.find(key), slab.buckets[Int(bucket)].flags.contains(.queued) else { return }
        slab.buckets[Int(bucket)].flags.remove(.queued)
        let flags = slab.buckets[Int(bucket)].flags
        if flags.contains(.cooling), !flags.contains(.closeDue), !round.idle { return }
        publishBucket(bucket, &round, emit)
        if slab.isDirty(bucket) {
            enqueue(bucket, evenIfCooling: true)
        } else {
            slab.buckets[Int(bucket)].flags.remove(.closeDue)
        }
    }

    /// Publishes the dirty figures of a bucket, as far as the round has room.
    mutating func publishBucket(_ bucket: UInt32, _ round: inout Round, _ emit: (RawSpan, RawSpan, SeriesAlert) -> Void)
    {
        touch(bucket)
        let publishedBefore = round.published
        var state = slab.buckets[Int(bucket)].firstState
        while state != BucketSlab.none, !round.isFull {
            if slab.states[Int(state)].flags.contains(.dirty) {
                round.examined += 1
                if publish(state, of: bucket, wall: round.wall, emit) { round.published += 1 }
            }
            state = slab.states[Int(state)].next
        }
        if round.published > publishedBefore, !slab.buckets[Int(bucket)].flags.contains(.cooling) {
            slab.buckets[Int(bucket)].flags.insert(.cooling)
            cooling.append(slab.buckets[Int(bucket)].key, wall: round.wall)
        }
    }

    /// Publishes one figure if it has changed. False when it has not.
    private mutating func publish(
        _ state: UInt32, of bucket: UInt32, wall: Micros, _ emit: (RawSpan, RawSpan, SeriesAlert) -> Void
    ) -> Bool {
        let kpi = Int(slab.states[Int(state)].kpi)
        let cell = slab.buckets[Int(bucket)].cell
        let window = slab.buckets[Int(bucket)].window
        slab.setDirty(state, false)
        guard catalogue.enabledWindows[kpi].contains(windows[window].kind) else { return false }
        let isClosed = windows[window].isClosed
        // Also where nothing is said: a store that starts again closes only what has not been looked at since its window closed. A
        // window that another time zone has opened again is to be closed once more.
        if isClosed {
            slab.states[Int(state)].flags.insert(.closed)
        } else {
            slab.states[Int(state)].flags.remove(.closed)
        }
        if !isClosed, catalogue.definitions[kpi].formula.reach > 1 { return false }
        // Of a month that has not begun there is nothing to say; its beginning marks the state again.
        if catalogue.definitions[kpi].readsMonths {
            guard let month = monthOfClock, windows[window].bounds.start < month.end else { return false }
        }
        let scope = scope(of: bucket)
        let figures = figures(catalogue.definitions[kpi], scope, cell: cell, window: window)
        noteGoals(kpi, figures, bucket, wall: wall)
        let position =
            windows[window].kind.isRolling
            ? windows[window].bounds.end : catalogue.definitions[kpi].isTimed ? timedMinute : 0
        let fingerprint = figures.fingerprint(isClosed: isClosed, position: position)
        let successor = windows[window].successor
        let isCarried = catalogue.definitions[kpi].carriedBy != nil
        // An hour of an earlier time zone has none behind it in this one.
        if figures.hasValue, successor != WindowTable.none,
            windows[successor].predecessor == windows[window].bucket || windows[window].kind != .hour,
            windows[successor].isClosed || (isCarried && windows[successor].bounds.start <= clock)
        {
            carryOver(from: bucket, to: successor, only: UInt16(truncatingIfNeeded: kpi))
        }
        let known = slab.states[Int(state)]
        if known.revision == 0 {
            // Nothing was ever said of it, and there is nothing to say.
            if !figures.isSubstantial, !known.flags.contains(.forced) { return false }
        } else if known.fingerprint == fingerprint {
            return false
        }
        slab.states[Int(state)].revision &+= 1
        slab.states[Int(state)].fingerprint = fingerprint

        var update = KPIUpdate(
            kpi: kpi, revision: slab.states[Int(state)].revision, figures: figures, clock: clock, newest: newest)
        update.previous = previous(kpi, cell, window)
        compare(&update, cell, window)
        update.goals = judgements(kpi, figures, cell, window)
        if catalogue.definitions[kpi].ratePerDay { update.days = days(of: window) }
        for companion in catalogue.definitions[kpi].companions {
            update.companions.append(companionCount(companion, scope))
        }
        writer.write(update, windows[window], cells[Int(cell)])
        unsafe emit(writer.key.span.bytes, writer.value.span.bytes, .update(kpi: kpi))
        return true
    }

    func scope(of bucket: UInt32) -> Scope {
        let kind = windows[slab.buckets[Int(bucket)].window].kind
        guard let base = kind.rollingBase, let bounds = rollingBounds[SeriesStore.rollingIndex(kind)] else {
            return .bucket(bucket)
        }
        return .span(cell: slab.buckets[Int(bucket)].cell, windows: windows.range(base.kind, in: bounds))
    }

    /// The length of a window in local dates, as far as it has passed; the current date counts as a whole one.
    private func days(of window: UInt32) -> Double {
        switch windows[window].kind {
        case .hour: return 1.0 / 24
        case .day, .rolling24Hours, .now: return 1
        case .rolling7Days: return 7
        case .rolling30Days: return 30
        case .week, .month, .quarter, .year:
            let kind = windows[window].kind
            let first = kind.firstDay(ofBucket: windows[window].bucket)
            let next = kind.firstDay(ofBucket: windows[window].bucket + 1)
            return Double(max(1, min(zone.day(at: clock).number + 1, next) - first))
        }
    }
}
