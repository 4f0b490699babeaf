/// Up to when a task has seen everything that arrived on its own inputs.
///
/// While an input is behind, its clock is the record timestamp (append time) of the last processed record. Once the
/// position has passed an end offset, it is the wall time at which that end offset was observed. The task's clock is the
/// lowest of its inputs' clocks.
///
/// Timestamps are microseconds since 1970.
package struct ArrivalClock: Sendable {
    private struct Mark: Sendable {
        var end: Int64
        var wall: Int64
    }

    private struct Input: Sendable {
        var position: Int64
        var clock: Int64?
        /// Wall time of the newest end offset that has been passed.
        var passed: Int64?
        /// The oldest observation not yet passed. It is kept until it is: an input that always trails the newest end by
        /// a little would otherwise never pass one.
        var pending: Mark?
        var latest: Mark?

        mutating func settle() {
            if let mark = pending, position >= mark.end {
                pass(mark)
                pending = nil
            }
            if let mark = latest {
                if position >= mark.end {
                    pass(mark)
                } else if pending == nil {
                    pending = mark
                }
            }
        }

        private mutating func pass(_ mark: Mark) {
            passed = max(passed ?? mark.wall, mark.wall)
            clock = max(clock ?? mark.wall, mark.wall)
        }
    }

    /// Age in microseconds at which a passed end offset no longer means "caught up".
    package static let freshness: Int64 = 2_000_000

    private var inputs: [Input]

    /// - Parameter positions: where each input is read from.
    package init(positions: [Int64]) {
        inputs = positions.map { Input(position: $0) }
    }

    /// The end offset (high watermark) of an input was `end` at the wall time `wall`, or later.
    package mutating func observed(input: Int, end: Int64, wall: Int64) {
        if let latest = inputs[input].latest, latest.wall > wall { return }
        inputs[input].latest = Mark(end: end, wall: wall)
        inputs[input].settle()
    }

    /// Records of an input have been processed.
    ///
    /// - Parameters:
    ///   - timestamp: of the last record. One in the future (a topic on which producers set it) counts as now.
    ///   - position: offset after the last record.
    package mutating func processed(input: Int, timestamp: Int64, position: Int64, wall: Int64) {
        let arrived = min(timestamp, wall)
        inputs[input].clock = max(inputs[input].clock ?? arrived, arrived)
        moved(input: input, to: position)
    }

    /// The position of an input has passed control records.
    package mutating func moved(input: Int, to position: Int64) {
        guard position > inputs[input].position else { return }
        inputs[input].position = position
        inputs[input].settle()
    }

    /// `nil` until something is known about each input.
    package var clock: Int64? {
        var lowest = Int64.max
        for input in inputs {
            guard let clock = input.clock else { return nil }
            lowest = min(lowest, clock)
        }
        return inputs.isEmpty ? nil : lowest
    }

    /// Every input has passed an end offset that was observed a moment ago.
    package func isCaughtUp(wall: Int64) -> Bool {
        inputs.allSatisfy { input in input.passed.map { wall - $0 <= Self.freshness } ?? false }
    }

    /// No input is known to hold a record that has not been processed.
    package var isAtEnd: Bool {
        inputs.allSatisfy { input in input.latest.map { input.position >= $0.end } ?? false }
    }
}
