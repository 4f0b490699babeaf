import Foundation
import Kafka
import Streams
import Testing

/// What the loop does besides counting: undo, fencing, rebalances, time, idleness, rejected and unusable records.
@Suite struct LoopTests {
    private final class Made: @unchecked Sendable {
        // Filled on the test's thread, which steps the workers.
        var tasks: [CountTask] = []
    }

    @Test func anAbortUndoesWithoutARestore() throws {
        let made = Made()
        let stage = countStage { context in
            let task = CountTask(context)
            made.tasks.append(task)
            return task
        }
        let cluster = makeCluster(for: stage)
        cluster.append("in", 0, key: "a", value: "x")
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(12)
        let before = made.tasks[0].state
        cluster.append("in", 0, key: "a", value: "x")
        cluster.append("in", 0, key: "b", value: "x")
        var fired = 0
        var reads = 0
        cluster.fault = { name, _ in
            if name == "read" { reads += 1 }
            guard name == "sendOffsets", fired < 3 else { return .none }
            fired += 1
            #expect(made.tasks[0].state != before)
            return .fail(ClientError(.abort, "injected"))
        }
        while fired < 3 { try harness.step() }
        #expect(made.tasks[0].state == before)
        try harness.steps(12)
        #expect(made.tasks.count == 1)
        #expect(reads == 0)
        #expect(cluster.outputCounts() == ["a": 2, "b": 1])
        #expect(cluster.transactions.filter { $0.status == .aborted }.count == 3)
    }

