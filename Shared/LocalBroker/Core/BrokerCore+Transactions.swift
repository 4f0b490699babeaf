// The transaction coordinator. Kafka's runs asynchronously and answers CONCURRENT_TRANSACTIONS in between; this one is on the same
// node as all partitions, so a transaction is over when its EndTxn is answered.
extension BrokerCore {
    /// What a zombie is told: versions from 2 on distinguish the fencing of a producer from the fencing of an epoch.
    private func fenced(_ version: Int16, since: Int16 = 2) -> ErrorCode {
        version >= since ? .producerFenced : .invalidProducerEpoch
    }

    private static let producerIDBlock: Int64 = 1000

    /// A producer id that was never used before, whatever happens to the broker.
    private func newProducerID() throws(StorageError) -> Int64 {
        if nextProducerID >= reservedProducerIDs {
            let next = reservedProducerIDs + Self.producerIDBlock
            try commit(.producerIDs(ProducerIDsRecord { $0.next = next }))
        }
        defer { nextProducerID += 1 }
        return nextProducerID
    }

    func initProducerID(_ request: InitProducerIDRequest, version: Int16) -> InitProducerIDResponse {
        func refuse(_ error: ErrorCode) -> InitProducerIDResponse { InitProducerIDResponse { $0.error = error } }
        do {
            guard let id = request.transactionalID else {
                let producerID = try newProducerID()
                return InitProducerIDResponse {
                    $0.producerID = producerID
                    $0.producerEpoch = 0
                }
            }
            guard !id.isEmpty else { return refuse(.invalidRequest) }
            guard request.transactionTimeout > 0, request.transactionTimeout <= configuration.maximumTransactionTimeout
            else { return refuse(.invalidTransactionTimeout) }
            return try initTransactionalID(id, request, version: version)
        } catch {
            return refuse(.coordinatorNotAvailable)
        }
    }

    private func initTransactionalID(
        _ id: String, _ request: InitProducerIDRequest, version: Int16
    ) throws(StorageError) -> InitProducerIDResponse {
        func refuse(_ error: ErrorCode) -> InitProducerIDResponse { InitProducerIDResponse { $0.error = error } }
        func accept(_ transaction: Transaction) throws(StorageError) -> InitProducerIDResponse {
            try commit(.transaction(transaction.record))
            return InitProducerIDResponse {
                $0.producerID = transaction.producerID
                $0.producerEpoch = transaction.producerEpoch
            }
        }
        guard var transaction = transactions[id] else {
            let producerID = try newProducerID()
            return try accept(
                Transaction(
                    transactionalID: id, producerID: producerID, producerEpoch: 0, timeout: request.transactionTimeout,
                    updated: now.wall))
        }
        guard !transaction.isPrepared else { return refuse(.concurrentTransactions) }
        let expectsEpoch = request.producerID >= 0
        if expectsEpoch {
            // A producer that goes on after an error tells what it believes to be. A newer one has made it a zombie, unless it only
            // repeats a request whose response was lost.
            let isCurrent =
                request.producerID == transaction.producerID && request.producerEpoch == transaction.producerEpoch
            let isRepeated =
                transaction.state != .ongoing && transaction.lastProducerEpoch >= 0
                && request.producerEpoch == transaction.lastProducerEpoch
            guard isCurrent || isRepeated else { return refuse(fenced(version, since: 4)) }
            if isRepeated { return try accept(transaction) }
        }
        if transaction.state == .ongoing {
            guard end(transaction, isCommit: false, fencing: true), let ended = transactions[id], !ended.isPrepared
            else {
                return refuse(.concurrentTransactions)
            }
            transaction = ended
        }
        transaction.lastProducerEpoch = expectsEpoch ? transaction.producerEpoch : -1
        if transaction.isEpochExhausted {
            transaction.producerID = try newProducerID()
            transaction.producerEpoch = 0
        } else {
            transaction.producerEpoch += 1
        }
        transaction.timeout = request.transactionTimeout
        transaction.state = .empty
        transaction.partitions = []
        transaction.groups = []
        transaction.updated = now.wall
        return try accept(transaction)
    }

