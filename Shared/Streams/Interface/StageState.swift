/// What a stage is doing, for readiness.
public enum StageState: Sendable, Hashable, CustomStringConvertible {
    /// Creating topics, joining the group.
    case starting

    /// Reading state back.
    ///
    /// - Parameters:
    ///   - progress: share of the changelog that has been read, 0 to 1.
    ///   - records: number of records restored so far.
    case restoring(progress: Double, records: Int)

    /// Processing.
    ///
    /// - Parameter caughtUp: whether all tasks of this process have passed an end of their inputs within the last 2 s.
    case running(caughtUp: Bool)

    /// A stream thread has not come round for 30 s: something in it hangs.
    case stalled(seconds: Int)

    /// The end: after ``StageRuntime/stop(within:)`` with `nil`, else with the reason.
    case stopped(StreamFailure?)

    public var description: String {
        switch self {
        case .starting: "starting"
        case .restoring(let progress, let records): "restoring: \(Int(progress * 100)) %, \(records) records"
        case .running(let caughtUp): caughtUp ? "running, caught up" : "running, behind"
        case .stalled(let seconds): "stalled for \(seconds) s"
        case .stopped(let failure): failure.map { "stopped: \($0)" } ?? "stopped"
        }
    }
}

/// What one stream thread does.
package enum ThreadPhase: Sendable, Hashable {
    case starting
    case restoring(progress: Double, records: Int)
    case running(caughtUp: Bool)
    case stopped
}

extension StageState {
    /// Milliseconds. The longest that a step takes in good order is the end of a transaction, 10 s.
    private static let stallAfter: Int64 = 30_000

    /// The stage is as far as its slowest thread.
    ///
    /// - Parameter silence: the longest time in milliseconds since a thread has last come round.
    package init(_ phases: [ThreadPhase], silence: Int64 = 0, failure: StreamFailure?) {
        if let failure {
            self = .stopped(failure)
            return
        }
        if !phases.isEmpty, phases.allSatisfy({ $0 == .stopped }) {
            self = .stopped(nil)
            return
        }
        if silence >= Self.stallAfter {
            self = .stalled(seconds: Int(silence / 1_000))
            return
        }
        var shares: [Double] = []
        var restored = 0
        var isCaughtUp = true
        for phase in phases {
            switch phase {
            case .starting, .stopped:
                self = .starting
                return
            case .restoring(let progress, let records):
                shares.append(progress)
                restored += records
            case .running(let caughtUp): isCaughtUp = isCaughtUp && caughtUp
            }
        }
        guard let lowest = shares.min() else {
            self = phases.isEmpty ? .starting : .running(caughtUp: isCaughtUp)
            return
        }
        self = .restoring(progress: lowest, records: restored)
    }
}
