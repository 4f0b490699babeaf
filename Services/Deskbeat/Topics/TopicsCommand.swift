import ArgumentParser
import Kafka
import ServiceKit
import Streams

/// `deskbeat topics`.
struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics",
        abstract: "List the topics, and create those that are missing.",
        discussion: """
            The services create their topics themselves; this command is for looking, and for clusters where only some users may \
            create topics. RECORDS counts offsets, so compacted and transactional topics hold somewhat less.

            Examples:
              deskbeat topics
              deskbeat topics --create --partitions 12
              deskbeat topics --print > topics.sh    # for whoever may create topics, with Kafka's own tools
            """)

    @Flag(help: "Create the topics that are missing.")
    var create = false

    @Flag(
        help: """
            Print the commands that create all topics, and ask no broker. They are for services with --create-topics=never.
            """)
    var print = false

    @Option(help: "Replication factor in what --print prints, 1 to 100.")
    var replicationFactor: Int32 = 3

    @Option(
        help: "Partitions of topics that are created. Environment: DESKBEAT_PARTITIONS; default 12, local broker 4.")
    var partitions: Int?

    @OptionGroup var cluster: ClusterOptions

    func validate() throws {
        if create, print { throw ValidationError("--create and --print: choose one of them.") }
        guard (1...100).contains(replicationFactor) else { throw ValidationError("--replication-factor is 1 to 100.") }
        if let partitions, !(1...1_000).contains(partitions) { throw ValidationError("--partitions is 1 to 1000.") }
    }

    func run() async throws {
        let specs = StageEntry.topicSpecs(
            topics: cluster.topics, internalPrefix: cluster.internalNames,
            partitions: cluster.partitions(partitions, isLocal: cluster.isLocal && !print))
        if print {
            let replication = Replication(factor: replicationFactor)
            for spec in specs { Console.output.line(spec.createCommand(replication)) }
            return
        }
        let admin = try cluster.admin()
        let deadline = Deadline.after(.seconds(20))
        if create {
            for name in try await MissingTopics.ensure(specs, admin, deadline) { Console.error.line("created \(name)") }
        }
        let prefixes = [cluster.topics.prefix, cluster.internalNames]
        let existing = try await admin.topics(deadline).filter { name, _ in prefixes.contains { name.hasPrefix($0) } }
        let settings = try await admin.describeTopicConfigs(existing.keys.sorted(), deadline)
        let places = existing.values.flatMap { topic in
            topic.partitions.map { TopicPartition(topic: topic.name, partition: $0.id) }
        }
        let low = try await admin.listOffsets(
            Dictionary(uniqueKeysWithValues: places.map { ($0, .earliest) }), deadline)
        let high = try await admin.listOffsets(Dictionary(uniqueKeysWithValues: places.map { ($0, .latest) }), deadline)
        var table = Table([
            .init("TOPIC"), .init("PARTITIONS", .right), .init("RECORDS", .right), .init("CLEANUP"), .init("RETENTION"),
            .init("NOTE"),
        ])
        for name in Set(existing.keys).union(specs.map(\.name)).sorted() {
            guard let topic = existing[name] else {
                table.add([.init(name), "", "", "", "", .init("missing", .yellow)])
                continue
            }
            let size = places.filter { $0.topic == name }
                .reduce(Int64(0)) { $0 + (high[$1] ?? 0) - (low[$1] ?? 0) }
            let own = settings[name] ?? [:]
            let note = specs.first { $0.name == name }.flatMap { TopicFault.of($0, topic, own) }
            table.add([
                .init(name), .init(String(topic.partitions.count)), .init(Humanise.count(size)),
                .init(own["cleanup.policy"]?.value ?? ""), .init(retention(own["retention.ms"]?.value)),
                note.map { .init($0, .red) } ?? "",
            ])
        }
        table.print(to: .output)
        try await admin.close(.after(.seconds(5)))
    }

    private func retention(_ text: String?) -> String {
        guard let milliseconds = text.flatMap({ Int64($0) }) else { return "" }
        return milliseconds < 0 ? "for ever" : Humanise.duration(seconds: Double(milliseconds) / 1_000)
    }
}

/// What is wrong with an existing topic.
enum TopicFault {
    /// Nil when the services would accept it. The number of partitions is compared only where it is fixed.
    static func of(_ spec: TopicSpec, _ topic: TopicDescription, _ settings: [String: TopicSetting]) -> String? {
        if let policy = settings["cleanup.policy"]?.value {
            let wanted = Set(spec.cleanup.rawValue.split(separator: ","))
            if Set(policy.split(separator: ",")) != wanted {
                return "cleanup.policy is \(policy), not \(spec.cleanup.rawValue)"
            }
        }
        if let stamps = settings["message.timestamp.type"]?.value, let wanted = spec.settings["message.timestamp.type"],
            stamps != wanted
        {
            return "message.timestamp.type is \(stamps), not \(wanted)"
        }
        if spec.partitions == 1, topic.partitions.count != 1 {
            return "has \(topic.partitions.count) partitions, not 1"
        }
        if topic.partitions.contains(where: { $0.leader < 0 }) { return "a partition has no leader" }
        return nil
    }
}
