internal import CRdkafka
import Dispatch
internal import FoundationEssentials
internal import Logging
internal import Synchronization

/// Owns an `rd_kafka_t` and the context of its callbacks: destroyed exactly once, on a thread of its own, because
/// `rd_kafka_destroy` joins librdkafka's threads and can wait for ever (a leaked object, a lost partition before 2.1).
///
/// `@unchecked Sendable`: `rd_kafka_t` is documented as safe for use from any thread, `context` is touched as
/// `ClientContext` describes, and the one mutable field is a mutex.
@safe final class ClientHandle: @unchecked Sendable {
    let pointer: OpaquePointer
    let context: ClientContext
    private let isDestroyed = Mutex(false)

    /// - Parameter configuration: consumed whether or not creation succeeds.
    init(
        type: rd_kafka_type_t, configuration: consuming NativeConfiguration, context: ClientContext
    ) throws(KafkaError) {
        try LibraryVersion.loaded.requireSupported()
        var text = [CChar](repeating: 0, count: 512)
        let created = unsafe configuration.handOver { conf in
            unsafe rd_kafka_new(type, conf, &text, text.count)
        }
        guard let created = unsafe created else {
            let reason = String(nulTerminated: text)
            throw .configuration(reason)
        }
        unsafe self.pointer = created
        self.context = context
    }

    deinit {
        guard !isDestroyed.withLock({ $0 }) else { return }
        context.logger.warning("a Kafka client was dropped without being closed")
        unsafe Self.reap(pointer, context: context)
    }

    /// Destroys the handle and waits for that until the deadline.
    ///
    /// - Returns: false when the deadline passed first. The thread that destroys goes on; the process should end soon.
    func destroy(_ deadline: Deadline) -> Bool {
        let isFirst = isDestroyed.withLock { done in
            defer { done = true }
            return !done
        }
        guard isFirst else { return true }
        let finished = unsafe Self.reap(pointer, context: context)
        guard let remaining = deadline.remaining else {
            finished.wait()
            return true
        }
        return finished.wait(timeout: .now() + .milliseconds(Int(remaining.clampedMilliseconds))) == .success
    }

    /// The context outlives the handle: librdkafka may log until the very end.
    @discardableResult
    private static func reap(_ pointer: OpaquePointer, context: ClientContext) -> DispatchSemaphore {
        let finished = DispatchSemaphore(value: 0)
        let doomed = unsafe Doomed(pointer: pointer, context: context)
        OSThread.start("kafka-reaper") {
            doomed.destroy()
            finished.signal()
        }
        return finished
    }

    /// What has broken the handle for good; later calls only repeat that something has. nil while nothing has.
    func fatalFailure(_ operation: String) -> KafkaError? {
        var text = [CChar](repeating: 0, count: 512)
        let code = unsafe rd_kafka_fatal_error(pointer, &text, text.count)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        let reason = String(nulTerminated: text)
        return KafkaError(
            code: KafkaError.Code(rawValue: code.rawValue), reason: reason, operation: operation, reaction: .fatal)
    }
}

/// A handle on its way out. `@unchecked Sendable`: the thread that destroys it is the only one that still has it.
@safe private struct Doomed: @unchecked Sendable {
    let pointer: OpaquePointer
    let context: ClientContext

    func destroy() {
        unsafe rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
        withExtendedLifetime(context) {}
    }
}
