import Dispatch

/// A thread for the audit's work, which reads, waits and computes for long: not one of Swift's cooperative pool.
enum AuditThread {
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "deskbeat.audit").async { continuation.resume(with: Result { try body() }) }
        }
    }
}
