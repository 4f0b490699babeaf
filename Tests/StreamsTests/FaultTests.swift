import Kafka
import Streams
import Testing

/// Every fault at every call: each input is counted once in what a `read_committed` consumer sees, state equals the fold
/// of the changelog equals the fold of the input, and no transaction stays open.
@Suite struct FaultTests {
    enum Kind: String, CaseIterable {
        case crashBefore, crashAfter, abort, retryOnce, fatal, failedAfterTakingEffect
    }

    /// Two rounds of input; a fault at the n-th call of any client.
    ///
    /// - Returns: whether the fault fired.
    private func run(_ kind: Kind, at target: Int) throws -> Bool {
        let stage = countStage(partitions: 2)
        let cluster = makeCluster(for: stage)
        var calls = 0
        var fired = false
        cluster.fault = { name, _ in
            calls += 1
            guard calls == target else { return .none }
            fired = true
            switch kind {
            case .crashBefore: return .crash(after: false)
            case .crashAfter: return .crash(after: true)
            case .abort: return .fail(ClientError(.abort, "injected into \(name)"))
            case .retryOnce: return .fail(ClientError(.retry, "injected into \(name)"))
            case .fatal: return .fail(ClientError(.fatal, "injected into \(name)"))
            case .failedAfterTakingEffect:
                // Retrying an append would append twice; librdkafka's idempotence sees to that, the fake does not.
                return name == "commit" || name == "sendOffsets"
                    ? .failAfter(ClientError(.fatal, "outcome unknown")) : .none
            }
        }
        var worker = try Incarnations(cluster, stage)
        for round in 0..<2 {
            for index in 0..<6 {
                cluster.append("in", Int32(index % 2), key: "k\(index % 3)", value: "x")
            }
            worker.run(steps: 14 + round)
        }
        cluster.fault = { _, _ in .none }
        worker.run(steps: 30)
        worker.close()
        let comment: Comment = "\(kind) at call \(target)"
        #expect(cluster.outputCounts() == cluster.inputCounts(), comment)
        #expect(cluster.changelogCounts(stage) == cluster.inputCounts(), comment)
        #expect(!cluster.transactions.contains { $0.status == .open }, comment)
        for partition: Int32 in 0..<2 {
            #expect(cluster.committedPosition(stage, partition)?.offset == 6, comment)
            #expect(cluster.committedMetadata(stage, partition)?.dirty == 0, comment)
        }
        return fired
    }

    @Test(arguments: Kind.allCases)
    func everyCall(_ kind: Kind) throws {
        var target = 1
        var fired = 0
        while try run(kind, at: target) {
            fired += 1
            target += 1
            guard target < 2_000 else { break }
        }
        #expect(kind == .failedAfterTakingEffect || fired > 100)
    }

    /// Random faults, several per run, over two processes whose members come and go.
    @Test(arguments: 0..<60)
    func storms(_ seed: UInt64) throws {
        var random = SplitMix(seed)
        let stage = countStage(partitions: 3)
        let cluster = makeCluster(for: stage)
        var faults = 0
        var isStormy = true
        cluster.fault = { _, _ in
            guard isStormy, random.next() % 40 == 0 else { return .none }
            faults += 1
            switch random.next() % 6 {
            case 0: return .crash(after: false)
            case 1: return .crash(after: true)
            case 2: return .fail(ClientError(.abort, "storm"))
            case 3: return .fail(ClientError(.retry, "storm"))
            default: return .fail(ClientError(.fatal, "storm"))
            }
        }
        var workers = [
            try Incarnations(cluster, stage, identity: "a-0"), try Incarnations(cluster, stage, identity: "b-0"),
        ]
        var dice = SplitMix(seed ^ 0xD1CE)
        for _ in 0..<40 {
            for _ in 0..<dice.next() % 5 {
                cluster.append(
                    "in", Int32(dice.next() % 3), key: "k\(dice.next() % 7)", value: "x")
            }
            let which = Int(dice.next() % 2)
            workers[which].run(steps: Int(dice.next() % 8))
            if dice.next() % 10 == 0 { cluster.expire(stage.group, which == 0 ? "a-0" : "b-0") }
        }
        isStormy = false
        for _ in 0..<80 {
            for index in workers.indices { workers[index].run(steps: 2) }
        }
        #expect(faults > 0)
        // Three deaths at one record condemn it, guilty or not; it is not lost either.
        var expected = cluster.inputCounts()
        for (_, _, record) in cluster.visible("dead") { expected[text(record.key), default: 0] -= 1 }
        #expect(cluster.outputCounts() == expected, "seed \(seed)")
        #expect(cluster.changelogCounts(stage) == expected, "seed \(seed)")
        for index in workers.indices { workers[index].close() }
        #expect(!cluster.transactions.contains { $0.status == .open }, "seed \(seed)")
    }
}

/// A process that is started again whenever it dies, and gets new handles whenever it asks for them.
struct Incarnations {
    let cluster: FakeCluster
    let stage: StageDefinition
    let identity: String
    private(set) var harness: Harness
    private(set) var starts = 0
    private var isOpen = false
    /// Lives as long as the process.
    private var memory = ProcessMemory()

    init(_ cluster: FakeCluster, _ stage: StageDefinition, identity: String = "a-0") throws {
        self.cluster = cluster
        self.stage = stage
        self.identity = identity
        harness = Harness(cluster, stage, identity: identity)
    }

    mutating func run(steps: Int) {
        for _ in 0..<steps {
            do throws(WorkerError) {
                if !isOpen {
                    var options = StreamWorker.Options()
                    options.memory = memory
                    harness = Harness(cluster, stage, identity: identity, options: options)
                    starts += 1
                    isOpen = true
                    try harness.open()
                }
                try harness.step()
            } catch {
                if case .stop(let failure) = error { Issue.record("stopped: \(failure)") }
                harness.worker.discard(deadline: .never)
                isOpen = false
                // A member that died is missed after its session time-out.
                if harness.clients.process.isCrashed {
                    cluster.forget(stage.group, identity)
                    memory = ProcessMemory()
                }
            }
        }
    }

    mutating func close() {
        guard isOpen else { return }
        do throws(WorkerError) {
            try harness.close()
        } catch {
            Issue.record("close: \(error)")
        }
        isOpen = false
    }
}

extension FakeCluster {
    /// The session of a dead member is over.
    func forget(_ name: String, _ identity: String) {
        let group = group(name)
        guard let member = group.members.first(where: { $0.identity == identity }) else { return }
        member.isFenced = true
        group.members.removeAll { $0 === member }
        rebalance(group)
    }
}
