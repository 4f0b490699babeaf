import NIOCore

// The classic group protocol, as Kafka's GroupMetadataManager has it: the same states, the same errors.
extension BrokerCore {
    func findCoordinator(_ request: FindCoordinatorRequest) -> FindCoordinatorResponse {
        FindCoordinatorResponse {
            guard request.keyType == 0 || request.keyType == 1, !request.key.isEmpty else {
                $0.error = request.key.isEmpty && request.keyType == 0 ? .invalidGroupID : .invalidRequest
                return
            }
            $0.nodeID = configuration.nodeID
            $0.host = configuration.host
            $0.port = configuration.port
        }
    }

    // MARK: Join

    func refuseJoin(_ token: RequestToken, _ error: ErrorCode, memberID: String = "") {
        complete(
            token,
            .joinGroup(
                JoinGroupResponse {
                    $0.error = error
                    $0.memberID = memberID
                }))
    }

    func joinGroup(_ request: JoinGroupRequest, version: Int16, client: ClientContext, token: RequestToken) {
        guard !request.groupID.isEmpty else { return refuseJoin(token, .invalidGroupID, memberID: request.memberID) }
        guard
            (configuration.minimumSessionTimeout...configuration.maximumSessionTimeout).contains(request.sessionTimeout)
        else { return refuseJoin(token, .invalidSessionTimeout, memberID: request.memberID) }
        guard groups[request.groupID] != nil || request.memberID.isEmpty else {
            return refuseJoin(token, .unknownMemberID, memberID: request.memberID)
        }
        let group = existingOrNewGroup(request.groupID)
        group.lastUse = now.wall
        guard group.member(request.memberID) != nil || group.members.count < configuration.maximumGroupSize else {
            return refuseJoin(token, .policyViolation)
        }
        guard group.supports(type: request.protocolType, protocols: request.protocols) else {
            return refuseJoin(token, .inconsistentGroupProtocol, memberID: request.memberID)
        }
        if request.memberID.isEmpty {
            joinNew(request, version: version, client: client, group: group, token: token)
        } else {
            joinExisting(request, version: version, client: client, group: group, token: token)
        }
    }

    private func joinNew(
        _ request: JoinGroupRequest, version: Int16, client: ClientContext, group: Group, token: RequestToken
    ) {
        let memberID = "\(request.groupInstanceID ?? client.id)-\(identifier())"
        if let instance = request.groupInstanceID {
            if let oldID = group.staticMembers[instance], let old = group.member(oldID) {
                replaceStatic(old, with: memberID, request, version: version, group: group, token: token)
            } else {
                add(memberID, request, version: version, client: client, group: group, token: token)
            }
        } else if version >= 4 {
            group.pendingMembers.insert(memberID)
            timers.schedule(
                .member(group: group.id, member: memberID), at: now.monotonic + Int64(request.sessionTimeout))
            refuseJoin(token, .memberIDRequired, memberID: memberID)
        } else {
            add(memberID, request, version: version, client: client, group: group, token: token)
        }
    }

    private func joinExisting(
        _ request: JoinGroupRequest, version: Int16, client: ClientContext, group: Group, token: RequestToken
    ) {
        if group.pendingMembers.contains(request.memberID) {
            guard request.groupInstanceID == nil else { return refuseJoin(token, .invalidRequest) }
            add(request.memberID, request, version: version, client: client, group: group, token: token)
            return
        }
        let error = group.validate(memberID: request.memberID, instanceID: request.groupInstanceID)
        guard error == .none, let member = group.member(request.memberID) else {
            return refuseJoin(token, error == .none ? .unknownMemberID : error, memberID: request.memberID)
        }
        switch group.state {
        case .preparingRebalance:
            rejoin(member, request, version: version, group: group, token: token)
        case .completingRebalance:
            guard member.matches(request.protocols) else {
                return rejoin(member, request, version: version, group: group, token: token)
            }
            // The response was lost, presumably: this generation's is given again.
            complete(token, .joinGroup(joinResponse(group, member)))
        case .stable:
            guard group.leader != member.id, member.matches(request.protocols) else {
                return rejoin(member, request, version: version, group: group, token: token)
            }
            complete(token, .joinGroup(joinResponse(group, member)))
        case .empty:
            refuseJoin(token, .unknownMemberID, memberID: request.memberID)
        }
    }

    private func rejoin(
        _ member: GroupMember, _ request: JoinGroupRequest, version: Int16, group: Group, token: RequestToken
    ) {
        member.update(request)
        setJoining(member, token)
        rebalanceOrCompleteJoin(group)
    }

