import Foundation

/// Tells threads to end, and wakes those that wait.
final class StopSignal: Sendable {
    private let condition = NSCondition()
    // Guarded by `condition`.
    nonisolated(unsafe) private var deadline: Date?

    var isSet: Bool {
        condition.withLock { unsafe deadline != nil }
    }

    /// Seconds that are left to end in good order; 0 when there are none.
    var remaining: TimeInterval {
        condition.withLock { unsafe max(0, deadline?.timeIntervalSinceNow ?? 0) }
    }

    /// - Parameter seconds: to end in good order. The first call counts.
    func set(within seconds: TimeInterval) {
        condition.withLock {
            unsafe deadline = unsafe deadline ?? Date(timeIntervalSinceNow: seconds)
            condition.broadcast()
        }
    }

    /// - Returns: whether the signal was set before the time was over.
    func wait(milliseconds: Int64) -> Bool {
        let until = Date(timeIntervalSinceNow: Double(milliseconds) / 1_000)
        return condition.withLock {
            while unsafe deadline == nil {
                guard condition.wait(until: until) else { break }
            }
            return unsafe deadline != nil
        }
    }
}
