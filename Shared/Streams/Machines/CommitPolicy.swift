/// When a stream thread commits. Times are milliseconds of a monotonic clock.
package struct CommitPolicy: Sendable {
    /// A transaction of this size is ended whatever the interval says: only a backlog makes one. The larger, the more events of
    /// an entity fall into one transaction, in which it is derived and saved once.
    package static let maximumRecords = 200_000
    package static let maximumBytes = 80 << 20
    /// Urgent commits are at least this far apart.
    package static let urgentInterval: Int64 = 10
    /// The interval while more input waits than one poll takes. What is read now was late before, and an entity that changes
    /// several times within a transaction is derived and saved once.
    package static let backlogInterval: Int64 = 1_000
    /// A task's clock is published at most this often.
    package static let clockInterval: Int64 = 1_000

    package struct Work: Sendable, Equatable {
        /// Input records processed, and output records written, since the last commit; the greater number.
        package var records = 0
        /// The same in bytes.
        package var bytes = 0
        /// A position differs from the committed one.
        package var hasMoved = false
        /// Sum over the tasks.
        package var dirty = 0
        package var isUrgent = false
        package var clockDue = false
        /// The last poll has taken all that it may take at once.
        package var isBacklogged = false

        package init() {}
    }

    package let interval: Int64
    private var last: Int64

    package init(interval: Int64, now: Int64) {
        precondition(interval > 0)
        self.interval = interval
        last = now
    }

    package func isDue(_ work: Work, now: Int64) -> Bool {
        if work.records >= Self.maximumRecords || work.bytes >= Self.maximumBytes { return true }
        let elapsed = now - last
        if work.isUrgent, elapsed >= Self.urgentInterval { return true }
        guard elapsed >= (work.isBacklogged ? max(interval, Self.backlogInterval) : interval) else { return false }
        return work.hasMoved || work.records > 0 || work.dirty > 0 || work.isUrgent || work.clockDue
    }

    /// Milliseconds that a poll may wait before a commit is due; `longest` when there is nothing to commit.
    package func wait(_ work: Work, now: Int64, longest: Int64) -> Int64 {
        if work.isUrgent { return min(longest, max(0, last + Self.urgentInterval - now)) }
        guard work.hasMoved || work.records > 0 || work.dirty > 0 || work.clockDue else { return longest }
        return min(longest, max(0, last + interval - now))
    }

    /// A commit or abort has ended.
    package mutating func ended(now: Int64) { last = now }
}
