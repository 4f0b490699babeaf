import Foundation
import Kafka
import Testing

private let brokers = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"]

/// What the mock cluster cannot show: control records, the last stable offset, fencing, and the admin requests. Against
/// the brokers of `KAFKA_BOOTSTRAP_SERVERS`; skipped without.
@Suite(
    .enabled(if: brokers != nil, "KAFKA_BOOTSTRAP_SERVERS is not set: nothing here was tested"),
    .timeLimit(.minutes(3)))
struct BrokerTests {
    private let configuration = KafkaConfiguration(bootstrapServers: brokers ?? "", clientID: "test")

    /// A name that no other run uses.
    private func unique(_ name: String) -> String { "kafka-tests.\(name).\(UUID().uuidString.lowercased())" }

    private func withTopic<R: Sendable>(
        _ name: String, partitions: Int32 = 1, configuration settings: [String: String] = [:],
        _ body: (String, KafkaAdmin) async throws -> R
    ) async throws -> R {
        let admin = try KafkaAdmin(configuration: configuration, logger: quiet)
        let topic = unique(name)
        let new = NewTopic(name: topic, partitions: partitions, configuration: settings)
        let failures = try await admin.createTopics([new])
        try #require(failures.isEmpty)
        // Apache Kafka answers when its controller knows the topic; its brokers learn of it a little later.
        let deadline = patience
        while try await admin.topics(deadline)[topic]?.partitions.count != Int(partitions) {
            try #require(!deadline.isExpired)
        }
        let result: Result<R, any Error>
        do { result = .success(try await body(topic, admin)) } catch { result = .failure(error) }
        _ = try await admin.deleteTopics([topic])
        try await admin.close(patience)
        return try result.get()
    }

    @Test func topicsAreCreatedDescribedAlteredAndDeleted() async throws {
        let settings = ["cleanup.policy": "compact", "retention.ms": "3600000"]
        try await withTopic("admin", partitions: 3, configuration: settings) { topic, admin in
            let again = try await admin.createTopics([NewTopic(name: topic, partitions: 3)])
            #expect(again[topic]?.code == .topicExists)
            let described = try #require(try await admin.topics()[topic])
            #expect(described.partitions.map(\.id) == [0, 1, 2])
            #expect(described.partitions.allSatisfy { $0.leader >= 0 && $0.inSync.contains($0.leader) })
            #expect(try await !admin.brokers().isEmpty)

            try await admin.alterTopicConfig(topic, setting: ["retention.ms": "7200000"])
            // Of this, too, Apache Kafka's brokers learn a little after its controller has answered.
            let deadline = patience
            var configs = try #require(try await admin.describeTopicConfigs([topic])[topic])
            while configs["retention.ms"]?.value != "7200000" {
                try #require(!deadline.isExpired)
                configs = try #require(try await admin.describeTopicConfigs([topic])[topic])
            }
            // Not replaced by the change of the other one.
            #expect(configs["cleanup.policy"]?.value == "compact")
            #expect(configs["cleanup.policy"]?.isTopicOverride == true)

            let missing = unique("missing")
            let refused = try await admin.deleteTopics([missing])
            #expect(refused[missing]?.code == .unknownTopicOrPartition)
            await #expect(throws: KafkaError.self) { try await admin.describeTopicConfigs([missing]) }
            let bad = try await admin.createTopics([
                NewTopic(name: unique("bad"), partitions: 1, configuration: ["no.such.setting": "1"])
            ])
            #expect(bad.values.first?.code == .invalidConfig)
        }
    }

    @Test func offsetsAreListedByPositionAndTime() async throws {
        try await withTopic("offsets", partitions: 2) { topic, admin in
            let producer = try KafkaProducer(configuration: configuration, logger: quiet)
            for number in 0..<5 {
                _ = try await producer.send(
                    OutgoingRecord(topic: topic, partition: 1, key: nil, value: [UInt8(number)]))
            }
            try await producer.close(patience)
            let (empty, full) = (TopicPartition(topic: topic, partition: 0), TopicPartition(topic: topic, partition: 1))
            #expect(try await admin.listOffsets([empty: .latest, full: .latest]) == [empty: 0, full: 5])
            #expect(try await admin.listOffsets([empty: .earliest, full: .earliest]) == [empty: 0, full: 0])
            #expect(try await admin.listOffsets([full: .atTime(0)]) == [full: 0])
            #expect(try await admin.listOffsets([full: .atTime(32_503_680_000_000)]).isEmpty)
        }
    }

