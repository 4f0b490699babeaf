/// What the transaction coordinator knows of one transactional id.
struct Transaction: Sendable {
    enum State: Int8, CaseIterable, Sendable {
        case empty = 0
        case ongoing = 1
        /// Decided, markers not all written yet: seen only after a crash or a disk error in between.
        case prepareCommit = 2
        case prepareAbort = 3
        case completeCommit = 4
        case completeAbort = 5

        var isEnding: Bool { rawValue >= State.prepareCommit.rawValue }
    }

    var transactionalID: String
    var producerID: Int64
    var producerEpoch: Int16
    /// The epoch before the last bump by the producer itself: its repeated request is answered, not fenced.
    var lastProducerEpoch: Int16 = -1
    var timeout: Int32
    var state = State.empty
    var partitions: Set<TopicPartitionName> = []
    var groups: Set<String> = []
    var updated: Int64

    init(transactionalID: String, producerID: Int64, producerEpoch: Int16, timeout: Int32, updated: Int64) {
        self.transactionalID = transactionalID
        self.producerID = producerID
        self.producerEpoch = producerEpoch
        self.timeout = timeout
        self.updated = updated
    }

    init(_ record: TransactionRecord) {
        transactionalID = record.transactionalID
        producerID = record.producerID
        producerEpoch = record.producerEpoch
        lastProducerEpoch = record.lastProducerEpoch
        timeout = record.timeout
        state = State(rawValue: record.state) ?? .empty
        partitions = Set(record.partitions.map { TopicPartitionName(topic: $0.topic, partition: $0.partition) })
        groups = Set(record.groups)
        updated = record.updated
    }

    var record: TransactionRecord {
        TransactionRecord {
            $0.transactionalID = transactionalID
            $0.producerID = producerID
            $0.producerEpoch = producerEpoch
            $0.lastProducerEpoch = lastProducerEpoch
            $0.timeout = timeout
            $0.state = state.rawValue
            $0.partitions = partitions.sorted().map { name in
                TransactionRecord.Partition {
                    $0.topic = name.topic
                    $0.partition = name.partition
                }
            }
            $0.groups = groups.sorted()
            $0.updated = updated
        }
    }

    /// The last epoch is kept back, so that the producer that holds the one before can still be fenced.
    var isEpochExhausted: Bool { producerEpoch >= Int16.max - 1 }
    var isPrepared: Bool { state == .prepareCommit || state == .prepareAbort }
}
