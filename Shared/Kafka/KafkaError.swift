internal import CRdkafka

/// What went wrong in a call to Kafka, and what the caller has to do about it.
public struct KafkaError: Error, Hashable, Sendable {
    /// What a caller does after an error: the only distinction that a stream's control flow may depend on.
    public enum Reaction: Hashable, Sendable {
        /// The same call, with the same arguments, may succeed later. Nothing was undone.
        case retry
        /// The transaction cannot be committed: abort it, rewind to the committed offsets, go on.
        case abort
        /// The handle is of no more use, or the request can never succeed.
        case fatal
    }

    public var code: Code
    /// librdkafka's name of the code, for example `_TIMED_OUT` or `TOPIC_AUTHORIZATION_FAILED`.
    public var name: String
    /// What librdkafka or the broker says.
    public var reason: String
    /// What was being done, for example `commit transaction`.
    public var operation: String
    public var reaction: Reaction

    /// Another producer with this transactional id, or another static member with this id, has taken over.
    public var isFenced: Bool {
        code == .fenced || code == .fencedInstanceID || code == .invalidProducerEpoch || code == .producerFenced
    }

    /// The producer's queue is full; nothing was accepted.
    public var isQueueFull: Bool { code == .queueFull }
    public var isTimedOut: Bool { code == .timedOut || code == .requestTimedOut || code == .messageTimedOut }

    /// The one place where librdkafka's flags become a reaction. The order matters: an error that requires an abort may
    /// be marked retriable too, and everything that is neither is fatal.
    package static func reaction(requiresAbort: Bool, isRetriable: Bool) -> Reaction {
        if requiresAbort { return .abort }
        if isRetriable { return .retry }
        return .fatal
    }

    init(code: Code, reason: String, operation: String, reaction: Reaction) {
        self.code = code
        self.name = code.name
        self.reason = reason
        self.operation = operation
        self.reaction = reaction
    }

    /// An error that librdkafka reports by its code alone.
    init(code: Code, operation: String, reason: String? = nil) {
        self.init(
            code: code, reason: reason ?? code.explanation, operation: operation,
            reaction: Self.reaction(requiresAbort: false, isRetriable: code.isTransient))
    }

    init(_ native: rd_kafka_resp_err_t, operation: String, reason: String? = nil) {
        self.init(code: Code(rawValue: native.rawValue), operation: operation, reason: reason)
    }

    /// Takes over an error object: copies what it says and destroys it. Every `rd_kafka_error_t` ends here, once.
    init(consuming error: OpaquePointer, operation: String) {
        let reaction = unsafe Self.reaction(
            requiresAbort: rd_kafka_error_txn_requires_abort(error) != 0,
            isRetriable: rd_kafka_error_is_retriable(error) != 0)
        unsafe self.init(
            code: Code(rawValue: rd_kafka_error_code(error).rawValue),
            reason: String(cString: rd_kafka_error_string(error)), operation: operation, reaction: reaction)
        unsafe rd_kafka_error_destroy(error)
    }

    /// A setting that librdkafka or this module refuses.
    static func configuration(_ reason: String) -> KafkaError {
        KafkaError(code: .invalidArgument, reason: reason, operation: "configure the Kafka client", reaction: .fatal)
    }

    static func timedOut(_ operation: String, reason: String = "the deadline passed") -> KafkaError {
        KafkaError(code: .timedOut, reason: reason, operation: operation, reaction: .retry)
    }
}
