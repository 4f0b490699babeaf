import NIOCore

extension BrokerCore {
    // MARK: Offsets

    func offsetCommit(_ request: OffsetCommitRequest) -> OffsetCommitResponse {
        func refuse(_ error: ErrorCode) -> OffsetCommitResponse {
            OffsetCommitResponse { response in
                response.topics = request.topics.map { topic in
                    OffsetCommitResponse.Topic {
                        $0.name = topic.name
                        $0.partitions = topic.partitions.map { partition in
                            OffsetCommitResponse.Partition {
                                $0.index = partition.index
                                $0.error = error
                            }
                        }
                    }
                }
            }
        }
        guard !request.groupID.isEmpty else { return refuse(.invalidGroupID) }
        guard groups[request.groupID] != nil || request.generationID < 0 else { return refuse(.illegalGeneration) }
        let group = existingOrNewGroup(request.groupID)
        let error = group.validateOffsetCommit(
            memberID: request.memberID, instanceID: request.groupInstanceID, generation: request.generationID,
            isTransactional: false)
        guard error == .none else { return refuse(error) }
        if let member = group.member(request.memberID) { extendSession(group, member) }
        var record = OffsetsRecord()
        record.groupID = request.groupID
        var response = OffsetCommitResponse { response in
            response.topics = request.topics.map { topic in
                OffsetCommitResponse.Topic {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        OffsetCommitResponse.Partition {
                            $0.index = partition.index
                            $0.error = checkOffset(topic.name, partition.index, partition.metadata)
                            guard $0.error == .none else { return }
                            record.offsets.append(
                                CommittedOffset {
                                    $0.topic = topic.name
                                    $0.partition = partition.index
                                    $0.offset = partition.committedOffset
                                    $0.leaderEpoch = partition.committedLeaderEpoch
                                    $0.metadata = partition.metadata ?? ""
                                    $0.committed = now.wall
                                })
                        }
                    }
                }
            }
        }
        guard !record.offsets.isEmpty else { return response }
        do {
            try commit(.offsets(record))
        } catch {
            response = refuse(.coordinatorNotAvailable)
        }
        return response
    }

    func checkOffset(_ topic: String, _ partition: Int32, _ metadata: String?) -> ErrorCode {
        guard log(topic, partition) != nil else { return .unknownTopicOrPartition }
        guard (metadata?.utf8.count ?? 0) <= configuration.maximumOffsetMetadataBytes else {
            return .offsetMetadataTooLarge
        }
        return .none
    }

    func offsetFetch(_ request: OffsetFetchRequest) -> OffsetFetchResponse {
        let group = groups[request.groupID]
        let wanted: [(String, [Int32])]
        if let topics = request.topics {
            wanted = topics.map { ($0.name, $0.partitions) }
        } else {
            var partitions: [String: [Int32]] = [:]
            for name in (group?.offsets ?? [:]).keys.sorted() {
                partitions[name.topic, default: []].append(name.partition)
            }
            wanted = partitions.sorted { $0.key < $1.key }
        }
        return OffsetFetchResponse { response in
            response.topics = wanted.map { topic, partitions in
                OffsetFetchResponse.Topic {
                    $0.name = topic
                    $0.partitions = partitions.map { partition in
                        OffsetFetchResponse.Partition {
                            let name = TopicPartitionName(topic: topic, partition: partition)
                            $0.index = partition
                            $0.metadata = ""
                            if request.requireStable, group?.hasPendingOffset(name) == true {
                                $0.error = .unstableOffsetCommit
                            } else if let committed = group?.offsets[name] {
                                $0.committedOffset = committed.offset
                                $0.committedLeaderEpoch = committed.leaderEpoch
                                $0.metadata = committed.metadata
                            }
                        }
                    }
                }
            }
        }
    }

    func offsetDelete(_ request: OffsetDeleteRequest) -> OffsetDeleteResponse {
        OffsetDeleteResponse { response in
            guard !request.groupID.isEmpty else { return response.error = .invalidGroupID }
            guard let group = groups[request.groupID] else { return response.error = .groupIDNotFound }
            let subscribed: Set<String>
            switch group.state {
            case .empty: subscribed = []
            default:
                guard group.protocolType == Group.consumerProtocol, let topics = group.subscribedTopics else {
                    return response.error = .nonEmptyGroup
                }
                subscribed = topics
            }
            var record = OffsetsDeletedRecord()
            record.groupID = group.id
            response.topics = request.topics.map { topic in
                OffsetDeleteResponse.Topic {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        OffsetDeleteResponse.Partition {
                            $0.index = partition
                            if log(topic.name, partition) == nil {
                                $0.error = .unknownTopicOrPartition
                            } else if subscribed.contains(topic.name) {
                                $0.error = .groupSubscribedToTopic
                            } else {
                                record.partitions.append(
                                    OffsetsDeletedRecord.Partition {
                                        $0.topic = topic.name
                                        $0.partition = partition
                                    })
                            }
                        }
                    }
                }
            }
            guard !record.partitions.isEmpty else { return }
            do {
                try commit(.offsetsDeleted(record))
                if group.isAbandoned, group.offsets.isEmpty {
                    try commit(.groupDeleted(GroupDeletedRecord { $0.groupID = group.id }))
                }
            } catch {
                response.error = .coordinatorNotAvailable
            }
        }
    }

    // MARK: Administration

    func listGroups(_ request: ListGroupsRequest) -> ListGroupsResponse {
        ListGroupsResponse { response in
            guard request.typesFilter.isEmpty || request.typesFilter.contains(where: Group.isType) else { return }
            for group in groups.values.sorted(by: { $0.id < $1.id })
            where request.statesFilter.isEmpty || request.statesFilter.contains(group.state.rawValue) {
                response.groups.append(
                    ListGroupsResponse.Group {
                        $0.groupID = group.id
                        $0.protocolType = group.protocolType ?? ""
                        $0.state = group.state.rawValue
                        $0.type = Group.type
                    })
            }
        }
    }

    func describeGroups(_ request: DescribeGroupsRequest) -> DescribeGroupsResponse {
        DescribeGroupsResponse { response in
            response.groups = request.groups.map { id in
                DescribeGroupsResponse.Group { result in
                    result.groupID = id
                    guard let group = groups[id] else {
                        result.state = "Dead"
                        return
                    }
                    result.state = group.state.rawValue
                    result.protocolType = group.protocolType ?? ""
                    let isSettled = group.state == .stable
                    result.protocolData = isSettled ? group.protocolName ?? "" : ""
                    result.members = group.members.map { member in
                        DescribeGroupsResponse.Member {
                            $0.memberID = member.id
                            $0.groupInstanceID = member.instanceID
                            $0.clientID = member.clientID
                            $0.clientHost = member.clientHost
                            if isSettled {
                                $0.metadata = member.metadata(group.protocolName)
                                $0.assignment = member.assignment
                            }
                        }
                    }
                }
            }
        }
    }

    func deleteGroups(_ request: DeleteGroupsRequest) -> DeleteGroupsResponse {
        DeleteGroupsResponse { response in
            response.results = request.groups.map { id in
                DeleteGroupsResponse.Result {
                    $0.groupID = id
                    $0.error = deleteGroup(id)
                }
            }
        }
    }

    private func deleteGroup(_ id: String) -> ErrorCode {
        guard !id.isEmpty else { return .invalidGroupID }
        guard let group = groups[id] else { return .groupIDNotFound }
        guard group.state == .empty else { return .nonEmptyGroup }
        do {
            try commit(.groupDeleted(GroupDeletedRecord { $0.groupID = id }))
        } catch {
            return .coordinatorNotAvailable
        }
        timers.cancel(.groupJoin(id))
        timers.cancel(.groupSync(id))
        return .none
    }

    /// Forgets groups that have had no members for the time of `offsets.retention.minutes`, with their offsets, and those that have not
    /// even offsets after a week. The time begins when the broker starts, at the earliest: a machine that was off for long must
    /// not start over.
    func expireGroups() {
        let week: Int64 = 7 * 24 * 3_600_000
        for group in groups.values.sorted(by: { $0.id < $1.id })
        where group.isAbandoned {
            let age = group.offsets.isEmpty ? min(week, configuration.offsetRetention) : configuration.offsetRetention
            guard now.wall - group.lastUse > age else { continue }
            try? commit(.groupDeleted(GroupDeletedRecord { $0.groupID = group.id }))
        }
    }
}
