import Kafka
import Streams

/// An in-memory Kafka, as far as the runtime can tell: transactions with markers and a last stable offset, fencing by
/// epoch, pending offsets, and an eager group. Faults can be injected at every call.
///
/// Each test drives its cluster, and all clients of it, from one thread: that is the proof for `@unchecked Sendable`.
final class FakeCluster: @unchecked Sendable {
    struct Stored {
        var key: [UInt8]?
        var value: [UInt8]?
        var headers: [(name: String, value: [UInt8]?)]
        var timestamp: Int64
        var transaction: Int?
        var isControl = false
    }

    enum Status {
        case open, committed, aborted
    }

    final class Group {
        var members: [FakeConsumer] = []
        var generation: Int32 = 0
        var committed: [TopicPartition: OffsetAndMetadata] = [:]
        /// Members that still have to give up their partitions before the next generation.
        var revoking: [FakeConsumer] = []
        var isRebalancing = false
    }

    struct Transaction {
        var identity: String
        var epoch: Int
        var status = Status.open
        var partitions: Set<TopicPartition> = []
        var pending: [(group: String, offsets: [TopicPartition: OffsetAndMetadata])] = []
    }

    /// What a test does to a call of a client.
    enum Fault {
        case none
        case fail(ClientError)
        /// The call takes effect, and its caller is told that it failed.
        case failAfter(ClientError)
        /// The process is gone before, or after, the call took effect.
        case crash(after: Bool)
    }

    var logs: [TopicPartition: [Stored]] = [:]
    var starts: [TopicPartition: Int64] = [:]
    var partitionCounts: [String: Int32] = [:]
    var groups: [String: Group] = [:]
    var epochs: [String: Int] = [:]
    var transactions: [Transaction] = []
    let time: ManualTime

    /// A client that delivers what it had fetched before a pause.
    var ignoresPauses = false
    /// A client that never begins to read, so many times.
    var lostStarts: [TopicPartition: Int] = [:]

    /// Called before every call of a client, with its name.
    var fault: (String, FakeProcess) -> Fault = { _, _ in .none }

    init(time: ManualTime) {
        self.time = time
    }

    func create(_ topic: TopicSpec) {
        partitionCounts[topic.name] = topic.partitions
        for partition in 0..<topic.partitions {
            logs[TopicPartition(topic: topic.name, partition: partition)] = []
        }
    }

    func group(_ name: String) -> Group {
        if let group = groups[name] { return group }
        let group = Group()
        groups[name] = group
        return group
    }

    // MARK: Records

    @discardableResult
    func append(_ topic: String, _ partition: Int32, key: String?, value: String?, timestamp: Int64? = nil) -> Int64 {
        let stored = Stored(
            key: key.map { Array($0.utf8) }, value: value.map { Array($0.utf8) }, headers: [],
            timestamp: timestamp ?? time.wall / 1_000)
        let topicPartition = TopicPartition(topic: topic, partition: partition)
        logs[topicPartition, default: []].append(stored)
        return highWatermark(topicPartition) - 1
    }

    func low(_ topicPartition: TopicPartition) -> Int64 { starts[topicPartition] ?? 0 }

    func highWatermark(_ topicPartition: TopicPartition) -> Int64 { Int64(logs[topicPartition]?.count ?? 0) }

    func lastStableOffset(_ topicPartition: TopicPartition) -> Int64 {
        let log = logs[topicPartition] ?? []
        let first = log.firstIndex { $0.transaction.map { transactions[$0].status == .open } ?? false }
        return Int64(first ?? log.count)
    }

    func isVisible(_ stored: Stored) -> Bool {
        !stored.isControl && (stored.transaction.map { transactions[$0].status == .committed } ?? true)
    }

    /// What a `read_committed` consumer sees of a topic, partition by partition.
    func visible(_ topic: String) -> [(partition: Int32, offset: Int64, record: Stored)] {
        (0..<(partitionCounts[topic] ?? 0)).flatMap { partition in
            let topicPartition = TopicPartition(topic: topic, partition: partition)
            return (logs[topicPartition] ?? []).enumerated().filter { isVisible($0.element) }
                .map { (partition, Int64($0.offset), $0.element) }
        }
    }

