import Kafka
import Logging
import Streams
import Testing

/// One process with one stream thread, stepped by the test.
final class Harness {
    let cluster: FakeCluster
    let clients: FakeClients
    let worker: StreamWorker
    private let progress: InlineProgress
    private let time: ManualTime

    init(
        _ cluster: FakeCluster, _ stage: StageDefinition, identity: String = "a-0",
        options: StreamWorker.Options = .init()
    ) {
        self.cluster = cluster
        time = cluster.time
        clients = FakeClients(cluster)
        progress = InlineProgress(stage, clients, cluster.time)
        worker = StreamWorker(
            stage: stage, thread: 0, identity: identity, clients: clients, time: cluster.time, progress: progress,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), options: options)
    }

    /// One step, 20 ms later.
    func step() throws(WorkerError) {
        time.advance(milliseconds: 20)
        progress.isStale = true
        try worker.step(wait: 20)
    }

    func steps(_ count: Int) throws(WorkerError) {
        for _ in 0..<count { try step() }
    }

    func open() throws(WorkerError) { try worker.open() }
    func close() throws(WorkerError) { try worker.close(deadline: .after(.seconds(1))) }
}

/// Looks whenever it is asked, on the test's thread.
final class InlineProgress: ProgressSource {
    private let stage: StageDefinition
    private let clients: any StreamClients
    private let time: any TimeSource
    private var looker: ProgressLooker?
    private var partitions: [TopicPartition] = []
    private var look: ProgressLook?
    var isStale = true

    init(_ stage: StageDefinition, _ clients: any StreamClients, _ time: any TimeSource) {
        self.stage = stage
        self.clients = clients
        self.time = time
    }

    func watch(_ partitions: [TopicPartition], thread: Int) { self.partitions = partitions }

    func latest() -> ProgressLook? {
        guard isStale else { return look }
        isStale = false
        do throws(ClientError) {
            if looker == nil {
                looker = try ProgressLooker(stage: stage, clients: clients, identity: "looker", time: time)
            }
            look = try looker?.look(at: partitions, deadline: .after(.seconds(5)))
        } catch {
            // The production observer keeps its last look too.
        }
        return look
    }
}

/// The stage that the tests of the loop run: counts `in` into `out`.
func countStage(
    partitions: Int32 = 1, interval: Int64 = 100, deadLetters: Bool = true, upstream: [UpstreamClock] = [],
    makeTask: @escaping @Sendable (TaskContext) -> any StreamTask = { CountTask($0) }
) -> StageDefinition {
    StageDefinition(
        service: "count", name: "keys", inputs: [.inbound("in", partitions: partitions)],
        outputs: [.repartition("out", partitions: partitions)],
        deadLetterTopic: deadLetters ? .deadLetters("dead", partitions: partitions) : nil, hasChangelog: true,
        commitInterval: interval, upstreamClocks: upstream, makeTask: makeTask)
}

func makeCluster(for stage: StageDefinition) -> FakeCluster {
    let cluster = FakeCluster(time: ManualTime())
    for topic in stage.inputs + stage.writtenTopics { cluster.create(topic) }
    return cluster
}

extension FakeCluster {
    /// Sum of the committed outputs, by key.
    func outputCounts(_ topic: String = "out") -> [String: Int] {
        var sums: [String: Int] = [:]
        for (_, _, record) in visible(topic) {
            sums[text(record.key), default: 0] += Int(text(record.value)) ?? 0
        }
        return sums
    }

    /// Number of inputs, by key.
    func inputCounts(_ topic: String = "in") -> [String: Int] {
        var counts: [String: Int] = [:]
        for (_, _, record) in visible(topic) { counts[text(record.key), default: 0] += 1 }
        return counts
    }

    /// What the restores of all partitions together would find, by key.
    func changelogCounts(_ stage: StageDefinition) -> [String: Int] {
        var latest: [Int32: [String: Int]] = [:]
        for (partition, _, record) in visible(stage.changelogTopic.name) where record.key != ChangelogMeta.key {
            latest[partition, default: [:]][text(record.key)] = Int(text(record.value))
        }
        return latest.values.reduce(into: [:]) { sums, counts in sums.merge(counts, uniquingKeysWith: +) }
    }

    func committedPosition(_ stage: StageDefinition, _ partition: Int32 = 0) -> OffsetAndMetadata? {
        group(stage.group).committed[TopicPartition(topic: stage.inputs[0].name, partition: partition)]
    }

    func committedMetadata(_ stage: StageDefinition, _ partition: Int32 = 0) -> PositionMetadata? {
        committedPosition(stage, partition).flatMap { PositionMetadata(parsing: $0.metadata) }
    }
}

func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }
