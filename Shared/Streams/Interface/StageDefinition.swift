public import Logging

/// One stage of a service: what it reads, what it writes, and how a task is made.
public struct StageDefinition: Sendable {
    /// Name of the service, for example `ticketing`.
    public var service: String

    /// Name of the stage within the service, for example `entity`.
    public var name: String

    /// Generation of the state, from 1; see ``inGeneration(_:)``.
    public private(set) var generation = 1

    /// Prefix of the topics, groups and identities that belong to the installation itself.
    public var internalPrefix: String

    /// Topics read, all with the same number of partitions: the task of partition p reads partition p of each of them.
    public var inputs: [TopicSpec]

    /// Topics written, in the order of the indices that the task gives to `TaskOutput.send`.
    public var outputs: [TopicSpec]

    /// Where rejected records go; `nil` when all inputs are internal, whose records are never rejected.
    public var deadLetterTopic: TopicSpec?

    /// Whether the tasks keep state.
    public var hasChangelog: Bool

    /// Time between commits in milliseconds, at least 1 and well below the transaction timeout of 10 s.
    public var commitInterval: Int64

    /// The stages whose clocks this one waits for.
    public var upstreamClocks: [UpstreamClock]

    /// What ``makeTask`` depends on and may change while the stage runs; `nil` when nothing does.
    public var settings: (any StageSettings)?

    /// Makes the task of one partition. Called on the stream thread at each assignment of that partition, and when the
    /// version of ``settings`` has changed.
    public var makeTask: @Sendable (TaskContext) -> any StreamTask

    public init(
        service: String, name: String, internalPrefix: String = "deskbeat.", inputs: [TopicSpec],
        outputs: [TopicSpec], deadLetterTopic: TopicSpec? = nil, hasChangelog: Bool, commitInterval: Int64,
        upstreamClocks: [UpstreamClock] = [], settings: (any StageSettings)? = nil,
        makeTask: @escaping @Sendable (TaskContext) -> any StreamTask
    ) {
        self.service = service
        self.name = name
        self.internalPrefix = internalPrefix
        self.inputs = inputs
        self.outputs = outputs
        self.deadLetterTopic = deadLetterTopic
        self.hasChangelog = hasChangelog
        self.commitInterval = commitInterval
        self.upstreamClocks = upstreamClocks
        self.settings = settings
        self.makeTask = makeTask
    }
}

extension StageDefinition {
    /// Number of tasks, which is the number of partitions of each input.
    public var partitionCount: Int32 { inputs.first?.partitions ?? 0 }

    /// Consumer group, and the stem of the other identities: `deskbeat.ticketing-entity`.
    public var group: String { "\(internalPrefix)\(service)-\(name)\(generation == 1 ? "" : ".g\(generation)")" }

    /// The service as it stands in names that belong to one generation: `ticketing`, `ticketing.g2`.
    var stem: String { generation == 1 ? service : "\(service).g\(generation)" }

    /// The stage with state, positions and internal topics that no other generation shares: it begins at the beginning of its
    /// external inputs. What the service writes for itself alone (`deskbeat.ticketing.series`) gets a name of the generation;
    /// external topics and the clocks of other services stay as they are.
    ///
    /// - Parameter generation: at least 1, which changes nothing.
    public func inGeneration(_ generation: Int) -> StageDefinition {
        precondition(generation >= 1, "generations begin at 1")
        guard generation > 1 else { return self }
        var stage = self
        stage.generation = generation
        let own = "\(internalPrefix)\(service)."
        func renamed(_ topic: TopicSpec) -> TopicSpec {
            guard topic.name.hasPrefix(own) else { return topic }
            var topic = topic
            topic.name = "\(own)g\(generation).\(topic.name.dropFirst(own.count))"
            return topic
        }
        stage.inputs = inputs.map(renamed)
        stage.outputs = outputs.map(renamed)
        for index in stage.upstreamClocks.indices where stage.upstreamClocks[index].service == service {
            stage.upstreamClocks[index].service = stage.stem
        }
        return stage
    }

    /// `deskbeat.ticketing.entity.changelog`.
    public var changelogTopic: TopicSpec {
        .changelog("\(internalPrefix)\(stem).\(name).changelog", partitions: max(1, partitionCount))
    }

    /// `deskbeat.clocks`.
    public var clocksTopic: TopicSpec { .clocks("\(internalPrefix)clocks") }

    /// Every topic that a task of this stage, or the runtime on its behalf, writes to.
    public var writtenTopics: [TopicSpec] {
        outputs + (deadLetterTopic.map { [$0] } ?? []) + (hasChangelog ? [changelogTopic] : []) + [clocksTopic]
    }

    /// Transactional id and static member id of one stream thread: `deskbeat.ticketing-entity-host7-0`.
    public func identity(instance: String, thread: Int) -> String { "\(group)-\(instance)-\(thread)" }
}

/// A stage before this one, whose tasks' clocks bound this stage's clock.
public struct UpstreamClock: Sendable, Hashable {
    public var service: String
    public var stage: String

    /// Number of tasks of that stage: all of them must have published a clock.
    public var partitions: Int32

    /// Microseconds added to that stage's clock, 5 s for ingest so that timers normally run on the wall clock.
    public var slack: Int64

    /// Microseconds for which a task of that stage may be silent before it no longer holds this stage's clock
    /// (``TaskTime/degraded``); `nil` waits for ever, which suits stages of the same service.
    public var patience: Int64?

    public init(service: String, stage: String, partitions: Int32, slack: Int64 = 0, patience: Int64? = nil) {
        self.service = service
        self.stage = stage
        self.partitions = partitions
        self.slack = slack
        self.patience = patience
    }

    /// The clock of ingest's transform stage: slack of 5 s, waited for at most 5 minutes.
    public static func ingest(partitions: Int32) -> UpstreamClock {
        UpstreamClock(
            service: "ingest", stage: "transform", partitions: partitions, slack: 5_000_000, patience: 300_000_000)
    }
}

/// What a task is told about its place.
public struct TaskContext: Sendable {
    /// Partition of the inputs and of the changelog.
    public var partition: Int32

    /// Number of partitions of each input. A task that meets a key which `Partitioner` puts elsewhere throws
    /// ``InternalRecordError``.
    public var partitionCount: Int32

    /// Number of partitions of each of ``StageDefinition/outputs``.
    public var outputPartitionCounts: [Int32]

    /// Of the stage's state, from 1; see ``StageDefinition/inGeneration(_:)``.
    public var generation: Int

    /// Carries service, stage and partition as metadata.
    public var logger: Logger

    public init(
        partition: Int32, partitionCount: Int32, outputPartitionCounts: [Int32] = [], generation: Int = 1,
        logger: Logger
    ) {
        self.generation = generation
        self.partition = partition
        self.partitionCount = partitionCount
        self.outputPartitionCounts = outputPartitionCounts
        self.logger = logger
    }
}
