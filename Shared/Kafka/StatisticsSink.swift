internal import CoreMetrics
internal import Dispatch
internal import FoundationEssentials

/// Turns librdkafka's statistics documents into gauges, away from the thread that polls: a document of tens of
/// kilobytes takes milliseconds to decode.
///
/// `@unchecked Sendable`: everything mutable is touched on `queue` only.
final class StatisticsSink: @unchecked Sendable {
    private let client: String
    private let queue = DispatchQueue(label: "kafka.statistics", qos: .utility)
    private var gauges: [String: Gauge] = [:]
    private let undecodable: Counter

    init(client: String) {
        self.client = client
        self.undecodable = Counter(label: "kafka_statistics_undecodable_total", dimensions: [("client", client)])
    }

    func publish(_ json: [UInt8]) {
        queue.async { self.record(json) }
    }

    /// A document that cannot be decoded is counted, never an error: the format belongs to another project.
    private func record(_ json: [UInt8]) {
        guard let statistics = try? JSONDecoder().decode(KafkaStatistics.self, from: Data(json)) else {
            undecodable.increment()
            return
        }
        set("kafka_client_reply_queue", statistics.replyq)
        if statistics.type == "producer" {
            set("kafka_producer_queue_messages", statistics.messageCount ?? 0)
            set("kafka_producer_queue_bytes", statistics.messageBytes ?? 0)
        }
        if let transaction = statistics.transaction {
            set("kafka_transaction_state_age_milliseconds", transaction.stateAge)
        }
        if let group = statistics.group { set("kafka_consumer_rebalances", group.rebalances) }
        set("kafka_brokers_up", Int64(statistics.brokers.values.count { $0.state == "UP" && $0.nodeid >= 0 }))
        for (topic, entry) in statistics.topics {
            for partition in entry.partitions.values where partition.partition >= 0 {
                guard let lag = partition.lag else { continue }
                set(
                    "kafka_consumer_lag", lag,
                    [("topic", topic), ("partition", String(partition.partition))])
            }
        }
    }

    private func set(_ label: String, _ value: Int64, _ more: [(String, String)] = []) {
        let key = more.reduce(label) { "\($0)\u{0}\($1.1)" }
        let gauge =
            gauges[key] ?? Gauge(label: label, dimensions: [("client", client)] + more)
        gauges[key] = gauge
        gauge.record(value)
    }
}
