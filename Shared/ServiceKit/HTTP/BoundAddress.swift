import Synchronization

/// Where the service's HTTP server listens, once it does: the port may have been left to the system.
final class BoundAddress: Sendable {
    private struct State {
        var address: HTTPAddress?
        var waiting: [CheckedContinuation<HTTPAddress, Never>] = []
    }

    private let state = Mutex(State())

    func set(_ address: HTTPAddress) {
        let waiting = state.withLock { state in
            state.address = address
            defer { state.waiting.removeAll() }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: address) }
    }

    /// Waits until the server listens. A service whose server cannot ends without.
    func get() async -> HTTPAddress {
        await withCheckedContinuation { continuation in
            let address: HTTPAddress? = state.withLock { state in
                if state.address == nil { state.waiting.append(continuation) }
                return state.address
            }
            if let address { continuation.resume(returning: address) }
        }
    }
}
