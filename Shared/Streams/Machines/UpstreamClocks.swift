/// What the clocks of the stages before allow.
package enum ClockBound: Sendable, Equatable {
    /// Some task has not published a clock yet: nothing is known to be complete.
    case unknown
    /// Everything up to this instant has been written by all tasks of the stages before.
    case upTo(Int64)
    /// No stage before, or all of them silent for too long.
    case none
}

/// The clocks of all tasks of all stages before this one, as read from the clocks topic.
///
/// Instants are microseconds since 1970.
package struct UpstreamClocks: Sendable {
    package struct Reading: Sendable, Equatable {
        package var bound: ClockBound
        /// A source does not count because it has been silent for too long, here or further up.
        package var degraded: Bool
        /// `nil` when no task before watches sources, or one of them has not said anything.
        package var sources: SourceReport?

        package init(bound: ClockBound, degraded: Bool, sources: SourceReport? = nil) {
            self.bound = bound
            self.degraded = degraded
            self.sources = sources
        }
    }

    private struct Task: Sendable {
        var clock: Int64?
        var degraded = false
        /// Wall time at which this process last heard of the task, or started to listen. The time inside the record says
        /// nothing about now: after an outage of everything, this process may be the first to be back.
        var heard: Int64
        var slack: Int64
        var patience: Int64?
        var sources: SourceSigns?
    }

    private var tasks: [ClockRecord.Task: Task] = [:]
    /// Until the clocks topic has been read to the end that it had at the start, what was heard is history.
    private var isCurrent = false

    /// - Parameter wall: now.
    package init(_ stages: [UpstreamClock], wall: Int64) {
        for stage in stages {
            for partition in 0..<stage.partitions {
                let key = ClockRecord.Task(service: stage.service, stage: stage.stage, partition: partition)
                tasks[key] = Task(heard: wall, slack: stage.slack, patience: stage.patience)
            }
        }
    }

    package var isEmpty: Bool { tasks.isEmpty }

    /// A record of the clocks topic. Those of other stages do not matter.
    package mutating func heard(_ key: ClockRecord.Task, _ record: ClockRecord, wall: Int64) {
        guard var task = tasks[key] else { return }
        task.clock = max(task.clock ?? record.clock, record.clock)
        task.degraded = record.degraded
        task.sources = record.sources
        task.heard = max(task.heard, wall)
        tasks[key] = task
    }

    /// The clocks topic has been read to its end for the first time.
    package mutating func reachedEnd() {
        isCurrent = true
    }

    package func reading(wall: Int64) -> Reading {
        guard !tasks.isEmpty else { return Reading(bound: .none, degraded: false) }
        var lowest: Int64?
        var isUnknown = !isCurrent
        var degraded = false
        for task in tasks.values {
            if let patience = task.patience, wall - task.heard > patience {
                degraded = true
                continue
            }
            degraded = degraded || task.degraded
            guard let clock = task.clock else {
                isUnknown = true
                continue
            }
            let (sum, overflow) = clock.addingReportingOverflow(task.slack)
            lowest = min(lowest ?? .max, overflow ? .max : sum)
        }
        if isUnknown { return Reading(bound: .unknown, degraded: degraded) }
        return Reading(bound: lowest.map(ClockBound.upTo) ?? .none, degraded: degraded, sources: sources)
    }

    /// Of all tasks that watch sources, silent ones too: while one of them is, nobody knows what it would have to tell.
    private var sources: SourceReport? {
        var report: SourceReport?
        for task in tasks.values {
            guard let signs = task.sources, let clock = task.clock else { continue }
            guard var sum = report else {
                report = SourceReport(signs: signs, complete: clock)
                continue
            }
            sum.signs.merge(signs)
            sum.complete = min(sum.complete, clock)
            report = sum
        }
        // One that says nothing of sources is of an earlier version, or has been started under other rules.
        return tasks.values.contains { $0.sources == nil } ? nil : report
    }
}

/// Makes a reading of the upstream clocks usable: it says what has been *written*, so it holds for this task only when the
/// task has passed the end offsets that were observed *after* the reading.
package struct UpstreamHold: Sendable {
    private struct Look: Sendable {
        var ends: [Int64]
        var reading: UpstreamClocks.Reading
    }

    private var positions: [Int64]
    /// The oldest look not yet passed; kept until it is, as in ``ArrivalClock``.
    private var pending: Look?
    private var latest: Look?
    private var passed: UpstreamClocks.Reading?

    package init(positions: [Int64]) {
        self.positions = positions
    }

    package mutating func observed(_ reading: UpstreamClocks.Reading, thenEnds ends: [Int64]) {
        precondition(ends.count == positions.count)
        latest = Look(ends: ends, reading: reading)
        settle()
    }

    package mutating func moved(input: Int, to position: Int64) {
        guard position > positions[input] else { return }
        positions[input] = position
        settle()
    }

    private mutating func settle() {
        if let look = pending, isPassed(look) {
            passed = look.reading
            pending = nil
        }
        if let look = latest {
            if isPassed(look) {
                passed = look.reading
            } else if pending == nil {
                pending = look
            }
        }
    }

    private func isPassed(_ look: Look) -> Bool {
        zip(positions, look.ends).allSatisfy { $0 >= $1 }
    }

    package var bound: ClockBound { passed?.bound ?? .unknown }
    package var degraded: Bool { passed?.degraded ?? false }
    package var sources: SourceReport? { passed?.sources }
}
