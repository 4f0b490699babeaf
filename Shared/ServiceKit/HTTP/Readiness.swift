import Synchronization

/// Whether a service can do its work, and what stands in the way: what `/readyz` answers.
public final class Readiness: Sendable {
    public enum Phase: String, Sendable {
        case starting, running, stopping, failed
    }

    private struct State {
        var phase = Phase.starting
        var phaseReason: String? = "the service is starting"
        var conditions: [(name: String, obstacle: @Sendable () -> String?)] = []
    }

    private let state = Mutex(State())

    public init() {}

    /// Adds a condition that is asked each time.
    ///
    /// - Parameters:
    ///   - name: What the condition is about, for example `stage ticketing/entity`.
    ///   - obstacle: Why it does not hold, nil when it does. Called on any thread; must not block.
    public func require(_ name: String, _ obstacle: @escaping @Sendable () -> String?) {
        state.withLock { $0.conditions.append((name, obstacle)) }
    }

    /// - Parameter reason: Shown while the phase is not `running`.
    public func enter(_ phase: Phase, reason: String? = nil) {
        state.withLock { state in
            // A failure stays the answer until the process is gone, and nothing leads back from stopping.
            if state.phase == .failed || (state.phase == .stopping && phase != .failed) { return }
            (state.phase, state.phaseReason) = (phase, reason)
        }
    }

    public var phase: Phase { state.withLock { $0.phase } }

    /// What stands in the way; empty when the service is ready.
    public func obstacles() -> [String] {
        let (phase, reason, conditions) = state.withLock { ($0.phase, $0.phaseReason, $0.conditions) }
        var obstacles = phase == .running ? [] : [reason ?? "the service is \(phase.rawValue)"]
        for condition in conditions {
            if let obstacle = condition.obstacle() { obstacles.append("\(condition.name): \(obstacle)") }
        }
        return obstacles
    }
}
