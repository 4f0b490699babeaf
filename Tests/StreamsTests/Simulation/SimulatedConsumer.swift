import Kafka
import LocalBroker
import NIOCore
import Streams

/// What offsets are sent with.
final class SimulatedMember {
    let group: String
    let instance: String

    init(group: String, instance: String) {
        self.group = group
        self.instance = instance
    }
}

/// A static member of a group with the eager range assignor: what librdkafka does, without its threads.
final class SimulatedConsumer: StreamConsumer {
    private enum Membership {
        case idle
        case joining(SimulatedConnection.Pending)
        case syncing(SimulatedConnection.Pending)
        case stable
    }

    private let connection: SimulatedConnection
    private let member: SimulatedMember
    private weak var listener: (any RebalanceListener)?
    private var world: Simulation { connection.world }

    private var topics: [String] = []
    private var membership = Membership.idle
    private var memberID = ""
    private var generationNumber: Int32 = -1
    private var assignment: [TopicPartition] = []
    /// Monotonic milliseconds.
    private var lastBeat: Int64 = 0
    private var lastAnswer: Int64 = 0
    private var waitingSince: Int64 = 0
    private var mustRejoin = false
    private var isLost = false
    private var isFenced = false
    private var isClosed = false
    weak var clients: SimulatedClients?

    private var positions: [TopicPartition: Int64] = [:]
    private var paused: Set<TopicPartition> = []
    private var reportedEnds: [TopicPartition: Int64] = [:]
    /// Fetched, to be delivered by a later poll.
    private var stash: [TopicPartition: FetchedRecords] = [:]

    static let sessionTimeout: Int64 = 12_000
    static let heartbeatInterval: Int64 = 1_000
    /// For an answer to a join or sync.
    static let patience: Int64 = 15_000

    init(_ connection: SimulatedConnection, group: String, identity: String, listener: any RebalanceListener) {
        self.connection = connection
        member = SimulatedMember(group: group, instance: identity)
        self.listener = listener
        world.consumers.append(self)
    }

    func subscribe(_ topics: [String]) throws(ClientError) {
        try connection.host.check()
        self.topics = topics
    }

    // MARK: The group

    /// Whether the whole process stands still.
    func isPaused(_ wall: Int64) -> Bool { (clients?.pausedUntil ?? 0) > wall }

    /// What a client does on a thread of its own.
    func background() {
        guard !isClosed, !connection.host.isCrashed, case .stable = membership, !isLost, !mustRejoin, !isFenced,
            world.time.monotonic - lastBeat >= Self.heartbeatInterval
        else { return }
        lastBeat = world.time.monotonic
        let request = HeartbeatRequest {
            $0.groupID = member.group
            $0.generationID = generationNumber
            $0.memberID = memberID
            $0.groupInstanceID = member.instance
        }
        do throws(ClientError) {
            guard case .heartbeat(let response) = try connection.exchange(.heartbeat(request)) else {
                if world.time.monotonic - lastAnswer > Self.sessionTimeout { lose() }
                return
            }
            switch response.error {
            case .none: lastAnswer = world.time.monotonic
            case .rebalanceInProgress: mustRejoin = true
            case .fencedInstanceID:
                isFenced = true
                lose()
            default:
                memberID = ""
                lose()
            }
        } catch {
            // Crashed.
        }
    }

    private func lose() {
        isLost = true
        generationNumber = -1
    }

    private func serveGroup() throws(ClientError) {
        if isLost {
            let lost = assignment
            leave()
            if !lost.isEmpty {
                world.count(.assignmentLost)
                world.log("\(member.instance) lost \(lost)")
                listener?.lost(lost)
            }
        }
        if isFenced {
            world.count(.instanceFenced)
            throw ClientError(.fatal, isFenced: true, "FENCED_INSTANCE_ID")
        }
        if mustRejoin {
            if !assignment.isEmpty {
                world.count(.assignmentRevoked)
                world.log("\(member.instance) revoked \(assignment)")
                listener?.revoked(assignment)
            }
            leave()
        }
        switch membership {
        case .idle: try join()
        case .joining(let pending): try joined(pending)
        case .syncing(let pending): try synced(pending)
        case .stable: break
        }
    }

    private func leave() {
        assignment = []
        stash = [:]
        positions = [:]
        isLost = false
        mustRejoin = false
        membership = .idle
    }

