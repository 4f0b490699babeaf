import Kafka

/// Writes rejected records, with their original bytes and what the sender needs to find and fix them.
struct DeadLetterWriter {
    /// Largest record that producers and topics take with their default settings (librdkafka's `message.max.bytes` is
    /// 1,000,000, the broker's 1,048,588), less what a record batch adds.
    static let maximumBytes = 1_000_000 - 1_000

    /// As the session numbers it.
    let topic: Int
    let partitionCount: Int32
    let service: String

    /// Keeps key, headers and value; cuts the value, then leaves out the original headers, then the key, where the record
    /// would be too large, and says in the header `truncated` what is missing.
    func write(
        _ batch: RecordBatch, _ index: Int, origin: TopicPartition, reason: String, pointer: String?,
        into session: TransactionSession
    ) {
        let record = batch.records[index]
        var added: [(String, [UInt8])] = [
            ("reason", Array(reason.utf8)),
            ("origin-topic", Array(origin.topic.utf8)),
            ("origin-partition", Array(String(origin.partition).utf8)),
            ("origin-offset", Array(String(record.offset).utf8)),
            ("origin-timestamp", Array(String(record.timestamp).utf8)),
            ("service", Array(service.utf8)),
        ]
        if let pointer { added.append(("pointer", Array(pointer.utf8.prefix(1_000)))) }
        var headers = batch.headers(index).map { ($0.name, $0.value ?? []) }
        var missing: [String] = []
        var budget = Self.maximumBytes - Self.size(added)
        if Self.size(headers) > budget / 2 {
            headers = []
            missing.append("headers")
        }
        budget -= Self.size(headers)
        var keepsKey = true
        if record.keyCount > budget {
            keepsKey = false
            missing.append("key")
        }
        budget -= keepsKey ? max(0, record.keyCount) : 0
        if record.valueCount > budget { missing.append("value") }
        headers += added
        if !missing.isEmpty { headers.append(("truncated", Array(missing.joined(separator: ",").utf8))) }
        batch.withKey(index) { key in
            var partition = origin.partition % partitionCount
            if let key { partition = Partitioner.partition(key: key, count: partitionCount) }
            batch.withValue(index) { value in
                let kept = keepsKey ? key : nil
                if let value, value.byteCount > budget {
                    session.send(
                        topic: topic, partition: partition, key: kept, value: value.extracting(first: budget),
                        headers: headers)
                } else {
                    session.send(topic: topic, partition: partition, key: kept, value: value, headers: headers)
                }
            }
        }
    }

    /// Of what is known without its record: its offset is not, and its value is what was kept of it.
    func write(
        key: RawSpan, value: RawSpan, origin: TopicPartition, reason: String, into session: TransactionSession
    ) {
        let headers = [
            ("reason", reason), ("origin-topic", origin.topic), ("origin-partition", String(origin.partition)),
            ("service", service),
        ].map { ($0.0, Array($0.1.utf8)) }
        session.send(
            topic: topic, partition: Partitioner.partition(key: key, count: partitionCount), key: key, value: value,
            headers: headers)
    }

    /// What the headers take in the record, roughly and rather too much.
    private static func size(_ headers: [(String, [UInt8])]) -> Int {
        headers.reduce(0) { $0 + $1.0.utf8.count + $1.1.count + 10 }
    }
}
