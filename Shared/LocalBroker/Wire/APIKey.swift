/// The APIs that this broker implements, each with the narrowest range of versions that current clients accept.
///
/// Lower ends: librdkafka turns a feature off when version 0 of FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup
/// or Produce (compression) is not offered; Java 4 clients need Produce 3, Fetch 4, ListOffsets 1, OffsetCommit 2,
/// CreateTopics 2, DescribeConfigs 1 or later. Upper ends: what exactly-once, static membership, zstd and
/// `require_stable` need; later versions add topic ids, the consumer group protocol and sessions, which all clients do without.
package enum APIKey: Int16, CaseIterable, Sendable {
    case produce = 0
    case fetch = 1
    case listOffsets = 2
    case metadata = 3
    case offsetCommit = 8
    case offsetFetch = 9
    case findCoordinator = 10
    case joinGroup = 11
    case heartbeat = 12
    case leaveGroup = 13
    case syncGroup = 14
    case describeGroups = 15
    case listGroups = 16
    case apiVersions = 18
    case createTopics = 19
    case deleteTopics = 20
    case deleteRecords = 21
    case initProducerID = 22
    case offsetForLeaderEpoch = 23
    case addPartitionsToTxn = 24
    case addOffsetsToTxn = 25
    case endTxn = 26
    case txnOffsetCommit = 28
    case describeConfigs = 32
    case alterConfigs = 33
    case describeLogDirs = 35
    case createPartitions = 37
    case deleteGroups = 42
    case incrementalAlterConfigs = 44
    case offsetDelete = 47
    case describeProducers = 61
    case describeTransactions = 65
    case listTransactions = 66

    package var versions: ClosedRange<Int16> {
        switch self {
        case .produce: 0...8
        case .fetch: 4...11
        case .listOffsets: 1...7
        case .metadata: 1...8
        case .offsetCommit: 2...7
        case .offsetFetch: 1...7
        case .findCoordinator: 0...2
        case .joinGroup: 0...5
        case .heartbeat: 0...3
        case .leaveGroup: 0...3
        case .syncGroup: 0...3
        case .describeGroups: 0...4
        case .listGroups: 0...5
        case .apiVersions: 0...3
        case .createTopics: 2...4
        case .deleteTopics: 1...3
        case .deleteRecords: 0...1
        case .initProducerID: 0...4
        case .offsetForLeaderEpoch: 2...3
        case .addPartitionsToTxn: 0...2
        case .addOffsetsToTxn: 0...2
        case .endTxn: 0...2
        case .txnOffsetCommit: 0...3
        case .describeConfigs: 1...2
        case .alterConfigs: 0...1
        case .describeLogDirs: 1...3
        case .createPartitions: 0...1
        case .deleteGroups: 0...1
        case .incrementalAlterConfigs: 0...0
        case .offsetDelete: 0...0
        case .describeProducers: 0...0
        case .describeTransactions: 0...0
        case .listTransactions: 0...0
        }
    }

    /// The first version in the flexible encoding (compact lengths, tagged fields), as the protocol defines it.
    package var firstFlexibleVersion: Int16 {
        switch self {
        case .produce: 9
        case .fetch: 12
        case .listOffsets: 6
        case .metadata: 9
        case .offsetCommit: 8
        case .offsetFetch: 6
        case .findCoordinator: 3
        case .joinGroup: 6
        case .heartbeat: 4
        case .leaveGroup: 4
        case .syncGroup: 4
        case .describeGroups: 5
        case .listGroups: 3
        case .apiVersions: 3
        case .createTopics: 5
        case .deleteTopics: 4
        case .deleteRecords: 2
        case .initProducerID: 2
        case .offsetForLeaderEpoch: 4
        case .addPartitionsToTxn: 3
        case .addOffsetsToTxn: 3
        case .endTxn: 3
        case .txnOffsetCommit: 3
        case .describeConfigs: 4
        case .alterConfigs: 2
        case .describeLogDirs: 2
        case .createPartitions: 2
        case .deleteGroups: 2
        case .incrementalAlterConfigs: 1
        case .offsetDelete: .max
        case .describeProducers: 0
        case .describeTransactions: 0
        case .listTransactions: 0
        }
    }

    package func isFlexible(_ version: Int16) -> Bool { version >= firstFlexibleVersion }

    /// Version 1 of the response header, with tagged fields, belongs to flexible versions; ApiVersions never has it, so that a
    /// client can read the answer before it knows the broker.
    package func hasFlexibleResponseHeader(_ version: Int16) -> Bool { self != .apiVersions && isFlexible(version) }
}
