import Kafka
import Streams

/// The clients of one process.
///
/// Used from one thread only, as the cluster behind it.
final class FakeClients: StreamClients, @unchecked Sendable {
    let cluster: FakeCluster
    let process = FakeProcess()

    init(_ cluster: FakeCluster) {
        self.cluster = cluster
    }

    func consumer(group: String, identity: String, listener: any RebalanceListener) throws(ClientError)
        -> any StreamConsumer
    {
        FakeConsumer(self, group: group, identity: identity, listener: listener)
    }

    func producer(identity: String) throws(ClientError) -> any StreamProducer {
        FakeProducer(self, identity: identity)
    }

    func reader(identity: String) throws(ClientError) -> any StreamReader { FakeReader(self) }
    func watermarkReader(identity: String) throws(ClientError) -> any WatermarkReader { FakeWatermarkReader(self) }

    /// Runs one call of a client under the cluster's faults.
    func call<R>(_ name: String, _ effect: () throws(ClientError) -> R) throws(ClientError) -> R {
        let gone = ClientError(.fatal, "the process is gone")
        guard !process.isCrashed else { throw gone }
        switch cluster.fault(name, process) {
        case .none: return try effect()
        case .fail(let error): throw error
        case .failAfter(let error):
            _ = try effect()
            throw error
        case .crash(let after):
            if after { _ = try effect() }
            process.isCrashed = true
            throw gone
        }
    }
}

final class FakeProducer: StreamProducer {
    private let clients: FakeClients
    private var cluster: FakeCluster { clients.cluster }
    private let identity: String
    private var epoch = 0
    private var transaction: Int?
    private var topics: [String] = []

    init(_ clients: FakeClients, identity: String) {
        self.clients = clients
        self.identity = identity
    }

    private func checkEpoch() throws(ClientError) {
        guard cluster.epochs[identity] == epoch else {
            throw ClientError(.fatal, isFenced: true, "another producer has this id")
        }
    }

    /// The broker has ended it, or the producer never began.
    private func current() throws(ClientError) -> Int {
        try checkEpoch()
        guard let transaction else { throw ClientError(.fatal, "no transaction: wrong state") }
        guard cluster.transactions[transaction].status == .open else {
            throw ClientError(.fatal, isFenced: true, "the transaction has timed out")
        }
        return transaction
    }

    func initialize(deadline: Deadline) throws(ClientError) {
        try clients.call("initialize") { epoch = cluster.beginEpoch(identity) }
    }

    func warm(_ topics: [String], deadline: Deadline) throws(ClientError) {}

    func topic(_ name: String) throws(ClientError) -> Int {
        if let index = topics.firstIndex(of: name) { return index }
        topics.append(name)
        return topics.count - 1
    }

    func begin() throws(ClientError) {
        try clients.call("begin") { () throws(ClientError) in
            guard transaction == nil else { throw ClientError(.fatal, "a transaction is open: wrong state") }
            transaction = cluster.open(identity, epoch: epoch)
        }
    }

    func send(
        topic: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]
    ) throws(ClientError) {
        var stored = FakeCluster.Stored(
            key: nil, value: nil, headers: headers.map { ($0.0, $0.1) }, timestamp: cluster.time.wall / 1_000)
        if let key { stored.key = Array(key) }
        if let value { stored.value = Array(value) }
        try clients.call("send") { () throws(ClientError) in
            let index = try current()
            let topicPartition = TopicPartition(topic: topics[topic], partition: partition)
            guard cluster.logs[topicPartition] != nil else { throw ClientError(.fatal, "no such partition") }
            stored.transaction = index
            cluster.transactions[index].partitions.insert(topicPartition)
            cluster.logs[topicPartition, default: []].append(stored)
        }
    }

    func sendOffsets(
        _ offsets: [TopicPartition: OffsetAndMetadata], generation: GroupGeneration, deadline: Deadline
    ) throws(ClientError) {
        try clients.call("sendOffsets") { () throws(ClientError) in
            let index = try current()
            guard let name = generation.native as? FakeGroupName else {
                throw ClientError(.fatal, "not a generation of this cluster")
            }
            let group = cluster.group(name.name)
            guard group.members.contains(where: { $0.generationNumber == generation.generation && !$0.isFenced }),
                group.generation == generation.generation
            else { throw ClientError(.abort, "ILLEGAL_GENERATION") }
            cluster.transactions[index].pending.append((name.name, offsets))
        }
    }

    func commit(deadline: Deadline) throws(ClientError) {
        try clients.call("commit") { () throws(ClientError) in
            let index = try current()
            cluster.end(index, .committed)
            transaction = nil
        }
    }

    func abort(deadline: Deadline) throws(ClientError) {
        try clients.call("abort") { () throws(ClientError) in
            try checkEpoch()
            if let transaction, cluster.transactions[transaction].status == .open {
                cluster.end(transaction, .aborted)
            }
            transaction = nil
        }
    }

    func close(deadline: Deadline) {}
}

