import Kafka
import Logging

/// Reads all partitions of a topic under `read_committed`, from the beginning. Blocks: for a thread of its own.
struct TopicReader {
    private let consumer: KafkaConsumer
    private let partitions: [TopicPartition]
    private let batch = RecordBatch()

    init(_ configuration: KafkaConfiguration, topic: String, partitions: [Int32], logger: Logger) throws {
        self.partitions = partitions.map { TopicPartition(topic: topic, partition: $0) }
        consumer = try KafkaConsumer(configuration: configuration, tuning: .restore, logger: logger)
        try consumer.assign(Dictionary(uniqueKeysWithValues: self.partitions.map { ($0, KafkaConsumer.beginning) }))
    }

    /// Passes every record up to the end offsets as they are now.
    /// - Parameter deadline: after which the broker counts as silent, from one batch to the next.
    func readToEnd(silence: Duration = .seconds(30), _ body: (RecordBatch, Int) -> Void) throws {
        let marks = try consumer.watermarks(partitions, .after(silence))
        var ends = marks.filter { $0.value.high > $0.value.low }.mapValues(\.high)
        var deadline = Deadline.after(silence)
        while !ends.isEmpty {
            do throws(KafkaError) {
                if try consumer.poll(into: batch, timeout: .milliseconds(200)) > 0 || !batch.endsOfPartition.isEmpty {
                    deadline = .after(silence)
                }
            } catch {
                // What goes away by itself is waited for; the deadline holds.
                guard error.reaction == .retry, !deadline.isExpired else { throw error }
                continue
            }
            for run in batch.runs {
                for index in run.records { body(batch, index) }
                guard let last = run.records.last, let end = ends[run.topicPartition] else { continue }
                if batch.records[last].offset + 1 >= end { ends[run.topicPartition] = nil }
            }
            for reached in batch.endsOfPartition {
                guard let end = ends[reached.topicPartition], reached.position >= end else { continue }
                ends[reached.topicPartition] = nil
            }
            guard !deadline.isExpired else {
                throw InputError("the broker has sent nothing for \(silence), with \(ends.count) partitions unfinished")
            }
        }
    }

    /// Passes records as they come, for ever.
    func follow(_ body: (RecordBatch, Int) -> Void) throws {
        while true {
            do throws(KafkaError) {
                try consumer.poll(into: batch, timeout: .seconds(1))
            } catch {
                guard error.reaction == .retry else { throw error }
                continue
            }
            for index in batch.records.indices { body(batch, index) }
        }
    }

    func close() { try? consumer.close(.after(.seconds(5))) }
}

extension RecordBatch {
    /// The text of a header, nil when the record does not have it.
    func header(_ name: String, of index: Int) -> String? {
        headers(index).first { $0.name == name }.flatMap { $0.value.map { String(decoding: $0, as: UTF8.self) } }
    }
}
