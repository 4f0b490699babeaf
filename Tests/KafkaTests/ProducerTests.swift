import Kafka
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ProducerTests {
    private func record(_ value: String, partition: Int32? = 0) -> OutgoingRecord {
        OutgoingRecord(
            topic: "inbound", partition: partition, key: Array("k".utf8), value: Array(value.utf8),
            headers: [("h", [1])])
    }

    @Test func aRecordIsAcknowledgedWithItsPlace() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("inbound", partitions: 2)
        let producer = try KafkaProducer(configuration: cluster.configuration, logger: quiet)
        #expect(try await producer.send(record("a", partition: 1)) == Delivery(partition: 1, offset: 0))
        let deliveries = try await producer.send((0..<100).map { record(String($0), partition: 1) })
        #expect(deliveries.map(\.offset) == Array(1...100))
        #expect(try await producer.send([]).isEmpty)
        try await producer.close(patience)
        try await producer.close(patience)
        let error = await #expect(throws: KafkaError.self) { try await producer.send(record("late")) }
        #expect(error?.reaction == .fatal)
    }

    /// Without a partition, librdkafka chooses the one that `Partitioner` computes.
    @Test func thePartitionerAgreesWithLibrdkafka() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("inbound", partitions: 12)
        let producer = try KafkaProducer(configuration: cluster.configuration, logger: quiet)
        for number in 0..<200 {
            let key = Array("ticket-\(number * 7_919)".utf8.prefix(1 + number % 16))
            let delivery = try await producer.send(OutgoingRecord(topic: "inbound", key: key, value: nil))
            #expect(delivery.partition == Partitioner.partition(key: key, count: 12))
        }
        try await producer.close(patience)
    }

    @Test func beyondTheBoundRecordsAreRefusedAtOnce() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("inbound")
        let producer = try KafkaProducer(configuration: cluster.configuration, maxRecords: 10, logger: quiet)
        let eleven = (0..<11).map { record(String($0)) }
        let error = await #expect(throws: KafkaError.self) { try await producer.send(eleven) }
        #expect(error?.isQueueFull == true)
        #expect(error?.reaction == .retry)
        // Nothing of it was accepted.
        let deliveries = try await producer.send(Array(eleven.prefix(10)))
        #expect(deliveries.map(\.offset) == Array(0..<10))
        try await producer.close(patience)
    }

    @Test func ofACallsRecordsOnlyTheImpossibleOneFails() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("inbound")
        let producer = try KafkaProducer(configuration: cluster.configuration, logger: quiet)
        _ = try await producer.send(record("warm"))
        let error = await #expect(throws: KafkaError.self) {
            try await producer.send([record("b"), record("c", partition: 9), record("d")])
        }
        #expect(error?.code == .unknownPartition)
        #expect(try await producer.send(record("e")).offset == 3)
        try await producer.close(patience)
    }

    /// Returns once a producer for one record holds one that waits.
    private func full(_ producer: KafkaProducer) async throws {
        let deadline = patience
        while true {
            try #require(!deadline.isExpired, "the queue did not fill within the deadline")
            do {
                // Two are never accepted; the error tells whether one is there.
                _ = try await producer.send([record("x"), record("y")])
            } catch {
                if error.reason.hasPrefix("1 ") { return }
            }
            await Task.yield()
        }
    }

    @Test func waitingRecordsHoldTheirPlaceUntilTheyAreReported() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("inbound")
        let producer = try KafkaProducer(configuration: cluster.configuration, maxRecords: 1, logger: quiet)
        _ = try await producer.send(record("warm"))
        cluster.stall(.produce, .notEnoughReplicas)
        let record = record("first")
        let waiting = Task { try await producer.send(record) }
        try await full(producer)
        cluster.recover(.produce)
        #expect(try await waiting.value.offset == 1)
        try await producer.close(patience)
    }

    @Test func anUndeliverableRecordFails() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("inbound")
        let producer = try KafkaProducer(configuration: cluster.configuration, logger: quiet)
        cluster.fail(.produce, .topicAuthorization)
        let error = await #expect(throws: KafkaError.self) { try await producer.send(record("private")) }
        #expect(error?.code == .topicAuthorization)
        #expect(error?.reaction == .fatal)
        // librdkafka offers the record's value as the error's text.
        #expect(error?.description.contains("private") == false)
        #expect(cluster.unconsumedErrors(.produce) == 0)
        try await producer.close(patience)
    }

    /// No caller waits for ever.
    @Test func closingFailsWhatCannotBeDelivered() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("inbound")
        let producer = try KafkaProducer(configuration: cluster.configuration, maxRecords: 1, logger: quiet)
        _ = try await producer.send(record("warm"))
        cluster.setDown()
        let record = record("stuck")
        let stuck = Task { try await producer.send(record) }
        try await full(producer)
        // A short deadline, also for librdkafka's own end: the records fail either way.
        try? await producer.close(.after(.milliseconds(200)))
        let error = await #expect(throws: KafkaError.self) { try await stuck.value }
        #expect(error?.code == .purgedFromQueue || error?.code == .purgedInFlight)
    }
}
