import Foundation
import Kafka
import Testing

@Suite(.timeLimit(.minutes(3)))
struct TransactionTests {
    /// With delivery reports as events, this commit would wait for reports that only its own thread could fetch.
    @Test func aCommitServesItsOwnDeliveryReports() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("output", partitions: 2)
            let producer = try TransactionalProducer.ready(cluster)
            #expect(try producer.warm(["output"], patience) == ["output": 2])
            for round in 1...3 {
                try producer.begin()
                for number in 0..<500 { try producer.send("output", Int32(number % 2), "k", "v") }
                #expect(producer.sent == 500)
                try producer.commit(patience)
                #expect(!producer.isInTransaction)
                #expect(producer.failure == nil, "round \(round)")
            }
            try producer.close(patience)
            try producer.close(patience)
        }
    }

    @Test func anEmptyTransactionIsLegal() async throws {
        try await onThread {
            let producer = try TransactionalProducer.ready(MockCluster())
            try producer.begin()
            try producer.commit(patience)
            try producer.begin()
            try producer.abort(patience)
            try producer.close(patience)
        }
    }

    /// A queue of 10 records takes 500: a full queue is back-pressure, not an error.
    @Test func aFullQueueServesReportsAndGoesOn() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("output")
            let producer = try TransactionalProducer.ready(
                cluster, ["queue.buffering.max.messages": "10", "linger.ms": "0"])
            try producer.begin()
            for number in 0..<500 { try producer.send("output", 0, nil, String(number)) }
            try producer.commit(patience)
            let reader = try KafkaConsumer(configuration: cluster.configuration, logger: quiet)
            try reader.assign([TopicPartition(topic: "output", partition: 0): 0])
            var values: [String] = []
            try reader.poll { batch in
                values += batch.values
                return values.count >= 500
            }
            #expect(values == (0..<500).map(String.init))
            try reader.close(patience)
            try producer.close(patience)
        }
    }

    /// What an abort purges is reported, and is no failure of the next transaction.
    @Test func purgedRecordsAreNoErrors() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("output")
            let producer = try TransactionalProducer.ready(cluster, ["linger.ms": "5000"])
            try producer.begin()
            for _ in 0..<50 { try producer.send("output", 0, nil, "thrown away") }
            // From here on the coordinator knows of the transaction and has to be asked.
            let metadata = try #require(GroupMetadata(group: "g", member: "m", generation: 1))
            try producer.sendOffsets(
                [TopicPartition(topic: "output", partition: 0): OffsetAndMetadata(offset: 1)], metadata, patience)
            // The first attempt purges and then waits for the broker; what it purged has not failed.
            cluster.stall(.endTransaction, .coordinatorLoading)
            let error = try #require(throws: KafkaError.self) { try producer.abort(.after(.milliseconds(200))) }
            #expect(error.reaction == .retry)
            #expect(producer.failure == nil)
            #expect(producer.isInTransaction)
            cluster.recover(.endTransaction)
            try producer.abort(patience)
            #expect(producer.failure == nil)
            #expect(producer.sent == 0)
            try producer.begin()
            try producer.send("output", 0, nil, "kept")
            try producer.commit(patience)
            try producer.close(patience)
        }
    }

    @Test func keysValuesAndHeadersArriveAsSent() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("output")
            let producer = try TransactionalProducer.ready(cluster)
            let topic = try producer.topic("output")
            let empty: [UInt8] = []
            try producer.begin()
            try producer.send(to: topic, partition: 0, key: nil, value: nil)
            unsafe try producer.send(to: topic, partition: 0, key: empty.span.bytes, value: empty.span.bytes)
            unsafe try producer.send(
                to: topic, partition: 0, key: nil, value: empty.span.bytes,
                headers: [("traceparent", [1, 0, 2]), ("none", nil), ("empty", []), ("traceparent", [3])])
            try producer.commit(patience)
            let reader = try KafkaConsumer(configuration: cluster.configuration, logger: quiet)
            try reader.assign([TopicPartition(topic: "output", partition: 0): 0])
            let batch = RecordBatch()
            // One transaction's records of one partition are one batch on the wire, thus one poll.
            try reader.poll(into: batch) { !$0.records.isEmpty }
            try #require(batch.records.count == 3)
            #expect(batch.key(0) == nil && batch.value(0) == nil && batch.headers(0).isEmpty)
            #expect(batch.key(1) == [] && batch.value(1) == [])
            #expect(batch.headers(2).map(\.name) == ["traceparent", "none", "empty", "traceparent"])
            #expect(batch.headers(2).map(\.value) == [[1, 0, 2], nil, [], [3]])
            try reader.close(patience)
            try producer.close(patience)
        }
    }

    /// They are read from librdkafka's message on demand, which goes with the client and with the next poll.
    @Test(arguments: ["close", "drop", "poll"]) func headersOutliveTheirMessages(_ end: String) async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("output")
            let producer = try TransactionalProducer.ready(cluster)
            let topic = try producer.topic("output")
            try producer.begin()
            for number in 0..<3 {
                let value = [UInt8](repeating: UInt8(number), count: 5)
                unsafe try producer.send(
                    to: topic, partition: 0, key: nil, value: value.span.bytes,
                    headers: number == 1 ? [] : [("number", [UInt8(number)]), ("none", nil), ("empty", [])])
            }
            try producer.commit(patience)
            try producer.close(patience)
            let batch = RecordBatch()
            var reader: KafkaConsumer? = try KafkaConsumer(configuration: cluster.configuration, logger: quiet)
            try reader?.assign([TopicPartition(topic: "output", partition: 0): 0])
            try reader?.poll(into: batch) { !$0.records.isEmpty }
            try #require(batch.records.count == 3)
            #expect(batch.headers(2).first?.value == [2])
            switch end {
            case "close": try reader?.close(patience)
            case "drop": reader = nil
            default: try reader?.poll(into: RecordBatch(), timeout: .zero)
            }
            for number in 0..<3 {
                let expected: [String] = number == 1 ? [] : ["number", "none", "empty"]
                #expect(batch.headers(number).map(\.name) == expected)
                #expect(batch.headers(number).map(\.value) == (number == 1 ? [] : [[UInt8(number)], nil, []]))
                #expect(batch.value(number) == [UInt8](repeating: UInt8(number), count: 5))
            }
            #expect(batch.bytes[batch.byteCount...].prefix(RecordBatch.padding).allSatisfy { $0 == 0 })
            try reader?.close(patience)
        }
    }

    /// `rd_kafka_produceva` frees the headers of a record twice when its partition does not exist.
    @Test func headersSurviveAPartitionThatDoesNotExist() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("output")
            let producer = try TransactionalProducer.ready(cluster)
            try producer.warm(["output"], patience)
            let topic = try producer.topic("output")
            try producer.begin()
            for _ in 0..<200 {
                let error = try #require(throws: KafkaError.self) {
                    try producer.send(
                        to: topic, partition: 7, key: nil, value: nil, headers: [("a", [1, 2, 3]), ("b", nil)])
                }
                #expect(error.code == .unknownPartition)
            }
            #expect(producer.sent == 0)
            try producer.abort(patience)
            try producer.close(patience)
        }
    }

    @Test func warmingFailsForATopicThatIsMissing() async throws {
        try await onThread {
            let cluster = try MockCluster()
            cluster.setTopicError("missing", .unknownTopicOrPartition)
            let producer = try TransactionalProducer.ready(cluster)
            let error = try #require(throws: KafkaError.self) {
                try producer.warm(["missing"], .after(.seconds(1)))
            }
            #expect(error.code == .unknownTopicOrPartition)
            #expect(error.description.contains("missing"))
            try producer.close(patience)
        }
    }

    /// A commit whose deadline passes has not failed: the same call finishes it.
    @Test func aTimedOutCommitIsContinued() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("output")
            let producer = try TransactionalProducer.ready(cluster)
            try producer.begin()
            try producer.send("output", 0, nil, "v")
            cluster.stall(.endTransaction, .coordinatorLoading)
            let error = try #require(throws: KafkaError.self) { try producer.commit(.after(.milliseconds(500))) }
            #expect(error.reaction == .retry)
            #expect(producer.isInTransaction)
            cluster.recover(.endTransaction)
            try producer.commit(patience)
            try producer.close(patience)
        }
    }

    @Test func closingWithAnOpenTransactionAndNoBrokerEnds() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("output")
            let producer = try TransactionalProducer.ready(cluster)
            try producer.begin()
            for _ in 0..<10 { try producer.send("output", 0, nil, "v") }
            cluster.setDown()
            try producer.close(patience)
        }
    }

    @Test func sendingOutsideOfATransactionTraps() async {
        await #expect(processExitsWith: .failure) {
            let cluster = try MockCluster()
            let producer = try TransactionalProducer.ready(cluster)
            try producer.send("output", 0, nil, "v")
        }
    }
}
