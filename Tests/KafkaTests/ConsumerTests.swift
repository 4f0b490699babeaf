import Kafka
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ConsumerTests {
    private let input = TopicPartition(topic: "input", partition: 0)

    private func consumer(_ cluster: MockCluster, offsetReset: OffsetReset = .earliest) throws -> KafkaConsumer {
        try KafkaConsumer(configuration: cluster.configuration, offsetReset: offsetReset, logger: quiet)
    }

    /// A poll that filled its batch first, as `rd_kafka_consume_batch_queue` does, would wait for an hour.
    @Test func pollReturnsWithOneRecordThoughItsTimeoutIsAnHour() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            try fill(cluster, "input", count: 1)
            let consumer = try consumer(cluster)
            try consumer.assign([input: 0])
            let batch = RecordBatch()
            #expect(try consumer.poll(into: batch, timeout: .seconds(3_600)) == 1)
            #expect(batch.values == ["0"])
            #expect(batch.key(0) == Array("k0".utf8))
            #expect(batch.records[0].offset == 0)
            #expect(batch.records[0].timestamp > 1_600_000_000_000)
            try consumer.close(patience)
        }
    }

    @Test func theEndOfAPartitionIsReportedWithItsPosition() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            try fill(cluster, "input", count: 3)
            let consumer = try consumer(cluster)
            try consumer.assign([input: 1])
            var values: [String] = []
            try consumer.poll { batch in
                values += batch.values
                guard let end = batch.endsOfPartition.first else { return false }
                #expect(end.topicPartition == input)
                #expect(end.position == 3)
                return true
            }
            #expect(values == ["1", "2"])
            try consumer.close(patience)
        }
    }

    @Test func limitsEndABatchAndLoseNothing() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            try fill(cluster, "input", count: 100)
            let consumer = try consumer(cluster)
            try consumer.assign([input: 0])
            let batch = RecordBatch()
            var values: [String] = []
            try consumer.poll(into: batch, maxRecords: 7) { batch in
                #expect(batch.records.count <= 7)
                values += batch.values
                return values.count >= 50
            }
            while values.count < 100 {
                try consumer.poll(into: batch, maxBytes: 1, timeout: .seconds(30))
                #expect(batch.records.count <= 1)
                values += batch.values
            }
            #expect(values == (0..<100).map(String.init))
            try consumer.close(patience)
        }
    }

    /// Offsets stay contiguous around pauses: the batch calls of 2.0.2 skip some.
    @Test func pausesSkipAndRepeatNothing() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            try fill(cluster, "input", count: 2_000)
            let consumer = try consumer(cluster)
            try consumer.assign([input: 0])
            var offsets: [Int64] = []
            let batch = RecordBatch()
            while offsets.count < 2_000 {
                try consumer.poll(into: batch, maxRecords: 100, timeout: .seconds(30))
                offsets += batch.records.map(\.offset)
                try consumer.pause([input])
                #expect(consumer.paused == [input])
                #expect(try consumer.poll(into: batch, timeout: .zero) == 0)
                try consumer.resume([input])
                #expect(consumer.paused.isEmpty)
            }
            #expect(offsets == Array(0..<2_000))
            try consumer.close(patience)
        }
    }

    /// Up to 2.6 resuming a partition that is not paused rewinds it.
    @Test func resumingWhatIsNotPausedDoesNotRewind() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            try fill(cluster, "input", count: 20)
            let consumer = try consumer(cluster)
            try consumer.assign([input: 0])
            var offsets: [Int64] = []
            try consumer.poll(maxRecords: 5) { batch in
                offsets += batch.records.map(\.offset)
                try consumer.resume([input])
                return offsets.count >= 20
            }
            #expect(offsets == Array(0..<20))
            try consumer.close(patience)
        }
    }

    /// On 2.0.2 a finite seek time-out is divided by 1,000, and then it is over before the answer.
    @Test func seeksGoBackEveryTime() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            try fill(cluster, "input", count: 10)
            let consumer = try consumer(cluster)
            try consumer.assign([input: 0])
            let batch = RecordBatch()
            try consumer.poll(into: batch, maxRecords: 4) { !$0.records.isEmpty }
            for _ in 0..<100 { try consumer.seek([input: 2]) }
            var offsets: [Int64] = []
            try consumer.poll(into: batch) { batch in
                offsets += batch.records.map(\.offset)
                return offsets.count >= 8
            }
            #expect(offsets == Array(2..<10))
            // Waited for: an answer that nobody waits for cannot refuse anything.
            let other = TopicPartition(topic: "other", partition: 0)
            let error = #expect(throws: KafkaError.self) { try consumer.seek([other: 0]) }
            #expect(error?.description.contains("other") == true)
            #expect(try consumer.position([input]) == [input: 10])
            try consumer.close(patience)
        }
    }

    /// A restore whose start is gone must fail instead of starting somewhere else.
    @Test func offsetResetErrorFails() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            try fill(cluster, "input", count: 3)
            let consumer = try consumer(cluster, offsetReset: .error)
            try consumer.assign([input: 1_000])
            let error = try #require(throws: KafkaError.self) { try consumer.poll { _ in false } }
            #expect(error.code == .offsetReset)
            #expect(error.reaction == .fatal)
            #expect(error.description.contains("input-0"))
            try consumer.close(patience)
        }
    }

    /// Records that were collected before an error come first.
    @Test func anErrorDoesNotSwallowRecords() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            try fill(cluster, "input", count: 3)
            let consumer = try consumer(cluster, offsetReset: .error)
            let gone = TopicPartition(topic: "gone", partition: 0)
            try cluster.createTopic("gone")
            try consumer.assign([input: 0, gone: 0])
            let batch = RecordBatch()
            try consumer.poll(into: batch, maxRecords: 1) { !$0.records.isEmpty }
            try consumer.seek([gone: 50])
            // Goes on with the same batch until the error has been met, as one long poll would.
            let deadline = patience
            while consumer.pending == nil || batch.records.count < 3 {
                try #require(!deadline.isExpired)
                _ = try consumer.collect(into: batch, maxRecords: 10, maxBytes: .max, timeout: .seconds(1))
            }
            #expect(batch.values == ["0", "1", "2"])
            let thrown = #expect(throws: KafkaError.self) { try consumer.poll(into: batch, timeout: .zero) }
            #expect(thrown?.code == .offsetReset)
            try consumer.close(patience)
        }
    }

    @Test func watermarksOfAllPartitionsInOneCall() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input", partitions: 3)
            try fill(cluster, "input", partition: 1, count: 5)
            let consumer = try consumer(cluster)
            let partitions = (0..<3).map { TopicPartition(topic: "input", partition: Int32($0)) }
            let watermarks = try consumer.watermarks(partitions, patience)
            #expect(watermarks.count == 3)
            #expect(watermarks[partitions[0]] == Watermarks(low: 0, high: 0))
            #expect(watermarks[partitions[1]] == Watermarks(low: 0, high: 5))
            try consumer.close(patience)
        }
    }

    /// Before 2.3 `rd_kafka_query_watermark_offsets` outlives its time-out when the broker does not answer.
    @Test func watermarksEndWithTheirDeadline() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            let consumer = try consumer(cluster)
            _ = try consumer.watermarks(input, patience)
            cluster.setDown()
            let error = try #require(throws: KafkaError.self) {
                try consumer.watermarks(input, .after(.milliseconds(200)))
            }
            #expect(error.reaction == .retry)
            try consumer.close(patience)
        }
    }

    @Test func commitsCarryMetadata() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            let consumer = try KafkaConsumer(
                configuration: cluster.configuration, group: ConsumerGroup(id: "tools"), logger: quiet)
            #expect(try consumer.committed([input], patience).isEmpty)
            let position = OffsetAndMetadata(offset: 7, metadata: #"{"dirty":0,"clock":"ü"}"#)
            try consumer.commit([input: position], patience)
            #expect(try consumer.committed([input], patience) == [input: position])
            try consumer.close(patience)
        }
    }

    @Test func closingIsIdempotentInEveryState() async throws {
        let input = input
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input")
            let fresh = try consumer(cluster)
            try fresh.close(patience)
            try fresh.close(patience)
            let assigned = try consumer(cluster)
            try assigned.assign([input: 0])
            try assigned.close(patience)
            try assigned.close(patience)
            let subscribed = try KafkaConsumer(
                configuration: cluster.configuration, group: ConsumerGroup(id: "g"), logger: quiet)
            try subscribed.subscribe(["input"])
            cluster.setDown()
            try subscribed.close(patience)
        }
    }

    /// Records still arrive while a consumer closes: librdkafka aborts the process when the queue of the close is served
    /// for callbacks only.
    @Test func closingWithRecordsInTheQueueEnds() async throws {
        try await onThread {
            let cluster = try MockCluster()
            let partitions = (0..<8).map { TopicPartition(topic: "input", partition: $0) }
            try cluster.createTopic("input", partitions: 8)
            for partition in partitions { try fill(cluster, "input", partition: partition.partition, count: 200) }
            let start = Dictionary(uniqueKeysWithValues: partitions.map { ($0, Int64(0)) })
            for _ in 0..<50 {
                let consumer = try consumer(cluster)
                try consumer.assign(start)
                try consumer.poll(maxRecords: 1) { !$0.records.isEmpty }
                try consumer.close(patience)
            }
        }
    }
}
