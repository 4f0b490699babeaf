// Members that stay, leave, or are not heard of any more.
extension BrokerCore {
    func extendSession(_ group: Group, _ member: GroupMember) {
        timers.schedule(.member(group: group.id, member: member.id), at: now.monotonic + member.sessionTimeout)
    }

    func sessionExpired(_ groupID: String, _ memberID: String) {
        guard let group = groups[groupID] else { return }
        if group.pendingMembers.contains(memberID) {
            group.remove(memberID)
            if group.state == .preparingRebalance, group.haveAllMembersJoined { completeJoin(group) }
            return
        }
        guard let member = group.member(memberID) else { return }
        // Waiting for the group is a sign of life, except for a new member, which is given newMemberJoinTimeout.
        if !member.isNew, member.joining != nil || member.syncing != nil { return extendSession(group, member) }
        remove(member, from: group)
        switch group.state {
        case .stable, .completingRebalance: prepareRebalance(group)
        case .preparingRebalance: if group.haveAllMembersJoined { completeJoin(group) }
        case .empty: break
        }
    }

    private func remove(_ member: GroupMember, from group: Group) {
        timers.cancel(.member(group: group.id, member: member.id))
        if let token = member.joining { refuseJoin(token, .unknownMemberID) }
        if let token = member.syncing { complete(token, .syncGroup(SyncGroupResponse { $0.error = .unknownMemberID })) }
        member.joining = nil
        member.syncing = nil
        group.remove(member.id)
    }

    func heartbeat(_ request: HeartbeatRequest) -> HeartbeatResponse {
        HeartbeatResponse {
            guard !request.groupID.isEmpty else { return $0.error = .invalidGroupID }
            guard let group = groups[request.groupID] else { return $0.error = .unknownMemberID }
            let error = group.validate(memberID: request.memberID, instanceID: request.groupInstanceID)
            guard error == .none, let member = group.member(request.memberID) else { return $0.error = error }
            guard request.generationID == group.generation else { return $0.error = .illegalGeneration }
            switch group.state {
            case .empty: $0.error = .unknownMemberID
            case .preparingRebalance:
                extendSession(group, member)
                $0.error = .rebalanceInProgress
            case .completingRebalance, .stable: extendSession(group, member)
            }
        }
    }

    func leaveGroup(_ request: LeaveGroupRequest, version: Int16) -> LeaveGroupResponse {
        var leaving = request.members
        if version < 3 { leaving = [LeaveGroupRequest.Member { $0.memberID = request.memberID }] }
        guard !request.groupID.isEmpty else { return LeaveGroupResponse { $0.error = .invalidGroupID } }
        guard let group = groups[request.groupID] else {
            return LeaveGroupResponse { response in
                if version < 3 { response.error = .unknownMemberID }
                response.members = leaving.map { member in
                    LeaveGroupResponse.Member {
                        $0.memberID = member.memberID
                        $0.groupInstanceID = member.groupInstanceID
                        $0.error = .unknownMemberID
                    }
                }
            }
        }
        var hasLeft = false
        let members = leaving.map { member in
            LeaveGroupResponse.Member {
                $0.memberID = member.memberID
                $0.groupInstanceID = member.groupInstanceID
                $0.error = leave(member, group)
                if $0.error == .none { hasLeft = true }
            }
        }
        if hasLeft {
            switch group.state {
            case .stable, .completingRebalance: prepareRebalance(group)
            case .preparingRebalance: completeJoinIfAllJoined(group)
            case .empty: break
            }
        }
        return LeaveGroupResponse {
            $0.members = members
            if version < 3 { $0.error = members.first?.error ?? .none }
        }
    }

    private func leave(_ identity: LeaveGroupRequest.Member, _ group: Group) -> ErrorCode {
        if group.pendingMembers.contains(identity.memberID) {
            timers.cancel(.member(group: group.id, member: identity.memberID))
            group.remove(identity.memberID)
            return .none
        }
        var memberID = identity.memberID
        if memberID.isEmpty {
            // An administrator removes a static member by its instance id alone.
            guard let instance = identity.groupInstanceID, let id = group.staticMembers[instance] else {
                return .unknownMemberID
            }
            memberID = id
        }
        let error = group.validate(memberID: memberID, instanceID: identity.groupInstanceID)
        guard error == .none, let member = group.member(memberID) else { return error }
        remove(member, from: group)
        return .none
    }
}