    private func join() throws(ClientError) {
        let request = JoinGroupRequest {
            $0.groupID = member.group
            $0.sessionTimeout = Int32(Self.sessionTimeout)
            $0.rebalanceTimeout = 10_000
            $0.memberID = memberID
            $0.groupInstanceID = member.instance
            $0.protocolType = "consumer"
            $0.protocols = [
                JoinGroupRequest.GroupProtocol {
                    $0.name = "range"
                    $0.metadata = ByteBuffer(string: topics.joined(separator: "\n"))
                }
            ]
        }
        guard let pending = try connection.post(.joinGroup(request)) else { return }
        waitingSince = world.time.monotonic
        membership = .joining(pending)
        try joined(pending)
    }

    /// Whether it makes no sense to wait for this answer any more.
    private func isHopeless(_ pending: SimulatedConnection.Pending) -> Bool {
        pending.incarnation != world.broker.incarnation || world.time.monotonic - waitingSince > Self.patience
    }

    private func joined(_ pending: SimulatedConnection.Pending) throws(ClientError) {
        guard case .joinGroup(let response) = world.broker.answer(pending.token) else {
            if isHopeless(pending) { membership = .idle }
            return
        }
        guard response.error == .none else { return try refused(response.error) }
        memberID = response.memberID
        generationNumber = response.generationID
        lastBeat = world.time.monotonic
        lastAnswer = lastBeat
        let request = SyncGroupRequest {
            $0.groupID = member.group
            $0.generationID = generationNumber
            $0.memberID = memberID
            $0.groupInstanceID = member.instance
            if response.leader == memberID { $0.assignments = assignments(response.members) }
        }
        membership = .idle
        guard let pending = try connection.post(.syncGroup(request)) else { return }
        waitingSince = world.time.monotonic
        membership = .syncing(pending)
        try synced(pending)
    }

    private func refused(_ error: ErrorCode) throws(ClientError) {
        membership = .idle
        switch error {
        case .fencedInstanceID:
            isFenced = true
            throw ClientError(.fatal, isFenced: true, "FENCED_INSTANCE_ID")
        case .unknownMemberID, .illegalGeneration: memberID = ""
        default: break
        }
    }

    private func assignments(_ members: [JoinGroupResponse.Member]) -> [SyncGroupRequest.Assignment] {
        let sorted = members.sorted { ($0.groupInstanceID ?? "") < ($1.groupInstanceID ?? "") }
        return sorted.enumerated().map { index, member in
            let topics = String(buffer: member.metadata).split(separator: "\n")
            let lines = topics.flatMap { topic -> [String] in
                let count = Int(world.broker.partitionCounts[String(topic)] ?? 0)
                let range = count * index / sorted.count..<count * (index + 1) / sorted.count
                return range.map { "\(topic) \($0)" }
            }
            return SyncGroupRequest.Assignment {
                $0.memberID = member.memberID
                $0.assignment = ByteBuffer(string: lines.joined(separator: "\n"))
            }
        }
    }

