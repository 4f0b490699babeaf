import Kafka
import Testing

/// Broker errors on the calls of a transaction, and the reaction that each demands.
@Suite(.timeLimit(.minutes(3)))
struct TriageTests {
    private static let offsets = [TopicPartition(topic: "input", partition: 0): OffsetAndMetadata(offset: 1)]

    private func sendOffsets(_ producer: TransactionalProducer, _ deadline: Deadline) throws {
        let metadata = try #require(GroupMetadata(group: "g", member: "m", generation: 1))
        try producer.sendOffsets(Self.offsets, metadata, deadline)
    }

    private func ready(_ cluster: MockCluster) throws -> TransactionalProducer {
        try cluster.createTopic("input")
        try cluster.createTopic("output")
        let producer = try TransactionalProducer.ready(cluster)
        try producer.warm(["output"], patience)
        return producer
    }

    /// Abort goes before retry, and what is neither is fatal.
    @Test func theOrderOfTheTriage() {
        #expect(KafkaError.reaction(requiresAbort: true, isRetriable: true) == .abort)
        #expect(KafkaError.reaction(requiresAbort: true, isRetriable: false) == .abort)
        #expect(KafkaError.reaction(requiresAbort: false, isRetriable: true) == .retry)
        #expect(KafkaError.reaction(requiresAbort: false, isRetriable: false) == .fatal)
    }

    @Test(arguments: [
        KafkaError.Code.illegalGeneration, .unknownMember, .fencedInstanceID, .rebalanceInProgress,
    ])
    func aStaleMembershipAborts(_ code: KafkaError.Code) async throws {
        try await onThread {
            let cluster = try MockCluster()
            let producer = try ready(cluster)
            try producer.begin()
            try producer.send("output", 0, nil, "v")
            cluster.fail(.transactionOffsetCommit, code)
            let error = try #require(throws: KafkaError.self) { try sendOffsets(producer, patience) }
            #expect(error.code == code)
            #expect(error.reaction == .abort)
            #expect(cluster.unconsumedErrors(.transactionOffsetCommit) == 0)
            // After the abort the same producer goes on.
            try producer.abort(patience)
            try producer.begin()
            try producer.send("output", 0, nil, "v")
            try sendOffsets(producer, patience)
            try producer.commit(patience)
            try producer.close(patience)
        }
    }

    @Test func aRefusedRecordAborts() async throws {
        try await onThread {
            let cluster = try MockCluster()
            let producer = try ready(cluster)
            try producer.begin()
            cluster.fail(.produce, .topicAuthorization)
            try producer.send("output", 0, nil, "private")
            let error = try #require(throws: KafkaError.self) { try producer.commit(patience) }
            #expect(error.reaction == .abort)
            #expect(error.code == .topicAuthorization)
            #expect(producer.failure?.code == .topicAuthorization)
            // librdkafka offers the record's value as the error's text.
            #expect(!error.description.contains("private"))
            #expect(cluster.unconsumedErrors(.produce) == 0)
            // librdkafka refuses further records with bare codes that would be fatal elsewhere.
            let later = try #require(throws: KafkaError.self) { try producer.send("output", 0, nil, "v") }
            #expect(later.reaction == .abort)
            try producer.abort(patience)
            #expect(producer.failure == nil)
            try producer.close(patience)
        }
    }

    /// The records are purged, not refused: the reason is the one of the request that failed.
    @Test func aRefusedPartitionAbortsAndTellsWhy() async throws {
        try await onThread {
            let cluster = try MockCluster()
            let producer = try ready(cluster)
            try producer.begin()
            cluster.fail(.addPartitionsToTransaction, .topicAuthorization)
            try producer.send("output", 0, nil, "v")
            let error = try #require(throws: KafkaError.self) { try producer.commit(patience) }
            #expect(error.reaction == .abort)
            #expect(error.code == .topicAuthorization)
            #expect(cluster.unconsumedErrors(.addPartitionsToTransaction) == 0)
            try producer.abort(patience)
            try producer.close(patience)
        }
    }

    @Test func aLoadingCoordinatorIsWaitedFor() async throws {
        try await onThread {
            let cluster = try MockCluster()
            let producer = try ready(cluster)
            try producer.begin()
            try producer.send("output", 0, nil, "v")
            cluster.fail(.endTransaction, .coordinatorLoading, .coordinatorNotAvailable)
            try producer.commit(patience)
            #expect(cluster.unconsumedErrors(.endTransaction) == 0)
            try producer.close(patience)
        }
    }

    @Test(arguments: [KafkaError.Code.invalidProducerIDMapping, .unknownProducerID])
    func aForgottenProducerIDAborts(_ code: KafkaError.Code) async throws {
        try await onThread {
            let cluster = try MockCluster()
            let producer = try ready(cluster)
            try producer.begin()
            try producer.send("output", 0, nil, "v")
            cluster.fail(.endTransaction, code)
            let error = try #require(throws: KafkaError.self) { try producer.commit(patience) }
            #expect(error.reaction == .abort)
            #expect(cluster.unconsumedErrors(.endTransaction) == 0)
            try producer.abort(patience)
            try producer.begin()
            try producer.commit(patience)
            try producer.close(patience)
        }
    }

    @Test(arguments: [KafkaError.Code.invalidProducerEpoch, .producerFenced])
    func aFencedProducerIsFatalForGood(_ code: KafkaError.Code) async throws {
        try await onThread {
            let cluster = try MockCluster()
            let producer = try ready(cluster)
            try producer.begin()
            try producer.send("output", 0, nil, "v")
            cluster.fail(.endTransaction, code)
            let error = try #require(throws: KafkaError.self) { try producer.commit(patience) }
            #expect(error.reaction == .fatal)
            #expect(error.isFenced)
            #expect(error.description.contains("DESKBEAT_INSTANCE"))
            #expect(cluster.unconsumedErrors(.endTransaction) == 0)
            // Every later call repeats the origin.
            let again = try #require(throws: KafkaError.self) { try producer.abort(patience) }
            #expect(again.reaction == .fatal)
            #expect(again.code == error.code)
            let send = try #require(throws: KafkaError.self) { try producer.send("output", 0, nil, "v") }
            #expect(send.reaction == .fatal)
            try producer.close(patience)
        }
    }

    /// Retriable while there is time, and the deadline is kept.
    @Test func initializingEndsWithItsDeadlineAndGoesOn() async throws {
        try await onThread {
            let cluster = try MockCluster()
            let producer = try TransactionalProducer(
                configuration: cluster.configuration, transactionalID: "tx", logger: quiet)
            cluster.stall(.initProducerID, .coordinatorLoading)
            let error = try #require(throws: KafkaError.self) {
                try producer.initTransactions(.after(.milliseconds(500)))
            }
            #expect(error.reaction == .retry)
            cluster.recover(.initProducerID)
            try producer.initTransactions(patience)
            try producer.close(patience)
        }
    }

    @Test func aRefusedTransactionalIDIsFatal() async throws {
        try await onThread {
            let cluster = try MockCluster()
            let producer = try TransactionalProducer(
                configuration: cluster.configuration, transactionalID: "tx", logger: quiet)
            cluster.fail(.initProducerID, .transactionalIDAuthorization)
            let error = try #require(throws: KafkaError.self) { try producer.initTransactions(patience) }
            #expect(error.reaction == .fatal)
            #expect(error.code == .transactionalIDAuthorization)
            #expect(error.description.contains("grant"))
            try producer.close(patience)
        }
    }
}
