internal import CRdkafka
internal import Synchronization

/// One call of `send` that waits for the delivery reports of its records.
final class PendingDelivery: Sendable {
    typealias Outcome = Result<[Delivery], KafkaError>

    private struct State {
        var deliveries: [Delivery]
        var remaining: Int
        var failure: KafkaError?
    }

    private let state: Mutex<State>
    private let continuation: CheckedContinuation<Outcome, Never>

    /// - Parameter continuation: resumed once, with the last report.
    init(count: Int, continuation: CheckedContinuation<Outcome, Never>) {
        state = Mutex(
            State(deliveries: Array(repeating: Delivery(partition: -1, offset: -1), count: count), remaining: count))
        self.continuation = continuation
    }

    /// Each record is reported once: by its delivery report, or at once when it was not accepted.
    func report(_ index: Int, _ result: Result<Delivery, KafkaError>) {
        let outcome: Outcome? = state.withLock { state in
            switch result {
            case .success(let delivery): state.deliveries[index] = delivery
            case .failure(let error): state.failure = state.failure ?? error
            }
            state.remaining -= 1
            guard state.remaining == 0 else { return nil }
            return state.failure.map { .failure($0) } ?? .success(state.deliveries)
        }
        if let outcome { continuation.resume(returning: outcome) }
    }
}

/// What travels through librdkafka as a record's opaque pointer, retained until its delivery report.
final class DeliveryTicket: Sendable {
    let pending: PendingDelivery
    let index: Int
    let byteCount: Int

    init(pending: PendingDelivery, index: Int, byteCount: Int) {
        self.pending = pending
        self.index = index
        self.byteCount = byteCount
    }
}