/// Stands for librdkafka's group metadata object.
final class FakeGroupName {
    let name: String
    init(_ name: String) { self.name = name }
}

final class FakeConsumer: StreamConsumer {
    private let clients: FakeClients
    private var cluster: FakeCluster { clients.cluster }
    private let groupName: String
    let identity: String
    private weak var listener: (any RebalanceListener)?

    var topics: [String] = []
    var assignment: [TopicPartition] = []
    /// What the group wants this member to have, not yet told.
    var offered: [TopicPartition]?
    var generationNumber: Int32 = -1
    var isFenced = false
    var isLost = false
    private var positions: [TopicPartition: Int64] = [:]
    private var paused: Set<TopicPartition> = []
    private var reportedEnds: [TopicPartition: Int64] = [:]
    private var isClosed = false

    init(_ clients: FakeClients, group: String, identity: String, listener: any RebalanceListener) {
        self.clients = clients
        groupName = group
        self.identity = identity
        self.listener = listener
    }

    func subscribe(_ topics: [String]) throws(ClientError) {
        try clients.call("subscribe") {
            self.topics = topics
            cluster.join(groupName, self)
        }
    }

    func poll(
        into batch: RecordBatch, maximumRecords: Int, maximumBytes: Int, timeout: Int64
    ) throws(ClientError) {
        batch.removeAll()
        try clients.call("poll") { () throws(ClientError) in
            if isFenced { throw ClientError(.fatal, isFenced: true, "FENCED_INSTANCE_ID") }
            try serveGroup()
            for topicPartition in assignment where !paused.contains(topicPartition) || cluster.ignoresPauses {
                guard let position = positions[topicPartition] else { continue }
                positions[topicPartition] = cluster.deliver(
                    topicPartition, from: position, limit: maximumRecords, into: batch, reported: &reportedEnds)
            }
        }
    }

    private func serveGroup() throws(ClientError) {
        let group = cluster.group(groupName)
        if isLost {
            let lost = assignment
            assignment = []
            listener?.lost(lost)
            isLost = false
            cluster.join(groupName, self)
        }
        if group.revoking.contains(where: { $0 === self }) {
            listener?.revoked(assignment)
            assignment = []
            cluster.revoked(self, group)
        }
        guard let offered, !cluster.hasPendingOffsets(groupName, offered) else { return }
        self.offered = nil
        assignment = offered
        paused = Set(offered)
        reportedEnds = [:]
        for topicPartition in offered { positions[topicPartition] = cluster.low(topicPartition) }
        listener?.assigned(offered)
    }

    func pause(_ partitions: [TopicPartition]) throws(ClientError) {
        try clients.call("pause") { paused.formUnion(partitions) }
    }

    func start(_ offsets: [TopicPartition: Int64]) throws(ClientError) {
        try seek(offsets)
        try clients.call("start") {
            for topicPartition in offsets.keys {
                if cluster.lostStarts[topicPartition, default: 0] > 0 {
                    cluster.lostStarts[topicPartition, default: 0] -= 1
                } else {
                    paused.remove(topicPartition)
                }
            }
        }
    }

    func seek(_ offsets: [TopicPartition: Int64]) throws(ClientError) {
        try clients.call("seek") {
            positions.merge(offsets) { $1 }
            for topicPartition in offsets.keys { reportedEnds[topicPartition] = nil }
        }
    }