    private func synced(_ pending: SimulatedConnection.Pending) throws(ClientError) {
        guard case .syncGroup(let response) = world.broker.answer(pending.token) else {
            if isHopeless(pending) { membership = .idle }
            return
        }
        guard response.error == .none else { return try refused(response.error) }
        membership = .stable
        lastAnswer = world.time.monotonic
        assignment = String(buffer: response.assignment).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 2, let partition = Int32(words[1]) else { return nil }
            return TopicPartition(topic: String(words[0]), partition: partition)
        }
        positions = Dictionary(uniqueKeysWithValues: assignment.map { ($0, 0) })
        paused = Set(assignment)
        reportedEnds = [:]
        stash = [:]
        world.log("\(member.instance) assigned \(assignment) in generation \(generationNumber)")
        listener?.assigned(assignment)
    }

    // MARK: Reading

    func poll(
        into batch: RecordBatch, maximumRecords: Int, maximumBytes: Int, timeout: Int64
    ) throws(ClientError) {
        batch.removeAll()
        try connection.host.check()
        try serveGroup()
        let wanted = assignment.filter { !paused.contains($0) || world.ignoresPauses }
        guard !wanted.isEmpty else { return }
        deliver(wanted, maximumRecords, into: batch)
        let asked = wanted.compactMap { place in
            stash[place] == nil ? positions[place].map { (place, $0) } : nil
        }
        guard !asked.isEmpty else { return }
        let request = FetchRequest.of(asked, maxBytes: Int32(200 + world.random.next() % 4_000))
        guard case .fetch(let response) = try connection.exchange(.fetch(request)) else { return }
        for topic in response.topics {
            for partition in topic.partitions {
                let place = TopicPartition(topic: topic.name, partition: partition.index)
                // In the meantime it may have been given up.
                guard partition.error == .none, assignment.contains(place), let position = positions[place],
                    asked.contains(where: { $0.0 == place && $0.1 == position })
                else { continue }
                stash[place] = FetchedRecords(partition, from: position)
            }
        }
        // Sometimes what was fetched is delivered by the next poll only.
        if world.random.next() % 3 != 0 { deliver(wanted, maximumRecords, into: batch) }
    }

    private func deliver(_ wanted: [TopicPartition], _ maximumRecords: Int, into batch: RecordBatch) {
        for place in wanted where assignment.contains(place) {
            guard var fetched = stash.removeValue(forKey: place), positions[place] != nil else { continue }
            fetched.cut(to: maximumRecords)
            world.log(
                "\(member.instance) gets \(place) \(fetched.records.map(\.offset)) next \(fetched.next) end \(fetched.end ?? -1)"
            )
            batch.append(place, fetched)
            positions[place] = fetched.next
            if let end = fetched.end, reportedEnds[place] != end {
                reportedEnds[place] = end
                batch.appendEnd(place, position: fetched.next)
            }
        }
    }

    private func fetchCommitted(_ partitions: [TopicPartition]) throws(ClientError)
        -> [TopicPartition: OffsetFetchResponse.Partition]?
    {
        let request = OffsetFetchRequest {
            $0.groupID = member.group
            $0.requireStable = true
            $0.topics = partitions.map { place in
                OffsetFetchRequest.Topic {
                    $0.name = place.topic
                    $0.partitions = [place.partition]
                }
            }
        }
        guard case .offsetFetch(let response) = try connection.exchange(.offsetFetch(request)) else { return nil }
        var found: [TopicPartition: OffsetFetchResponse.Partition] = [:]
        for topic in response.topics {
            for partition in topic.partitions {
                found[TopicPartition(topic: topic.name, partition: partition.index)] = partition
            }
        }
        return found
    }

    func committed(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: OffsetAndMetadata]
    {
        guard let found = try fetchCommitted(partitions) else { throw SimulatedConnection.timedOut }
        var committed: [TopicPartition: OffsetAndMetadata] = [:]
        for (place, partition) in found {
            guard partition.error == .none else { throw ClientError(.retry, "UNSTABLE_OFFSET_COMMIT") }
            guard partition.committedOffset >= 0 else { continue }
            committed[place] = OffsetAndMetadata(
                offset: partition.committedOffset, metadata: partition.metadata ?? "")
        }
        return committed
    }

    func pause(_ partitions: [TopicPartition]) throws(ClientError) {
        try connection.host.check()
        paused.formUnion(partitions)
    }

    func start(_ offsets: [TopicPartition: Int64]) throws(ClientError) {
        try seek(offsets)
        paused.subtract(offsets.keys)
    }

    func seek(_ offsets: [TopicPartition: Int64]) throws(ClientError) {
        try connection.host.check()
        positions.merge(offsets) { $1 }
        world.log("\(member.instance) seeks \(offsets.map { "\($0.key) \($0.value)" }.sorted())")
        for place in offsets.keys {
            reportedEnds[place] = nil
            stash[place] = nil
        }
    }

    func stableEnds(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: Int64]
    {
        try connection.offsets(partitions, timestamp: -1, isCommitted: true)
    }

    var generation: GroupGeneration? {
        guard generationNumber >= 0 else { return nil }
        return GroupGeneration(generation: generationNumber, member: memberID, native: member)
    }

    var isAssignmentLost: Bool { isLost }

    /// Static members give their partitions up, but do not leave.
    func close(deadline: Deadline) {
        guard !isClosed else { return }
        isClosed = true
        guard !connection.host.isCrashed, !assignment.isEmpty, !isLost, !isFenced else { return }
        listener?.revoked(assignment)
        assignment = []
    }
}
