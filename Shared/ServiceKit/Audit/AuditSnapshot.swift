import Kafka
import Logging
import Streams

/// Up to where an audit reads, and what was known of the service at that moment.
///
/// The service may be at work meanwhile. `processed` is what has passed its entity stage for sure, and is published;
/// what came later, up to `ends`, may or may not show in the alerts.
struct AuditSnapshot: Sendable {
    /// By partition of a canonical topic: the offset that the entity stage had committed.
    var processed: [TopicPartition: Int64] = [:]
    /// By stage and partition of its inputs: the offset that it had passed for sure.
    var passed: [String: [TopicPartition: Int64]] = [:]
    /// By partition of the canonical topics: where reading ends.
    var ends: [TopicPartition: Int64] = [:]
    /// By partition of the alerts and of the dead letters: where reading ends.
    var alerts: [TopicPartition: Int64] = [:]
    var deadLetters: [TopicPartition: Int64] = [:]
    /// The clocks of the service's tasks, by stage and partition: at the beginning, and at the end.
    var clocks: [ClockRecord.Task: ClosedRange<Int64>] = [:]
    /// Number of tasks by stage.
    var tasks: [String: Int32] = [:]
    /// The service had not caught up when time ran out.
    var isBehind = false

    func clock(_ service: String, _ stage: String, _ partition: Int32, _ now: Int64) -> ClosedRange<Int64> {
        clocks[ClockRecord.Task(service: service, stage: stage, partition: partition)] ?? now...now
    }
}

/// Takes the snapshot.
struct AuditSurvey: Sendable {
    let stages: [StageDefinition]
    let topics: TopicNames
    let configuration: KafkaConfiguration
    let logger: Logger
    /// Time to wait for the service to have published what it has read.
    let timeout: Duration
    /// The longest time that an update may wait for the next one of its key, microseconds.
    let emitInterval: Int64

    func snapshot() async throws -> AuditSnapshot {
        let admin = try KafkaAdmin(configuration: configuration, logger: logger)
        let snapshot = try await snapshot(admin)
        try? await admin.close(.after(.seconds(5)))
        return snapshot
    }

    private func snapshot(_ admin: KafkaAdmin) async throws -> AuditSnapshot {
        let known = try await admin.topics()
        func partitions(_ topic: String) throws(AuditError) -> [TopicPartition] {
            guard let description = known[topic] else {
                throw AuditError(
                    "there is no topic \(topic) at \(configuration.bootstrapServers); has the service run there?")
            }
            return description.partitions.map { TopicPartition(topic: topic, partition: $0.id) }
        }
        var snapshot = AuditSnapshot()
        let deadline = Deadline.after(timeout)
        // First, so that what followed from these clocks is published when the stages have been awaited.
        let before = try await clocks()
        // In the order of the flow: each stage is awaited for what those before it had written by then.
        for stage in stages {
            var inputs: [TopicPartition] = []
            for input in stage.inputs { inputs += try partitions(input.name) }
            snapshot.tasks[stage.name] = Int32(try partitions(stage.inputs[0].name).count)
            let isFirst = stage.deadLetterTopic != nil
            let ends = try await Self.ends(inputs, admin)
            let position = try await awaitStage(stage, inputs, isFirst ? nil : ends, deadline, admin)
            if !position.isReached { snapshot.isBehind = true }
            snapshot.passed[stage.name] = position.offsets
            if isFirst { snapshot.processed.merge(position.offsets) { $1 } }
        }
        snapshot.alerts = try await Self.ends(try partitions(topics.alerts), admin)
        if known[topics.deadLetters] != nil {
            snapshot.deadLetters = try await Self.ends(try partitions(topics.deadLetters), admin)
        }
        snapshot.ends = try await Self.ends(Array(snapshot.processed.keys), admin)
        let now = UTCTime.now()
        let after = try await clocks()
        for (task, clock) in before {
            // A clock is published at most once a second: alerts of a little later may be there already.
            let last = max(clock, min(now, (after[task] ?? clock) + 10_000_000))
            snapshot.clocks[task] = clock...last
        }
        return snapshot
    }

    private static func ends(
        _ partitions: [TopicPartition], _ admin: KafkaAdmin
    ) async throws(KafkaError) -> [TopicPartition: Int64] {
        try await admin.listOffsets(Dictionary(partitions.map { ($0, OffsetQuery.latest) }) { $1 })
    }

    /// Waits until a stage has passed `ends` (nil: whatever it has read by now), and has nothing left to derive or publish.
    private func awaitStage(
        _ stage: StageDefinition, _ inputs: [TopicPartition], _ ends: [TopicPartition: Int64]?, _ deadline: Deadline,
        _ admin: KafkaAdmin
    ) async throws -> (offsets: [TopicPartition: Int64], isReached: Bool) {
        var passed: Deadline?
        while true {
            var committed: [TopicPartition: CommittedOffset] = [:]
            do {
                committed = try await admin.groupOffsets(stage.group, partitions: inputs)
            } catch {
                guard error.code == .unknownGroup else { throw error }
                throw AuditError("\(stage.group) has never committed anything: has the service run?")
            }
            let offsets = Dictionary(uniqueKeysWithValues: inputs.map { ($0, committed[$0]?.offset ?? 0) })
            let hasPassed = (ends ?? [:]).allSatisfy { offsets[$0.key] ?? 0 >= $0.value }
            let isClean = committed.values.allSatisfy { (PositionMetadata(parsing: $0.metadata)?.dirty ?? 0) == 0 }
            if hasPassed, isClean { return (offsets, true) }
            // While events flow there is always something to publish: what was there has its turn within the interval.
            if hasPassed, passed == nil { passed = .after(.microseconds(emitInterval + 3_000_000)) }
            if hasPassed, let passed, passed.isExpired { return (offsets, true) }
            if deadline.isExpired { return (offsets, false) }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func clocks() async throws -> [ClockRecord.Task: Int64] {
        guard let topic = stages.first?.clocksTopic.name, let service = stages.first?.service else { return [:] }
        let partition = TopicPartition(topic: topic, partition: 0)
        let admin = try KafkaAdmin(configuration: configuration, logger: logger)
        let end = try await admin.listOffsets([partition: .latest])[partition] ?? 0
        try? await admin.close(.after(.seconds(5)))
        return try await AuditThread.run { [configuration, logger] in
            let reader = try PartitionReader(configuration, logger: logger)
            defer { reader.close() }
            var clocks: [ClockRecord.Task: Int64] = [:]
            try reader.read(partition, upTo: end) { batch, record in
                guard let key = batch.key(record), let task = ClockRecord.Task(key: key), task.service == service,
                    let value = batch.value(record), let clock = ClockRecord(value: value)
                else { return }
                clocks[task] = max(clock.clock, clocks[task] ?? .min)
            }
            return clocks
        }
    }
}
