/// Notices that one input gets no records although its topic holds some. Every fault of a client or broker that ends in
/// silence looks like that, and nothing else would ever report it.
///
/// Times are milliseconds of a monotonic clock.
package struct StallWatch: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case fine
        /// Long enough without a record to ask why: how far could be read?
        case suspect
    }

    package enum Answer: Sendable, Equatable {
        /// Nobody knows.
        case unknown
        /// Nothing is wrong here: what lies ahead belongs to a transaction that is still open.
        case wait
        /// Read from the position again.
        case startAgain
        /// That has not helped.
        case giveUp
    }

    /// Well above what a broker's restart, a rebalance or a long commit takes.
    package static let patience: Int64 = 30_000

    private var since: Int64
    private var position: Int64 = -1
    private var isSecond = false

    /// - Parameter now: when reading started.
    package init(now: Int64) {
        since = now
    }

    /// - Parameters:
    ///   - position: of the next record.
    ///   - end: the last known high watermark.
    ///   - isDrained: no record waits in the client; behind a backlog of other partitions, waiting proves nothing.
    package mutating func observe(position: Int64, end: Int64, isDrained: Bool, now: Int64) -> Verdict {
        if position != self.position || position >= end {
            self.position = position
            isSecond = false
            since = now
        } else if !isDrained {
            since = now
        }
        return now - since >= Self.patience ? .suspect : .fine
    }

    /// - Parameter stableEnd: the last stable offset, asked for after ``Verdict/suspect``; nil without an answer.
    package mutating func answer(stableEnd: Int64?, now: Int64) -> Answer {
        since = now
        guard let stableEnd else { return .unknown }
        guard stableEnd > position else { return .wait }
        defer { isSecond = true }
        return isSecond ? .giveUp : .startAgain
    }
}
