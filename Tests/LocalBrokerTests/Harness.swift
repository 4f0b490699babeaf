import LocalBroker
import NIOCore
import Testing

/// A core with time in the test's hand.
final class Harness {
    let core: BrokerCore
    let storage: MemoryStorage
    var time = BrokerTime(wall: 1_700_000_000_000, monotonic: 1_000)
    private let configuration: BrokerCoreConfiguration
    private var nextToken: UInt64 = 0
    private var answers: [RequestToken: Response] = [:]
    private(set) var silent: Set<RequestToken> = []

    init(
        storage: MemoryStorage = MemoryStorage(), configuration: BrokerCoreConfiguration = BrokerCoreConfiguration(),
        time: BrokerTime? = nil, on disk: (any BrokerStorage)? = nil
    ) throws {
        self.storage = storage
        self.configuration = configuration
        if let time { self.time = time }
        core = try BrokerCore(configuration: configuration, storage: disk ?? storage, time: self.time)
    }

    /// A new core on a copy of what this one has written: what a restart after `kill -9` finds.
    func restarted() throws -> Harness {
        try Harness(storage: storage.copy(), configuration: configuration, time: time)
    }

    /// The same when the files that only make the start fast are lost, so that everything is read.
    func restartedWithoutNotes() throws -> Harness {
        let storage = storage.copy()
        for (log, notes) in storage.notes {
            for name in notes.keys { storage.deleteNote(of: log, named: name) }
        }
        return try Harness(storage: storage, configuration: configuration, time: time)
    }

    @discardableResult
    func send(_ request: Request, version: Int16? = nil, client: String = "test") -> RequestToken {
        nextToken += 1
        let token = RequestToken(nextToken)
        core.receive(
            request, version: version ?? request.key.versions.upperBound, client: ClientContext(id: client),
            token: token,
            at: time)
        collect()
        return token
    }

    func advance(by milliseconds: Int64) {
        let end = time.monotonic + milliseconds
        while let deadline = core.nextDeadline(), deadline <= end {
            let step = max(0, deadline - time.monotonic)
            time.monotonic += step
            time.wall += step
            core.advance(to: time)
            collect()
        }
        time.wall += end - time.monotonic
        time.monotonic = end
        core.advance(to: time)
        collect()
    }

    private func collect() {
        for completion in core.takeCompletions() {
            if let response = completion.response {
                answers[completion.token] = response
            } else {
                silent.insert(completion.token)
            }
        }
    }

    /// The response, once.
    func answer(_ token: RequestToken) -> Response? { answers.removeValue(forKey: token) }

    func call(_ request: Request, version: Int16? = nil, client: String = "test") throws -> Response {
        let token = send(request, version: version, client: client)
        return try #require(answer(token))
    }
}

/// The one case that is expected of a response.
private func mismatch(_ response: Response) -> Harness.Unexpected { Harness.Unexpected(response: "\(response)") }

extension Harness {
    struct Unexpected: Error { var response: String }

    func createTopic(_ name: String, partitions: Int32 = 1, configs: [String: String] = [:]) throws -> ErrorCode {
        let request = CreateTopicsRequest {
            $0.topics = [
                CreateTopicsRequest.Topic {
                    $0.name = name
                    $0.partitionCount = partitions
                    $0.replicationFactor = 1
                    $0.configs = configs.sorted { $0.key < $1.key }.map { item in
                        CreateTopicsRequest.Config {
                            $0.name = item.key
                            $0.value = item.value
                        }
                    }
                }
            ]
        }
        guard case .createTopics(let response) = try call(.createTopics(request)) else {
            throw Unexpected(response: "")
        }
        return try #require(response.topics.first).error
    }

    func produce(
        _ batch: ByteBuffer?, to topic: String, _ partition: Int32 = 0, transactionalID: String? = nil,
        version: Int16 = 8
    ) throws -> ProduceResponse.Partition {
        let request = ProduceRequest {
            $0.transactionalID = transactionalID
            $0.topics = [
                ProduceRequest.Topic {
                    $0.name = topic
                    $0.partitions = [
                        ProduceRequest.Partition {
                            $0.index = partition
                            $0.records = batch
                        }
                    ]
                }
            ]
        }
        let response = try call(.produce(request), version: version)
        guard case .produce(let response) = response else { throw mismatch(response) }
        return try #require(response.topics.first?.partitions.first)
    }

    func batch(
        _ values: [String], producer: Producer? = nil, sequence: Int32? = nil, isTransactional: Bool? = nil,
        timestamp: Int64? = nil
    ) -> ByteBuffer {
        var builder = RecordBatchBuilder(
            timestamp: timestamp ?? time.wall, producerID: producer?.id ?? -1, producerEpoch: producer?.epoch ?? -1,
            baseSequence: sequence ?? -1, isTransactional: isTransactional ?? (producer?.transactionalID != nil))
        for value in values { builder.append(LogRecord(key: nil, value: Array(value.utf8))) }
        return builder.finish()
    }

