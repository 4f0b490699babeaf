/// A response of any API.
package enum Response: Sendable {
    case produce(ProduceResponse)
    case fetch(FetchResponse)
    case listOffsets(ListOffsetsResponse)
    case metadata(MetadataResponse)
    case offsetCommit(OffsetCommitResponse)
    case offsetFetch(OffsetFetchResponse)
    case findCoordinator(FindCoordinatorResponse)
    case joinGroup(JoinGroupResponse)
    case heartbeat(HeartbeatResponse)
    case leaveGroup(LeaveGroupResponse)
    case syncGroup(SyncGroupResponse)
    case describeGroups(DescribeGroupsResponse)
    case listGroups(ListGroupsResponse)
    case apiVersions(APIVersionsResponse)
    case createTopics(CreateTopicsResponse)
    case deleteTopics(DeleteTopicsResponse)
    case deleteRecords(DeleteRecordsResponse)
    case initProducerID(InitProducerIDResponse)
    case offsetForLeaderEpoch(OffsetForLeaderEpochResponse)
    case addPartitionsToTxn(AddPartitionsToTxnResponse)
    case addOffsetsToTxn(AddOffsetsToTxnResponse)
    case endTxn(EndTxnResponse)
    case txnOffsetCommit(TxnOffsetCommitResponse)
    case describeConfigs(DescribeConfigsResponse)
    case alterConfigs(AlterConfigsResponse)
    case describeLogDirs(DescribeLogDirsResponse)
    case createPartitions(CreatePartitionsResponse)
    case deleteGroups(DeleteGroupsResponse)
    case incrementalAlterConfigs(AlterConfigsResponse)
    case offsetDelete(OffsetDeleteResponse)
    case describeProducers(DescribeProducersResponse)
    case describeTransactions(DescribeTransactionsResponse)
    case listTransactions(ListTransactionsResponse)

    package var key: APIKey {
        switch self {
        case .produce: .produce
        case .fetch: .fetch
        case .listOffsets: .listOffsets
        case .metadata: .metadata
        case .offsetCommit: .offsetCommit
        case .offsetFetch: .offsetFetch
        case .findCoordinator: .findCoordinator
        case .joinGroup: .joinGroup
        case .heartbeat: .heartbeat
        case .leaveGroup: .leaveGroup
        case .syncGroup: .syncGroup
        case .describeGroups: .describeGroups
        case .listGroups: .listGroups
        case .apiVersions: .apiVersions
        case .createTopics: .createTopics
        case .deleteTopics: .deleteTopics
        case .deleteRecords: .deleteRecords
        case .initProducerID: .initProducerID
        case .offsetForLeaderEpoch: .offsetForLeaderEpoch
        case .addPartitionsToTxn: .addPartitionsToTxn
        case .addOffsetsToTxn: .addOffsetsToTxn
        case .endTxn: .endTxn
        case .txnOffsetCommit: .txnOffsetCommit
        case .describeConfigs: .describeConfigs
        case .alterConfigs: .alterConfigs
        case .describeLogDirs: .describeLogDirs
        case .createPartitions: .createPartitions
        case .deleteGroups: .deleteGroups
        case .incrementalAlterConfigs: .incrementalAlterConfigs
        case .offsetDelete: .offsetDelete
        case .describeProducers: .describeProducers
        case .describeTransactions: .describeTransactions
        case .listTransactions: .listTransactions
        }
    }

    package static func decode(_ key: APIKey, from coder: inout WireDecoder) throws(WireError) -> Response {
        switch key {
        case .produce: .produce(try coder.message())
        case .fetch: .fetch(try coder.message())
        case .listOffsets: .listOffsets(try coder.message())
        case .metadata: .metadata(try coder.message())
        case .offsetCommit: .offsetCommit(try coder.message())
        case .offsetFetch: .offsetFetch(try coder.message())
        case .findCoordinator: .findCoordinator(try coder.message())
        case .joinGroup: .joinGroup(try coder.message())
        case .heartbeat: .heartbeat(try coder.message())
        case .leaveGroup: .leaveGroup(try coder.message())
        case .syncGroup: .syncGroup(try coder.message())
        case .describeGroups: .describeGroups(try coder.message())
        case .listGroups: .listGroups(try coder.message())
        case .apiVersions: .apiVersions(try coder.message())
        case .createTopics: .createTopics(try coder.message())
        case .deleteTopics: .deleteTopics(try coder.message())
        case .deleteRecords: .deleteRecords(try coder.message())
        case .initProducerID: .initProducerID(try coder.message())
        case .offsetForLeaderEpoch: .offsetForLeaderEpoch(try coder.message())
        case .addPartitionsToTxn: .addPartitionsToTxn(try coder.message())
        case .addOffsetsToTxn: .addOffsetsToTxn(try coder.message())
        case .endTxn: .endTxn(try coder.message())
        case .txnOffsetCommit: .txnOffsetCommit(try coder.message())
        case .describeConfigs: .describeConfigs(try coder.message())
        case .alterConfigs: .alterConfigs(try coder.message())
        case .describeLogDirs: .describeLogDirs(try coder.message())
        case .createPartitions: .createPartitions(try coder.message())
        case .deleteGroups: .deleteGroups(try coder.message())
        case .incrementalAlterConfigs: .incrementalAlterConfigs(try coder.message())
        case .offsetDelete: .offsetDelete(try coder.message())
        case .describeProducers: .describeProducers(try coder.message())
        case .describeTransactions: .describeTransactions(try coder.message())
        case .listTransactions: .listTransactions(try coder.message())
        }
    }

    package func encode(into coder: inout WireEncoder) throws(WireError) {
        switch self {
        case .produce(var message): try message.code(&coder)
        case .fetch(var message): try message.code(&coder)
        case .listOffsets(var message): try message.code(&coder)
        case .metadata(var message): try message.code(&coder)
        case .offsetCommit(var message): try message.code(&coder)
        case .offsetFetch(var message): try message.code(&coder)
        case .findCoordinator(var message): try message.code(&coder)
        case .joinGroup(var message): try message.code(&coder)
        case .heartbeat(var message): try message.code(&coder)
        case .leaveGroup(var message): try message.code(&coder)
        case .syncGroup(var message): try message.code(&coder)
        case .describeGroups(var message): try message.code(&coder)
        case .listGroups(var message): try message.code(&coder)
        case .apiVersions(var message): try message.code(&coder)
        case .createTopics(var message): try message.code(&coder)
        case .deleteTopics(var message): try message.code(&coder)
        case .deleteRecords(var message): try message.code(&coder)
        case .initProducerID(var message): try message.code(&coder)
        case .offsetForLeaderEpoch(var message): try message.code(&coder)
        case .addPartitionsToTxn(var message): try message.code(&coder)
        case .addOffsetsToTxn(var message): try message.code(&coder)
        case .endTxn(var message): try message.code(&coder)
        case .txnOffsetCommit(var message): try message.code(&coder)
        case .describeConfigs(var message): try message.code(&coder)
        case .alterConfigs(var message): try message.code(&coder)
        case .describeLogDirs(var message): try message.code(&coder)
        case .createPartitions(var message): try message.code(&coder)
        case .deleteGroups(var message): try message.code(&coder)
        case .incrementalAlterConfigs(var message): try message.code(&coder)
        case .offsetDelete(var message): try message.code(&coder)
        case .describeProducers(var message): try message.code(&coder)
        case .describeTransactions(var message): try message.code(&coder)
        case .listTransactions(var message): try message.code(&coder)
        }
    }
}
