import LocalBroker
import NIOCore
import Testing

/// The client's side of the group protocol, step by step.
extension Harness {
    func joinRequest(
        _ group: String, member: String = "", instance: String? = nil, session: Int32 = 10_000,
        rebalance: Int32 = 60_000,
        protocols: [String] = ["range"], metadata: String = "m"
    ) -> JoinGroupRequest {
        JoinGroupRequest {
            $0.groupID = group
            $0.sessionTimeout = session
            $0.rebalanceTimeout = rebalance
            $0.memberID = member
            $0.groupInstanceID = instance
            $0.protocolType = "consumer"
            $0.protocols = protocols.map { name in
                JoinGroupRequest.GroupProtocol {
                    $0.name = name
                    $0.metadata = ByteBuffer(string: metadata)
                }
            }
        }
    }

    func joined(_ token: RequestToken) -> JoinGroupResponse? {
        if case .joinGroup(let response) = answer(token) { response } else { nil }
    }

    func synced(_ token: RequestToken) -> SyncGroupResponse? {
        if case .syncGroup(let response) = answer(token) { response } else { nil }
    }

    func sync(
        _ group: String, _ join: JoinGroupResponse, instance: String? = nil, assign: [String: String] = [:]
    ) -> RequestToken {
        send(
            .syncGroup(
                SyncGroupRequest {
                    $0.groupID = group
                    $0.generationID = join.generationID
                    $0.memberID = join.memberID
                    $0.groupInstanceID = instance
                    $0.assignments = assign.sorted { $0.key < $1.key }.map { item in
                        SyncGroupRequest.Assignment {
                            $0.memberID = item.key
                            $0.assignment = ByteBuffer(string: item.value)
                        }
                    }
                }))
    }

    func heartbeat(_ group: String, _ join: JoinGroupResponse, instance: String? = nil) throws -> ErrorCode {
        let request = HeartbeatRequest {
            $0.groupID = group
            $0.generationID = join.generationID
            $0.memberID = join.memberID
            $0.groupInstanceID = instance
        }
        guard case .heartbeat(let response) = try call(.heartbeat(request)) else { return .unknownServerError }
        return response.error
    }

    /// A group of one static or (version 3) dynamic member, stable.
    func settle(_ group: String, instance: String? = nil) throws -> JoinGroupResponse {
        let token = send(.joinGroup(joinRequest(group, instance: instance)), version: instance == nil ? 3 : 5)
        advance(by: 100)
        let join = try #require(joined(token))
        try #require(join.error == .none)
        let sync = sync(group, join, instance: instance, assign: [join.memberID: "everything"])
        try #require(synced(sync)?.error == ErrorCode.none)
        return join
    }
}

@Suite struct GroupTests {
    @Test func twoMembersAndARebalance() throws {
        let broker = try Harness()
        let one = try broker.settle("g")
        #expect(one.leader == one.memberID)
        #expect(one.members.map(\.memberID) == [one.memberID])
        #expect(try broker.heartbeat("g", one) == .none)
        // The second member is told its id first, then waits for the first to come again.
        let announced = try #require(broker.joined(broker.send(.joinGroup(broker.joinRequest("g")))))
        #expect(announced.error == .memberIDRequired)
        let secondToken = broker.send(.joinGroup(broker.joinRequest("g", member: announced.memberID)))
        #expect(broker.joined(secondToken) == nil)
        #expect(try broker.heartbeat("g", one) == .rebalanceInProgress)
        let firstToken = broker.send(.joinGroup(broker.joinRequest("g", member: one.memberID)))
        let first = try #require(broker.joined(firstToken))
        let second = try #require(broker.joined(secondToken))
        #expect(first.generationID == one.generationID + 1)
        #expect(second.generationID == first.generationID)
        #expect(first.leader == one.memberID)
        #expect(first.members.count == 2)
        #expect(second.members.isEmpty)
        let follower = broker.sync("g", second)
        #expect(broker.synced(follower) == nil)
        let leader = broker.sync("g", first, assign: [first.memberID: "a", second.memberID: "b"])
        #expect(broker.synced(leader)?.assignment == ByteBuffer(string: "a"))
        #expect(broker.synced(follower)?.assignment == ByteBuffer(string: "b"))
        #expect(try broker.heartbeat("g", second) == .none)
        #expect(try broker.heartbeat("g", one) == .illegalGeneration)
        // The second leaves.
        let leave = LeaveGroupRequest {
            $0.groupID = "g"
            $0.members = [LeaveGroupRequest.Member { $0.memberID = second.memberID }]
        }
        guard case .leaveGroup(let left) = try broker.call(.leaveGroup(leave)) else { return }
        #expect(left.members.map(\.error) == [.none])
        #expect(try broker.heartbeat("g", second) == .unknownMemberID)
        #expect(try broker.heartbeat("g", first) == .rebalanceInProgress)
    }

