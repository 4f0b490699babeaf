package import Kafka
import Streams

/// What a stage has to have passed in one partition, and where it stands.
package struct IdleLag: Equatable, Sendable {
    package var stage: String
    package var partition: TopicPartition
    /// The high watermark when it was sampled.
    package var end: Int64
    /// Committed position; nil without any.
    package var position: Int64?
    /// What is left to be derived or published there; nil when the commit does not say.
    package var dirty: Int?
    /// Whether it still works by an earlier version of the rules than the newest one.
    package var hasOldRules = false
    /// The task's clock at the commit, microseconds since 1970; 0 before the first, nil when the commit does not say.
    package var clock: Int64?
    /// Whether windows that had ended when the walk began may still be open: its clock is from before.
    package var hasOldClock = false

    package init(stage: String, partition: TopicPartition, end: Int64, position: Int64?, dirty: Int?) {
        self.stage = stage
        self.partition = partition
        self.end = end
        self.position = position
        self.dirty = dirty
    }

    /// Idle means: everything sampled has been processed and committed, and its effects as well.
    package var isIdle: Bool {
        // A partition that nothing was ever written to need not have been committed.
        guard let position else { return end == 0 }
        if hasOldRules { return false }
        // An offset committed by hand says nothing about effects; then the position alone counts.
        return position >= end && (dirty ?? 0) == 0
    }
}

/// The reads that the walk makes, so that tests can make up a cluster.
package protocol IdleCluster: Sendable {
    /// Partitions of a topic, nil when it does not exist.
    func partitions(of topic: String) async throws -> [TopicPartition]?
    func highWatermarks(_ partitions: [TopicPartition]) async throws -> [TopicPartition: Int64]
    /// The newest version of the rules, 0 when none has been published.
    func rulesVersion() async throws -> Int64
    /// Committed positions of a group; empty for an unknown one.
    func committed(_ group: String, _ partitions: [TopicPartition]) async throws -> [TopicPartition: (
        offset: Int64, metadata: String
    )]
    /// Whether a group has members, or may have some again in a moment.
    func isRunning(_ group: String) async throws -> Bool
    /// Lets time pass between two looks at what is not idle yet; false when there is none left.
    func pause() async throws -> Bool
}

/// Waits until everything that was in the topics at the start has gone through all stages, stage after stage: a stage's
/// input is sampled only when the stages before have passed their own samples, so what they wrote is in it.
///
/// Windows end without any record, so the clocks count as well: that of the first stage has to have moved since the walk began,
/// and those of the others to have come as far. A stage that nobody runs is not waited for once it has passed its sample.
package enum IdleWalk {
    package enum Outcome: Equatable, Sendable {
        case idle
        case timedOut([IdleLag])
        /// The stage's input does not exist.
        case missing(stage: String, topic: String)
    }

    package static func run(_ stages: [StageEntry], _ cluster: some IdleCluster) async throws -> Outcome {
        let rules = try await cluster.rulesVersion()
        var floor: Int64?
        for stage in stages {
            var ends: [TopicPartition: Int64] = [:]
            for topic in stage.inputs {
                guard let partitions = try await existing(topic, cluster) else {
                    return .missing(stage: stage.title, topic: topic)
                }
                ends.merge(try await cluster.highWatermarks(partitions)) { $1 }
            }
            var atFirst: [TopicPartition: Int64]?
            while true {
                var lags = try await lags(of: stage, ends, rules: rules, cluster)
                let before = atFirst ?? clocks(of: lags)
                atFirst = before
                for (index, lag) in lags.enumerated() {
                    guard let clock = lag.clock else { continue }
                    lags[index].hasOldClock = floor.map { clock < $0 } ?? (clock <= before[lag.partition] ?? 0)
                }
                if lags.allSatisfy(\.isIdle) {
                    if !lags.contains(where: \.hasOldClock) {
                        floor = floor ?? clocks(of: lags).values.min()
                        break
                    }
                    guard try await cluster.isRunning(stage.group) else { break }
                }
                guard try await cluster.pause() else {
                    return .timedOut(lags.filter { !$0.isIdle || $0.hasOldClock })
                }
            }
        }
        return .idle
    }

    private static func clocks(of lags: [IdleLag]) -> [TopicPartition: Int64] {
        Dictionary(uniqueKeysWithValues: lags.compactMap { lag in lag.clock.map { (lag.partition, $0) } })
    }

    /// Services create their topics when they start; that is waited for.
    private static func existing(_ topic: String, _ cluster: some IdleCluster) async throws -> [TopicPartition]? {
        while true {
            if let partitions = try await cluster.partitions(of: topic) { return partitions }
            guard try await cluster.pause() else { return nil }
        }
    }

    private static func lags(
        of stage: StageEntry, _ ends: [TopicPartition: Int64], rules: Int64, _ cluster: some IdleCluster
    ) async throws -> [IdleLag] {
        lags(of: stage, ends, rules: rules, committed: try await cluster.committed(stage.group, Array(ends.keys)))
    }

    /// - Parameters:
    ///   - ends: High watermarks of the stage's inputs.
    ///   - rules: The newest version of the rules, 0 when none has been published.
    ///   - committed: Positions of the stage's group.
    static func lags(
        of stage: StageEntry, _ ends: [TopicPartition: Int64], rules: Int64,
        committed: [TopicPartition: (offset: Int64, metadata: String)]
    ) -> [IdleLag] {
        let partitions = ends.keys.sorted { ($0.topic, $0.partition) < ($1.topic, $1.partition) }
        return partitions.map { partition in
            let commit = committed[partition]
            let metadata = commit.flatMap { PositionMetadata(parsing: $0.metadata) }
            var lag = IdleLag(
                stage: stage.title, partition: partition, end: ends[partition] ?? 0, position: commit?.offset,
                dirty: metadata?.dirty)
            lag.hasOldRules = metadata?.settings.map { $0 < rules } ?? false
            lag.clock = metadata?.clock
            return lag
        }
    }
}
