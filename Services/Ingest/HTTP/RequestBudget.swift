import Synchronization

/// Bounds the requests in progress and the memory of their bodies.
package final class RequestBudget: Sendable {
    private struct State {
        var requests = 0
        var bytes = 0
    }

    private let requests: Int
    private let bytes: Int
    private let state = Mutex(State())

    package init(requests: Int, bytes: Int) {
        self.requests = requests
        self.bytes = bytes
    }

    /// Runs `body` with `bytes` of the budget.
    ///
    /// - Returns: nil when the budget does not have them.
    package nonisolated(nonsending) func with<Result>(bytes: Int, _ body: () async -> Result) async -> Result? {
        let isAdmitted = state.withLock { state in
            guard state.requests < requests, state.bytes + bytes <= self.bytes else { return false }
            state.requests += 1
            state.bytes += bytes
            return true
        }
        guard isAdmitted else { return nil }
        defer {
            state.withLock { state in
                state.requests -= 1
                state.bytes -= bytes
            }
        }
        return await body()
    }

    package var inProgress: Int { state.withLock { $0.requests } }
}
