/// When a transaction begins, and how it ends. The only place that decides between commit and abort: a wish to commit is
/// downgraded to an abort when the records behind it may belong to somebody else by now.
///
/// The driver performs the action that a call returns, reports the result with ``succeeded()`` or ``failed(_:_:expired:)``,
/// and goes on with the action which that returns, until ``Action/done(_:)`` or ``Action/rebuild(_:)``.
package struct TransactionMachine: Sendable {
    package enum State: Sendable, Equatable {
        case idle
        /// `begin` is under way for a first write.
        case opening
        case open
        /// An error has made the commit impossible; nothing more is written.
        case doomed(String)
        case closing(Closing)
        case aborting(String)
        /// The producer cannot be used any more.
        case broken(String)
    }

    package enum Closing: Sendable, Equatable {
        case begin, offsets, commit
    }

    package enum Wish: Sendable, Equatable {
        case commit
        case abort(String)
    }

    /// What the group says at the moment of the commit.
    package struct Standing: Sendable, Equatable {
        /// The group has given the partitions to somebody else without asking.
        package var assignmentLost: Bool
        /// Generation of the group metadata that the offsets would be sent with. The broker does not fence one below 0.
        package var generation: Int32
        /// Counts assignments. A transaction belongs to the assignment under which it began.
        package var assignment: UInt64

        package init(assignmentLost: Bool, generation: Int32, assignment: UInt64) {
            self.assignmentLost = assignmentLost
            self.generation = generation
            self.assignment = assignment
        }
    }

    /// How a client error has to be answered.
    package enum Reaction: Sendable, Equatable, CaseIterable {
        case retry, abort, fatal
    }

    package enum Outcome: Sendable, Equatable {
        case committed
        case aborted(String)
    }

    package enum Action: Sendable, Equatable {
        case begin
        case sendOffsets
        case commit
        case abort
        /// The same call again.
        case again
        /// Go on writing.
        case write
        /// Do not write: the transaction will be aborted.
        case drop
        case done(Outcome)
        /// Destroy both handles; restore.
        case rebuild(String)
    }

    package private(set) var state = State.idle
    private var assignment: UInt64 = 0

    package init() {}

    /// A record is about to be written. Begins lazily, so that an idle thread has no transaction open.
    package mutating func write(under assignment: UInt64) -> Action {
        switch state {
        case .idle:
            self.assignment = assignment
            state = .opening
            return .begin
        case .open: return .write
        case .doomed, .broken: return .drop
        case .opening, .closing, .aborting: preconditionFailure("write while a call is under way")
        }
    }

    /// Ends the transaction.
    package mutating func end(_ wish: Wish, _ standing: Standing) -> Action {
        switch (state, effective(wish, standing)) {
        case (.broken(let reason), _): return .rebuild(reason)
        case (.opening, _), (.closing, _), (.aborting, _): preconditionFailure("end while a call is under way")
        case (.idle, .abort(let reason)): return .done(.aborted(reason))
        case (.idle, .commit):
            // Offsets alone need a transaction too.
            state = .closing(.begin)
            return .begin
        case (.doomed(let reason), _), (.open, .abort(let reason)):
            state = .aborting(reason)
            return .abort
        case (.open, .commit):
            state = .closing(.offsets)
            return .sendOffsets
        }
    }

    private func effective(_ wish: Wish, _ standing: Standing) -> Wish {
        guard wish == .commit else { return wish }
        if standing.assignmentLost { return .abort("the partitions were lost") }
        if standing.generation < 0 { return .abort("not a member of the group") }
        if state != .idle, standing.assignment != assignment { return .abort("the partitions were revoked") }
        return .commit
    }

    /// The action returned last has succeeded.
    package mutating func succeeded() -> Action {
        switch state {
        case .opening:
            state = .open
            return .write
        case .closing(.begin):
            state = .closing(.offsets)
            return .sendOffsets
        case .closing(.offsets):
            state = .closing(.commit)
            return .commit
        case .closing(.commit):
            state = .idle
            return .done(.committed)
        case .aborting(let reason):
            state = .idle
            return .done(.aborted(reason))
        case .idle, .open, .doomed, .broken: preconditionFailure("no call is under way")
        }
    }

    /// The action returned last has failed.
    ///
    /// - Parameter expired: no time is left to call again.
    package mutating func failed(_ reaction: Reaction, _ reason: String, expired: Bool) -> Action {
        // Beginning is local. When it fails there is no transaction to abort either.
        if state == .opening {
            state = .broken(reason)
            return .drop
        }
        if reaction == .fatal || state == .closing(.begin) {
            state = .broken(reason)
            return .rebuild(reason)
        }
        if reaction == .retry, !expired { return .again }
        switch state {
        case .closing(.offsets):
            state = .aborting(reason)
            return .abort
        case .closing(.commit):
            // Out of time with the outcome unknown: only a new producer, which waits for the end of the transaction, and
            // a restore can tell.
            if reaction == .retry {
                state = .broken(reason)
                return .rebuild(reason)
            }
            state = .aborting(reason)
            return .abort
        case .aborting:
            state = .broken(reason)
            return .rebuild(reason)
        case .idle, .opening, .open, .doomed, .closing(.begin), .broken: preconditionFailure("no call is under way")
        }
    }

    /// A record could not be written, or its delivery failed.
    package mutating func writeFailed(_ reaction: Reaction, _ reason: String) {
        switch state {
        case .open: state = reaction == .fatal ? .broken(reason) : .doomed(reason)
        case .doomed: if reaction == .fatal { state = .broken(reason) }
        case .broken: break
        case .idle, .opening, .closing, .aborting: preconditionFailure("not writing")
        }
    }
}
