import CoreMetrics
import Foundation
import Kafka
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5)))
struct StatisticsTests {
    /// librdkafka's statistics come out as gauges: how far a consumer is behind, and in which partition.
    @Test func statisticsBecomeGauges() async throws {
        let metrics = RecordingMetrics()
        MetricsSystem.bootstrap(metrics)
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("measured")
            try fill(cluster, "measured", count: 5)
            var configuration = cluster.configuration.client("measured-client")
            configuration.statisticsInterval = .milliseconds(50)
            let consumer = try KafkaConsumer(configuration: configuration, logger: quiet)
            let partition = TopicPartition(topic: "measured", partition: 0)
            try consumer.assign([partition: 0])
            let wanted = "kafka_consumer_lag{client=measured-client,topic=measured,partition=0}"
            // Statistics are served by polls.
            var seen: Int64?
            try consumer.poll(maxRecords: 1) { _ in
                seen = metrics.values.withLock { $0[wanted] }
                return seen != nil
            }
            #expect((0...5).contains(try #require(seen)))
            try consumer.poll { _ in
                metrics.values.withLock { ($0["kafka_brokers_up{client=measured-client}"] ?? 0) >= 1 }
            }
            try consumer.close(patience)
        }
    }

    /// A document as librdkafka 2.0.2 writes it, cut to what is read and something that is not.
    @Test func theDocumentIsRead() throws {
        let json = """
            {"name":"rdkafka#producer-1","type":"producer","replyq":2,"msg_cnt":7,"msg_size":99,"tx":5,
             "brokers":{"b:1/1":{"name":"b:1/1","nodeid":1,"state":"UP","rtt":{"min":1,"avg":11,"p99":42,"cnt":3}}},
             "topics":{"t":{"topic":"t","partitions":{"0":{"partition":0,"hi_offset":9,"ls_offset":8,"app_offset":5,"consumer_lag":7},
                                                      "-1":{"partition":-1,"hi_offset":-1001,"ls_offset":-1001,"app_offset":-1001}}}},
             "cgrp":{"state":"up","join_state":"steady","rebalance_cnt":4},
             "eos":{"idemp_state":"Assigned","txn_state":"InTransaction","txn_stateage":12}}
            """
        let statistics = try JSONDecoder().decode(KafkaStatistics.self, from: Data(json.utf8))
        #expect(statistics.replyq == 2 && statistics.messageCount == 7 && statistics.messageBytes == 99)
        #expect(statistics.brokers["b:1/1"]?.state == "UP")
        #expect(statistics.brokers["b:1/1"]?.rtt?.p99 == 42)
        #expect(statistics.topics["t"]?.partitions["0"]?.lag == 3)
        #expect(statistics.topics["t"]?.partitions["0"]?.lastStableOffset == 8)
        #expect(statistics.topics["t"]?.partitions["-1"]?.lag == nil)
        #expect(statistics.group?.rebalances == 4)
        #expect(statistics.transaction?.state == "InTransaction")
        #expect(statistics.transaction?.stateAge == 12)
    }
}

/// Keeps the last value of every gauge.
final class RecordingMetrics: MetricsFactory, Sendable {
    let values = Mutex<[String: Int64]>([:])

    private final class Recorder: RecorderHandler, CounterHandler, TimerHandler {
        let name: String
        let metrics: RecordingMetrics

        init(_ label: String, _ dimensions: [(String, String)], _ metrics: RecordingMetrics) {
            let shown = dimensions.map { "\($0)=\($1)" }.joined(separator: ",")
            self.name = "\(label){\(shown)}"
            self.metrics = metrics
        }

        func record(_ value: Int64) { metrics.values.withLock { $0[name] = value } }
        func record(_ value: Double) { record(Int64(value)) }
        func increment(by amount: Int64) {}
        func reset() {}
        func recordNanoseconds(_ duration: Int64) {}
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Recorder(label, dimensions, self)
    }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        Recorder(label, dimensions, self)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        Recorder(label, dimensions, self)
    }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