    /// Whether a request of this producer may change the transaction.
    private func check(
        _ id: String, _ producerID: Int64, _ producerEpoch: Int16, fencedError: ErrorCode
    ) -> (Transaction?, ErrorCode) {
        guard !id.isEmpty else { return (nil, .invalidRequest) }
        guard let transaction = transactions[id], transaction.producerID == producerID else {
            return (nil, .invalidProducerIDMapping)
        }
        guard transaction.producerEpoch == producerEpoch else { return (nil, fencedError) }
        guard !transaction.isPrepared else { return (nil, .concurrentTransactions) }
        return (transaction, .none)
    }

    /// Begins the transaction if need be, with more partitions and groups.
    private func extend(
        _ transaction: Transaction, partitions: [TopicPartitionName], group: String?
    ) throws(StorageError) {
        let isKnown =
            transaction.state == .ongoing && transaction.partitions.isSuperset(of: partitions)
            && (group.map(transaction.groups.contains) ?? true)
        guard !isKnown else { return }
        var extended = transaction
        if extended.state != .ongoing {
            extended.state = .ongoing
            extended.partitions = []
            extended.groups = []
        }
        extended.partitions.formUnion(partitions)
        if let group { extended.groups.insert(group) }
        extended.updated = now.wall
        try commit(.transaction(extended.record))
        if transaction.state != .ongoing {
            timers.schedule(.transaction(extended.transactionalID), at: now.monotonic + Int64(extended.timeout))
        }
    }

    func addPartitionsToTxn(_ request: AddPartitionsToTxnRequest, version: Int16) -> AddPartitionsToTxnResponse {
        func answer(_ error: (String, Int32) -> ErrorCode) -> AddPartitionsToTxnResponse {
            AddPartitionsToTxnResponse { response in
                response.topics = request.topics.map { topic in
                    AddPartitionsToTxnResponse.Topic {
                        $0.name = topic.name
                        $0.partitions = topic.partitions.map { partition in
                            AddPartitionsToTxnResponse.Partition {
                                $0.index = partition
                                $0.error = error(topic.name, partition)
                            }
                        }
                    }
                }
            }
        }
        let names = request.topics.flatMap { topic in
            topic.partitions.map { TopicPartitionName(topic: topic.name, partition: $0) }
        }
        let unknown = Set(names.filter { log($0.topic, $0.partition) == nil })
        guard unknown.isEmpty else {
            return answer { topic, partition in
                unknown.contains(TopicPartitionName(topic: topic, partition: partition))
                    ? .unknownTopicOrPartition : .operationNotAttempted
            }
        }
        let (transaction, error) = check(
            request.transactionalID, request.producerID, request.producerEpoch, fencedError: fenced(version))
        guard let transaction else { return answer { _, _ in error } }
        do {
            try extend(transaction, partitions: names, group: nil)
        } catch {
            return answer { _, _ in .coordinatorNotAvailable }
        }
        return answer { _, _ in .none }
    }

    func addOffsetsToTxn(_ request: AddOffsetsToTxnRequest, version: Int16) -> AddOffsetsToTxnResponse {
        AddOffsetsToTxnResponse {
            guard !request.groupID.isEmpty else { return $0.error = .invalidGroupID }
            let (transaction, error) = check(
                request.transactionalID, request.producerID, request.producerEpoch, fencedError: fenced(version))
            guard let transaction else { return $0.error = error }
            do {
                try extend(transaction, partitions: [], group: request.groupID)
            } catch {
                $0.error = .coordinatorNotAvailable
            }
        }
    }

    func txnOffsetCommit(_ request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
        var record = TransactionOffsetsRecord()
        record.transactionalID = request.transactionalID
        record.groupID = request.groupID
        let refusal = checkTxnOffsetCommit(request)
        func answer(_ error: (String, TxnOffsetCommitRequest.Partition) -> ErrorCode) -> TxnOffsetCommitResponse {
            TxnOffsetCommitResponse { response in
                response.topics = request.topics.map { topic in
                    TxnOffsetCommitResponse.Topic {
                        $0.name = topic.name
                        $0.partitions = topic.partitions.map { partition in
                            TxnOffsetCommitResponse.Partition {
                                $0.index = partition.index
                                $0.error = error(topic.name, partition)
                            }
                        }
                    }
                }
            }
        }
        guard refusal == .none else { return answer { _, _ in refusal } }
        let response = answer { topic, partition in
            let error = checkOffset(topic, partition.index, partition.metadata)
            guard error == .none else { return error }
            record.offsets.append(
                CommittedOffset {
                    $0.topic = topic
                    $0.partition = partition.index
                    $0.offset = partition.committedOffset
                    $0.leaderEpoch = partition.committedLeaderEpoch
                    $0.metadata = partition.metadata ?? ""
                    $0.committed = now.wall
                })
            return .none
        }
        guard !record.offsets.isEmpty else { return response }
        do {
            try commit(.transactionOffsets(record))
        } catch {
            return answer { _, _ in .coordinatorNotAvailable }
        }
        return response
    }

