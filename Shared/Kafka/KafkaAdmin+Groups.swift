internal import CRdkafka

/// A group as the brokers list it.
public struct GroupListing: Sendable {
    public var id: String
    /// `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Dead`, `Unknown`.
    public var state: String
}

/// A group with its members.
public struct GroupDescription: Sendable {
    public struct Member: Sendable {
        public var id: String
        /// Of a static member.
        public var instanceID: String?
        public var clientID: String
        public var host: String
        public var assignment: [TopicPartition]
    }

    public var id: String
    public var state: String
    /// The assignor.
    public var assignor: String
    public var members: [Member]
}

/// Which offset to look up.
public enum OffsetQuery: Hashable, Sendable {
    /// The first one stored.
    case earliest
    /// The high watermark: also behind records of open transactions.
    case latest
    /// The first one whose timestamp (ms since 1970-01-01T00:00:00Z) is at or after this.
    case atTime(Int64)
}

extension KafkaAdmin {
    /// Offsets by partition; absent where no record is as new as the time asked for.
    public func listOffsets(
        _ queries: [TopicPartition: OffsetQuery], _ deadline: Deadline = .after(defaultTimeout)
    ) async throws(KafkaError) -> [TopicPartition: Int64] {
        guard !queries.isEmpty else { return [:] }
        let handle = handle
        let wanted = queries.mapValues { query in
            switch query {
            case .earliest: KafkaConsumer.beginning
            case .latest: KafkaConsumer.end
            case .atTime(let time): max(time, 0)
            }
        }
        return try await calls.run { () throws(KafkaError) in
            try OffsetLookup.offsets(wanted, handle, deadline)
        }
    }

