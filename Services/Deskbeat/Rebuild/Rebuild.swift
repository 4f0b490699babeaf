import FoundationEssentials
import KPIs
import Kafka
import Logging
import ServiceKit
import Streams

/// Prepares a new generation of a service's state: its topics, and in its changelogs what was published last.
///
/// The new generation counts only when all of it is there. A run that breaks off leaves topics behind that the next one passes
/// over.
struct Rebuild: Sendable {
    struct Result: Sendable {
        var generation: Int
        /// Figures and entities whose publications go on.
        var seeds: Int
        var oldTopics: [String]
    }

    private let service: String
    private let kafka: KafkaConfiguration
    private let internalPrefix: String
    private let topics: TopicNames
    private let generations: StateGenerations
    private let logger: Logger
    private static let patience = Duration.seconds(60)

    /// - Throws: when there is no such service, or it has no state.
    init(
        _ service: String, kafka: KafkaConfiguration, topics: TopicNames, internalPrefix: String, logger: Logger
    ) throws {
        let known = StageEntry.all(topics: topics, internalPrefix: internalPrefix).filter(\.hasChangelog).map(\.service)
        guard known.contains(service) else {
            let names = Set(known).sorted().joined(separator: ", ")
            throw InputError("'\(service)' is no service with state; write one of \(names)")
        }
        self.service = service
        self.kafka = kafka
        self.topics = topics
        self.internalPrefix = internalPrefix
        self.logger = logger
        generations = StateGenerations(internalPrefix: internalPrefix, kafka: kafka, logger: logger)
    }

    func run() async throws -> Result {
        let admin = try KafkaAdmin(configuration: kafka, logger: logger)
        let generations = generations
        try await MissingTopics.ensure([generations.topic], admin, .after(Self.patience))
        let current = try await BlockingWork("rebuild").run {
            try generations.read(.after(Self.patience))[service] ?? 1
        }
        let old = stages(current)
        try await refuseIfRunning(old, admin)
        let existing = try await admin.topics(.after(Self.patience))
        guard let input = old.first?.inputs.first, let partitions = existing[input]?.partitions.count else {
            throw InputError("\(service) has no input yet: nothing to rebuild")
        }
        var generation = current + 1
        while stages(generation).contains(where: { existing[changelog($0)] != nil }) { generation += 1 }
        let new = stages(generation)
        let specs = new.flatMap { stage in
            [TopicSpec.changelog(changelog(stage), partitions: Int32(partitions))]
                + stage.inputs.filter { $0.hasPrefix(internalPrefix) }.map {
                    TopicSpec.repartition($0, partitions: Int32(partitions))
                }
        }
        try await MissingTopics.ensure(specs, admin, .after(Self.patience))
        let present = try await admin.topics(.after(Self.patience))
        try await admin.close(.after(.seconds(5)))

        let until = UTCTime.now()
        var seeds = 0
        for (before, after) in zip(old, new) {
            let source = SeedSource(
                topic: changelog(before),
                partitions: Int32(present[changelog(before)]?.partitions.count ?? 0))
            let target = SeedTarget(
                topic: changelog(after), partitions: Int32(partitions), kind: kind(of: before), heldUntil: until,
                transactionalID: "\(internalPrefix)rebuild-\(service)")
            let (kafka, logger) = (kafka, logger)
            seeds += try await BlockingWork("rebuild").run { try target.write(from: source, kafka, logger) }
        }
        let chosen = generation
        try await BlockingWork("rebuild").run { try switchTo(chosen) }
        return Result(
            generation: generation, seeds: seeds,
            oldTopics: old.flatMap { [changelog($0)] + $0.inputs.filter { $0.hasPrefix(internalPrefix) } }
                .filter { existing[$0] != nil })
    }

    private func stages(_ generation: Int) -> [StageEntry] {
        StageEntry.all(topics: topics, internalPrefix: internalPrefix, generations: [service: generation])
            .filter { $0.service == service && $0.hasChangelog }
    }

    private func changelog(_ stage: StageEntry) -> String { stage.changelog(internalPrefix) }

    private func kind(of stage: StageEntry) -> SeedTarget.Kind {
        if stage.name == "series" { return .series }
        // The one service whose tickets and contacts remember what was published about them.
        return stage.service == "sla-monitor" && stage.name != "customers" ? .entitiesWithMemory : .entities
    }

    /// What still runs would publish further revisions behind the ones that are taken over.
    private func refuseIfRunning(_ stages: [StageEntry], _ admin: KafkaAdmin) async throws {
        // A process that has stopped is a member until its session has run out, 12 s.
        let deadline = Deadline.after(.seconds(20))
        for stage in stages {
            while let member = try await members(of: stage, admin).first {
                guard !deadline.isExpired else {
                    throw InputError(
                        "\(stage.title) is running on \(member.host) (\(member.instanceID ?? member.clientID)): stop all "
                            + "processes of \(service) first")
                }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    private func members(of stage: StageEntry, _ admin: KafkaAdmin) async throws -> [GroupDescription.Member] {
        do {
            return try await admin.describeGroup(stage.group, .after(Self.patience)).members
        } catch  where error.code == .unknownGroup {
            return []
        }
    }

    private func switchTo(_ generation: Int) throws {
        let producer = try TransactionalProducer(
            configuration: kafka, transactionalID: "\(internalPrefix)rebuild-\(service)", logger: logger)
        defer { try? producer.close(.after(.seconds(5))) }
        let deadline = Deadline.after(Self.patience)
        try producer.initTransactions(deadline)
        try producer.warm([generations.topic.name], deadline)
        try producer.begin()
        try generations.write(generation, of: service, in: producer)
        try producer.commit(deadline)
    }
}
