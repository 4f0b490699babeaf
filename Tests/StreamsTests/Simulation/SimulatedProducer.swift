import Kafka
import LocalBroker
import NIOCore
import Streams

/// A transactional producer that speaks the broker's protocol: what librdkafka does, without its threads.
final class SimulatedProducer: StreamProducer {
    private struct Batch {
        var partition: TopicPartition
        var bytes: ByteBuffer
    }

    private let connection: SimulatedConnection
    private let identity: String
    private var world: Simulation { connection.world }
    private var producerID: Int64 = -1
    private var epoch: Int16 = -1
    private var topics: [String] = []

    /// Not sent yet, in the order of the first record.
    private var waiting: [(partition: TopicPartition, records: [LogRecord])] = []
    /// Sent, outcome unknown.
    private var inFlight: [Batch] = []
    private var sequences: [TopicPartition: Int32] = [:]
    private var registered: Set<TopicPartition> = []
    /// The broker may know of this transaction.
    private var mayBeOngoing = false
    private var isKnown = false
    private var isInTransaction = false
    private var failure: ClientError?

    static let transactionTimeout: Int32 = 10_000

    init(_ connection: SimulatedConnection, identity: String) {
        self.connection = connection
        self.identity = identity
    }

    func initialize(deadline: Deadline) throws(ClientError) {
        try initProducer(known: false)
    }

    private func initProducer(known: Bool) throws(ClientError) {
        let request = InitProducerIDRequest {
            $0.transactionalID = identity
            $0.transactionTimeout = Self.transactionTimeout
            $0.producerID = known ? producerID : -1
            $0.producerEpoch = known ? epoch : -1
        }
        guard case .initProducerID(let response) = try connection.call(.initProducerID(request)) else {
            throw unexpected("InitProducerId")
        }
        try check(response.error)
        producerID = response.producerID
        epoch = response.producerEpoch
        sequences = [:]
    }

    private func unexpected(_ what: String) -> ClientError { ClientError(.fatal, "no answer to \(what)") }

    private func check(_ error: ErrorCode) throws(ClientError) {
        switch error {
        case .none: return
        case .producerFenced, .invalidProducerEpoch:
            world.count(.fenced)
            throw ClientError(.fatal, isFenced: true, "fenced: \(error.rawValue)")
        case .concurrentTransactions, .coordinatorNotAvailable, .storageError:
            world.time.wall += 20_000
            throw ClientError(.retry, "error \(error.rawValue)")
        case .illegalGeneration, .unknownMemberID, .fencedInstanceID, .rebalanceInProgress:
            throw ClientError(.abort, "error \(error.rawValue)")
        default: throw ClientError(.fatal, "error \(error.rawValue)")
        }
    }

    func warm(_ topics: [String], deadline: Deadline) throws(ClientError) { try connection.host.check() }

    func topic(_ name: String) throws(ClientError) -> Int {
        if let index = topics.firstIndex(of: name) { return index }
        topics.append(name)
        return topics.count - 1
    }

    func begin() throws(ClientError) {
        try connection.host.check()
        guard !isInTransaction else { throw ClientError(.fatal, "a transaction is open: wrong state") }
        isInTransaction = true
        reset()
    }

    private func reset() {
        waiting = []
        inFlight = []
        registered = []
        mayBeOngoing = false
        isKnown = false
        failure = nil
    }

