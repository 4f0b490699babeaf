import NIOCore

extension BrokerCore {
    /// Makes the change that a journal record says, without side effects on the journal.
    func apply(_ record: JournalRecord) {
        switch record {
        case .cluster(let record):
            clusterID = record.clusterID
            nextTopicID = max(nextTopicID, record.nextTopicID)
        case .producerIDs(let record): reservedProducerIDs = max(reservedProducerIDs, record.next)
        case .topic(let record): apply(record)
        case .topicDeleted(let record):
            guard let topic = topics.values.first(where: { $0.id == record.topicID }) else { return }
            topics[topic.name] = nil
            for group in groups.values {
                group.offsets = group.offsets.filter { $0.key.topic != topic.name }
            }
        case .startOffset(let record):
            guard let topic = topics.values.first(where: { $0.id == record.topicID }), record.partition >= 0,
                Int(record.partition) < topic.partitions.count
            else { return }
            let log = topic.partitions[Int(record.partition)]
            // Before the log is open its start is only noted; recovery raises the real one to it.
            if isReplaying { log.startOffset = max(log.startOffset, record.offset) }
        case .group(let record):
            let group = groups[record.groupID] ?? Group(id: record.groupID)
            group.generation = max(group.generation, record.generationID)
            group.protocolType = record.protocolType.isEmpty ? nil : record.protocolType
            group.lastUse = now.wall
            groups[record.groupID] = group
        case .groupDeleted(let record): groups[record.groupID] = nil
        case .offsets(let record):
            let group = existingOrNewGroup(record.groupID)
            for offset in record.offsets {
                group.offsets[TopicPartitionName(topic: offset.topic, partition: offset.partition)] = offset
            }
            group.lastUse = now.wall
        case .transaction(let record): apply(Transaction(record))
        case .transactionOffsets(let record):
            let group = existingOrNewGroup(record.groupID)
            for offset in record.offsets {
                let name = TopicPartitionName(topic: offset.topic, partition: offset.partition)
                group.pendingOffsets[record.transactionalID, default: [:]][name] = offset
            }
            transactions[record.transactionalID]?.groups.insert(record.groupID)
        case .transactionDeleted(let record): transactions[record.transactionalID] = nil
        case .offsetsDeleted(let record):
            for partition in record.partitions {
                let name = TopicPartitionName(topic: partition.topic, partition: partition.partition)
                groups[record.groupID]?.offsets[name] = nil
            }
        }
    }

    func existingOrNewGroup(_ id: String) -> Group {
        if let group = groups[id] { return group }
        let group = Group(id: id)
        group.lastUse = now.wall
        groups[id] = group
        return group
    }

    private func apply(_ record: TopicRecord) {
        func partitions(_ numbers: Range<Int32>) -> [PartitionLog] {
            numbers.map { partition in
                PartitionLog(
                    id: LogID(topicID: record.topicID, topic: record.name, partition: partition),
                    limits: configuration.limits, storage: storage)
            }
        }
        var configuration = TopicConfiguration(defaults: self.configuration.topicDefaults)
        for config in record.configs { configuration.set(config.name, to: config.value) }
        nextTopicID = max(nextTopicID, record.topicID + 1)
        if topics[record.name]?.id == record.topicID {
            topics[record.name]?.configuration = configuration
            for log in topics[record.name]?.partitions ?? [] { log.limits = configuration.limits }
            let count = Int32(topics[record.name]?.partitions.count ?? 0)
            if count < record.partitionCount {
                topics[record.name]?.partitions += partitions(count..<record.partitionCount)
            }
            return
        }
        let partitions = partitions(0..<max(0, record.partitionCount))
        topics[record.name] = Topic(
            id: record.topicID, name: record.name, configuration: configuration, partitions: partitions)
    }

    /// A transaction's end decides the fate of the offsets that were committed in it.
    private func apply(_ transaction: Transaction) {
        let id = transaction.transactionalID
        let previous = transactions[id]
        if transaction.state == .completeCommit || transaction.state == .completeAbort || transaction.state == .empty {
            for groupID in previous?.groups ?? [] {
                guard let group = groups[groupID], let pending = group.pendingOffsets.removeValue(forKey: id),
                    transaction.state == .completeCommit
                else { continue }
                group.offsets.merge(pending) { _, new in new }
            }
        }
        transactions[id] = transaction
    }

    /// The live state as the shortest journal that gives it.
    func snapshot() -> [JournalRecord] {
        var records: [JournalRecord] = [
            .cluster(
                ClusterRecord {
                    $0.clusterID = clusterID
                    $0.nextTopicID = nextTopicID
                }),
            .producerIDs(ProducerIDsRecord { $0.next = reservedProducerIDs }),
        ]
        for topic in topics.values.sorted(by: { $0.id < $1.id }) {
            records.append(.topic(Self.record(topic)))
            for log in topic.partitions where log.startOffset > 0 {
                records.append(
                    .startOffset(
                        StartOffsetRecord {
                            $0.topicID = topic.id
                            $0.partition = log.id.partition
                            $0.offset = log.startOffset
                        }))
            }
        }
        for group in groups.values.sorted(by: { $0.id < $1.id }) {
            records.append(
                .group(
                    GroupRecord {
                        $0.groupID = group.id
                        $0.generationID = group.generation
                        $0.protocolType = group.protocolType ?? ""
                    }))
            if !group.offsets.isEmpty {
                records.append(
                    .offsets(
                        OffsetsRecord {
                            $0.groupID = group.id
                            $0.offsets = group.offsets.sorted { $0.key < $1.key }.map(\.value)
                        }))
            }
        }
        for transaction in transactions.values.sorted(by: { $0.transactionalID < $1.transactionalID }) {
            records.append(.transaction(transaction.record))
            for groupID in transaction.groups.sorted() {
                guard let pending = groups[groupID]?.pendingOffsets[transaction.transactionalID] else { continue }
                records.append(
                    .transactionOffsets(
                        TransactionOffsetsRecord {
                            $0.transactionalID = transaction.transactionalID
                            $0.groupID = groupID
                            $0.offsets = pending.sorted { $0.key < $1.key }.map(\.value)
                        }))
            }
        }
        return records
    }

    static func record(_ topic: Topic) -> TopicRecord {
        TopicRecord {
            $0.topicID = topic.id
            $0.name = topic.name
            $0.partitionCount = Int32(topic.partitions.count)
            $0.configs = topic.configuration.overrides.sorted { $0.key < $1.key }.map { item in
                TopicRecord.Config {
                    $0.name = item.key
                    $0.value = item.value
                }
            }
        }
    }
}
