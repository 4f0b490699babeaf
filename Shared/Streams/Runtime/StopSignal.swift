import Dispatch
import FoundationEssentials
import Synchronization

/// Tells threads to end, and wakes those that wait.
final class StopSignal: Sendable {
    /// Entered until the signal is set, so that whoever waits for it waits for the signal.
    private let latch = DispatchGroup()
    private let deadline = Mutex<Date?>(nil)

    init() { latch.enter() }

    // A group must not be destroyed while it is entered.
    deinit { if !isSet { latch.leave() } }

    var isSet: Bool { deadline.withLock { $0 != nil } }

    /// Seconds that are left to end in good order; 0 when there are none.
    var remaining: TimeInterval {
        deadline.withLock { max(0, $0?.timeIntervalSinceNow ?? 0) }
    }

    /// - Parameter seconds: to end in good order. The first call counts.
    func set(within seconds: TimeInterval) {
        let isFirst = deadline.withLock { deadline in
            guard deadline == nil else { return false }
            deadline = Date(timeIntervalSinceNow: seconds)
            return true
        }
        if isFirst { latch.leave() }
    }

    /// - Returns: whether the signal was set before the time was over.
    func wait(milliseconds: Int64) -> Bool {
        latch.wait(timeout: .now() + .milliseconds(Int(milliseconds))) == .success
    }
}
