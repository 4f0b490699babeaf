import Synchronization

/// Lets one stream thread of the process at a time try suspicious records.
///
/// Without it, a thread that dies of its record would take others down in the middle of theirs, at the same point of every
/// start, and in the end innocent records would be rejected with the guilty one.
package final class CarefulGate: Sendable {
    /// All stages of a process die together, so they share one gate.
    package static let process = CarefulGate()

    private let mutex = Mutex<Void>(())

    package init() {}

    func withGate<E: Error>(_ body: () throws(E) -> Void) throws(E) {
        try mutex.withLock { _ throws(E) in try body() }
    }
}
