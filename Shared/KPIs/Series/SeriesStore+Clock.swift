internal import BusinessTime

/// What the clock does: it closes windows, moves rolling ones on, and ends the life of those that have become history.
extension SeriesStore {
    /// Closes the windows whose end the clock has passed: each of their figures is published once more, and whatever had
    /// a value in the window before is published even if nothing came.
    mutating func closeWindows() {
        for kind in WindowKind.allCases where kind.isCalendar {
            while let window = windows.closeNext(kind, clock: clock) {
                undo.closedWindows.append(window)
                closeBuckets(of: window)
                guard let before = windows.find(kind, windows[window].predecessor) else { continue }
                var bucket = windows[before].head
                while bucket != BucketSlab.none {
                    carryOver(from: bucket, to: window)
                    bucket = slab.buckets[Int(bucket)].next
                }
            }
        }
    }

    private mutating func closeBuckets(of window: UInt32) {
        var bucket = windows[window].head
        while bucket != BucketSlab.none {
            var state = slab.buckets[Int(bucket)].firstState
            while state != BucketSlab.none {
                if !slab.states[Int(state)].flags.contains(.closed) {
                    touch(bucket)
                    slab.setDirty(state, true)
                    slab.buckets[Int(bucket)].flags.insert(.closeDue)
                }
                state = slab.states[Int(state)].next
            }
            enqueue(bucket)
            bucket = slab.buckets[Int(bucket)].next
        }
    }

    /// Makes the next window, which has closed (or begun, for what is carried on), publish what has a value in this bucket.
    mutating func carryOver(from bucket: UInt32, to window: UInt32, only: UInt16? = nil) {
        guard isLive(window) else { return }
        // What is carried on needs to know the window behind this one, too.
        _ = windows.ensure(windows[window].kind, windows[window].bucket, clock: clock)
        var state = slab.buckets[Int(bucket)].firstState
        while state != BucketSlab.none {
            let kpi = slab.states[Int(state)].kpi
            if only.map({ $0 == kpi }) ?? true, carriesOver(kpi, bucket) {
                let target = self.bucket(slab.buckets[Int(bucket)].cell, window)
                let existing = slab.state(of: kpi, in: target)
                if existing.map({ slab.states[Int($0)].revision == 0 }) ?? true {
                    touch(target)
                    let new = slab.ensureState(of: kpi, in: target)
                    slab.states[Int(new)].flags.insert(.forced)
                    slab.setDirty(new, true)
                    if windows[window].isClosed { slab.buckets[Int(target)].flags.insert(.closeDue) }
                    enqueue(target)
                }
            }
            state = slab.states[Int(state)].next
        }
    }

    /// Levels are carried forward by readers instead.
    private func carriesOver(_ kpi: UInt16, _ bucket: UInt32) -> Bool {
        let definition = catalogue.definitions[Int(kpi)]
        if case .level = definition.formula { return false }
        let window = slab.buckets[Int(bucket)].window
        guard catalogue.enabledWindows[Int(kpi)].contains(windows[window].kind) else { return false }
        return figures(definition, .bucket(bucket), cell: slab.buckets[Int(bucket)].cell, window: window).hasValue
    }

    /// Moves rolling windows to the clock. What lay in the old range or lies in the new one is looked at again.
    mutating func advanceRolling() {
        guard clock != Micros.min else { return }
        for kind in WindowKind.allCases where kind.isRolling && isUsed(kind) {
            guard let base = kind.rollingBase else { continue }
            let index = SeriesStore.rollingIndex(kind)
            let old = rollingBounds[index]
            // Most calls end here: the last bucket is still the one with the clock.
            if let old, clock < old.end { continue }
            let new = zone.bounds(of: kind, at: clock)
            if new == old { continue }
            rollingBounds[index] = new
            let moving = windows.moving(kind)
            windows[moving].bounds = new
            windows[moving].writeBounds()
            if old == nil { markAll(of: moving) }
            let first = min(new.start, old?.start ?? new.start)
            let range = windows.range(base.kind, in: zone.bounds(from: first, to: max(new.end, old?.end ?? new.end)))
            for window in range { markRolling(kind, over: window) }
        }
    }

    static func rollingIndex(_ kind: WindowKind) -> Int { Int(kind.rawValue - WindowKind.rolling24Hours.rawValue) }

    private func isUsed(_ kind: WindowKind) -> Bool { catalogue.enabledWindows.contains { $0.contains(kind) } }

    /// A window is about to be dropped: rolling ones that contain it lose it.
    private mutating func markRolling(over window: UInt32) {
        for kind in WindowKind.allCases where kind.isRolling && kind.rollingBase?.kind == windows[window].kind {
            guard isUsed(kind),
                rollingBounds[SeriesStore.rollingIndex(kind)]?.contains(windows[window].bounds.start) ?? false
            else { continue }
            markRolling(kind, over: window)
        }
    }

    private mutating func markRolling(_ kind: WindowKind, over window: UInt32) {
        var bucket = windows[window].head
        while bucket != BucketSlab.none {
            let cell = slab.buckets[Int(bucket)].cell
            let plan = cells[Int(cell)].plan
            var aggregate = slab.buckets[Int(bucket)].firstAggregate
            while aggregate != BucketSlab.none {
                let measure = Int(slab.aggregates[Int(aggregate)].measure)
                for target in plans[plan].targets[measure] where target.kind == windows[window].kind {
                    for rolling in target.rolling where rolling.kind == kind { markRolling(cell, rolling) }
                }
                aggregate = slab.aggregates[Int(aggregate)].next
            }
            bucket = slab.buckets[Int(bucket)].next
        }
    }

