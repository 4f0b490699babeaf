/// How one input partition is read after an unclean start, when one of the next records may be what the process died of
/// (a Swift trap cannot be caught).
///
/// Before records are processed, their number and the number of the try are committed in the metadata of the unchanged
/// position. So a process that dies leaves behind what it was trying:
///
/// - Nothing was being tried: the last process died in normal operation. One record is tried alone, then 8, 64, … until
///   everything that the old process may have touched is behind. (One by one to the end would take minutes after a plain
///   `kill -9`, with a commit each.)
/// - A group was being tried: it is divided, into single records once it is small enough.
/// - A single record was being tried: it is tried again, and at the third try it is rejected.
package struct CarefulMode: Sendable {
    package typealias Attempt = PositionMetadata.Attempt

    package enum Step: Sendable, Equatable {
        case normal
        /// Commit this mark, process so many records, commit.
        case attempt(Attempt)
        /// Dead-letter the next record as `crashed_processing`.
        case reject
    }

    /// The try at which a record is no longer processed.
    package static let lastTry = 3
    package static let growth = 8
    package static let division = 64
    /// Groups up to this size are divided into single records.
    package static let smallGroup = 512
    package static let largestGroup = 32_768
    /// More records than any transaction holds.
    package static let furthest = 2 * CommitPolicy.maximumRecords

    private var isActive: Bool
    private var number = 1
    private var span = 1
    /// Records left of a group that has already killed a process; they are tried in groups of ``span`` only.
    private var suspects = 0
    private var processed = 0
    private let end: Int64

    /// - Parameters:
    ///   - committed: metadata of the committed position, `nil` when there is none.
    ///   - survived: the process that committed it is this one: nothing has died since. What was being tried goes on.
    ///   - position: the committed position.
    ///   - end: high watermark now: the old process cannot have touched anything behind it.
    package init(committed: PositionMetadata?, survived: Bool = false, position: Int64, end: Int64) {
        self.end = end
        guard let committed, !committed.isClean, position < end, !survived || committed.attempt != nil else {
            isActive = false
            return
        }
        isActive = true
        if survived, let attempt = committed.attempt {
            number = attempt.number
            span = attempt.span
            return
        }
        guard let died = committed.attempt else { return }
        if died.span == 1 {
            number = died.number + 1
        } else {
            span = died.span <= Self.smallGroup ? 1 : max(1, died.span / Self.division)
            suspects = died.span
        }
    }

    package var isNormal: Bool { !isActive }

    /// What to do with the next records.
    ///
    /// - Parameter available: number of records at hand, at least 1.
    package func next(available: Int) -> Step {
        precondition(available > 0)
        guard isActive else { return .normal }
        if number >= Self.lastTry { return .reject }
        return .attempt(Attempt(number: number, span: min(span, available)))
    }

    /// The records of the last step are committed.
    ///
    /// - Parameter position: the committed position now.
    package mutating func succeeded(records: Int, position: Int64) {
        guard isActive else { return }
        number = 1
        processed += records
        if suspects > 0 {
            suspects = max(0, suspects - records)
        } else if records >= span {
            span = min(span * Self.growth, Self.largestGroup)
        }
        if position >= end || processed >= Self.furthest { isActive = false }
    }
}
