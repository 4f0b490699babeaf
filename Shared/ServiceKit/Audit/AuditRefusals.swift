import Kafka
import SupportEvents

/// What a service has refused, by its dead letters.
struct AuditRefusals {
    /// Offsets of canonical records, by their partition.
    private(set) var offsets: [TopicPartition: Set<Int64>] = [:]
    /// Ids of entities that the service has given up because nothing had come that they begin with, by partition: which of their
    /// events that concerns is not told.
    private(set) var orphans: [Int32: Set<[UInt8]>] = [:]

    /// Takes a dead letter.
    mutating func take(_ batch: RecordBatch, _ record: Int, of service: String) {
        var headers: [String: String] = [:]
        for (name, value) in batch.headers(record) {
            headers[name] = value.map { String(decoding: $0, as: UTF8.self) }
        }
        guard headers["service"] == service, let topic = headers["origin-topic"],
            let number = headers["origin-partition"].flatMap({ Int32($0) })
        else { return }
        if let offset = headers["origin-offset"].flatMap({ Int64($0) }) {
            offsets[TopicPartition(topic: topic, partition: number), default: []].insert(offset)
        } else if headers["reason"] == RejectionReason.orphanExpired.identifier, let id = batch.key(record) {
            orphans[number, default: []].insert(id)
        }
    }
}
