/// When a stream thread commits. Times are milliseconds of a monotonic clock.
package struct CommitPolicy: Sendable {
    /// A transaction of this size is ended whatever the interval says: only a backlog makes one. The larger, the more events of
    /// an entity fall into one transaction, in which it is derived and saved once.
    package static let maximumRecords = 200_000
    package static let maximumBytes = 80 << 20
    /// As large as the first transaction of a backlog may be. How long the end of one takes is not known before: it derives what the
    /// records have touched. A transaction that lasts longer than the broker allows is lost with all its work, and would be again.
    package static let initialRecords = 25_000
    package static let minimumRecords = 1_000
    /// The end of a transaction should take no longer, a fifth of what the broker allows for the whole.
    package static let longestEnd: Int64 = 2_000
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
    /// What ``maximumRecords`` is lowered to for as long as the ends of transactions take their time.
    package private(set) var recordLimit = Self.initialRecords
    private var last: Int64

    package init(interval: Int64, now: Int64) {
        precondition(interval > 0)
        self.interval = interval
        last = now
    }

    package func isDue(_ work: Work, now: Int64) -> Bool {
        if work.records >= recordLimit || work.bytes >= Self.maximumBytes { return true }
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

    /// A transaction has been committed.
    ///
    /// - Parameters:
    ///   - records: as in ``Work/records``.
    ///   - took: milliseconds from the begin of its end on.
    package mutating func committed(records: Int, took: Int64, now: Int64) {
        last = now
        if took > Self.longestEnd {
            recordLimit = max(Self.minimumRecords, Int(Int64(min(records, recordLimit)) * Self.longestEnd / took))
        } else if records >= recordLimit, 2 * took <= Self.longestEnd {
            recordLimit = min(Self.maximumRecords, 2 * recordLimit)
        }
    }

    /// A transaction has been aborted, perhaps because it was too long.
    package mutating func aborted(now: Int64) {
        last = now
        recordLimit = max(Self.minimumRecords, recordLimit / 2)
    }
}
