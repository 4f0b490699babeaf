/// The partitions of one stream thread: from their assignment over the restore of their state to their revocation or loss.
///
/// The group protocol is eager: a rebalance takes all partitions and then gives the new set. A task whose partition is
/// taken is therefore only suspended; if its partition comes back and nobody has committed in between, it goes on without
/// a restore.
package struct AssignmentMachine: Sendable {
    package enum Action: Sendable, Equatable {
        /// Remember the group metadata which this assignment's offsets are sent with.
        case captureGroup
        /// Read nothing more from these; the consumer is polled all the same. What is assigned is not read before its
        /// ``start(_:)`` anyway.
        case pause([Int32])
        /// Ask for the committed positions, outside of the rebalance (the answer waits for the end of a dead
        /// predecessor's transaction); then report ``located(unchanged:)``.
        case locate([Int32])
        /// Make tasks and restore them; report each with ``restored(_:)``.
        case open([Int32])
        /// The state is there: read from the positions that belong to it.
        case start([Int32])
        /// Forget tasks and their state.
        case drop([Int32])
        /// End the transaction with a commit, under the deadline of the revocation; then report ``commitEnded(_:)``.
        case commit
        /// End the transaction with an abort.
        case abort
        /// The old producer may have been fenced.
        case newProducer
    }

    package private(set) var locating: Set<Int32> = []
    package private(set) var running: Set<Int32> = []
    package private(set) var restoring: Set<Int32> = []
    package private(set) var suspended: Set<Int32> = []

    /// Counts assignments and losses, so that what began under one is not ended under another.
    package private(set) var epoch: UInt64 = 0

    private var isRevoking = false

    package init() {}

    package var owned: Set<Int32> { running.union(restoring).union(locating) }

    /// The group has assigned these partitions, after everything before was revoked or lost.
    package mutating func assigned(_ partitions: Set<Int32>) -> [Action] {
        precondition(owned.isEmpty, "assigned twice without a revocation")
        epoch += 1
        locating = partitions
        guard !partitions.isEmpty else {
            let dropped = suspended.sorted()
            suspended = []
            return dropped.isEmpty ? [.captureGroup] : [.captureGroup, .drop(dropped)]
        }
        return [.captureGroup, .locate(partitions.sorted())]
    }

    /// The committed positions are known.
    ///
    /// - Parameter unchanged: suspended partitions whose committed position is still the one that this thread committed.
    package mutating func located(unchanged: Set<Int32>) -> [Action] {
        precondition(unchanged.isSubset(of: suspended), "only a suspended task can be unchanged")
        let kept = locating.intersection(unchanged)
        let fresh = locating.subtracting(kept)
        let dropped = suspended.subtracting(kept)
        suspended = []
        locating = []
        running = kept
        restoring = fresh
        var actions: [Action] = []
        if !dropped.isEmpty { actions.append(.drop(dropped.sorted())) }
        if !fresh.isEmpty { actions.append(.open(fresh.sorted())) }
        if !kept.isEmpty { actions.append(.start(kept.sorted())) }
        return actions
    }

    /// The state of one partition has been restored.
    package mutating func restored(_ partition: Int32) -> [Action] {
        guard restoring.remove(partition) != nil else { return [] }
        running.insert(partition)
        return [.start([partition])]
    }

    /// The running tasks are to be made anew, right after a commit: as if their partitions had just been assigned.
    package mutating func remake() -> [Action] {
        guard !running.isEmpty, restoring.isEmpty, locating.isEmpty else { return [] }
        epoch += 1
        let partitions = running.sorted()
        locating = running
        running = []
        return [.pause(partitions), .locate(partitions)]
    }

    /// The group wants all partitions back; they are still ours until the callback returns.
    package mutating func revoked() -> [Action] {
        guard !owned.isEmpty else { return [] }
        // State that is not complete is worth nothing.
        let dropped = restoring.sorted()
        restoring = []
        locating = []
        var actions: [Action] = dropped.isEmpty ? [] : [.drop(dropped)]
        if running.isEmpty {
            epoch += 1
        } else {
            isRevoking = true
            actions.append(.commit)
        }
        return actions
    }

    /// The commit of a revocation has ended.
    package mutating func commitEnded(_ committed: Bool) -> [Action] {
        precondition(isRevoking, "no revocation is under way")
        isRevoking = false
        epoch += 1
        defer { running = [] }
        // After an abort the tasks were rolled back to the last commit: as good as committed for whoever comes next, but
        // why it failed is unknown, so nothing is kept.
        guard committed else { return [.drop(running.sorted())] }
        suspended = running
        return []
    }

    /// The partitions already belong to somebody else.
    package mutating func lost() -> [Action] {
        isRevoking = false
        epoch += 1
        let all = owned.union(suspended).sorted()
        locating = []
        running = []
        restoring = []
        suspended = []
        return [.abort, .drop(all), .newProducer]
    }
}
