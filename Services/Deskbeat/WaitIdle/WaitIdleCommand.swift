import ArgumentParser
import Kafka
import ServiceKit

/// `deskbeat wait-idle`.
struct WaitIdleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait-idle",
        abstract: "Wait until everything produced so far has gone through every stage.",
        discussion: """
            Looks at the ends of the topics, at the positions that the stages have committed, at their clocks, which close windows, and at the rules that \
            they work by. Exit status 0 when all is processed and published, 1 when time ran out; then a table shows what lags.

            Example:
              deskbeat replay events.ndjson && deskbeat wait-idle --timeout 60 && deskbeat kpis
            """)

    @Option(help: "Seconds to wait.")
    var timeout = 60.0

    @OptionGroup var cluster: ClusterOptions

    func validate() throws {
        guard timeout.isFinite, (0...1e7).contains(timeout) else {
            throw ValidationError("--timeout is a number of seconds.")
        }
    }

    func run() async throws {
        let stages = try await StageEntry.running(cluster)
        let admin = try cluster.admin()
        let deadline = Deadline.after(.milliseconds(Int64(timeout * 1_000)))
        let outcome: IdleWalk.Outcome
        do {
            outcome = try await IdleWalk.run(
                stages, LiveCluster(admin: admin, rules: PublishedRules(cluster), deadline: deadline))
        } catch let error as KafkaError where error.isTimedOut && deadline.isExpired {
            throw InputError("not idle after \(Humanise.decimal(timeout, 1)) s: \(error)")
        }
        try? await admin.close(.after(.seconds(2)))
        switch outcome {
        case .idle: return
        case .missing(let stage, let topic):
            Console.error.line(
                "not idle after \(Humanise.decimal(timeout, 1)) s: \(stage) has no input, there is no topic \(topic)")
        case .timedOut(let lags):
            Console.error.line("not idle after \(Humanise.decimal(timeout, 1)) s")
            IdleWalk.table(of: lags).print(to: .error)
        }
        throw ExitCode.failure
    }
}

extension IdleWalk {
    static func table(of lags: [IdleLag]) -> Table {
        var table = Table([
            .init("STAGE"), .init("TOPIC"), .init("PARTITION", .right), .init("POSITION", .right), .init("END", .right),
            .init("LAG", .right), .init("DIRTY", .right),
        ])
        for lag in lags {
            let behind = max(0, lag.end - (lag.position ?? 0))
            table.add([
                .init(lag.stage), .init(lag.partition.topic), .init(String(lag.partition.partition)),
                .init(lag.position.map { Humanise.count($0) } ?? "none"), .init(Humanise.count(lag.end)),
                .init(Humanise.count(behind), behind > 0 ? .yellow : nil),
                .init(
                    lag.hasOldRules
                        ? "old rules"
                        : lag.isIdle && lag.hasOldClock ? "old clock" : lag.dirty.map { Humanise.count($0) } ?? "?"),
            ])
        }
        return table
    }
}

/// The cluster itself, looked at twenty times a second.
private struct LiveCluster: IdleCluster {
    let admin: KafkaAdmin
    let rules: PublishedRules
    let deadline: Deadline
    /// A member that has lost its broker, or is being started again, has joined by then: a session ends after 12 s.
    private let joined = Deadline.after(.seconds(20))

    init(admin: KafkaAdmin, rules: PublishedRules, deadline: Deadline) {
        self.admin = admin
        self.rules = rules
        self.deadline = deadline
    }

    /// What one look may take: not cut short by the end of the whole, so that the last look still says what lags.
    private var look: Deadline { .after(.seconds(5)) }

    func partitions(of topic: String) async throws -> [TopicPartition]? {
        try await patiently {
            try await admin.topics(look)[topic]?.partitions.map { TopicPartition(topic: topic, partition: $0.id) }
        }
    }

    func highWatermarks(_ partitions: [TopicPartition]) async throws -> [TopicPartition: Int64] {
        let queries = Dictionary(uniqueKeysWithValues: partitions.map { ($0, OffsetQuery.latest) })
        return try await patiently { try await admin.listOffsets(queries, look) }
    }

    func rulesVersion() async throws -> Int64 {
        try await patiently { try await rules.newest()?.version ?? 0 }
    }

    func committed(
        _ group: String, _ partitions: [TopicPartition]
    ) async throws -> [TopicPartition: (offset: Int64, metadata: String)] {
        try await patiently {
            do {
                return try await admin.groupOffsets(group, partitions: partitions, look)
                    .mapValues { ($0.offset, $0.metadata) }
            } catch let error as KafkaError where error.code == .unknownGroup {
                return [:]
            }
        }
    }

    func isRunning(_ group: String) async throws -> Bool {
        guard joined.isExpired else { return true }
        return try await patiently { !(try await admin.describeGroup(group, look).members.isEmpty) }
    }

    func pause() async throws -> Bool {
        guard !deadline.isExpired else { return false }
        try await Task.sleep(for: .milliseconds(50))
        return true
    }

    /// A broker that is just starting again, or a coordinator that moves, is waited for.
    private func patiently<Value>(_ body: () async throws -> Value) async throws -> Value {
        while true {
            do {
                return try await body()
            } catch let error as KafkaError where error.reaction == .retry {
                guard try await pause() else { throw error }
            }
        }
    }
}