    func committed(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: OffsetAndMetadata]
    {
        try clients.call("committed") { () throws(ClientError) in
            guard !cluster.hasPendingOffsets(groupName, partitions) else {
                throw ClientError(.retry, "UNSTABLE_OFFSET_COMMIT")
            }
            return cluster.group(groupName).committed.filter { partitions.contains($0.key) }
        }
    }

    func stableEnds(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: Int64]
    {
        try clients.call("stableEnds") {
            Dictionary(uniqueKeysWithValues: partitions.map { ($0, cluster.lastStableOffset($0)) })
        }
    }

    var generation: GroupGeneration? {
        guard generationNumber >= 0 else { return nil }
        return GroupGeneration(generation: generationNumber, member: identity, native: FakeGroupName(groupName))
    }

    var isAssignmentLost: Bool { isLost }

    func close(deadline: Deadline) {
        guard !isClosed, !clients.process.isCrashed else { return }
        isClosed = true
        if !assignment.isEmpty, !isLost, !isFenced { listener?.revoked(assignment) }
        assignment = []
        guard !clients.process.isCrashed else { return }
        cluster.leave(groupName, self)
    }
}

final class FakeReader: StreamReader {
    private let clients: FakeClients
    private var positions: [TopicPartition: Int64] = [:]
    private var reportedEnds: [TopicPartition: Int64] = [:]

    init(_ clients: FakeClients) {
        self.clients = clients
    }

    func assign(_ offsets: [TopicPartition: Int64]) throws(ClientError) {
        try clients.call("assign") {
            positions = offsets
            reportedEnds = [:]
        }
    }

    func poll(
        into batch: RecordBatch, maximumRecords: Int, maximumBytes: Int, timeout: Int64
    ) throws(ClientError) {
        batch.removeAll()
        try clients.call("read") { () throws(ClientError) in
            for (topicPartition, position) in positions.sorted(by: { $0.key < $1.key }) {
                guard position >= clients.cluster.low(topicPartition) else {
                    throw ClientError(.retry, isPositionInvalid: true, "OFFSET_OUT_OF_RANGE")
                }
                positions[topicPartition] = clients.cluster.deliver(
                    topicPartition, from: position, limit: 3, into: batch, reported: &reportedEnds)
            }
        }
    }

    func close(deadline: Deadline) {}
}

final class FakeWatermarkReader: WatermarkReader {
    private let clients: FakeClients

    init(_ clients: FakeClients) {
        self.clients = clients
    }

    func watermarks(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: Watermarks]
    {
        try clients.call("watermarks") {
            Dictionary(
                uniqueKeysWithValues: partitions.map {
                    ($0, Watermarks(low: clients.cluster.low($0), high: clients.cluster.highWatermark($0)))
                })
        }
    }

    func close(deadline: Deadline) {}
}

extension FakeCluster {
    /// Delivers visible records from `position`, at most `limit` of this partition, and the end of the partition once.
    ///
    /// - Returns: the next position.
    func deliver(
        _ topicPartition: TopicPartition, from position: Int64, limit: Int, into batch: RecordBatch,
        reported: inout [TopicPartition: Int64]
    ) -> Int64 {
        var next = position
        var count = 0
        let end = lastStableOffset(topicPartition)
        while next < end, count < limit, let stored = logs[topicPartition]?[Int(next)] {
            if isVisible(stored) {
                append(stored, topicPartition, next, to: batch)
                count += 1
            }
            next += 1
        }
        if next == end, reported[topicPartition] != end {
            reported[topicPartition] = end
            batch.appendEnd(topicPartition, position: end)
        }
        return next
    }

    private func append(_ stored: Stored, _ topicPartition: TopicPartition, _ offset: Int64, to batch: RecordBatch) {
        let key = stored.key
        let value = stored.value
        unsafe batch.append(
            topicPartition, offset: offset, timestamp: stored.timestamp, key: key?.span.bytes, value: value?.span.bytes,
            headers: stored.headers)
    }
}

extension Array where Element == UInt8 {
    init(_ span: RawSpan) {
        self = (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
}