    func send(
        topic: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]
    ) throws(ClientError) {
        try connection.host.check()
        if let failure { throw failure }
        let place = TopicPartition(topic: topics[topic], partition: partition)
        var record = LogRecord(headers: headers.map { LogRecord.Header(name: $0.0, value: $0.1) })
        if let key { record.key = Array(key) }
        if let value { record.value = Array(value) }
        if let index = waiting.firstIndex(where: { $0.partition == place }) {
            waiting[index].records.append(record)
        } else {
            waiting.append((place, [record]))
        }
        guard world.random.next() % 8 == 0 else { return }
        // In the background: what can be repeated will be.
        do throws(ClientError) {
            try flush()
        } catch {
            if error.reaction != .retry { failure = error }
        }
    }

    private func flush() throws(ClientError) {
        while let batch = inFlight.first {
            try produce(batch)
            inFlight.removeFirst()
        }
        while let (partition, records) = waiting.first {
            if !registered.contains(partition) {
                try register(partition)
                registered.insert(partition)
            }
            var builder = RecordBatchBuilder(
                timestamp: world.time.wall / 1_000, producerID: producerID, producerEpoch: epoch,
                baseSequence: sequences[partition] ?? 0, isTransactional: true)
            for record in records { builder.append(record) }
            sequences[partition, default: 0] += Int32(records.count)
            let batch = Batch(partition: partition, bytes: builder.finish())
            waiting.removeFirst()
            inFlight.append(batch)
            try produce(batch)
            inFlight.removeFirst()
        }
    }

    private func register(_ partition: TopicPartition) throws(ClientError) {
        mayBeOngoing = true
        let request = AddPartitionsToTxnRequest {
            $0.transactionalID = identity
            $0.producerID = producerID
            $0.producerEpoch = epoch
            $0.topics = [
                AddPartitionsToTxnRequest.Topic {
                    $0.name = partition.topic
                    $0.partitions = [partition.partition]
                }
            ]
        }
        guard case .addPartitionsToTxn(let response) = try connection.call(.addPartitionsToTxn(request)) else {
            throw unexpected("AddPartitionsToTxn")
        }
        try check(response.topics.first?.partitions.first?.error ?? .unknownServerError)
        isKnown = true
    }

    private func produce(_ batch: Batch) throws(ClientError) {
        let request = ProduceRequest {
            $0.transactionalID = identity
            $0.topics = [
                ProduceRequest.Topic {
                    $0.name = batch.partition.topic
                    $0.partitions = [
                        ProduceRequest.Partition {
                            $0.index = batch.partition.partition
                            $0.records = batch.bytes
                        }
                    ]
                }
            ]
        }
        guard case .produce(let response) = try connection.call(.produce(request)) else { throw unexpected("Produce") }
        try check(response.topics.first?.partitions.first?.error ?? .unknownServerError)
    }

    func sendOffsets(
        _ offsets: [TopicPartition: OffsetAndMetadata], generation: GroupGeneration, deadline: Deadline
    ) throws(ClientError) {
        try connection.host.check()
        if let failure { throw failure }
        guard let member = generation.native as? SimulatedMember else {
            throw ClientError(.fatal, "a generation of another client")
        }
        mayBeOngoing = true
        let add = AddOffsetsToTxnRequest {
            $0.transactionalID = identity
            $0.producerID = producerID
            $0.producerEpoch = epoch
            $0.groupID = member.group
        }
        guard case .addOffsetsToTxn(let added) = try connection.call(.addOffsetsToTxn(add)) else {
            throw unexpected("AddOffsetsToTxn")
        }
        try check(added.error)
        isKnown = true
        let request = TxnOffsetCommitRequest {
            $0.transactionalID = identity
            $0.groupID = member.group
            $0.producerID = producerID
            $0.producerEpoch = epoch
            $0.generationID = generation.generation
            $0.memberID = generation.member
            $0.groupInstanceID = member.instance
            $0.topics = offsets.sorted { ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition) }.map {
                item in
                TxnOffsetCommitRequest.Topic {
                    $0.name = item.key.topic
                    $0.partitions = [
                        TxnOffsetCommitRequest.Partition {
                            $0.index = item.key.partition
                            $0.committedOffset = item.value.offset
                            $0.metadata = item.value.metadata
                        }
                    ]
                }
            }
        }
        world.log("\(identity) offsets \(offsets.map { "\($0.key) \($0.value.offset)" }.sorted())")
        guard case .txnOffsetCommit(let response) = try connection.call(.txnOffsetCommit(request)) else {
            throw unexpected("TxnOffsetCommit")
        }
        for topic in response.topics {
            for partition in topic.partitions { try check(partition.error) }
        }
    }

    func commit(deadline: Deadline) throws(ClientError) {
        try connection.host.check()
        guard isInTransaction else { throw ClientError(.fatal, "no transaction: wrong state") }
        if let failure { throw failure }
        try flush()
        if mayBeOngoing { try end(isCommit: true) }
        isInTransaction = false
    }

    func abort(deadline: Deadline) throws(ClientError) {
        try connection.host.check()
        waiting = []
        if mayBeOngoing { try end(isCommit: false) }
        isInTransaction = false
        // Whether these have been appended is not known: their sequence numbers are used up or not. A new epoch begins at 0.
        if !inFlight.isEmpty { try initProducer(known: true) }
        reset()
    }

    private func end(isCommit: Bool) throws(ClientError) {
        let request = EndTxnRequest {
            $0.transactionalID = identity
            $0.producerID = producerID
            $0.producerEpoch = epoch
            $0.isCommit = isCommit
        }
        guard case .endTxn(let response) = try connection.call(.endTxn(request)) else { throw unexpected("EndTxn") }
        world.log("\(identity) \(isCommit ? "commit" : "abort"), epoch \(epoch): \(response.error.rawValue)")
        // A transaction whose registration has not arrived is none.
        if response.error == .invalidTxnState, !isCommit, !isKnown { return }
        try check(response.error)
    }

    func close(deadline: Deadline) {}
}
