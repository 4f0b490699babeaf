import NIOCore

struct TopicPartitionName: Hashable, Comparable, Sendable {
    var topic: String
    var partition: Int32

    static func < (a: TopicPartitionName, b: TopicPartitionName) -> Bool {
        a.topic != b.topic ? a.topic < b.topic : a.partition < b.partition
    }
}

final class GroupMember {
    var id: String
    let instanceID: String?
    var clientID: String
    var clientHost: String
    var sessionTimeout: Int64
    var rebalanceTimeout: Int64
    var protocols: [JoinGroupRequest.GroupProtocol]
    var assignment = ByteBuffer()
    var isNew = true
    /// The request that waits for the group to be complete, or for the leader's assignment.
    var joining: RequestToken?
    var syncing: RequestToken?

    init(id: String, request: JoinGroupRequest, client: ClientContext) {
        self.id = id
        instanceID = request.groupInstanceID
        clientID = client.id
        clientHost = client.host
        sessionTimeout = Int64(request.sessionTimeout)
        rebalanceTimeout = Int64(request.rebalanceTimeout < 0 ? request.sessionTimeout : request.rebalanceTimeout)
        protocols = request.protocols
    }

    func update(_ request: JoinGroupRequest) {
        protocols = request.protocols
        sessionTimeout = Int64(request.sessionTimeout)
        rebalanceTimeout = Int64(request.rebalanceTimeout < 0 ? request.sessionTimeout : request.rebalanceTimeout)
    }

    func metadata(_ name: String?) -> ByteBuffer { protocols.first { $0.name == name }?.metadata ?? ByteBuffer() }

    func matches(_ other: [JoinGroupRequest.GroupProtocol]) -> Bool {
        protocols.count == other.count
            && zip(protocols, other).allSatisfy { $0.name == $1.name && $0.metadata == $1.metadata }
    }
}

/// One consumer group of the classic protocol, with its committed offsets.
final class Group {
    enum State: String {
        case empty = "Empty"
        case preparingRebalance = "PreparingRebalance"
        case completingRebalance = "CompletingRebalance"
        case stable = "Stable"
    }

    let id: String
    private(set) var state = State.empty
    private(set) var previousState = State.empty
    var generation: Int32 = 0
    var protocolType: String?
    var protocolName: String?
    var leader: String?
    /// In the order of joining, so that everything derived from it is deterministic.
    private(set) var members: [GroupMember] = []
    var staticMembers: [String: String] = [:]
    /// Member ids that were given out (MEMBER_ID_REQUIRED) and have not joined with it yet.
    var pendingMembers: Set<String> = []
    var pendingSync: Set<String> = []
    var newMemberAdded = false
    /// Of the initial delay, what may still be waited for further members.
    var initialDelayRemaining: Int64 = 0
    var offsets: [TopicPartitionName: CommittedOffset] = [:]
    /// Offsets in open transactions, by transactional id.
    var pendingOffsets: [String: [TopicPartitionName: CommittedOffset]] = [:]
    /// Wall time when the group was last used.
    var lastUse: Int64 = 0

    init(id: String) { self.id = id }

    func transition(to state: State) {
        previousState = self.state
        self.state = state
    }

    func member(_ id: String) -> GroupMember? { members.first { $0.id == id } }

    func add(_ member: GroupMember) {
        if members.isEmpty { leader = nil }
        members.append(member)
        if let instance = member.instanceID { staticMembers[instance] = member.id }
        if leader == nil { leader = member.id }
        pendingMembers.remove(member.id)
    }

    func remove(_ memberID: String) {
        pendingMembers.remove(memberID)
        pendingSync.remove(memberID)
        guard let index = members.firstIndex(where: { $0.id == memberID }) else { return }
        let member = members.remove(at: index)
        if let instance = member.instanceID, staticMembers[instance] == memberID { staticMembers[instance] = nil }
        if leader == memberID { leader = members.first?.id }
    }

