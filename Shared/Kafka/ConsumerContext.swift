internal import CRdkafka
internal import Logging

/// A consumer's callbacks: the rebalance callback runs inside `poll` and `close`, on the thread that calls them.
final class ConsumerContext: ClientContext {
    weak var consumer: KafkaConsumer?

    override func install(in configuration: borrowing NativeConfiguration) {
        super.install(in: configuration)
        configuration.withPointer { pointer in
            unsafe rd_kafka_conf_set_rebalance_cb(pointer) { handle, code, list, opaque in
                guard let handle = unsafe handle, let opaque = unsafe opaque else { return }
                let context = unsafe Unmanaged<ConsumerContext>.fromOpaque(opaque).takeUnretainedValue()
                guard let consumer = context.consumer else {
                    // Nobody is left to hand records to; not answering would block the group.
                    unsafe rd_kafka_assign(handle, nil)
                    return
                }
                unsafe consumer.rebalance(KafkaError.Code(rawValue: code.rawValue), list)
                // Ends the poll that we run in: the caller has a new assignment to look at.
                unsafe rd_kafka_yield(handle)
            }
        }
    }
}
