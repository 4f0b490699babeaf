import Kafka
import Testing

@Suite(.timeLimit(.minutes(3)))
struct GroupTests {
    private func member(
        _ cluster: MockCluster, _ handler: RecordingHandler, instance: String? = nil,
        _ properties: [String: String] = [:]
    ) throws -> KafkaConsumer {
        let group = ConsumerGroup(id: "group", instanceID: instance)
        return try KafkaConsumer(
            configuration: cluster.configuration.with(properties), group: group, rebalance: handler, logger: quiet)
    }

    private static let both = [
        TopicPartition(topic: "input", partition: 0), TopicPartition(topic: "input", partition: 1),
    ]

    /// Brokers do not fence a generation of -1 with an empty member: it must never get into a transaction.
    @Test func metadataAreCapturedAtAssignmentAndGoneAfterRevocation() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input", partitions: 2)
            let handler = RecordingHandler()
            let consumer = try member(cluster, handler)
            #expect(consumer.groupMetadata() == nil)
            try consumer.subscribe(["input"])
            #expect(consumer.groupMetadata() == nil)
            var atAssignment: GroupMetadata?
            handler.whenAssigned = { atAssignment = $0.groupMetadata() }
            try consumer.poll { _ in !handler.events.isEmpty }
            let metadata = try #require(atAssignment)
            #expect(metadata.group == "group")
            #expect(metadata.generation >= 0)
            #expect(!metadata.member.isEmpty)
            #expect(consumer.groupMetadata() === metadata)
            #expect(consumer.assignment == Set(Self.both))
            var duringRevocation: GroupMetadata?
            handler.whenRevoked = { duringRevocation = $0.groupMetadata() }
            try consumer.close(patience)
            #expect(duringRevocation === metadata)
            #expect(handler.events == [.assigned(Self.both), .revoked(Self.both)])
            #expect(consumer.assignment.isEmpty)
        }
    }

    @Test func metadataWithoutAGenerationAreRefused() {
        #expect(GroupMetadata(group: "g", member: "m", generation: -1) == nil)
        #expect(GroupMetadata(group: "g", member: "", generation: 3) == nil)
        #expect(GroupMetadata(group: "g", member: "m", generation: 0)?.generation == 0)
    }

    /// Inside the revocation the generation is still valid: what was processed can be committed.
    @Test func transactionsCommitDuringRevocation() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input", partitions: 2)
            try cluster.createTopic("output")
            let producer = try TransactionalProducer.ready(cluster)
            let handler = RecordingHandler()
            let consumer = try member(cluster, handler)
            try consumer.subscribe(["input"])
            try consumer.poll { _ in !handler.events.isEmpty }
            try producer.begin()
            try producer.send("output", 0, nil, "late")
            var failure: (any Error)?
            handler.whenRevoked = { consumer in
                do {
                    let metadata = try #require(consumer.groupMetadata())
                    let offset = OffsetAndMetadata(offset: 4, metadata: "m")
                    try producer.sendOffsets([Self.both[0]: offset], metadata, patience)
                    try producer.commit(patience)
                } catch {
                    failure = error
                }
            }
            try consumer.close(patience)
            #expect(failure == nil)
            #expect(!producer.isInTransaction)
            #expect(handler.events.last == .revoked(Self.both))
            try producer.close(patience)
        }
    }

    /// The handler pauses everything, so that no record and no end of partition can end the poll.
    @Test func aRebalanceEndsThePoll() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input", partitions: 2)
            let handler = RecordingHandler()
            var failure: (any Error)?
            handler.whenAssigned = { consumer in
                do { try consumer.pause(Self.both) } catch { failure = error }
            }
            let consumer = try member(cluster, handler)
            try consumer.subscribe(["input"])
            let batch = RecordBatch()
            try consumer.poll(into: batch, timeout: .seconds(3_600))
            #expect(failure == nil)
            #expect(handler.events == [.assigned(Self.both)])
            #expect(batch.isEmpty)
            #expect(consumer.paused == Set(Self.both))
            try consumer.resume(Self.both)
            try consumer.poll(into: batch, timeout: .seconds(3_600))
            #expect(!batch.endsOfPartition.isEmpty)
            try consumer.close(patience)
        }
    }

    /// Neither records nor ends of partitions come before the start, and then from the named offset, in every assignment anew.
    @Test func heldPartitionsAreReadFromWhereTheyAreStarted() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input", partitions: 2)
            try fill(cluster, "input", count: 20)
            let handler = RecordingHandler()
            let consumer = try KafkaConsumer(
                configuration: cluster.configuration, group: ConsumerGroup(id: "group", holdsPartitions: true),
                rebalance: handler, logger: quiet)
            for round in 1...2 { try Self.readFrom(round, consumer, handler) }
            try consumer.close(patience)
        }
    }

    private static func readFrom(_ round: Int, _ consumer: KafkaConsumer, _ handler: RecordingHandler) throws {
        try consumer.subscribe(["input"])
        let batch = RecordBatch()
        while handler.events.count < 2 * round - 1 { try consumer.poll(into: batch, timeout: .seconds(60)) }
        #expect(batch.isEmpty)
        #expect(consumer.paused == Set(both))
        // Longer than a fetch takes.
        try consumer.poll(into: batch, timeout: .milliseconds(200))
        #expect(batch.isEmpty)
        try consumer.start([both[0]: Int64(round)])
        #expect(consumer.paused == [both[1]])
        let deadline = patience
        var offsets: [Int64] = []
        repeat {
            try #require(!deadline.isExpired)
            try consumer.poll(into: batch, timeout: .seconds(1))
            offsets += batch.records.map(\.offset)
            #expect(batch.runs.allSatisfy { $0.topicPartition == both[0] })
        } while batch.endsOfPartition.isEmpty
        #expect(offsets.first == Int64(round))
        #expect(offsets == offsets.sorted())
        try consumer.unsubscribe()
        try consumer.poll { _ in handler.events.count == 2 * round }
        #expect(consumer.paused.isEmpty)
    }

    /// Records that a poll has collected before it meets the revocation belong to the next owner.
    @Test func recordsOfARevokedAssignmentAreDropped() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input", partitions: 1)
            try fill(cluster, "input", count: 1_000)
            let handler = RecordingHandler()
            let consumer = try member(cluster, handler)
            try consumer.subscribe(["input"])
            let batch = RecordBatch()
            try consumer.poll(into: batch, maxRecords: 10) { !$0.records.isEmpty }
            try consumer.unsubscribe()
            // Goes on with the same batch: the poll has met ten records and meets the revocation next.
            let deadline = patience
            while handler.events.count < 2 {
                try #require(!deadline.isExpired)
                _ = try consumer.collect(into: batch, maxRecords: 10_000, maxBytes: .max, timeout: .seconds(1))
            }
            #expect(batch.records.isEmpty)
            #expect(handler.events.last == .revoked([Self.both[0]]))
            #expect(consumer.groupMetadata() == nil)
            try consumer.close(patience)
        }
    }

    /// Lost is not revoked: nothing may be committed any more.
    @Test func aLostAssignmentIsToldApart() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input", partitions: 2)
            let handler = RecordingHandler()
            let consumer = try member(cluster, handler, ["heartbeat.interval.ms": "100"])
            try consumer.subscribe(["input"])
            try consumer.poll { _ in !handler.events.isEmpty }
            var duringLoss: (isLost: Bool, hasMetadata: Bool)?
            handler.whenLost = { duringLoss = ($0.isAssignmentLost, $0.groupMetadata() != nil) }
            cluster.fail(.heartbeat, .unknownMember)
            try consumer.poll { _ in handler.events.count >= 2 }
            #expect(handler.events.prefix(2) == [.assigned(Self.both), .lost(Self.both)])
            #expect(duringLoss?.isLost == true)
            #expect(duringLoss?.hasMetadata == false)
            #expect(cluster.unconsumedErrors(.heartbeat) == 0)
            try consumer.close(patience)
        }
    }

    @Test func aFencedStaticMemberIsFatal() async throws {
        try await onThread {
            let cluster = try MockCluster()
            try cluster.createTopic("input", partitions: 2)
            let handler = RecordingHandler()
            let consumer = try member(cluster, handler, instance: "one", ["heartbeat.interval.ms": "100"])
            try consumer.subscribe(["input"])
            try consumer.poll { _ in !handler.events.isEmpty }
            cluster.fail(.heartbeat, .fencedInstanceID)
            let error = try #require(throws: KafkaError.self) { try consumer.poll { _ in false } }
            #expect(error.reaction == .fatal)
            #expect(error.isFenced)
            #expect(error.description.contains("DESKBEAT_INSTANCE"))
            try consumer.close(patience)
        }
    }

    /// As on a cluster that is new: the broker that was found has not taken the group over yet.
    @Test func offsetsAreAskedForAgainWhenTheCoordinatorMoves() async throws {
        let cluster = try MockCluster()
        try cluster.createTopic("input")
        let admin = try KafkaAdmin(configuration: cluster.configuration, logger: quiet)
        let input = TopicPartition(topic: "input", partition: 0)
        cluster.fail(.offsetFetch, .notCoordinator, .coordinatorLoading)
        #expect(try await admin.groupOffsets("group", partitions: [input], patience).isEmpty)
        #expect(cluster.unconsumedErrors(.offsetFetch) == 0)
        try await admin.close(patience)
    }
}
