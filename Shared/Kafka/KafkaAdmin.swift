internal import CRdkafka
public import Logging

/// Looks at and changes topics and groups. Every call blocks on a thread of its own, one after the other, so that
/// callers may await it from anywhere.
public final class KafkaAdmin: Sendable {
    /// How long a call takes at most unless its caller says otherwise.
    public static var defaultTimeout: Duration { .seconds(30) }

    let handle: ClientHandle
    let calls = BlockingQueue("kafka.admin")

    /// - Throws: `KafkaError` for a refused property or a librdkafka below 2.0.2. No broker is contacted yet.
    public init(configuration: KafkaConfiguration, logger: Logger) throws(KafkaError) {
        var configuration = configuration
        // Nobody polls this handle's main queue, where statistics would pile up.
        configuration.statisticsInterval = .zero
        let native = NativeConfiguration()
        let required = [
            // Never joined. Without a group of its own librdkafka (#5040) crashes on the answer that another broker coordinates
            // a group, as of a cluster that is new or moves its coordinators.
            ("group.id", "\(configuration.clientID).unused"),
            ("isolation.level", "read_uncommitted"), ("enable.auto.commit", "false"),
        ]
        try native.fill(
            configuration, defaults: [], required: [], logLevel: logger.logLevel)
        for (property, value) in required { try native.set(property, value) }
        let context = AdminContext(configuration: configuration, logger: logger)
        context.install(in: native)
        handle = try ClientHandle(type: RD_KAFKA_CONSUMER, configuration: native, context: context)
    }

    /// Destroys the handle after the calls before this one. Does nothing when closed before.
    public func close(_ deadline: Deadline) async throws(KafkaError) {
        let handle = handle
        try await calls.run { () throws(KafkaError) in
            guard handle.destroy(deadline) else {
                throw .timedOut("close the admin client", reason: "librdkafka has not finished within the deadline")
            }
        }
    }
}

/// Errors of the client as a whole are logged by librdkafka itself, instead of waiting for a poll that never comes.
private final class AdminContext: ClientContext {
    override func install(in configuration: borrowing NativeConfiguration) {
        super.install(in: configuration)
        configuration.withPointer { unsafe rd_kafka_conf_set_error_cb($0, nil) }
    }
}

/// Owns a result event; everything read from it lives as long as it does.
@safe struct AdminEvent: ~Copyable {
    private let pointer: OpaquePointer

    /// Makes a request and waits for its answer.
    ///
    /// - Parameters:
    ///   - operation: which admin request, for its options.
    ///   - body: gets the handle, the options and the queue for the answer.
    init(
        _ operation: String, _ kind: rd_kafka_admin_op_t, _ handle: ClientHandle, _ deadline: Deadline,
        _ body: (OpaquePointer, OpaquePointer?, OpaquePointer?) -> Void
    ) throws(KafkaError) {
        let queue = unsafe rd_kafka_queue_new(handle.pointer)
        defer { unsafe rd_kafka_queue_destroy(queue) }
        let options = unsafe rd_kafka_AdminOptions_new(handle.pointer, kind)
        defer { unsafe rd_kafka_AdminOptions_destroy(options) }
        var text = [CChar](repeating: 0, count: 256)
        // The largest that librdkafka accepts is an hour.
        let limit = min(deadline.limited(to: .seconds(3_600)).milliseconds, 3_600_000)
        unsafe rd_kafka_AdminOptions_set_request_timeout(options, max(limit, 1), &text, text.count)
        unsafe rd_kafka_AdminOptions_set_operation_timeout(options, max(limit, 1), &text, text.count)
        unsafe body(handle.pointer, options, queue)
        // A little longer than the request may take: its own time-out has the better reason.
        let answer = unsafe rd_kafka_queue_poll(queue, limit > 3_598_000 ? limit : limit + 1_000)
        guard let answer = unsafe answer else { throw .timedOut(operation) }
        let code = unsafe rd_kafka_event_error(answer)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            let reason = unsafe rd_kafka_event_error_string(answer).map { unsafe String(cString: $0) }
            unsafe rd_kafka_event_destroy(answer)
            throw KafkaError(code, operation: operation, reason: reason)
        }
        unsafe pointer = answer
    }

    deinit {
        unsafe rd_kafka_event_destroy(pointer)
    }

    borrowing func read<R>(_ body: (OpaquePointer) -> R) -> R {
        unsafe body(pointer)
    }
}

extension KafkaError {
    /// An error object inside of a result: the result owns it. nil when there is none or it says success.
    init?(borrowing error: OpaquePointer?, operation: String) {
        guard let error = unsafe error else { return nil }
        let code = unsafe rd_kafka_error_code(error)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        unsafe self.init(code, operation: operation, reason: String(cString: rd_kafka_error_string(error)))
    }
}