    private func setJoining(_ member: GroupMember, _ token: RequestToken) {
        // A client that gave up waiting and asks again: its first request is not read any more, but must not stay open.
        if let waiting = member.joining, waiting != token {
            refuseJoin(waiting, .rebalanceInProgress, memberID: member.id)
        }
        member.joining = token
    }

    private func add(
        _ memberID: String, _ request: JoinGroupRequest, version: Int16, client: ClientContext, group: Group,
        token: RequestToken
    ) {
        let member = GroupMember(id: memberID, request: request, client: client)
        if group.state == .empty { group.protocolType = request.protocolType }
        if group.state == .preparingRebalance, group.previousState == .empty { group.newMemberAdded = true }
        group.add(member)
        setJoining(member, token)
        // A new member cannot send heartbeats yet; if it has died meanwhile, its place is freed after this long.
        timers.schedule(
            .member(group: group.id, member: memberID), at: now.monotonic + configuration.newMemberJoinTimeout)
        rebalanceOrCompleteJoin(group)
    }

    /// A static member has restarted: it comes without a member id and takes the place of its former self, which is fenced.
    private func replaceStatic(
        _ member: GroupMember, with newID: String, _ request: JoinGroupRequest, version: Int16, group: Group,
        token: RequestToken
    ) {
        let formerLeader = group.leader
        let formerID = member.id
        if let waiting = member.joining { refuseJoin(waiting, .fencedInstanceID, memberID: formerID) }
        if let waiting = member.syncing {
            complete(waiting, .syncGroup(SyncGroupResponse { $0.error = .fencedInstanceID }))
        }
        member.joining = nil
        member.syncing = nil
        if group.pendingSync.remove(formerID) != nil { group.pendingSync.insert(newID) }
        group.replaceStaticMember(request.groupInstanceID ?? "", old: member, newID: newID)
        timers.cancel(.member(group: group.id, member: formerID))
        member.update(request)
        extendSession(group, member)
        switch group.state {
        case .stable:
            if group.selectProtocol() == group.protocolName {
                // No rebalance: it syncs and gets the assignment that it had. It is told of its former id as the leader, so that it
                // does not compute an assignment that nobody asked for.
                var response = joinResponse(group, member)
                response.leader = formerLeader ?? ""
                response.members = []
                complete(token, .joinGroup(response))
            } else {
                setJoining(member, token)
                rebalanceOrCompleteJoin(group)
            }
        case .completingRebalance:
            // The leader may have been given the former id: what it assigns would go nowhere.
            setJoining(member, token)
            prepareRebalance(group)
        case .preparingRebalance:
            setJoining(member, token)
            completeJoinIfAllJoined(group)
        case .empty:
            setJoining(member, token)
            rebalanceOrCompleteJoin(group)
        }
    }

    private func joinResponse(_ group: Group, _ member: GroupMember) -> JoinGroupResponse {
        JoinGroupResponse {
            $0.generationID = group.generation
            $0.protocolName = group.protocolName ?? ""
            $0.leader = group.leader ?? ""
            $0.memberID = member.id
            if group.leader == member.id { $0.members = group.joinedMembers }
        }
    }

    // MARK: Rebalance

    private func rebalanceOrCompleteJoin(_ group: Group) {
        switch group.state {
        case .stable, .completingRebalance, .empty: prepareRebalance(group)
        case .preparingRebalance: completeJoinIfAllJoined(group)
        }
    }

    func completeJoinIfAllJoined(_ group: Group) {
        guard group.state == .preparingRebalance, group.previousState != .empty, group.haveAllMembersJoined else {
            return
        }
        completeJoin(group)
    }

    func prepareRebalance(_ group: Group) {
        if group.state == .completingRebalance {
            for member in group.members {
                member.assignment = ByteBuffer()
                answerSync(group, member, .rebalanceInProgress)
            }
        }
        group.pendingSync.removeAll()
        timers.cancel(.groupSync(group.id))
        let isInitial = group.state == .empty
        group.transition(to: .preparingRebalance)
        if isInitial {
            group.newMemberAdded = false
            let delay = configuration.groupInitialRebalanceDelay
            group.initialDelayRemaining = max(0, group.rebalanceTimeout - delay)
            timers.schedule(.groupJoin(group.id), at: now.monotonic + delay)
        } else if group.haveAllMembersJoined {
            completeJoin(group)
        } else {
            timers.schedule(.groupJoin(group.id), at: now.monotonic + group.rebalanceTimeout)
        }
    }