    /// No member, none on its way, and no transaction about to commit offsets.
    var isAbandoned: Bool { state == .empty && pendingOffsets.isEmpty && pendingMembers.isEmpty }
    var haveAllMembersJoined: Bool { pendingMembers.isEmpty && members.allSatisfy { $0.joining != nil } }
    var rebalanceTimeout: Int64 { members.reduce(0) { max($0, $1.rebalanceTimeout) } }

    func supports(type: String, protocols: [JoinGroupRequest.GroupProtocol]) -> Bool {
        if state == .empty { return !type.isEmpty && !protocols.isEmpty }
        guard protocolType == type else { return false }
        return protocols.contains { candidate in
            members.allSatisfy { $0.protocols.contains { $0.name == candidate.name } }
        }
    }

    /// The protocol that every member supports and most prefer; of equals the one that sorts first.
    func selectProtocol() -> String? {
        var votes: [String: Int] = [:]
        for member in members {
            let choice = member.protocols.first { candidate in
                members.allSatisfy { $0.protocols.contains { $0.name == candidate.name } }
            }
            if let choice { votes[choice.name, default: 0] += 1 }
        }
        return votes.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }.first?.key
    }

    /// Makes sure that the leader is one of those that have joined again; false when nobody has.
    func electJoinedLeader() -> Bool {
        if let leader, member(leader)?.joining != nil { return true }
        guard let next = members.first(where: { $0.joining != nil }) else { return false }
        leader = next.id
        return true
    }

    func validate(memberID: String, instanceID: String?) -> ErrorCode {
        if let instanceID {
            guard let current = staticMembers[instanceID] else { return .unknownMemberID }
            guard current == memberID else { return .fencedInstanceID }
        }
        return member(memberID) == nil ? .unknownMemberID : .none
    }

    func validateOffsetCommit(
        memberID: String, instanceID: String?, generation: Int32, isTransactional: Bool
    ) -> ErrorCode {
        if generation < 0, state == .empty { return .none }
        if generation >= 0 || !memberID.isEmpty || instanceID != nil {
            let error = validate(memberID: memberID, instanceID: instanceID)
            guard error == .none else { return error }
            guard generation == self.generation else { return .illegalGeneration }
        } else if !isTransactional, state != .empty {
            return .unknownMemberID
        }
        if !isTransactional, state == .completingRebalance { return .rebalanceInProgress }
        return .none
    }

    static let consumerProtocol = "consumer"
    /// All groups are of the protocol before KIP-848.
    static let type = "classic"

    static func isType(_ name: String) -> Bool { name.lowercased() == type }

    /// The topics that members of the consumer protocol have subscribed to; nil when a member's subscription cannot be read. A
    /// subscription begins with its version (2 bytes) and the list of topics.
    var subscribedTopics: Set<String>? {
        var topics: Set<String> = []
        for member in members {
            var bytes = member.metadata(protocolName ?? member.protocols.first?.name)
            guard bytes.readInteger(as: Int16.self) != nil else { return nil }
            var decoder = WireDecoder(bytes, version: 0, flexible: false)
            var names: [String] = []
            guard (try? decoder.strings(&names)) != nil else { return nil }
            topics.formUnion(names)
        }
        return topics
    }

    func hasPendingOffset(_ partition: TopicPartitionName) -> Bool {
        pendingOffsets.values.contains { $0[partition] != nil }
    }

    /// The members as the leader gets them.
    var joinedMembers: [JoinGroupResponse.Member] {
        members.map { member in
            JoinGroupResponse.Member {
                $0.memberID = member.id
                $0.groupInstanceID = member.instanceID
                $0.metadata = member.metadata(protocolName)
            }
        }
    }

    /// Gives a static member's place to its restarted self, which comes with a new member id.
    func replaceStaticMember(_ instance: String, old: GroupMember, newID: String) {
        staticMembers[instance] = newID
        if leader == old.id { leader = newID }
        old.id = newID
    }
}
