import NIOCore
import Synchronization

/// Cuts off connections whose request body does not arrive in time.
///
/// A timer of the event loop per request would wake the loop twice for each; here a request costs two dictionary operations, and
/// one task looks at all of them now and then, for as long as there are any. So a connection may live a quarter longer.
final class BodyDeadlines: Sendable {
    private struct State {
        var open: [UInt64: (deadline: ContinuousClock.Instant, channel: any Channel)] = [:]
        var next: UInt64 = 0
        var isSweeping = false
    }

    private let timeout: Duration
    private let state = Mutex(State())

    init(timeout: Duration) {
        self.timeout = timeout
    }

    /// Begins to watch a connection.
    ///
    /// - Returns: For ``end(_:)``; without that the connection is closed.
    @discardableResult
    func begin(_ channel: any Channel) -> UInt64 {
        let deadline = ContinuousClock.now + timeout
        let (id, mustSweep) = state.withLock { state in
            state.next += 1
            state.open[state.next] = (deadline, channel)
            defer { state.isSweeping = true }
            return (state.next, !state.isSweeping)
        }
        if mustSweep { Task { await sweep() } }
        return id
    }

    func end(_ id: UInt64) {
        state.withLock { _ = $0.open.removeValue(forKey: id) }
    }

    private func sweep() async {
        let interval = min(.seconds(1), timeout / 4)
        while true {
            try? await Task.sleep(for: interval)
            let now = ContinuousClock.now
            let late = state.withLock { state -> [any Channel]? in
                guard !state.open.isEmpty else {
                    state.isSweeping = false
                    return nil
                }
                let late = state.open.filter { $0.value.deadline <= now }
                for id in late.keys { state.open[id] = nil }
                return late.values.map(\.channel)
            }
            guard let late else { return }
            for channel in late { channel.close(promise: nil) }
        }
    }
}
