internal import CRdkafka
internal import FoundationEssentials
import Glibc

/// Asks the partitions' leaders for offsets, all partitions at once.
///
/// Not `rd_kafka_query_watermark_offsets`: before 2.3 it outlives its time-out, and it takes one partition a call.
enum OffsetLookup {
    /// - Parameter queries: a timestamp in ms, or librdkafka's numbers for the beginning and the end.
    /// - Returns: absent where there is no such offset.
    static func offsets(
        _ queries: [TopicPartition: Int64], _ handle: ClientHandle, _ deadline: Deadline
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        guard !queries.isEmpty else { return [:] }
        let operation = "list offsets"
        return try Retry.until(deadline) { () throws(KafkaError) in
            // The call overwrites its list, so each attempt has its own.
            let list = PartitionList(queries)
            let code = list.withPointer {
                unsafe rd_kafka_offsets_for_times(handle.pointer, $0, deadline.milliseconds)
            }
            if code == RD_KAFKA_RESP_ERR__FATAL, let fatal = handle.fatalFailure(operation) { throw fatal }
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, operation: operation) }
            try list.check(operation)
            return list.offsets
        }
    }
}

/// Repeats look-ups that met a moving leader or coordinator.
enum Retry {
    static func until<R>(_ deadline: Deadline, _ body: () throws(KafkaError) -> R) throws(KafkaError) -> R {
        let pause = Duration.milliseconds(20)
        while true {
            do throws(KafkaError) {
                return try body()
            } catch {
                guard error.reaction == .retry, deadline.remaining.map({ $0 > pause }) ?? true else { throw error }
                usleep(20_000)
            }
        }
    }
}
