internal import CRdkafka

/// Counts a transaction's delivery reports. Success is "every record was reported delivered", never a return code of a
/// flush: that can be fine after a loss.
final class DeliveryLedger: ClientContext {
    private(set) var delivered = 0
    private(set) var purged = 0
    private(set) var failed = 0
    /// The first failure since `reset`.
    private(set) var failure: KafkaError?

    var reported: Int { delivered + purged + failed }

    func reset() {
        delivered = 0
        purged = 0
        failed = 0
        failure = nil
    }

    override func install(in configuration: borrowing NativeConfiguration) {
        super.install(in: configuration)
        configuration.withPointer { pointer in
            // A callback, never EVENT_DR: flush and commit serve callbacks themselves, while they would wait for events
            // that only their own thread could fetch.
            unsafe rd_kafka_conf_set_dr_msg_cb(pointer) { _, message, opaque in
                guard let message = unsafe message, let opaque = unsafe opaque else { return }
                unsafe Unmanaged<DeliveryLedger>.fromOpaque(opaque)._withUnsafeGuaranteedRef {
                    unsafe $0.report(message)
                }
            }
        }
    }

    private func report(_ message: UnsafePointer<rd_kafka_message_t>) {
        switch unsafe message.pointee.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            delivered += 1
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
            // What an abort throws away. The records were never part of a result.
            purged += 1
        default:
            failed += 1
            guard failure == nil else { return }
            let topic = unsafe rd_kafka_topic_name(message.pointee.rkt).map { unsafe String(cString: $0) } ?? "?"
            let code = unsafe KafkaError.Code(rawValue: message.pointee.err.rawValue)
            // Not rd_kafka_message_errstr: for a produced message that is the value, without an end.
            unsafe failure = KafkaError(
                code: code, reason: code.explanation,
                operation: "deliver a record to \(topic)-\(message.pointee.partition)", reaction: .abort)
        }
    }
}
