import Dispatch

/// Runs work that can block (files, sockets, processes) one after the other on a thread that is not of Swift's
/// cooperative pool, which has no threads to spare for waiting.
package struct BlockingWork: Sendable {
    private let queue: DispatchQueue

    package init(_ label: String) { queue = DispatchQueue(label: "deskbeat.\(label)") }

    package func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try body() }) }
        }
    }
}
