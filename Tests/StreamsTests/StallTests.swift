import Kafka
import Streams
import Testing

/// Inputs that stay silent although there are records.
@Suite struct StallTests {
    private static let patience = StallWatch.patience

    @Test func onlyWaitingBeforeTheEndIsSuspect() {
        var watch = StallWatch(now: 0)
        #expect(watch.observe(position: 5, end: 9, isDrained: true, now: 10) == .fine)
        #expect(watch.observe(position: 5, end: 9, isDrained: true, now: 9 + Self.patience) == .fine)
        #expect(watch.observe(position: 5, end: 9, isDrained: true, now: 10 + Self.patience) == .suspect)
        // It has moved.
        #expect(watch.observe(position: 6, end: 9, isDrained: true, now: 10 + Self.patience) == .fine)
        #expect(watch.observe(position: 6, end: 9, isDrained: true, now: 9 + 2 * Self.patience) == .fine)
        // All is read.
        #expect(watch.observe(position: 6, end: 6, isDrained: true, now: 11 + 2 * Self.patience) == .fine)
        #expect(watch.observe(position: 6, end: 7, isDrained: true, now: 10 + 3 * Self.patience) == .fine)
        // Others come first.
        #expect(watch.observe(position: 6, end: 7, isDrained: false, now: 12 + 3 * Self.patience) == .fine)
        #expect(watch.observe(position: 6, end: 7, isDrained: true, now: 11 + 4 * Self.patience) == .fine)
        #expect(watch.observe(position: 6, end: 7, isDrained: true, now: 12 + 4 * Self.patience) == .suspect)
    }

    @Test func anOpenTransactionIsNobodysFault() {
        var watch = StallWatch(now: 0)
        _ = watch.observe(position: 5, end: 9, isDrained: true, now: 0)
        #expect(watch.answer(stableEnd: 5, now: 40_000) == .wait)
        #expect(watch.answer(stableEnd: nil, now: 40_000) == .unknown)
        #expect(watch.observe(position: 5, end: 9, isDrained: true, now: 69_999) == .fine)
        #expect(watch.observe(position: 5, end: 9, isDrained: true, now: 70_000) == .suspect)
        #expect(watch.answer(stableEnd: 6, now: 70_000) == .startAgain)
        #expect(watch.answer(stableEnd: 6, now: 100_000) == .giveUp)
    }

    @Test func aRecordAfterTheSecondStartMakesThatTheFirstAgain() {
        var watch = StallWatch(now: 0)
        _ = watch.observe(position: 5, end: 9, isDrained: true, now: 0)
        #expect(watch.answer(stableEnd: 9, now: 30_000) == .startAgain)
        _ = watch.observe(position: 7, end: 9, isDrained: true, now: 31_000)
        #expect(watch.answer(stableEnd: 9, now: 61_000) == .startAgain)
    }

    private static let silent = TopicPartition(topic: "in", partition: 1)

    private func stalled(starts: Int) -> (FakeCluster, StageDefinition) {
        let stage = countStage(partitions: 2)
        let cluster = makeCluster(for: stage)
        cluster.lostStarts[Self.silent] = starts
        for partition: Int32 in 0..<2 { cluster.append("in", partition, key: "k\(partition)", value: "x") }
        return (cluster, stage)
    }

    @Test func aPartitionThatIsNotReadIsStartedAgain() throws {
        let (cluster, stage) = stalled(starts: 1)
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(1_400)
        #expect(cluster.outputCounts() == ["k0": 1])
        try harness.steps(300)
        #expect(cluster.outputCounts() == ["k0": 1, "k1": 1])
    }

    @Test func handlesThatDoNotReadAreGivenUp() throws {
        let (cluster, stage) = stalled(starts: 2)
        let harness = Harness(cluster, stage)
        try harness.open()
        #expect {
            try harness.steps(5_000)
        } throws: { error in
            guard case WorkerError.rebuild(let reason, isFenced: false) = error else { return false }
            return reason.contains("in-1")
        }
        harness.worker.discard(deadline: .never)
        let next = Harness(cluster, stage)
        try next.open()
        try next.steps(20)
        #expect(cluster.outputCounts() == ["k0": 1, "k1": 1])
    }

    @Test func aTransactionOfAnotherThatStaysOpenIsWaitedFor() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        let transaction = cluster.open("ingest", epoch: 0)
        let input = TopicPartition(topic: "in", partition: 0)
        cluster.transactions[transaction].partitions = [input]
        cluster.append("in", 0, key: "a", value: "x")
        cluster.logs[input]?[0].transaction = transaction
        let harness = Harness(cluster, stage)
        try harness.open()
        var calls: [String: Int] = [:]
        cluster.fault = { name, _ in
            calls[name, default: 0] += 1
            return .none
        }
        // 100 s: three times the patience.
        try harness.steps(5_000)
        #expect(calls["stableEnds"] == 3)
        #expect(calls["start"] == 1)
        #expect(cluster.outputCounts().isEmpty)
        cluster.end(transaction, .committed)
        try harness.steps(20)
        #expect(cluster.outputCounts() == ["a": 1])
    }

    @Test func aBrokerThatDoesNotAnswerIsNotAskedAgainAtOnce() throws {
        let (cluster, stage) = stalled(starts: 1)
        let harness = Harness(cluster, stage)
        try harness.open()
        var asked = 0
        cluster.fault = { name, _ in
            guard name == "stableEnds" else { return .none }
            asked += 1
            return asked < 3 ? .fail(ClientError(.retry, "timed out")) : .none
        }
        try harness.steps(5_000)
        #expect(asked == 3)
        #expect(cluster.outputCounts() == ["k0": 1, "k1": 1])
    }
}
