/// Reads one changelog partition from its beginning to the end that a `read_uncommitted` handle reported.
///
/// That end may lie behind open or aborted transactions and their markers, which occupy offsets without ever being
/// delivered. So the position decides, never the offset of a record.
package struct RestoreMachine: Sendable {
    package enum Action: Sendable, Equatable {
        case read(from: Int64)
        case wait
        /// The log was cut off under the reader: forget the state and read anew.
        case restart(from: Int64)
        case finished
        case failed(String)
    }

    /// How often the log may be cut off under the reader.
    package static let maximumRestarts = 5

    package private(set) var start: Int64
    package private(set) var position: Int64
    package private(set) var end: Int64
    package private(set) var restored = 0
    package private(set) var isFinished = false
    private var restarts = 0

    /// - Parameters:
    ///   - low: first offset of the partition.
    ///   - end: high watermark as seen by a `read_uncommitted` handle.
    package init(low: Int64, end: Int64) {
        start = low
        position = low
        self.end = end
    }

    package mutating func begin() -> Action {
        isFinished = position >= end
        return isFinished ? .finished : .read(from: position)
    }

    /// The reader has come to `position`, having delivered `records` on the way.
    package mutating func advanced(to position: Int64, records: Int) -> Action {
        guard !isFinished else { return .finished }
        restored += records
        self.position = max(self.position, position)
        isFinished = self.position >= end
        return isFinished ? .finished : .wait
    }

    /// The position no longer exists.
    package mutating func truncated(low: Int64, end: Int64) -> Action {
        restarts += 1
        guard restarts <= Self.maximumRestarts else {
            return .failed("the changelog was cut off \(restarts) times while it was being read")
        }
        start = low
        position = low
        self.end = end
        restored = 0
        isFinished = low >= end
        // Also when nothing is left to read: what was restored so far is no longer true.
        return .restart(from: low)
    }

    /// Share of the offsets that are behind the position, 0 to 1.
    package var progress: Double {
        end <= start ? 1 : min(1, Double(position - start) / Double(end - start))
    }
}
