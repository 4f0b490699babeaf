import Kafka
import Logging
import Streams

/// Reads one partition after the other under `read_committed`, each from its beginning up to an offset. Blocks: for a thread
/// of its own.
final class PartitionReader {
    /// After this long without anything from the broker, reading fails.
    private static let silence = Duration.seconds(60)

    private let consumer: KafkaConsumer
    private let batch = RecordBatch()

    init(_ configuration: KafkaConfiguration, logger: Logger) throws(KafkaError) {
        consumer = try KafkaConsumer(
            configuration: configuration, offsetReset: .error, tuning: .restore, logger: logger)
    }

    /// The first offset that is still stored.
    func firstOffset(of partition: TopicPartition) throws(KafkaError) -> Int64 {
        try consumer.watermarks(partition, .after(Self.silence)).low
    }

    /// Passes every record before `end`.
    func read(
        _ partition: TopicPartition, upTo end: Int64, _ body: (RecordBatch, Int) throws -> Void
    ) throws {
        let first = try firstOffset(of: partition)
        guard first < end else { return }
        try consumer.assign([partition: first])
        defer { try? consumer.assign([:]) }
        var deadline = Deadline.after(Self.silence)
        while true {
            do throws(KafkaError) {
                let count = try consumer.poll(into: batch, timeout: .milliseconds(200))
                if count > 0 { deadline = .after(Self.silence) }
            } catch {
                // What goes away by itself is waited for; the deadline holds.
                guard error.reaction == .retry, !deadline.isExpired else { throw error }
                continue
            }
            for record in batch.records.indices where batch.records[record].offset < end { try body(batch, record) }
            if let last = batch.records.last, last.offset + 1 >= end { return }
            if batch.endsOfPartition.contains(where: { $0.position >= end }) { return }
            guard !deadline.isExpired else {
                throw AuditError("\(partition) has sent nothing for \(Self.silence) before its offset \(end)")
            }
        }
    }

    func close() { try? consumer.close(.after(.seconds(5))) }
}

/// Why there is no audit; the text tells the operator what to do.
package struct AuditError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