    /// A transaction's offsets, with their metadata, become the group's with the commit and not before.
    @Test func offsetsCommitWithTheTransaction() async throws {
        try await withTopic("transaction") { topic, admin in
            let (group, id, configuration) = (unique("group"), unique("tx"), configuration)
            let input = TopicPartition(topic: topic, partition: 0)
            try await onThread {
                let handler = RecordingHandler()
                let consumer = try KafkaConsumer(
                    configuration: configuration, group: ConsumerGroup(id: group, instanceID: "one"),
                    rebalance: handler,
                    logger: quiet)
                try consumer.subscribe([topic])
                try consumer.poll { _ in !handler.events.isEmpty }
                let producer = try TransactionalProducer(
                    configuration: configuration, transactionalID: id, logger: quiet)
                try producer.initTransactions(patience)
                let metadata = try #require(consumer.groupMetadata())
                let offset = OffsetAndMetadata(offset: 1, metadata: #"{"dirty":0}"#)

                try producer.begin()
                try producer.send(topic, 0, nil, "aborted")
                try producer.sendOffsets([input: offset], metadata, patience)
                // An abort takes back what is still in the queue; this record has to be in the log.
                let uncommitted = try KafkaConsumer(configuration: configuration, readUncommitted: true, logger: quiet)
                let deadline = patience
                while try uncommitted.watermarks(input, deadline).high < 1 { try #require(!deadline.isExpired) }
                try uncommitted.close(patience)
                try producer.abort(patience)
                #expect(try consumer.committed([input], patience).isEmpty)

                try producer.begin()
                try producer.send(topic, 0, nil, "committed")
                try producer.sendOffsets([input: offset], metadata, patience)
                try producer.commit(patience)
                #expect(try consumer.committed([input], patience) == [input: offset])

                // The aborted record is not seen, and the end lies behind both control records.
                var values: [String] = []
                try consumer.poll { batch in
                    values += batch.values
                    return batch.endsOfPartition.contains { $0.position == 4 }
                }
                #expect(values == ["committed"])
                try consumer.close(patience)
                try producer.close(patience)
            }
            #expect(
                try await admin.groupOffsets(group) == [input: OffsetAndMetadata(offset: 1, metadata: #"{"dirty":0}"#)])
            #expect(try await admin.groupOffsets(group, partitions: [input]).count == 1)
            #expect(try await admin.groups().contains { $0.id == group })
        }
    }

    /// What a restore reads up to: an open transaction holds back the last stable offset, not the high watermark.
    @Test func onlyAReadUncommittedHandleSeesTheEnd() async throws {
        try await withTopic("watermarks") { topic, _ in
            let (id, configuration) = (unique("tx"), configuration)
            let partition = TopicPartition(topic: topic, partition: 0)
            try await onThread {
                let producer = try TransactionalProducer(
                    configuration: configuration, transactionalID: id, logger: quiet)
                try producer.initTransactions(patience)
                try producer.begin()
                try producer.send(topic, 0, nil, "kept")
                try producer.commit(patience)
                try producer.begin()
                try producer.send(topic, 0, nil, "open")
                // Only an answered request proves that the record is there.
                let committed = try KafkaConsumer(configuration: configuration, logger: quiet)
                let uncommitted = try KafkaConsumer(configuration: configuration, readUncommitted: true, logger: quiet)
                let deadline = patience
                while try uncommitted.watermarks(partition, deadline).high < 3 { try #require(!deadline.isExpired) }
                #expect(try committed.watermarks(partition, patience).high == 2)
                try committed.assign([partition: 0])
                var values: [String] = []
                try committed.poll { batch in
                    values += batch.values
                    return batch.endsOfPartition.contains { $0.position == 2 }
                }
                #expect(values == ["kept"])
                try producer.abort(patience)
                try committed.poll { $0.endsOfPartition.contains { $0.position == 4 } }
                try committed.close(patience)
                try uncommitted.close(patience)
                try producer.close(patience)
            }
        }
    }

    /// The second producer with an id fences the first; only the second's records are seen.
    @Test func aSecondProducerFencesTheFirst() async throws {
        try await withTopic("fencing") { topic, _ in
            let (id, configuration) = (unique("tx"), configuration)
            try await onThread {
                let first = try TransactionalProducer(configuration: configuration, transactionalID: id, logger: quiet)
                try first.initTransactions(patience)
                try first.begin()
                try first.send(topic, 0, nil, "zombie")
                let second = try TransactionalProducer(configuration: configuration, transactionalID: id, logger: quiet)
                try second.initTransactions(patience)
                let error = try #require(throws: KafkaError.self) { try first.commit(patience) }
                #expect(error.reaction == .fatal)
                #expect(error.isFenced)
                try second.begin()
                try second.send(topic, 0, nil, "alive")
                try second.commit(patience)
                let reader = try KafkaConsumer(configuration: configuration, logger: quiet)
                try reader.assign([TopicPartition(topic: topic, partition: 0): 0])
                var values: [String] = []
                try reader.poll { batch in
                    values += batch.values
                    return !values.isEmpty
                }
                #expect(values == ["alive"])
                try reader.close(patience)
                try first.close(patience)
                try second.close(patience)
            }
        }
    }

    /// A generation that has passed cannot commit; the error asks for an abort, not for the end of the process.
    @Test func aPastGenerationAborts() async throws {
        try await withTopic("zombie") { topic, _ in
            let (group, id, configuration) = (unique("group"), unique("tx"), configuration)
            let input = TopicPartition(topic: topic, partition: 0)
            try await onThread {
                let handler = RecordingHandler()
                let consumer = try KafkaConsumer(
                    configuration: configuration, group: ConsumerGroup(id: group), rebalance: handler, logger: quiet)
                try consumer.subscribe([topic])
                try consumer.poll { _ in !handler.events.isEmpty }
                let current = try #require(consumer.groupMetadata())
                let past = try #require(
                    GroupMetadata(group: group, member: current.member, generation: current.generation - 1))
                let producer = try TransactionalProducer(
                    configuration: configuration, transactionalID: id, logger: quiet)
                try producer.initTransactions(patience)
                try producer.begin()
                let error = try #require(throws: KafkaError.self) {
                    try producer.sendOffsets([input: OffsetAndMetadata(offset: 1)], past, patience)
                }
                #expect(error.code == .illegalGeneration)
                #expect(error.reaction == .abort)
                try producer.abort(patience)
                try producer.close(patience)
                try consumer.close(patience)
            }
        }
    }

    /// Members are described with what they have, and a revocation comes before the partitions move.
    @Test func twoMembersShareAndHandOver() async throws {
        try await withTopic("group", partitions: 2) { topic, admin in
            let (group, configuration) = (unique("group"), configuration)
            try await onThread {
                let (one, two) = (RecordingHandler(), RecordingHandler())
                let members = try [one, two].map { handler in
                    try KafkaConsumer(
                        configuration: configuration.with(["heartbeat.interval.ms": "100"]),
                        group: ConsumerGroup(id: group), rebalance: handler, logger: quiet)
                }
                let batch = RecordBatch()
                try members[0].subscribe([topic])
                try members[0].poll { _ in one.events.count == 1 }
                #expect(members[0].assignment.count == 2)
                try members[1].subscribe([topic])
                let deadline = patience
                while one.events.count < 3 || two.events.isEmpty {
                    try #require(!deadline.isExpired)
                    for member in members { try member.poll(into: batch, timeout: .milliseconds(20)) }
                }
                let both = (0..<2).map { TopicPartition(topic: topic, partition: Int32($0)) }
                #expect(one.events.prefix(2) == [.assigned(both), .revoked(both)])
                #expect(members[0].assignment.count == 1)
                #expect(members[0].assignment.union(members[1].assignment) == Set(both))
                for member in members { try member.close(patience) }
            }
            let described = try await admin.describeGroup(group)
            #expect(described.members.isEmpty)
        }
    }
}