    /// All groups of the cluster.
    ///
    /// - Throws: also when one of the brokers did not answer: the list would be incomplete.
    public func groups(_ deadline: Deadline = .after(defaultTimeout)) async throws(KafkaError) -> [GroupListing] {
        let handle = handle
        return try await calls.run { () throws(KafkaError) in
            let operation = "list groups"
            let event = try unsafe AdminEvent(operation, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, handle, deadline) {
                unsafe rd_kafka_ListConsumerGroups($0, $1, $2)
            }
            let (listings, failure): ([GroupListing], KafkaError?) = unsafe event.read { event in
                let result = unsafe rd_kafka_event_ListConsumerGroups_result(event)
                var count = 0
                let errors = unsafe rd_kafka_ListConsumerGroups_result_errors(result, &count)
                let failure = unsafe UnsafeBufferPointer(start: errors, count: count).lazy
                    .compactMap { unsafe KafkaError(borrowing: $0, operation: operation) }.first
                let groups = unsafe rd_kafka_ListConsumerGroups_result_valid(result, &count)
                let listings = unsafe UnsafeBufferPointer(start: groups, count: count).map { group in
                    unsafe GroupListing(
                        id: String(cString: rd_kafka_ConsumerGroupListing_group_id(group)),
                        state: String(
                            cString: rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(group))))
                }
                return (listings, failure)
            }
            if let failure { throw failure }
            return listings
        }
    }

    /// A group's members and what each of them has. A group that does not exist is described as `Dead`.
    public func describeGroup(
        _ id: String, _ deadline: Deadline = .after(defaultTimeout)
    ) async throws(KafkaError) -> GroupDescription {
        let handle = handle
        return try await calls.run { () throws(KafkaError) in
            let operation = "describe group \(id)"
            let event = try unsafe AdminEvent(operation, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, handle, deadline) {
                handle, options, queue in
                unsafe id.withCString { id in
                    var ids: [UnsafePointer<CChar>?] = unsafe [id]
                    unsafe rd_kafka_DescribeConsumerGroups(handle, &ids, 1, options, queue)
                }
            }
            let answer: Result<GroupDescription, KafkaError> = unsafe event.read { event in
                var count = 0
                let groups = unsafe rd_kafka_DescribeConsumerGroups_result_groups(
                    rd_kafka_event_DescribeConsumerGroups_result(event), &count)
                guard count == 1, let group = unsafe groups?.pointee else {
                    return .failure(KafkaError(code: .unknownGroup, operation: operation))
                }
                if let error = unsafe KafkaError(
                    borrowing: rd_kafka_ConsumerGroupDescription_error(group), operation: operation)
                {
                    return .failure(error)
                }
                return unsafe .success(GroupDescription(group))
            }
            return try answer.get()
        }
    }

    /// What a group has committed, with the metadata of the commits; partitions without a commit are absent.
    ///
    /// - Parameter partitions: nil for all that the group has committed.
    public func groupOffsets(
        _ group: String, partitions: [TopicPartition]? = nil, _ deadline: Deadline = .after(defaultTimeout)
    ) async throws(KafkaError) -> [TopicPartition: CommittedOffset] {
        if let partitions, partitions.isEmpty { return [:] }
        let handle = handle
        return try await calls.run { () throws(KafkaError) in
            try Retry.until(deadline) { () throws(KafkaError) in
                let operation = "list the offsets of group \(group)"
                var request: OpaquePointer?
                if let partitions {
                    let list = PartitionList(partitions)
                    unsafe request = list.withPointer { unsafe rd_kafka_ListConsumerGroupOffsets_new(group, $0) }
                } else {
                    unsafe request = rd_kafka_ListConsumerGroupOffsets_new(group, nil)
                }
                defer { unsafe rd_kafka_ListConsumerGroupOffsets_destroy(request) }
                let event = try unsafe AdminEvent(
                    operation, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, handle, deadline
                ) {
                    unsafe rd_kafka_ListConsumerGroupOffsets($0, &request, 1, $1, $2)
                }
                let answer: Result<[PartitionEntry], KafkaError> = unsafe event.read { event in
                    var count = 0
                    let groups = unsafe rd_kafka_ListConsumerGroupOffsets_result_groups(
                        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count)
                    guard count == 1, let result = unsafe groups?.pointee else {
                        return .failure(KafkaError(code: .unknownGroup, operation: operation))
                    }
                    if let error = unsafe KafkaError(
                        borrowing: rd_kafka_group_result_error(result), operation: operation)
                    {
                        return .failure(error)
                    }
                    return unsafe .success(PartitionEntry.all(in: rd_kafka_group_result_partitions(result)))
                }
                var offsets: [TopicPartition: CommittedOffset] = [:]
                for entry in try answer.get() {
                    guard entry.code.rawValue == 0 else {
                        throw KafkaError(code: entry.code, operation: "\(operation) in \(entry.partition)")
                    }
                    guard entry.offset >= 0 else { continue }
                    offsets[entry.partition] = CommittedOffset(offset: entry.offset, metadata: entry.metadata)
                }
                return offsets
            }
        }
    }
}

extension GroupDescription {
    fileprivate init(_ group: OpaquePointer) {
        let count = unsafe rd_kafka_ConsumerGroupDescription_member_count(group)
        unsafe self.init(
            id: String(cString: rd_kafka_ConsumerGroupDescription_group_id(group)),
            state: String(
                cString: rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(group))),
            assignor: String(cString: rd_kafka_ConsumerGroupDescription_partition_assignor(group)),
            members: (0..<count).map { unsafe Member(rd_kafka_ConsumerGroupDescription_member(group, $0)) })
    }
}

extension GroupDescription.Member {
    fileprivate init(_ member: OpaquePointer?) {
        let assignment = unsafe rd_kafka_MemberDescription_assignment(member)
        let partitions = unsafe rd_kafka_MemberAssignment_partitions(assignment)
        unsafe self.init(
            id: String(cString: rd_kafka_MemberDescription_consumer_id(member)),
            instanceID: rd_kafka_MemberDescription_group_instance_id(member).map { unsafe String(cString: $0) },
            clientID: String(cString: rd_kafka_MemberDescription_client_id(member)),
            host: String(cString: rd_kafka_MemberDescription_host(member)),
            assignment: PartitionEntry.all(in: partitions).map(\.partition))
    }
}
