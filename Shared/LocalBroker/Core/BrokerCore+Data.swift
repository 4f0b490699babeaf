import NIOCore

/// A fetch that waits for data.
struct ParkedFetch {
    var request: FetchRequest
    var logs: [LogID]
}

extension BrokerCore {
    // MARK: Produce

    func produce(_ request: ProduceRequest, version: Int16) -> ProduceResponse {
        ProduceResponse { response in
            response.topics = request.topics.map { topic in
                ProduceResponse.Topic {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        produce(partition, to: topic.name, request, version: version)
                    }
                }
            }
        }
    }

    private func produce(
        _ partition: ProduceRequest.Partition, to topic: String, _ request: ProduceRequest, version: Int16
    ) -> ProduceResponse.Partition {
        var result = ProduceResponse.Partition { $0.index = partition.index }
        guard [-1, 0, 1].contains(request.acks) else {
            result.error = .invalidRequiredAcks
            return result
        }
        guard let log = log(topic, partition.index) else {
            result.error = .unknownTopicOrPartition
            return result
        }
        guard version >= 3 else {
            result.error = .unsupportedForMessageFormat
            return result
        }
        guard let records = partition.records, records.readableBytes > 0 else {
            result.error = .invalidRecord
            result.errorMessage = "exactly one record batch is expected"
            return result
        }
        guard storage.hasReserve else {
            result.error = .storageError
            result.errorMessage = "the disk is full; what is left is kept for the ends of transactions"
            return result
        }
        do {
            let outcome = try log.append(records, now: now.wall) { header in
                verify(header, topic, partition.index, transactionalID: request.transactionalID)
            }
            switch outcome {
            case .appended(let baseOffset, let appendTime):
                result.baseOffset = baseOffset
                result.logAppendTime = appendTime
                result.logStartOffset = log.startOffset
                grownLogs.append(log)
            case .rejected(let error, let message, let records):
                result.error = error
                result.recordErrors = records.map { record in ProduceResponse.RecordError { $0.index = record } }
                result.errorMessage = message.isEmpty ? nil : message
            }
        } catch {
            result.error = .storageError
            result.errorMessage = error.description
        }
        return result
    }

    /// Whether this batch may begin its producer's transaction in a partition: the coordinator must know that it takes part, or
    /// no marker would ever end it there.
    private func verify(
        _ header: RecordBatchHeader, _ topic: String, _ partition: Int32, transactionalID: String?
    ) -> ErrorCode {
        guard let transactionalID, let transaction = transactions[transactionalID],
            transaction.producerID == header.producerID
        else { return .invalidProducerIDMapping }
        guard transaction.producerEpoch == header.producerEpoch else { return .invalidProducerEpoch }
        guard !transaction.isPrepared else { return .concurrentTransactions }
        guard transaction.state == .ongoing,
            transaction.partitions.contains(TopicPartitionName(topic: topic, partition: partition))
        else { return .invalidTxnState }
        return .none
    }

    // MARK: Fetch

    func fetch(_ request: FetchRequest, version: Int16, token: RequestToken) {
        guard request.sessionID == 0 else {
            // No session is ever given out (session id 0 in every response), so this one is somebody else's.
            complete(token, .fetch(FetchResponse { $0.error = .fetchSessionIDNotFound }))
            return
        }
        guard request.maxWait > 0, !request.topics.isEmpty, !isSatisfied(request) else {
            complete(token, .fetch(read(request)))
            return
        }
        let logs = request.topics.flatMap { topic in
            topic.partitions.compactMap { log(topic.name, $0.index)?.id }
        }
        parkedFetches[token] = ParkedFetch(request: request, logs: logs)
        for log in logs { waitingFetches[log, default: []].append(token) }
        timers.schedule(.fetch(token), at: now.monotonic + Int64(request.maxWait))
    }

    private static func isolation(_ level: Int8) -> PartitionLog.Isolation { level == 1 ? .committed : .uncommitted }

    /// Whether there is enough to answer with, or an error.
    private func isSatisfied(_ request: FetchRequest) -> Bool {
        let isolation = Self.isolation(request.isolationLevel)
        let enough = Int(max(0, request.minBytes))
        var bytes = 0
        for topic in request.topics {
            for partition in topic.partitions {
                guard let log = log(topic.name, partition.index),
                    partition.currentLeaderEpoch <= PartitionLog.leaderEpoch,
                    partition.fetchOffset >= log.startOffset, partition.fetchOffset <= log.endOffset,
                    let available = try? log.availableBytes(
                        from: partition.fetchOffset, isolation: isolation, enough: enough - bytes)
                else { return true }
                bytes += min(available, max(0, Int(partition.maxBytes)))
                if bytes >= enough { return true }
            }
        }
        return bytes >= enough
    }

    private func read(_ request: FetchRequest) -> FetchResponse {
        var remaining = min(max(0, Int(request.maxBytes)), configuration.maximumFetchBytes)
        var isFirst = true
        return FetchResponse { response in
            response.topics = request.topics.map { topic in
                FetchResponse.Topic {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        let result = read(partition, of: topic.name, request, remaining: remaining, isFirst: isFirst)
                        let bytes = result.records?.readableBytes ?? 0
                        if bytes > 0 { isFirst = false }
                        remaining = max(0, remaining - bytes)
                        return result
                    }
                }
            }
        }
    }

    private func read(
        _ partition: FetchRequest.Partition, of topic: String, _ request: FetchRequest, remaining: Int, isFirst: Bool
    ) -> FetchResponse.Partition {
        var result = FetchResponse.Partition {
            $0.index = partition.index
            $0.records = ByteBuffer()
        }
        guard let log = log(topic, partition.index) else {
            result.error = .unknownTopicOrPartition
            return result
        }
        guard partition.currentLeaderEpoch <= PartitionLog.leaderEpoch else {
            result.error = .unknownLeaderEpoch
            return result
        }
        let offset = partition.fetchOffset
        guard offset >= log.startOffset, offset <= log.endOffset else {
            result.error = .offsetOutOfRange
            return result
        }
        let isolation = Self.isolation(request.isolationLevel)
        result.highWatermark = log.endOffset
        result.lastStableOffset = log.lastStableOffset
        result.logStartOffset = log.startOffset
        let limit = min(max(0, Int(partition.maxBytes)), remaining)
        var upperOffset = offset
        if limit > 0 || isFirst {
            do {
                let read = try log.read(from: offset, maxBytes: limit, atLeastOne: isFirst, isolation: isolation)
                result.records = read.records
                upperOffset = read.upperOffset
            } catch {
                result.error = .storageError
                return result
            }
        }
        if isolation == .committed {
            result.abortedTransactions = log.abortedTransactions(from: offset, upTo: upperOffset).map { transaction in
                FetchResponse.AbortedTransaction {
                    $0.producerID = transaction.producerID
                    $0.firstOffset = transaction.firstOffset
                }
            }
        }
        return result
    }

    func unpark(_ token: RequestToken) {
        guard let parked = parkedFetches.removeValue(forKey: token) else { return }
        timers.cancel(.fetch(token))
        for log in parked.logs {
            waitingFetches[log]?.removeAll { $0 == token }
            if waitingFetches[log]?.isEmpty == true { waitingFetches[log] = nil }
        }
    }

    func finishFetch(_ token: RequestToken) {
        guard let parked = parkedFetches[token] else { return }
        unpark(token)
        complete(token, .fetch(read(parked.request)))
    }

    /// Answers the fetches that a change of their logs has satisfied.
    func wakeFetches() {
        guard !grownLogs.isEmpty else { return }
        let logs = grownLogs
        grownLogs.removeAll(keepingCapacity: true)
        for log in logs {
            for token in waitingFetches[log.id] ?? [] {
                if let parked = parkedFetches[token], isSatisfied(parked.request) { finishFetch(token) }
            }
        }
    }

    // MARK: Offsets of the log

    func listOffsets(_ request: ListOffsetsRequest) -> ListOffsetsResponse {
        ListOffsetsResponse { response in
            response.topics = request.topics.map { topic in
                ListOffsetsResponse.Topic {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { listOffset($0, of: topic.name, request.isolationLevel) }
                }
            }
        }
    }

    private func listOffset(
        _ partition: ListOffsetsRequest.Partition, of topic: String, _ isolationLevel: Int8
    ) -> ListOffsetsResponse.Partition {
        var result = ListOffsetsResponse.Partition { $0.index = partition.index }
        guard let log = log(topic, partition.index) else {
            result.error = .unknownTopicOrPartition
            return result
        }
        guard partition.currentLeaderEpoch <= PartitionLog.leaderEpoch else {
            result.error = .unknownLeaderEpoch
            return result
        }
        let limit = log.limit(Self.isolation(isolationLevel))
        do {
            switch partition.timestamp {
            case -1: result.offset = limit
            case -2: result.offset = log.startOffset
            case -3:
                if let found = try log.offsetOfMaximumTimestamp(), found.offset < limit {
                    result.offset = found.offset
                    result.timestamp = found.timestamp
                }
            case 0...:
                if let found = try log.offset(forTimestamp: partition.timestamp, limit: limit) {
                    result.offset = found.offset
                    result.timestamp = found.timestamp
                }
            default: result.error = .invalidRequest
            }
            if result.offset >= 0 { result.leaderEpoch = PartitionLog.leaderEpoch }
        } catch {
            result.error = .storageError
        }
        return result
    }

    func offsetForLeaderEpoch(_ request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
        OffsetForLeaderEpochResponse { response in
            response.topics = request.topics.map { topic in
                OffsetForLeaderEpochResponse.Topic {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        OffsetForLeaderEpochResponse.Partition {
                            $0.index = partition.index
                            guard let log = log(topic.name, partition.index) else {
                                $0.error = .unknownTopicOrPartition
                                return
                            }
                            guard partition.currentLeaderEpoch <= PartitionLog.leaderEpoch else {
                                $0.error = .unknownLeaderEpoch
                                return
                            }
                            // One node leads for ever: there is only one epoch.
                            guard partition.leaderEpoch == PartitionLog.leaderEpoch else { return }
                            $0.leaderEpoch = PartitionLog.leaderEpoch
                            $0.endOffset = log.endOffset
                        }
                    }
                }
            }
        }
    }
}
