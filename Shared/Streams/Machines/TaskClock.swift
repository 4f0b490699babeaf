/// The time of one task: its own arrival clock, held back by the clocks of the stages before, never backwards.
///
/// A value: the copy made at a commit is what an abort returns to. A clock that had run ahead of the records which then
/// come a second time would fire timers that those records call off.
package struct TaskClock: Sendable {
    /// Without input for this long (microseconds of wall time), a caught-up task is idle.
    package static let idleAfter: Int64 = 200_000

    private var arrival: ArrivalClock
    private var hold: UpstreamHold?
    private var clock: Int64
    private var lastInput: Int64?
    /// What holds as long as nothing is known of the stages before.
    private let wasDegraded: Bool

    /// - Parameters:
    ///   - positions: where each input is read from.
    ///   - clock: of the last commit, 0 when there was none.
    ///   - wasDegraded: whether it was degraded then.
    package init(positions: [Int64], clock: Int64, hasUpstream: Bool, wasDegraded: Bool = false) {
        self.wasDegraded = wasDegraded
        arrival = ArrivalClock(positions: positions)
        hold = hasUpstream ? UpstreamHold(positions: positions) : nil
        self.clock = clock
    }

    /// A look at the clocks before (`reading`), then at the end offsets of all inputs, begun at `wall`.
    package mutating func observed(_ reading: UpstreamClocks.Reading, thenEnds ends: [Int64], wall: Int64) {
        for (input, end) in ends.enumerated() { arrival.observed(input: input, end: end, wall: wall) }
        hold?.observed(reading, thenEnds: ends)
    }

    package mutating func processed(input: Int, timestamp: Int64, position: Int64, wall: Int64) {
        arrival.processed(input: input, timestamp: timestamp, position: position, wall: wall)
        hold?.moved(input: input, to: position)
        lastInput = wall
    }

    package mutating func moved(input: Int, to position: Int64) {
        arrival.moved(input: input, to: position)
        hold?.moved(input: input, to: position)
    }

    package mutating func time(wall: Int64) -> TaskTime {
        let bound = hold?.bound ?? .none
        if let arrived = arrival.clock {
            switch bound {
            case .unknown: break
            case .upTo(let bound): clock = max(clock, min(arrived, bound))
            case .none: clock = max(clock, arrived)
            }
        }
        // A clock that has run on without a silent stage stays ahead of that stage when it is back, until it has caught up.
        let isAhead =
            switch bound {
            case .unknown: wasDegraded
            case .upTo(let bound): clock > bound
            case .none: false
            }
        let caughtUp = arrival.isCaughtUp(wall: wall)
        let quiet = lastInput.map { wall - $0 >= Self.idleAfter } ?? true
        return TaskTime(
            clock: clock, wall: wall, caughtUp: caughtUp, idle: caughtUp && quiet && arrival.isAtEnd,
            degraded: hold?.degraded ?? false || isAhead, sources: hold?.sources)
    }
}