    private func checkTxnOffsetCommit(_ request: TxnOffsetCommitRequest) -> ErrorCode {
        guard !request.groupID.isEmpty else { return .invalidGroupID }
        let (transaction, error) = check(
            request.transactionalID, request.producerID, request.producerEpoch, fencedError: .invalidProducerEpoch)
        guard let transaction else { return error }
        guard transaction.state == .ongoing, transaction.groups.contains(request.groupID) else {
            return .invalidTxnState
        }
        guard groups[request.groupID] != nil || request.generationID < 0 else { return .illegalGeneration }
        return existingOrNewGroup(request.groupID).validateOffsetCommit(
            memberID: request.memberID, instanceID: request.groupInstanceID, generation: request.generationID,
            isTransactional: true)
    }

    func endTxn(_ request: EndTxnRequest, version: Int16) -> EndTxnResponse {
        EndTxnResponse {
            let (transaction, error) = check(
                request.transactionalID, request.producerID, request.producerEpoch, fencedError: fenced(version))
            guard let transaction else { return $0.error = error }
            switch transaction.state {
            case .ongoing:
                if !end(transaction, isCommit: request.isCommit, fencing: false) { $0.error = .coordinatorNotAvailable }
            case .completeCommit: $0.error = request.isCommit ? .none : .invalidTxnState
            case .completeAbort: $0.error = request.isCommit ? .invalidTxnState : .none
            case .empty, .prepareCommit, .prepareAbort: $0.error = .invalidTxnState
            }
        }
    }

    /// Decides an ongoing transaction, writes the decision down, and then the markers. False when nothing was decided.
    private func end(_ transaction: Transaction, isCommit: Bool, fencing: Bool) -> Bool {
        var ending = transaction
        ending.state = isCommit ? .prepareCommit : .prepareAbort
        ending.updated = now.wall
        if fencing {
            ending.producerEpoch += 1
            ending.lastProducerEpoch = -1
        }
        do {
            try commit(.transaction(ending.record))
        } catch {
            return false
        }
        timers.cancel(.transaction(ending.transactionalID))
        finishEnd(ending)
        return true
    }

    /// Writes the markers of a decided transaction, and the fact that they are all written. After a disk error it is tried again:
    /// the decision stands, and until then the last stable offsets wait.
    func finishEnd(_ transaction: Transaction) {
        let isCommit = transaction.state == .prepareCommit
        do {
            for name in transaction.partitions.sorted() {
                guard let log = log(name.topic, name.partition) else { continue }
                try log.appendMarker(
                    isCommit: isCommit, producerID: transaction.producerID, producerEpoch: transaction.producerEpoch,
                    now: now.wall)
                grownLogs.append(log)
            }
            var ended = transaction
            ended.state = isCommit ? .completeCommit : .completeAbort
            ended.partitions = []
            ended.groups = []
            ended.updated = now.wall
            try commit(.transaction(ended.record))
        } catch {
            timers.schedule(.retryEnd(transaction.transactionalID), at: now.monotonic + 1000)
        }
    }

    func retryEnd(_ id: String) {
        if let transaction = transactions[id], transaction.isPrepared { finishEnd(transaction) }
    }

    /// A transaction that takes too long is aborted, and its producer fenced.
    func transactionTimedOut(_ id: String) {
        guard let transaction = transactions[id], transaction.state == .ongoing else { return }
        if !end(transaction, isCommit: false, fencing: true) {
            timers.schedule(.transaction(id), at: now.monotonic + 1000)
        }
    }

    func expireTransactionalIDs() {
        let expired = transactions.values.filter {
            $0.state != .ongoing && !$0.isPrepared && now.wall - $0.updated > configuration.transactionalIDExpiration
        }
        for transaction in expired.sorted(by: { $0.transactionalID < $1.transactionalID }) {
            try? commit(
                .transactionDeleted(TransactionDeletedRecord { $0.transactionalID = transaction.transactionalID }))
        }
    }
}