    @Test func newGroupsWaitForMoreMembers() throws {
        let broker = try Harness()
        let delay = BrokerCoreConfiguration().groupInitialRebalanceDelay
        let one = broker.send(.joinGroup(broker.joinRequest("g")), version: 3)
        broker.advance(by: delay - 1)
        #expect(broker.joined(one) == nil)
        let two = broker.send(.joinGroup(broker.joinRequest("g")), version: 3)
        broker.advance(by: 1)
        #expect(broker.joined(one) == nil, "a member has come: the group waits once more")
        broker.advance(by: delay)
        #expect(broker.joined(one)?.generationID == 1)
        #expect(broker.joined(two)?.generationID == 1)
    }

    @Test func sessionsExpire() throws {
        let broker = try Harness()
        let one = try broker.settle("g")
        broker.advance(by: 9_000)
        #expect(try broker.heartbeat("g", one) == .none)
        broker.advance(by: 9_999)
        #expect(try broker.heartbeat("g", one) == .none)
        broker.advance(by: 10_000)
        #expect(try broker.heartbeat("g", one) == .unknownMemberID)
    }

    @Test func aMemberThatDoesNotComeBackIsDroppedAfterTheRebalanceTimeout() throws {
        let broker = try Harness()
        let one = try broker.settle("g")
        let two = broker.send(.joinGroup(broker.joinRequest("g", session: 600_000, rebalance: 5_000)), version: 3)
        for _ in 0..<59 {
            broker.advance(by: 1_000)
            #expect(try broker.heartbeat("g", one) == .rebalanceInProgress)
        }
        #expect(broker.joined(two) == nil)
        broker.advance(by: 1_000)
        let second = try #require(broker.joined(two))
        #expect(second.error == .none)
        #expect(second.leader == second.memberID)
        #expect(try broker.heartbeat("g", one) == .unknownMemberID)
    }

    @Test func aMemberThatDoesNotSyncIsDropped() throws {
        let broker = try Harness()
        let token = broker.send(.joinGroup(broker.joinRequest("g", session: 600_000, rebalance: 5_000)), version: 3)
        broker.advance(by: 100)
        let one = try #require(broker.joined(token))
        broker.advance(by: 5_000)
        #expect(try broker.heartbeat("g", one) == .unknownMemberID)
    }