    @Test func abortsWithoutEndGiveTheHandlesUp() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        cluster.fault = { name, _ in name == "sendOffsets" ? .fail(ClientError(.abort, "not authorized")) : .none }
        let harness = Harness(cluster, stage)
        try harness.open()
        #expect {
            for _ in 0..<2_000 { try harness.step() }
        } throws: { error in
            guard case WorkerError.rebuild(let reason, _) = error else { return false }
            return reason.contains("not authorized")
        }
    }

    @Test func aZombieIsFencedAndCommitsNothing() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        let zombie = Harness(cluster, stage)
        try zombie.open()
        try zombie.steps(12)
        cluster.append("in", 0, key: "a", value: "x")
        // Processed, not committed.
        try zombie.step()
        let heir = Harness(cluster, stage)
        try heir.open()
        try heir.steps(12)
        #expect(cluster.outputCounts() == ["a": 1])
        #expect {
            try zombie.steps(12)
        } throws: { error in
            guard case WorkerError.rebuild(_, isFenced: true) = error else { return false }
            return true
        }
        zombie.worker.discard(deadline: .never)
        try heir.steps(12)
        #expect(cluster.outputCounts() == ["a": 1])
    }

    @Test func aPartitionThatStaysIsNotRestored() throws {
        let made = Made()
        let stage = countStage(partitions: 4) { context in
            let task = CountTask(context)
            made.tasks.append(task)
            return task
        }
        let cluster = makeCluster(for: stage)
        for partition: Int32 in 0..<4 { cluster.append("in", partition, key: "a", value: "x") }
        let first = Harness(cluster, stage, identity: "a-0")
        try first.open()
        try first.steps(12)
        #expect(made.tasks.count == 4)
        let second = Harness(cluster, stage, identity: "b-0")
        try second.open()
        for _ in 0..<12 {
            try first.step()
            try second.step()
        }
        // Two moved; the other two went on with the state that they had.
        #expect(made.tasks.map(\.context.partition).sorted() == [0, 1, 2, 2, 3, 3])
        for partition: Int32 in 0..<4 { cluster.append("in", partition, key: "a", value: "x") }
        for _ in 0..<12 {
            try first.step()
            try second.step()
        }
        #expect(cluster.outputCounts() == ["a": 8])
        try second.close()
        try first.steps(12)
        #expect(first.worker.phase == .running(caughtUp: true))
        #expect(cluster.changelogCounts(stage) == ["a": 8])
    }

    @Test func lostPartitionsAreNotCommitted() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(12)
        cluster.append("in", 0, key: "a", value: "x")
        try harness.step()
        let position = cluster.committedPosition(stage)
        cluster.expire(stage.group, "a-0")
        try harness.step()
        #expect(cluster.committedPosition(stage) == position)
        try harness.steps(20)
        #expect(cluster.outputCounts() == ["a": 1])
        // A producer of its own for the new life.
        #expect(cluster.epochs["a-0"] == 2)
    }

    @Test func controlRecordsCountAsPositionAndIdleTasksPublishTheirClock() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        cluster.append("in", 0, key: "a", value: "x")
        let upstream = cluster.open("ingest", epoch: 0)
        cluster.transactions[upstream].partitions = [TopicPartition(topic: "in", partition: 0)]
        cluster.end(upstream, .committed)
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(12)
        #expect(cluster.committedPosition(stage)?.offset == 2)
        let before = cluster.visible(stage.clocksTopic.name).count
        // 10 s without input.
        try harness.steps(500)
        let clocks = cluster.visible(stage.clocksTopic.name)
        #expect((8...10).contains(clocks.count - before))
        let last = try #require(clocks.last.flatMap { ClockRecord(value: $0.record.value ?? []) })
        #expect(last.clock > cluster.time.wall - 2_000_000)
        #expect(clocks.last?.record.key == ClockRecord.Task(service: "count", stage: "keys", partition: 0).key)
        #expect(cluster.committedMetadata(stage)?.clock == last.clock)
    }

    @Test func whatIsDirtyIsCommittedWithoutInput() throws {
        let stage = countStage { context in
            let task = CountTask(context)
            task.bound = 1
            return task
        }
        let cluster = makeCluster(for: stage)
        for key in ["a", "b", "c"] { cluster.append("in", 0, key: key, value: "x") }
        let harness = Harness(cluster, stage)
        try harness.open()
        var seen: [Int] = []
        for _ in 0..<40 {
            try harness.step()
            if let dirty = cluster.committedMetadata(stage)?.dirty, seen.last != dirty { seen.append(dirty) }
        }
        #expect(seen == [0, 2, 1, 0])
        #expect(cluster.outputCounts() == ["a": 1, "b": 1, "c": 1])
    }

    @Test func theClockWaitsForTheStagesBefore() throws {
        let made = Made()
        let stage = countStage(upstream: [.ingest(partitions: 1)]) { context in
            let task = CountTask(context)
            made.tasks.append(task)
            return task
        }
        let cluster = makeCluster(for: stage)
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(12)
        #expect(made.tasks[0].times.last?.clock == 0)
        #expect(made.tasks[0].times.last?.caughtUp == true)
        let ingest = cluster.time.wall - 60_000_000
        cluster.append(
            stage.clocksTopic.name, 0, key: "ingest/transform/0",
            value: text(ClockRecord(clock: ingest, degraded: false).value))
        try harness.steps(3)
        #expect(made.tasks[0].times.last?.clock == ingest + 5_000_000)
        // 5 minutes of silence.
        try harness.steps(50 * 301)
        let last = try #require(made.tasks[0].times.last)
        #expect(last.degraded)
        #expect(last.clock > cluster.time.wall - 1_000_000)
        let published = cluster.visible(stage.clocksTopic.name).last
        #expect(published.flatMap { ClockRecord(value: $0.record.value ?? []) }?.degraded == true)
    }

    @Test func aRejectedRecordKeepsItsBytesItsKeyAndItsHeaders() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        cluster.append("in", 0, key: "a", value: "reject", timestamp: 4_711)
        let topicPartition = TopicPartition(topic: "in", partition: 0)
        cluster.logs[topicPartition]?[0].headers = [("trace", Array("7".utf8))]
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(12)
        let letters = cluster.visible("dead")
        let letter = try #require(letters.first?.record)
        #expect(letters.count == 1)
        #expect(text(letter.value) == "reject")
        #expect(text(letter.key) == "a")
        let headers = Dictionary(uniqueKeysWithValues: letter.headers.map { ($0.name, text($0.value)) })
        #expect(
            headers == [
                "trace": "7", "reason": "malformed_json", "pointer": "/time", "origin-topic": "in",
                "origin-partition": "0", "origin-offset": "0", "origin-timestamp": "4711", "service": "count",
            ])
        #expect(cluster.committedPosition(stage)?.offset == 1)
    }

    @Test func aRejectedRecordIsCutToWhatTheTopicTakes() throws {
        let stage = countStage { context in
            let task = RejectEverything(context)
            return task
        }
        let cluster = makeCluster(for: stage)
        cluster.append("in", 0, key: "a", value: String(repeating: "x", count: 1_200_000))
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(12)
        let letter = try #require(cluster.visible("dead").first?.record)
        let size = (letter.value?.count ?? 0) + (letter.key?.count ?? 0)
        #expect((900_000..<1_000_000).contains(size))
        #expect(letter.headers.contains { $0.name == "truncated" && text($0.value) == "value" })
    }

    @Test func whatComesBeforeTheStateIsReadAgain() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        for index in 0..<20 { cluster.append("in", 0, key: "k\(index)", value: "x") }
        let first = Harness(cluster, stage)
        try first.open()
        try first.steps(12)
        try first.close()
        cluster.ignoresPauses = true
        for index in 0..<20 { cluster.append("in", 0, key: "k\(index)", value: "x") }
        let second = Harness(cluster, stage)
        try second.open()
        try second.steps(40)
        #expect(cluster.outputCounts() == cluster.inputCounts())
    }

    /// The client delivers in spite of the pause, and more slowly than the state is restored: the last poll before the
    /// resumption holds records behind others that came too early.
    @Test func whatComesBeforeTheStateIsReadAgainInOrder() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        for index in 0..<20 { cluster.append("in", 0, key: "k\(index)", value: "x") }
        let first = Harness(cluster, stage)
        try first.open()
        try first.steps(12)
        try first.close()
        cluster.ignoresPauses = true
        for index in 0..<40 { cluster.append("in", 0, key: "k\(index)", value: "x") }
        var options = StreamWorker.Options()
        options.batchRecords = 2
        let second = Harness(cluster, stage, options: options)
        try second.open()
        try second.steps(60)
        #expect(cluster.outputCounts() == cluster.inputCounts())
    }

    @Test func aTaskReadsThePartitionOfAllItsInputs() throws {
        var stage = countStage(partitions: 2)
        stage.inputs.append(.inbound("more", partitions: 2))
        let cluster = makeCluster(for: stage)
        for partition: Int32 in 0..<2 {
            cluster.append("in", partition, key: "a", value: "x")
            cluster.append("more", partition, key: "b", value: "x")
        }
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(12)
        #expect(cluster.outputCounts() == ["a": 2, "b": 2])
        for topic in ["in", "more"] {
            for partition: Int32 in 0..<2 {
                let committed = cluster.group(stage.group).committed[
                    TopicPartition(topic: topic, partition: partition)]
                #expect(committed?.offset == 1)
            }
        }
    }

    @Test func aForeignKeyStopsTheStageAndNamesTheRecord() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        cluster.append("in", 0, key: "a", value: "x")
        cluster.append("in", 0, key: "b", value: "foreign")
        let harness = Harness(cluster, stage)
        try harness.open()
        #expect(
            throws: WorkerError.stop(
                .internalRecord(
                    topic: "in", partition: 0, offset: 1, reason: "its key belongs to another partition"))
        ) {
            try harness.steps(12)
        }
        #expect(cluster.outputCounts() == [:])
    }

    @Test func anUnreadableChangelogRecordStopsTheStageAndNamesTheRecord() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        let changelog = stage.changelogTopic.name
        cluster.append(changelog, 0, key: text(ChangelogMeta.key), value: text(ChangelogMeta(partitions: 1).value))
        cluster.append(changelog, 0, key: "a", value: "many")
        let harness = Harness(cluster, stage)
        try harness.open()
        #expect(
            throws: WorkerError.stop(
                .internalRecord(topic: changelog, partition: 0, offset: 1, reason: "not a count"))
        ) {
            try harness.steps(12)
        }
    }

    @Test func stateOfAnotherPartitionCountIsRefused() throws {
        let stage = countStage(partitions: 2)
        let cluster = makeCluster(for: stage)
        cluster.append(
            stage.changelogTopic.name, 0, key: text(ChangelogMeta.key), value: text(ChangelogMeta(partitions: 12).value)
        )
        let harness = Harness(cluster, stage)
        try harness.open()
        #expect {
            try harness.steps(12)
        } throws: { error in
            guard case WorkerError.stop(.incompatible(let reason)) = error else { return false }
            return reason.contains("--partitions") && reason.contains("deskbeat rebuild count") && reason.contains("12")
        }
    }

    @Test func aRestoreReadsPastAbortedTransactionsAndMarkers() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        let changelog = TopicPartition(topic: stage.changelogTopic.name, partition: 0)
        cluster.append(
            changelog.topic, 0, key: text(ChangelogMeta.key), value: text(ChangelogMeta(partitions: 1).value))
        for (value, status) in [("1", FakeCluster.Status.committed), ("99", .aborted)] {
            let transaction = cluster.open("old", epoch: 0)
            cluster.transactions[transaction].partitions = [changelog]
            cluster.logs[changelog]?.append(
                FakeCluster.Stored(
                    key: Array("a".utf8), value: Array(value.utf8), headers: [], timestamp: 0, transaction: transaction)
            )
            cluster.end(transaction, status)
        }
        // A dead owner's transaction, still open: the restore waits for its end.
        let dangling = cluster.open("dead", epoch: 0)
        cluster.transactions[dangling].partitions = [changelog]
        cluster.logs[changelog]?.append(
            FakeCluster.Stored(
                key: Array("a".utf8), value: Array("77".utf8), headers: [], timestamp: 0, transaction: dangling))
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(20)
        guard case .restoring(let progress, _) = harness.worker.phase else {
            Issue.record("not restoring: \(harness.worker.phase)")
            return
        }
        #expect(progress < 1)
        cluster.end(dangling, .aborted)
        cluster.append("in", 0, key: "a", value: "x")
        try harness.steps(20)
        #expect(cluster.changelogCounts(stage) == ["a": 2])
    }
}

/// Sends everything to the dead letters.
private final class RejectEverything: StreamTask {
    private var pending = 0

    init(_ context: TaskContext) {}

    func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError) {}
    func restoreCompleted(output: any TaskOutput) throws(InternalRecordError) {}
    func process(
        _ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput
    ) throws(InternalRecordError) {
        for index in records { output.deadLetter(batch, index, reason: "too_large", pointer: nil) }
    }
    func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {}
    func prepareCommit(_ time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {}
    func commitSucceeded() {}
    func rollBack() {}
    var dirty: Int { 0 }
    var isUrgent: Bool { false }
}
