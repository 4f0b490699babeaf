import Kafka
import Streams
import Synchronization
import Testing

/// Tasks are made under a version of the stage's settings: which one, and when another one takes its place.
@Suite struct SettingsTests {
    private final class Settings: StageSettings {
        let topic = TopicSpec.rules("rules")
        private let state = Mutex((position: Int64(0), version: Int64(0)))
        var position: Int64 { state.withLock { $0.position } }
        var version: Int64 { state.withLock { $0.version } }

        func take(_ version: Int64, to position: Int64) { state.withLock { $0 = (position, version) } }
    }

    /// Counts, and remembers under which version it was made.
    private final class Made: @unchecked Sendable {
        // Filled on the test's thread, which steps the workers.
        var versions: [Int64] = []
        var tasks: [CountTask] = []
    }

    private func stage(_ settings: Settings, _ made: Made, partitions: Int32 = 1) -> StageDefinition {
        var stage = countStage(partitions: partitions) { context in
            made.versions.append(settings.version)
            let task = CountTask(context)
            made.tasks.append(task)
            return task
        }
        stage.settings = settings
        return stage
    }

    private func cluster(_ stage: StageDefinition, _ settings: Settings) -> FakeCluster {
        let cluster = makeCluster(for: stage)
        cluster.create(settings.topic)
        return cluster
    }

    @Test func nothingIsReadBeforeAllPublishedVersionsAreKnown() throws {
        let (settings, made) = (Settings(), Made())
        let stage = stage(settings, made)
        let cluster = cluster(stage, settings)
        cluster.append("in", 0, key: "a", value: "x")
        cluster.append("rules", 0, key: "rules", value: "1")
        cluster.append("rules", 0, key: "rules", value: "2")
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(20)
        settings.take(1, to: 1)
        try harness.steps(20)
        #expect(made.versions.isEmpty)
        #expect(cluster.outputCounts().isEmpty)
        settings.take(2, to: 2)
        try harness.steps(20)
        #expect(made.versions == [2])
        #expect(cluster.outputCounts() == ["a": 1])
    }

    @Test func aNewVersionMakesTheTasksAnewAfterACommitAndLosesNothing() throws {
        let (settings, made) = (Settings(), Made())
        let stage = stage(settings, made, partitions: 3)
        let cluster = cluster(stage, settings)
        let harness = Harness(cluster, stage)
        try harness.open()
        for round in 0..<6 {
            for partition in 0..<Int32(3) {
                for number in 0..<5 { cluster.append("in", partition, key: "k\(number % 2)", value: "x") }
            }
            try harness.steps(round % 2 == 0 ? 1 : 7)
            settings.take(Int64(round + 1), to: Int64(round + 1))
            cluster.append("rules", 0, key: "rules", value: "\(round)")
            for partition in 0..<Int32(3) { cluster.append("in", partition, key: "late", value: "x") }
            try harness.steps(12)
        }
        #expect(made.versions.suffix(3) == [6, 6, 6])
        #expect(made.versions.count == 7 * 3)
        #expect(cluster.outputCounts() == cluster.inputCounts())
        #expect(cluster.changelogCounts(stage) == cluster.inputCounts())
        #expect(cluster.transactions.allSatisfy { $0.status == .committed })
    }

    /// The commit before the change fails: its records come again, and those that were read behind them must not be taken
    /// before.
    @Test func anAbortBeforeTheChangeSkipsNothing() throws {
        let (settings, made) = (Settings(), Made())
        var stage = stage(settings, made)
        // Longer than the steps before the change.
        stage.commitInterval = 5_000
        let cluster = cluster(stage, settings)
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(12)
        for key in ["a", "b"] { cluster.append("in", 0, key: key, value: "x") }
        try harness.step()
        for key in ["c", "d"] { cluster.append("in", 0, key: key, value: "x") }
        settings.take(1, to: 0)
        var fired = 0
        cluster.fault = { name, _ in
            guard name == "sendOffsets", fired == 0 else { return .none }
            fired += 1
            return .fail(ClientError(.abort, "injected"))
        }
        try harness.steps(600)
        #expect(fired == 1)
        #expect(made.versions == [0, 1])
        #expect(cluster.outputCounts() == ["a": 1, "b": 1, "c": 1, "d": 1])
    }

    @Test func aRecordOfALaterVersionWaitsForIt() throws {
        let (settings, made) = (Settings(), Made())
        var stage = stage(settings, made)
        let make = stage.makeTask
        stage.makeTask = { context in
            let (task, version) = (make(context), settings.version)
            return DemandingTask(task, version: version)
        }
        let cluster = cluster(stage, settings)
        let harness = Harness(cluster, stage)
        try harness.open()
        cluster.append("in", 0, key: "a", value: "x")
        try harness.steps(12)
        cluster.append("in", 0, key: "b", value: "x")
        cluster.append("in", 0, key: "needs 2", value: "x")
        cluster.append("in", 0, key: "c", value: "x")
        try harness.steps(60)
        #expect(cluster.outputCounts().keys.contains("needs 2") == false)
        settings.take(1, to: 0)
        try harness.steps(60)
        #expect(cluster.outputCounts().keys.contains("needs 2") == false)
        settings.take(2, to: 0)
        try harness.steps(30)
        #expect(cluster.outputCounts() == cluster.inputCounts())
        #expect(made.versions == [0, 1, 2])
    }
}

/// A count task that takes `needs n` only under version n.
private final class DemandingTask: StreamTask {
    private let task: any StreamTask
    private let version: Int64

    init(_ task: any StreamTask, version: Int64) {
        self.task = task
        self.version = version
    }

    func process(
        _ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput
    ) throws(InternalRecordError) {
        for record in records {
            let key = text(batch.key(record))
            if key.hasPrefix("needs "), let needed = Int64(key.dropFirst(6)), needed > version {
                throw InternalRecordError(neededSettings: needed, record: record)
            }
        }
        try task.process(batch, records, input: input, output: output)
    }

    func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError) { try task.restore(key: key, value: value) }
    func restoreCompleted(output: any TaskOutput) throws(InternalRecordError) {
        try task.restoreCompleted(output: output)
    }
    func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        try task.advance(to: time, output: output)
    }
    func prepareCommit(_ time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        try task.prepareCommit(time, output: output)
    }
    func commitSucceeded() { task.commitSucceeded() }
    func rollBack() { task.rollBack() }
    var dirty: Int { task.dirty }
    var isUrgent: Bool { task.isUrgent }
}