    // MARK: Transactions

    func beginEpoch(_ identity: String) -> Int {
        for (index, transaction) in transactions.enumerated()
        where transaction.identity == identity && transaction.status == .open {
            end(index, .aborted)
        }
        epochs[identity, default: 0] += 1
        return epochs[identity, default: 0]
    }

    func open(_ identity: String, epoch: Int) -> Int {
        transactions.append(Transaction(identity: identity, epoch: epoch))
        return transactions.count - 1
    }

    func end(_ index: Int, _ status: Status) {
        transactions[index].status = status
        for topicPartition in transactions[index].partitions {
            logs[topicPartition, default: []].append(
                Stored(key: nil, value: nil, headers: [], timestamp: time.wall / 1_000, isControl: true))
        }
        guard status == .committed else { return }
        for (group, offsets) in transactions[index].pending {
            self.group(group).committed.merge(offsets) { $1 }
        }
    }

    /// The broker ends transactions whose producers are silent.
    func expireTransactions() {
        for (index, transaction) in transactions.enumerated() where transaction.status == .open { end(index, .aborted) }
    }

    func hasPendingOffsets(_ name: String, _ partitions: [TopicPartition]) -> Bool {
        transactions.contains { transaction in
            transaction.status == .open
                && transaction.pending.contains {
                    $0.group == name && !Set($0.offsets.keys).isDisjoint(with: partitions)
                }
        }
    }

    // MARK: The group

    func join(_ name: String, _ consumer: FakeConsumer) {
        let group = group(name)
        // A static member that comes back replaces itself.
        if let index = group.members.firstIndex(where: { $0.identity == consumer.identity }) {
            group.members[index].isFenced = true
            group.members.remove(at: index)
        }
        group.members.append(consumer)
        rebalance(group)
    }

    func leave(_ name: String, _ consumer: FakeConsumer) {
        let group = group(name)
        group.members.removeAll { $0 === consumer }
        rebalance(group)
    }

    /// The member's session has expired: its partitions go to the others, and it learns of it when it polls.
    func expire(_ name: String, _ identity: String) {
        let group = group(name)
        for member in group.members where member.identity == identity {
            member.isLost = true
            member.offered = nil
            member.generationNumber = -1
        }
        group.members.removeAll { $0.identity == identity }
        rebalance(group)
    }

    func rebalance(_ group: Group) {
        group.isRebalancing = true
        for member in group.members { member.offered = nil }
        group.revoking = group.members.filter { !$0.assignment.isEmpty && !$0.isLost }
        finishRebalance(group)
    }

    func revoked(_ consumer: FakeConsumer, _ group: Group) {
        group.revoking.removeAll { $0 === consumer }
        finishRebalance(group)
    }

    private func finishRebalance(_ group: Group) {
        guard group.isRebalancing, group.revoking.isEmpty else { return }
        group.isRebalancing = false
        group.generation += 1
        for (index, member) in group.members.enumerated() {
            var assignment: [TopicPartition] = []
            for topic in member.topics {
                let count = Int(partitionCounts[topic] ?? 0)
                let range = count * index / group.members.count..<count * (index + 1) / group.members.count
                assignment += range.map { TopicPartition(topic: topic, partition: Int32($0)) }
            }
            member.offered = assignment
            member.generationNumber = group.generation
        }
    }
}

/// One process: when it crashes, its calls have no effect any more.
final class FakeProcess {
    var isCrashed = false
}

/// Time that moves when a test says so.
final class ManualTime: TimeSource, @unchecked Sendable {
    // One thread drives each test.
    var wall: Int64 = 1_700_000_000_000_000
    var monotonic: Int64 { (wall - 1_600_000_000_000_000) / 1_000 }

    func advance(milliseconds: Int64) { wall += milliseconds * 1_000 }
}