    private mutating func markAll(of window: UInt32) {
        var bucket = windows[window].head
        while bucket != BucketSlab.none {
            touch(bucket)
            var state = slab.buckets[Int(bucket)].firstState
            while state != BucketSlab.none {
                slab.setDirty(state, true)
                state = slab.states[Int(state)].next
            }
            enqueue(bucket)
            bucket = slab.buckets[Int(bucket)].next
        }
    }

    /// Marks the gauges that mean something else with each minute, once per minute of the clock.
    mutating func markTimedGauges() {
        guard clock != Micros.min, catalogue.definitions.contains(where: \.isTimed) else { return }
        let minute = clock / 60_000_000
        if minute == timedMinute { return }
        timedMinute = minute
        var bucket = windows[windows.moving(.now)].head
        while bucket != BucketSlab.none {
            var state = slab.buckets[Int(bucket)].firstState
            while state != BucketSlab.none {
                let kpi = Int(slab.states[Int(state)].kpi)
                if catalogue.definitions[kpi].isTimed, !isZero(catalogue.definitions[kpi], bucket) {
                    touch(bucket)
                    slab.setDirty(state, true)
                }
                state = slab.states[Int(state)].next
            }
            enqueue(bucket)
            bucket = slab.buckets[Int(bucket)].next
        }
    }

    /// Marks what reads the months that have begun, in the windows that have not ended, once per month of the clock.
    mutating func markMonths() {
        guard clock != Micros.min, catalogue.definitions.contains(where: \.readsMonths) else { return }
        if let known = monthOfClock, known.contains(clock) { return }
        monthOfClock = zone.bounds(of: .month, bucket: WindowKind.month.bucket(ofDay: zone.day(at: clock).number))
        for kind in [WindowKind.day, .week, .month, .quarter, .year] {
            for window in windows.open(kind) { markMonths(of: window) }
        }
    }

    private mutating func markMonths(of window: UInt32) {
        var bucket = windows[window].head
        while bucket != BucketSlab.none {
            var state = slab.buckets[Int(bucket)].firstState
            while state != BucketSlab.none {
                if catalogue.definitions[Int(slab.states[Int(state)].kpi)].readsMonths {
                    touch(bucket)
                    slab.setDirty(state, true)
                }
                state = slab.states[Int(state)].next
            }
            enqueue(bucket)
            bucket = slab.buckets[Int(bucket)].next
        }
    }

    private func isZero(_ definition: KPIDefinition, _ bucket: UInt32) -> Bool {
        guard let measure = definition.formula.measures.first, let index = catalogue.index(ofMeasure: measure.id),
            let aggregate = slab.aggregate(of: UInt16(truncatingIfNeeded: index), in: bucket)
        else { return true }
        return slab.aggregates[Int(aggregate)].count == 0
    }

    /// Marks the levels at the ends of all windows behind a change.
    mutating func markLevels() {
        for index in levels.dirty {
            let level = levels.levels[Int(index)]
            let plan = cells[Int(level.cell)].plan
            guard let target = plans[plan].targets[Int(level.measure)].first(where: { $0.kind == level.kind }) else {
                continue
            }
            // Hours of another time zone may have begun before it and end behind it.
            let overlap: Micros = level.kind == .hour ? 3_599_999_999 : 0
            let first = level.dirtyFrom < Micros.min + overlap ? Micros.min : level.dirtyFrom - overlap
            for position in level.position(of: first)..<level.windows.count {
                guard let bucket = slab.find(cell: level.cell, window: level.windows[position]) else { continue }
                guard isLive(level.windows[position]) else { continue }
                for kpi in target.kpis where isPublished(kpi, level.windows[position]) {
                    guard let state = slab.state(of: kpi, in: bucket) else { continue }
                    touch(bucket)
                    slab.setDirty(state, true)
                }
                enqueue(bucket)
            }
        }
        levels.clearDirty()
    }

    /// Drops windows that have become history without another word.
    mutating func forgetHistory() {
        for kind in WindowKind.allCases where kind.isCalendar {
            while let window = windows.ids[Int(kind.rawValue)].first, !isKept(window) {
                while windows[window].head != BucketSlab.none {
                    let bucket = windows[window].head
                    lose(kind, end: windows[window].bounds.end)
                    touch(bucket)
                    remove(bucket)
                }
                windows.removeFirst(kind)
            }
        }
    }

    /// Drops windows that are no longer kept, after publishing what is still dirty in all of them: some rest on others. Stops
    /// when the round is full; the rest follows in the next one.
    mutating func dropHistory(_ round: inout Round, _ emit: (RawSpan, RawSpan, SeriesAlert) -> Void) {
        for kind in WindowKind.allCases where kind.isCalendar {
            for window in windows.ids[Int(kind.rawValue)].prefix(while: { !isKept($0) }) {
                var bucket = windows[window].head
                while bucket != BucketSlab.none {
                    if slab.isDirty(bucket) {
                        guard !round.isFull else { return }
                        publishBucket(bucket, &round, emit)
                        if slab.isDirty(bucket) { return }
                    }
                    bucket = slab.buckets[Int(bucket)].next
                }
            }
        }
        for kind in WindowKind.allCases where kind.isCalendar {
            while let window = windows.ids[Int(kind.rawValue)].first, !isKept(window) {
                markRolling(over: window)
                while windows[window].head != BucketSlab.none {
                    guard !round.isFull else { return }
                    let bucket = windows[window].head
                    lose(kind, end: windows[window].bounds.end)
                    touch(bucket)
                    remove(bucket)
                    round.examined += 1
                }
                windows.removeFirst(kind)
            }
        }
    }
}