    @Test func aStaticMemberComesBackWithoutARebalance() throws {
        let broker = try Harness()
        let before = try broker.settle("g", instance: "i")
        let token = broker.send(.joinGroup(broker.joinRequest("g", instance: "i")))
        let after = try #require(broker.joined(token), "it does not wait for a rebalance")
        #expect(after.error == .none)
        #expect(after.memberID != before.memberID)
        #expect(after.generationID == before.generationID)
        #expect(after.leader == before.memberID, "it must not compute assignments")
        let sync = broker.sync("g", after, instance: "i")
        #expect(broker.synced(sync)?.assignment == ByteBuffer(string: "everything"))
        #expect(try broker.heartbeat("g", after, instance: "i") == .none)
        // Its former self is fenced, in every request.
        #expect(try broker.createTopic("t") == .none)
        #expect(try broker.heartbeat("g", before, instance: "i") == .fencedInstanceID)
        #expect(broker.synced(broker.sync("g", before, instance: "i"))?.error == .fencedInstanceID)
        #expect(
            broker.joined(broker.send(.joinGroup(broker.joinRequest("g", member: before.memberID, instance: "i"))))?
                .error == .fencedInstanceID)
        #expect(
            try broker.commitOffset(
                group: "g", "t", offset: 1, generation: before.generationID, member: before.memberID, instance: "i")
                == .fencedInstanceID)
        #expect(
            try broker.commitOffset(
                group: "g", "t", offset: 1, generation: after.generationID, member: after.memberID, instance: "i")
                == .none)
        let leave = LeaveGroupRequest {
            $0.groupID = "g"
            $0.members = [
                LeaveGroupRequest.Member {
                    $0.memberID = before.memberID
                    $0.groupInstanceID = "i"
                }
            ]
        }
        guard case .leaveGroup(let left) = try broker.call(.leaveGroup(leave)) else { return }
        #expect(left.members.map(\.error) == [.fencedInstanceID])
    }

    @Test func aStaticMemberThatWaitsIsFencedByItsSuccessor() throws {
        let broker = try Harness()
        let first = broker.send(.joinGroup(broker.joinRequest("g", instance: "i")))
        let second = broker.send(.joinGroup(broker.joinRequest("g", instance: "i")))
        #expect(broker.joined(first)?.error == .fencedInstanceID)
        broker.advance(by: 100)
        let join = try #require(broker.joined(second))
        #expect(join.error == .none)
        #expect(join.members.count == 1)
    }

    @Test func inconsistentRequestsAreRefused() throws {
        let broker = try Harness()
        _ = try broker.settle("g")
        func error(_ request: JoinGroupRequest) -> ErrorCode? { broker.joined(broker.send(.joinGroup(request)))?.error }
        #expect(error(broker.joinRequest("")) == .invalidGroupID)
        #expect(error(broker.joinRequest("g", session: 99)) == .invalidSessionTimeout)
        #expect(error(broker.joinRequest("g", session: 1_800_001)) == .invalidSessionTimeout)
        #expect(error(broker.joinRequest("g", protocols: ["other"])) == .inconsistentGroupProtocol)
        #expect(error(broker.joinRequest("g", protocols: [])) == .inconsistentGroupProtocol)
        #expect(error(broker.joinRequest("g", member: "stranger")) == .unknownMemberID)
        #expect(error(broker.joinRequest("new", member: "stranger")) == .unknownMemberID)
    }

    @Test func offsetCommitsAreFencedByMemberAndGeneration() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        #expect(
            try broker.commitOffset(group: "g", "t", offset: 1, metadata: "first") == .none,
            "an empty group takes simple commits")
        #expect(
            try broker.commitOffset(group: "g", "t", offset: 1, metadata: String(repeating: "x", count: 4097))
                == .offsetMetadataTooLarge)
        #expect(try broker.commitOffset(group: "g", "u", offset: 1) == .unknownTopicOrPartition)
        #expect(
            try broker.commitOffset(group: "none", "t", offset: 1, generation: 3, member: "m") == .illegalGeneration)
        let one = try broker.settle("g")
        #expect(try broker.commitOffset(group: "g", "t", offset: 2) == .unknownMemberID)
        #expect(
            try broker.commitOffset(group: "g", "t", offset: 2, generation: one.generationID, member: "other")
                == .unknownMemberID)
        #expect(
            try broker.commitOffset(group: "g", "t", offset: 2, generation: 0, member: one.memberID)
                == .illegalGeneration)
        #expect(try broker.committedOffset(group: "g", "t").metadata == "first")
        #expect(
            try broker.commitOffset(group: "g", "t", offset: 2, generation: one.generationID, member: one.memberID)
                == .none)
        #expect(try broker.committedOffset(group: "g", "t").committedOffset == 2)
        // The same in transactions, which old clients may use without a member.
        let producer = try broker.producer("tx")
        #expect(try broker.addOffsets(producer, group: "g") == .none)
        #expect(
            try broker.commitOffsets(
                producer, group: "g", "t", offset: 3, generation: one.generationID, member: "other") == .unknownMemberID
        )
        #expect(
            try broker.commitOffsets(producer, group: "g", "t", offset: 3, generation: 0, member: one.memberID)
                == .illegalGeneration)
        #expect(
            try broker.commitOffsets(
                producer, group: "g", "t", offset: 3, generation: one.generationID, member: one.memberID) == .none)
        #expect(try broker.commitOffsets(producer, group: "g", "t", offset: 3) == .none)
    }

    @Test func groupsAreDescribedListedAndDeleted() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let one = try broker.settle("g")
        #expect(try broker.commitOffset(group: "simple", "t", offset: 1) == .none)
        guard case .listGroups(let list) = try broker.call(.listGroups(ListGroupsRequest())) else { return }
        #expect(list.groups.map(\.groupID) == ["g", "simple"])
        #expect(list.groups.map(\.state) == ["Stable", "Empty"])
        for (type, count) in [("Classic", 2), ("consumer", 0)] {
            let ofType = ListGroupsRequest { $0.typesFilter = [type] }
            guard case .listGroups(let list) = try broker.call(.listGroups(ofType)) else { return }
            #expect(list.groups.count == count)
        }
        let describe = DescribeGroupsRequest { $0.groups = ["g", "none"] }
        guard case .describeGroups(let described) = try broker.call(.describeGroups(describe)) else { return }
        #expect(described.groups.map(\.state) == ["Stable", "Dead"])
        #expect(described.groups[0].members.map(\.memberID) == [one.memberID])
        #expect(described.groups[0].members[0].assignment == ByteBuffer(string: "everything"))
        let delete = DeleteGroupsRequest { $0.groups = ["g", "simple", "none", ""] }
        guard case .deleteGroups(let deleted) = try broker.call(.deleteGroups(delete)) else { return }
        #expect(deleted.results.map(\.error) == [.nonEmptyGroup, .none, .groupIDNotFound, .invalidGroupID])
        #expect(try broker.committedOffset(group: "simple", "t").committedOffset == -1)
    }

    @Test func generationsOutliveTheBroker() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let before = try broker.settle("g")
        #expect(
            try broker.commitOffset(
                group: "g", "t", offset: 7, generation: before.generationID, member: before.memberID) == .none)
        let again = try broker.restarted()
        #expect(try again.heartbeat("g", before) == .unknownMemberID)
        #expect(
            try again.commitOffset(group: "g", "t", offset: 8, generation: before.generationID, member: before.memberID)
                == .unknownMemberID)
        let after = try again.settle("g")
        #expect(after.generationID > before.generationID)
        #expect(try again.committedOffset(group: "g", "t").committedOffset == 7)
    }

    @Test func offsetsAreDeletedOneByOne() throws {
        let broker = try Harness()
        for name in ["t", "u"] { #expect(try broker.createTopic(name) == .none) }
        for name in ["t", "u"] { #expect(try broker.commitOffset(group: "g", name, offset: 5) == .none) }
        func delete(_ group: String, _ topic: String) throws -> (ErrorCode, ErrorCode?) {
            let request = OffsetDeleteRequest {
                $0.groupID = group
                $0.topics = [
                    OffsetDeleteRequest.Topic {
                        $0.name = topic
                        $0.partitions = [0]
                    }
                ]
            }
            guard case .offsetDelete(let response) = try broker.call(.offsetDelete(request)) else {
                throw Harness.Unexpected(response: "")
            }
            return (response.error, response.topics.first?.partitions.first?.error)
        }
        #expect(try delete("", "t").0 == .invalidGroupID)
        #expect(try delete("h", "t").0 == .groupIDNotFound)
        #expect(try delete("g", "v").1 == .unknownTopicOrPartition)
        #expect(try delete("g", "t").1 == ErrorCode.none)
        for each in [broker, try broker.restarted()] {
            #expect(try each.committedOffset(group: "g", "t").committedOffset == -1)
            #expect(try each.committedOffset(group: "g", "u").committedOffset == 5)
        }
        // A group without members and offsets is none.
        #expect(try delete("g", "u").1 == ErrorCode.none)
        #expect(try delete("g", "u").0 == .groupIDNotFound)
    }

    @Test func offsetsOfAbandonedGroupsExpire() throws {
        var configuration = BrokerCoreConfiguration()
        configuration.offsetRetention = 10 * 86_400_000
        configuration.housekeepingInterval = 3_600_000
        configuration.compactionInterval = 1_000_000_000_000
        let broker = try Harness(configuration: configuration)
        #expect(try broker.createTopic("t") == .none)
        #expect(try broker.commitOffset(group: "g", "t", offset: 5) == .none)
        broker.advance(by: 9 * 86_400_000)
        // A broker that was off has not seen whether somebody would have come.
        let again = try broker.restarted()
        again.advance(by: 9 * 86_400_000)
        #expect(try again.committedOffset(group: "g", "t").committedOffset == 5)
        again.advance(by: 2 * 86_400_000)
        #expect(try again.committedOffset(group: "g", "t").committedOffset == -1)
        #expect(try again.restarted().committedOffset(group: "g", "t").committedOffset == -1)
    }
}
