import NIOCore

/// Names a request until it is answered.
package struct RequestToken: Hashable, Sendable {
    package var number: UInt64

    package init(_ number: UInt64) { self.number = number }
}

/// Who sent a request.
package struct ClientContext: Sendable {
    package var id: String
    package var host: String

    package init(id: String = "", host: String = "127.0.0.1") {
        self.id = id
        self.host = host
    }
}

/// A topic and its logs.
struct Topic {
    var id: Int64
    var name: String
    var configuration: TopicConfiguration
    var partitions: [PartitionLog]
}

/// The broker without network, threads or clock: requests and the time come in, responses come out, at once or later. It is
/// used by one thread at a time; the same code is the product's broker and the simulation's.
package final class BrokerCore {
    package struct Completion: Sendable {
        package var token: RequestToken
        /// Nil when the request wants no response (produce with acks=0).
        package var response: Response?
    }

    /// What was found at start, for the log.
    package struct RecoveryReport: Sendable {
        package var topics = 0
        package var partitions = 0
        package var checkedBytes = 0
        package var removedBytes = 0
        package var completedTransactions = 0
        /// There are logs on disk of topics that the journal has never heard of.
        package var unknownTopics = false
    }

    enum TimerKey: Hashable {
        case fetch(RequestToken)
        case groupJoin(String)
        case groupSync(String)
        case member(group: String, member: String)
        case transaction(String)
        case retryEnd(String)
        case compaction
        case reserve
        case housekeeping
    }

    /// What compaction has done since the start.
    package struct CompactionCounts: Sendable {
        package var rounds = 0
        package var failures = 0
        /// Logs in which it has found damage, and where.
        package var damagedLogs: [String] = []
    }

    package var configuration: BrokerCoreConfiguration
    let storage: any BrokerStorage
    let journal: Journal
    var now: BrokerTime
    var timers = TimerQueue<TimerKey>()
    var random: SplitMix64

    package internal(set) var clusterID = ""
    var topics: [String: Topic] = [:]
    var nextTopicID: Int64 = 1
    var groups: [String: Group] = [:]
    var transactions: [String: Transaction] = [:]
    /// Producer ids below this are reserved in the journal; ids are handed out from blocks.
    var reservedProducerIDs: Int64 = 0
    var nextProducerID: Int64 = 0
    var parkedFetches: [RequestToken: ParkedFetch] = [:]
    var waitingFetches: [LogID: [RequestToken]] = [:]
    var grownLogs: [PartitionLog] = []
    var compaction: LogCompaction?
    package internal(set) var compactionCounts = CompactionCounts()
    private var completions: [Completion] = []
    package private(set) var recovery = RecoveryReport()
    /// True while the journal is read at start: applying a record must then not touch the logs.
    var isReplaying = true

    package init(
        configuration: BrokerCoreConfiguration, storage: any BrokerStorage, time: BrokerTime
    ) throws(StorageError) {
        self.configuration = configuration
        self.storage = storage
        journal = Journal(storage: storage)
        now = time
        random = SplitMix64(state: configuration.seed)
        try recover()
        // Soon: a broker that is started again all the time must come to it, too.
        timers.schedule(.housekeeping, at: time.monotonic + configuration.housekeepingInterval / 4)
        timers.schedule(.compaction, at: time.monotonic + configuration.compactionInterval)
    }

    // MARK: The interface

    /// Takes a request in. Its response is in `takeCompletions()`, now or after a later call.
    package func receive(
        _ request: Request, version: Int16, client: ClientContext, token: RequestToken, at time: BrokerTime
    ) {
        now = time
        handle(request, version: version, client: client, token: token)
        settle()
    }

    /// Fires the timers that are due.
    package func advance(to time: BrokerTime) {
        now = time
        while let key = timers.popDue(at: time.monotonic) {
            fire(key)
        }
        settle()
    }

    /// The client of this request is gone; a parked fetch is dropped. A parked join stays, as in Kafka: the member has its
    /// session to come back.
    package func cancel(_ token: RequestToken) { unpark(token) }

    /// On the monotonic clock: when `advance` has something to do.
    package func nextDeadline() -> Int64? { timers.nextDeadline() }

    package func takeCompletions() -> [Completion] {
        defer { completions.removeAll(keepingCapacity: true) }
        return completions
    }

    /// Writes the notes that make the next start fast. Nothing is lost without it.
    package func close() {
        compaction?.abandon()
        compaction = nil
        for topic in topics.values {
            for log in topic.partitions where log.bytesSinceCheckpoint > 0 { log.writeCheckpoint() }
        }
    }

    package func log(_ topic: String, _ partition: Int32) -> PartitionLog? {
        guard let logs = topics[topic]?.partitions, partition >= 0, Int(partition) < logs.count else { return nil }
        return logs[Int(partition)]
    }

    // MARK: Inside

    func complete(_ token: RequestToken, _ response: Response?) {
        completions.append(Completion(token: token, response: response))
    }

    private func settle() {
        wakeFetches()
        if !storage.hasReserve, !timers.isScheduled(.reserve) {
            timers.schedule(.reserve, at: now.monotonic + Self.reserveInterval)
        }
        if journal.isWorthCompacting { try? journal.compact(to: snapshot()) }
    }

    private func handle(_ request: Request, version: Int16, client: ClientContext, token: RequestToken) {
        switch request {
        case .produce(let request):
            let response = produce(request, version: version)
            complete(token, request.acks == 0 ? nil : .produce(response))
        case .fetch(let request): fetch(request, version: version, token: token)
        case .listOffsets(let request): complete(token, .listOffsets(listOffsets(request)))
        case .offsetForLeaderEpoch(let request):
            complete(token, .offsetForLeaderEpoch(offsetForLeaderEpoch(request)))
        case .metadata(let request): complete(token, .metadata(metadata(request)))
        case .createTopics(let request): complete(token, .createTopics(createTopics(request)))
        case .deleteTopics(let request): complete(token, .deleteTopics(deleteTopics(request)))
        case .deleteRecords(let request): complete(token, .deleteRecords(deleteRecords(request)))
        case .describeConfigs(let request): complete(token, .describeConfigs(describeConfigs(request)))
        case .alterConfigs(let request): complete(token, .alterConfigs(alterConfigs(request)))
        case .incrementalAlterConfigs(let request):
            complete(token, .incrementalAlterConfigs(incrementalAlterConfigs(request)))
        case .findCoordinator(let request): complete(token, .findCoordinator(findCoordinator(request)))
        case .joinGroup(let request): joinGroup(request, version: version, client: client, token: token)
        case .syncGroup(let request): syncGroup(request, token: token)
        case .heartbeat(let request): complete(token, .heartbeat(heartbeat(request)))
        case .leaveGroup(let request): complete(token, .leaveGroup(leaveGroup(request, version: version)))
        case .offsetCommit(let request): complete(token, .offsetCommit(offsetCommit(request)))
        case .offsetFetch(let request): complete(token, .offsetFetch(offsetFetch(request)))
        case .describeGroups(let request): complete(token, .describeGroups(describeGroups(request)))
        case .listGroups(let request): complete(token, .listGroups(listGroups(request)))
        case .deleteGroups(let request): complete(token, .deleteGroups(deleteGroups(request)))
        case .describeLogDirs(let request): complete(token, .describeLogDirs(describeLogDirs(request)))
        case .createPartitions(let request): complete(token, .createPartitions(createPartitions(request)))
        case .offsetDelete(let request): complete(token, .offsetDelete(offsetDelete(request)))
        case .describeProducers(let request): complete(token, .describeProducers(describeProducers(request)))
        case .describeTransactions(let request): complete(token, .describeTransactions(describeTransactions(request)))
        case .listTransactions(let request): complete(token, .listTransactions(listTransactions(request)))
        case .initProducerID(let request):
            complete(token, .initProducerID(initProducerID(request, version: version)))
        case .addPartitionsToTxn(let request):
            complete(token, .addPartitionsToTxn(addPartitionsToTxn(request, version: version)))
        case .addOffsetsToTxn(let request):
            complete(token, .addOffsetsToTxn(addOffsetsToTxn(request, version: version)))
        case .txnOffsetCommit(let request): complete(token, .txnOffsetCommit(txnOffsetCommit(request)))
        case .endTxn(let request): complete(token, .endTxn(endTxn(request, version: version)))
        case .apiVersions: complete(token, .apiVersions(Self.apiVersions()))
        }
    }

    private func fire(_ key: TimerKey) {
        switch key {
        case .fetch(let token): finishFetch(token)
        case .groupJoin(let group): joinTimerFired(group)
        case .groupSync(let group): syncTimerFired(group)
        case .member(let group, let member): sessionExpired(group, member)
        case .transaction(let id): transactionTimedOut(id)
        case .retryEnd(let id): retryEnd(id)
        case .compaction: compactionTimerFired()
        case .reserve: restoreReserve()
        case .housekeeping:
            keepHouse()
            timers.schedule(.housekeeping, at: now.monotonic + configuration.housekeepingInterval)
        }
    }

    static func apiVersions(error: ErrorCode = .none) -> APIVersionsResponse {
        APIVersionsResponse {
            $0.error = error
            $0.apis = APIKey.allCases.map { key in
                APIVersionsResponse.API {
                    $0.key = key.rawValue
                    $0.minimum = key.versions.lowerBound
                    $0.maximum = key.versions.upperBound
                }
            }
        }
    }

    private static let reserveInterval: Int64 = 1000

    /// Producers may go on once the space for markers is there again.
    private func restoreReserve() {
        if !storage.restoreReserve() {
            timers.schedule(.reserve, at: now.monotonic + Self.reserveInterval)
        }
    }

    // MARK: State

    /// Writes a change down, then makes it.
    func commit(_ record: JournalRecord) throws(StorageError) {
        try journal.append(record)
        apply(record)
    }

    private func recover() throws(StorageError) {
        recovery.removedBytes += try journal.replay { apply($0) }
        isReplaying = false
        if clusterID.isEmpty {
            let id = identifier()
            try commit(.cluster(ClusterRecord { $0.clusterID = id }))
        }
        nextProducerID = reservedProducerIDs
        var logs: [LogID] = []
        for topic in topics.values.sorted(by: { $0.id < $1.id }) {
            recovery.topics += 1
            for log in topic.partitions {
                let start = log.startOffset
                let found = try log.open(now: now.wall)
                try log.advanceStart(to: start)
                recovery.partitions += 1
                recovery.checkedBytes += found.checkedBytes
                recovery.removedBytes += found.removedBytes
                logs.append(log.id)
            }
        }
        // A log that the journal does not know was deleted, or is newer than what is left of a damaged journal: that one is kept, and
        // its number is not given to another topic.
        if let unknown = storage.deleteLogs(except: logs, below: nextTopicID) {
            recovery.unknownTopics = true
            nextTopicID = unknown + 1
        }
        for transaction in transactions.values.sorted(by: { $0.transactionalID < $1.transactionalID }) {
            switch transaction.state {
            case .ongoing:
                timers.schedule(
                    .transaction(transaction.transactionalID), at: now.monotonic + Int64(transaction.timeout))
            case .prepareCommit, .prepareAbort:
                recovery.completedTransactions += 1
                finishEnd(transaction)
            case .empty, .completeCommit, .completeAbort: break
            }
        }
    }

    /// A random identifier with 128 bits.
    func identifier() -> String {
        var text = ""
        for value in [random.next(), random.next()] {
            let digits = String(value, radix: 16)
            text += String(repeating: "0", count: 16 - digits.count) + digits
        }
        return text
    }

    private static let checkpointBytes = 1 << 20

    private func keepHouse() {
        for topic in topics.values.sorted(by: { $0.id < $1.id }) {
            for log in topic.partitions {
                log.expireProducers(now: now.wall, age: configuration.producerExpiration)
                // So that after a kill, too, there is little to read, however many logs there are.
                if log.bytesSinceCheckpoint >= Self.checkpointBytes { log.writeCheckpoint() }
                // A round of compaction is short; what is too old can wait for it.
                if topic.configuration.deletes, compaction?.log !== log {
                    try? log.retain(
                        age: topic.configuration.integer("retention.ms"),
                        bytes: topic.configuration.integer("retention.bytes"), now: now.wall)
                }
            }
        }
        expireTransactionalIDs()
        expireGroups()
    }
}

/// A small deterministic generator (Steele, Lea, Flood 2014); member ids need to differ, not to be secret.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