    func joinTimerFired(_ id: String) {
        guard let group = groups[id], group.state == .preparingRebalance else { return }
        if group.previousState == .empty, group.newMemberAdded, group.initialDelayRemaining > 0 {
            group.newMemberAdded = false
            let delay = min(configuration.groupInitialRebalanceDelay, group.initialDelayRemaining)
            group.initialDelayRemaining = max(0, group.initialDelayRemaining - configuration.groupInitialRebalanceDelay)
            timers.schedule(.groupJoin(id), at: now.monotonic + max(1, delay))
            return
        }
        completeJoin(group)
    }

    func completeJoin(_ group: Group) {
        timers.cancel(.groupJoin(group.id))
        for member in group.members where member.joining == nil && member.instanceID == nil {
            group.remove(member.id)
            timers.cancel(.member(group: group.id, member: member.id))
        }
        if !group.members.isEmpty, !group.electJoinedLeader() {
            // Only static members are left and none has come: their sessions decide.
            timers.schedule(.groupJoin(group.id), at: now.monotonic + max(1, group.rebalanceTimeout))
            return
        }
        beginGeneration(group)
    }

    private func beginGeneration(_ group: Group) {
        let generation = group.generation &+ 1
        // The generation must not go back when the broker restarts: it fences the commits of former members.
        let record = GroupRecord {
            $0.groupID = group.id
            $0.generationID = generation
            $0.protocolType = group.protocolType ?? ""
        }
        do {
            try commit(.group(record))
        } catch {
            for member in group.members {
                if let token = member.joining { refuseJoin(token, .coordinatorNotAvailable, memberID: member.id) }
                member.joining = nil
            }
            return
        }
        group.pendingSync.removeAll()
        guard !group.members.isEmpty else {
            group.protocolName = nil
            group.transition(to: .empty)
            return
        }
        group.protocolName = group.selectProtocol()
        group.transition(to: .completingRebalance)
        for member in group.members {
            if let token = member.joining { complete(token, .joinGroup(joinResponse(group, member))) }
            member.joining = nil
            member.isNew = false
            group.pendingSync.insert(member.id)
            extendSession(group, member)
        }
        timers.schedule(.groupSync(group.id), at: now.monotonic + group.rebalanceTimeout)
    }

    // MARK: Sync

    private func answerSync(_ group: Group, _ member: GroupMember, _ error: ErrorCode) {
        guard let token = member.syncing else { return }
        member.syncing = nil
        complete(
            token,
            .syncGroup(
                SyncGroupResponse {
                    $0.error = error
                    $0.assignment = member.assignment
                }))
        extendSession(group, member)
    }

    func syncGroup(_ request: SyncGroupRequest, token: RequestToken) {
        func refuse(_ error: ErrorCode) { complete(token, .syncGroup(SyncGroupResponse { $0.error = error })) }
        guard !request.groupID.isEmpty else { return refuse(.invalidGroupID) }
        guard let group = groups[request.groupID], group.state != .empty else { return refuse(.unknownMemberID) }
        let error = group.validate(memberID: request.memberID, instanceID: request.groupInstanceID)
        guard error == .none, let member = group.member(request.memberID) else { return refuse(error) }
        guard request.generationID == group.generation else { return refuse(.illegalGeneration) }
        switch group.state {
        case .empty: refuse(.unknownMemberID)
        case .preparingRebalance: refuse(.rebalanceInProgress)
        case .completingRebalance:
            if let waiting = member.syncing {
                complete(waiting, .syncGroup(SyncGroupResponse { $0.error = .rebalanceInProgress }))
            }
            member.syncing = token
            group.pendingSync.remove(member.id)
            if group.leader == member.id { assign(request.assignments, group) }
            if group.pendingSync.isEmpty { timers.cancel(.groupSync(group.id)) }
        case .stable:
            group.pendingSync.remove(member.id)
            if group.pendingSync.isEmpty { timers.cancel(.groupSync(group.id)) }
            extendSession(group, member)
            complete(token, .syncGroup(SyncGroupResponse { $0.assignment = member.assignment }))
        }
    }

    private func assign(_ assignments: [SyncGroupRequest.Assignment], _ group: Group) {
        for member in group.members {
            member.assignment = assignments.first { $0.memberID == member.id }?.assignment ?? ByteBuffer()
        }
        group.transition(to: .stable)
        for member in group.members { answerSync(group, member, .none) }
    }

    /// Members that have joined but do not ask for their assignment are removed.
    func syncTimerFired(_ id: String) {
        guard let group = groups[id], group.state == .completingRebalance || group.state == .stable,
            !group.pendingSync.isEmpty
        else { return }
        for memberID in group.pendingSync.sorted() {
            group.remove(memberID)
            timers.cancel(.member(group: id, member: memberID))
        }
        prepareRebalance(group)
    }
}