    static func fetchRequest(
        _ topic: String, _ partition: Int32 = 0, from offset: Int64, committed: Bool = false, maxWait: Int32 = 0,
        minBytes: Int32 = 1, maxBytes: Int32 = 1 << 20
    ) -> FetchRequest {
        FetchRequest {
            $0.maxWait = maxWait
            $0.minBytes = minBytes
            $0.maxBytes = 50 << 20
            $0.isolationLevel = committed ? 1 : 0
            $0.topics = [
                FetchRequest.Topic {
                    $0.name = topic
                    $0.partitions = [
                        FetchRequest.Partition {
                            $0.index = partition
                            $0.fetchOffset = offset
                            $0.maxBytes = maxBytes
                        }
                    ]
                }
            ]
        }
    }

    static func partition(_ response: Response?) throws -> FetchResponse.Partition {
        guard case .fetch(let response) = try #require(response) else {
            throw Unexpected(response: "no fetch response")
        }
        return try #require(response.topics.first?.partitions.first)
    }

    func fetch(
        _ topic: String, _ partition: Int32 = 0, from offset: Int64 = 0, committed: Bool = false,
        maxBytes: Int32 = 1 << 20
    ) throws -> FetchResponse.Partition {
        let request = Self.fetchRequest(topic, partition, from: offset, committed: committed, maxBytes: maxBytes)
        return try Self.partition(call(.fetch(request)))
    }

    /// Everything in a partition as a consumer sees it: data records that are not of aborted transactions under
    /// `read_committed`. This is a client's side of the protocol, written independently of the broker's.
    func consume(_ topic: String, _ partition: Int32 = 0, from start: Int64 = 0, committed: Bool) throws -> [String] {
        try records(topic, partition, from: start, committed: committed).map { _, record in
            String(decoding: record.value ?? [], as: UTF8.self)
        }
    }

    func records(
        _ topic: String, _ partition: Int32 = 0, from start: Int64 = 0, committed: Bool
    ) throws -> [(offset: Int64, record: LogRecord)] {
        var offset = start
        var values: [(offset: Int64, record: LogRecord)] = []
        while true {
            let fetched = try fetch(topic, partition, from: offset, committed: committed, maxBytes: 300)
            try #require(fetched.error == .none)
            var buffer = fetched.records ?? ByteBuffer()
            if buffer.readableBytes == 0 { return values }
            var aborted = (fetched.abortedTransactions ?? []).sorted { $0.firstOffset < $1.firstOffset }
            var ignored: Set<Int64> = []
            let before = offset
            while let header = RecordBatchHeader(buffer, at: buffer.readerIndex),
                header.batchByteCount <= buffer.readableBytes
            {
                var content = try #require(header.content(of: buffer))
                var records: [LogRecord] = []
                for _ in 0..<header.count {
                    let record = content.readLogRecord()
                    records.append(try #require(record))
                }
                buffer.moveReaderIndex(forwardBy: header.batchByteCount)
                while let first = aborted.first, first.firstOffset <= header.lastOffset {
                    ignored.insert(first.producerID)
                    aborted.removeFirst()
                }
                if header.attributes & 0x20 != 0 {
                    if records.first?.key?[3] == 0 { ignored.remove(header.producerID) }
                } else if !(committed && header.attributes & 0x10 != 0 && ignored.contains(header.producerID)) {
                    for record in records where header.baseOffset + Int64(record.offsetDelta) >= offset {
                        values.append((header.baseOffset + Int64(record.offsetDelta), record))
                    }
                }
                offset = header.lastOffset + 1
            }
            try #require(offset > before)
        }
    }

    func batchHeaders(_ topic: String, _ partition: Int32 = 0) throws -> [RecordBatchHeader] {
        var headers: [RecordBatchHeader] = []
        var offset = try listOffset(topic, timestamp: -2).offset
        while true {
            var buffer = try fetch(topic, partition, from: offset, maxBytes: 10 << 20).records ?? ByteBuffer()
            if buffer.readableBytes == 0 { return headers }
            while let header = RecordBatchHeader(buffer, at: buffer.readerIndex),
                header.batchByteCount <= buffer.readableBytes
            {
                headers.append(header)
                buffer.moveReaderIndex(forwardBy: header.batchByteCount)
                offset = header.lastOffset + 1
            }
        }
    }

    struct Producer {
        var transactionalID: String?
        var id: Int64
        var epoch: Int16
    }

    func initProducer(
        _ transactionalID: String? = nil, timeout: Int32 = 10_000, known: Producer? = nil, version: Int16 = 4
    ) throws -> (Producer, ErrorCode) {
        let request = InitProducerIDRequest {
            $0.transactionalID = transactionalID
            $0.transactionTimeout = timeout
            $0.producerID = known?.id ?? -1
            $0.producerEpoch = known?.epoch ?? -1
        }
        let response = try call(.initProducerID(request), version: version)
        guard case .initProducerID(let response) = response else { throw mismatch(response) }
        return (
            Producer(transactionalID: transactionalID, id: response.producerID, epoch: response.producerEpoch),
            response.error
        )
    }

    func producer(_ transactionalID: String? = nil, timeout: Int32 = 10_000) throws -> Producer {
        let (producer, error) = try initProducer(transactionalID, timeout: timeout)
        try #require(error == .none)
        return producer
    }

    func addPartition(_ producer: Producer, _ topic: String, _ partition: Int32 = 0, version: Int16 = 2) throws
        -> ErrorCode
    {
        let request = AddPartitionsToTxnRequest {
            $0.transactionalID = producer.transactionalID ?? ""
            $0.producerID = producer.id
            $0.producerEpoch = producer.epoch
            $0.topics = [
                AddPartitionsToTxnRequest.Topic {
                    $0.name = topic
                    $0.partitions = [partition]
                }
            ]
        }
        let response = try call(.addPartitionsToTxn(request), version: version)
        guard case .addPartitionsToTxn(let response) = response else { throw mismatch(response) }
        return try #require(response.topics.first?.partitions.first).error
    }

    func endTransaction(_ producer: Producer, commit: Bool, version: Int16 = 2) throws -> ErrorCode {
        let request = EndTxnRequest {
            $0.transactionalID = producer.transactionalID ?? ""
            $0.producerID = producer.id
            $0.producerEpoch = producer.epoch
            $0.isCommit = commit
        }
        let response = try call(.endTxn(request), version: version)
        guard case .endTxn(let response) = response else { throw mismatch(response) }
        return response.error
    }

    func addOffsets(_ producer: Producer, group: String, version: Int16 = 2) throws -> ErrorCode {
        let request = AddOffsetsToTxnRequest {
            $0.transactionalID = producer.transactionalID ?? ""
            $0.producerID = producer.id
            $0.producerEpoch = producer.epoch
            $0.groupID = group
        }
        let response = try call(.addOffsetsToTxn(request), version: version)
        guard case .addOffsetsToTxn(let response) = response else { throw mismatch(response) }
        return response.error
    }

    func commitOffsets(
        _ producer: Producer, group: String, _ topic: String, _ partition: Int32 = 0, offset: Int64,
        generation: Int32 = -1,
        member: String = "", instance: String? = nil
    ) throws -> ErrorCode {
        let request = TxnOffsetCommitRequest {
            $0.transactionalID = producer.transactionalID ?? ""
            $0.groupID = group
            $0.producerID = producer.id
            $0.producerEpoch = producer.epoch
            $0.generationID = generation
            $0.memberID = member
            $0.groupInstanceID = instance
            $0.topics = [
                TxnOffsetCommitRequest.Topic {
                    $0.name = topic
                    $0.partitions = [
                        TxnOffsetCommitRequest.Partition {
                            $0.index = partition
                            $0.committedOffset = offset
                            $0.metadata = "m\(offset)"
                        }
                    ]
                }
            ]
        }
        let response = try call(.txnOffsetCommit(request), version: 3)
        guard case .txnOffsetCommit(let response) = response else { throw mismatch(response) }
        return try #require(response.topics.first?.partitions.first).error
    }

    func commitOffset(
        group: String, _ topic: String, _ partition: Int32 = 0, offset: Int64, metadata: String? = nil,
        generation: Int32 = -1,
        member: String = "", instance: String? = nil
    ) throws -> ErrorCode {
        let request = OffsetCommitRequest {
            $0.groupID = group
            $0.generationID = generation
            $0.memberID = member
            $0.groupInstanceID = instance
            $0.topics = [
                OffsetCommitRequest.Topic {
                    $0.name = topic
                    $0.partitions = [
                        OffsetCommitRequest.Partition {
                            $0.index = partition
                            $0.committedOffset = offset
                            $0.metadata = metadata
                        }
                    ]
                }
            ]
        }
        let response = try call(.offsetCommit(request))
        guard case .offsetCommit(let response) = response else { throw mismatch(response) }
        return try #require(response.topics.first?.partitions.first).error
    }

    func committedOffset(
        group: String, _ topic: String, _ partition: Int32 = 0, requireStable: Bool = false
    ) throws -> OffsetFetchResponse.Partition {
        let request = OffsetFetchRequest {
            $0.groupID = group
            $0.requireStable = requireStable
            $0.topics = [
                OffsetFetchRequest.Topic {
                    $0.name = topic
                    $0.partitions = [partition]
                }
            ]
        }
        let response = try call(.offsetFetch(request))
        guard case .offsetFetch(let response) = response else { throw mismatch(response) }
        return try #require(response.topics.first?.partitions.first)
    }

    func listOffset(_ topic: String, timestamp: Int64, committed: Bool = false) throws -> ListOffsetsResponse.Partition
    {
        let request = ListOffsetsRequest {
            $0.isolationLevel = committed ? 1 : 0
            $0.topics = [
                ListOffsetsRequest.Topic {
                    $0.name = topic
                    $0.partitions = [ListOffsetsRequest.Partition { $0.timestamp = timestamp }]
                }
            ]
        }
        let response = try call(.listOffsets(request))
        guard case .listOffsets(let response) = response else { throw mismatch(response) }
        return try #require(response.topics.first?.partitions.first)
    }
}
