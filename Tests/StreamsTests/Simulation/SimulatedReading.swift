import Kafka
import LocalBroker
import NIOCore
import Streams

/// Records of one partition as a `read_committed` client takes them out of a fetch response. Written independently of the
/// broker's side of the protocol.
struct FetchedRecords {
    struct Record {
        var offset: Int64
        var timestamp: Int64
        var content: LogRecord
    }

    var records: [Record] = []
    /// Behind the last batch, control batches included.
    var next: Int64
    /// The last stable offset, when `next` has reached it.
    var end: Int64?

    /// - Parameter position: what was asked for.
    init(_ partition: FetchResponse.Partition, from position: Int64) {
        next = position
        var buffer = partition.records ?? ByteBuffer()
        var aborted = (partition.abortedTransactions ?? []).sorted { $0.firstOffset < $1.firstOffset }
        var ignored: Set<Int64> = []
        while let header = RecordBatchHeader(buffer, at: buffer.readerIndex),
            header.batchByteCount <= buffer.readableBytes
        {
            let content = RecordBatchHeader.records(in: buffer) ?? []
            buffer.moveReaderIndex(forwardBy: header.batchByteCount)
            while let first = aborted.first, first.firstOffset <= header.lastOffset {
                ignored.insert(first.producerID)
                aborted.removeFirst()
            }
            if header.isControl {
                ignored.remove(header.producerID)
            } else if !(header.isTransactional && ignored.contains(header.producerID)) {
                for record in content {
                    let offset = header.baseOffset + Int64(record.offsetDelta)
                    guard offset >= position else { continue }
                    let timestamp =
                        header.isLogAppendTime ? header.maxTimestamp : header.baseTimestamp + record.timestampDelta
                    records.append(Record(offset: offset, timestamp: timestamp, content: record))
                }
            }
            next = max(next, header.lastOffset + 1)
        }
        if next >= partition.lastStableOffset { end = partition.lastStableOffset }
    }

    /// Keeps the first records only.
    mutating func cut(to count: Int) {
        guard records.count > count else { return }
        records.removeLast(records.count - count)
        if let last = records.last { next = last.offset + 1 }
        end = nil
    }
}

extension FetchRequest {
    static func of(_ positions: [(TopicPartition, Int64)], maxBytes: Int32) -> FetchRequest {
        FetchRequest {
            $0.maxBytes = 1 << 20
            $0.isolationLevel = 1
            $0.topics = positions.map { place, offset in
                FetchRequest.Topic {
                    $0.name = place.topic
                    $0.partitions = [
                        FetchRequest.Partition {
                            $0.index = place.partition
                            $0.fetchOffset = offset
                            $0.maxBytes = maxBytes
                        }
                    ]
                }
            }
        }
    }
}

extension RecordBatch {
    func append(_ place: TopicPartition, _ fetched: FetchedRecords) {
        for record in fetched.records {
            let key = record.content.key
            let value = record.content.value
            unsafe append(
                place, offset: record.offset, timestamp: record.timestamp, key: key?.span.bytes,
                value: value?.span.bytes, headers: record.content.headers.map { ($0.name, $0.value) })
        }
    }
}

/// Reads a restore's partitions.
final class SimulatedReader: StreamReader {
    private let connection: SimulatedConnection
    private var positions: [TopicPartition: Int64] = [:]
    private var reportedEnds: [TopicPartition: Int64] = [:]

    init(_ connection: SimulatedConnection) { self.connection = connection }

    func assign(_ offsets: [TopicPartition: Int64]) throws(ClientError) {
        try connection.host.check()
        positions = offsets
        reportedEnds = [:]
    }

    func poll(
        into batch: RecordBatch, maximumRecords: Int, maximumBytes: Int, timeout: Int64
    ) throws(ClientError) {
        batch.removeAll()
        let asked = positions.sorted { ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition) }
            .map { ($0.key, $0.value) }
        guard !asked.isEmpty else { return }
        let request = FetchRequest.of(asked, maxBytes: Int32(200 + connection.world.random.next() % 4_000))
        guard case .fetch(let response) = try connection.exchange(.fetch(request)) else { return }
        for topic in response.topics {
            for partition in topic.partitions {
                let place = TopicPartition(topic: topic.name, partition: partition.index)
                guard partition.error != .offsetOutOfRange else {
                    throw ClientError(.retry, isPositionInvalid: true, "OFFSET_OUT_OF_RANGE")
                }
                guard partition.error == .none, let position = positions[place] else { continue }
                let fetched = FetchedRecords(partition, from: position)
                batch.append(place, fetched)
                positions[place] = fetched.next
                if let end = fetched.end, reportedEnds[place] != end {
                    reportedEnds[place] = end
                    batch.appendEnd(place, position: fetched.next)
                }
            }
        }
    }

    func close(deadline: Deadline) {}
}

final class SimulatedWatermarkReader: WatermarkReader {
    private let connection: SimulatedConnection

    init(_ connection: SimulatedConnection) { self.connection = connection }

    func watermarks(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: Watermarks]
    {
        let low = try connection.offsets(partitions, timestamp: -2)
        let high = try connection.offsets(partitions, timestamp: -1)
        var found: [TopicPartition: Watermarks] = [:]
        for partition in partitions {
            guard let low = low[partition], let high = high[partition] else {
                throw SimulatedConnection.timedOut
            }
            found[partition] = Watermarks(low: low, high: high)
        }
        return found
    }

    func close(deadline: Deadline) {}
}

extension SimulatedConnection {
    /// - Parameters:
    ///   - timestamp: -2 asks for the first offset, -1 for the end.
    ///   - isCommitted: the end is the last stable offset.
    func offsets(
        _ partitions: [TopicPartition], timestamp: Int64, isCommitted: Bool = false
    ) throws(ClientError) -> [TopicPartition: Int64] {
        let request = ListOffsetsRequest {
            $0.isolationLevel = isCommitted ? 1 : 0
            $0.topics = partitions.map { place in
                ListOffsetsRequest.Topic {
                    $0.name = place.topic
                    $0.partitions = [
                        ListOffsetsRequest.Partition {
                            $0.index = place.partition
                            $0.timestamp = timestamp
                        }
                    ]
                }
            }
        }
        guard case .listOffsets(let response) = try call(.listOffsets(request)) else { return [:] }
        var found: [TopicPartition: Int64] = [:]
        for topic in response.topics {
            for partition in topic.partitions where partition.error == .none {
                found[TopicPartition(topic: topic.name, partition: partition.index)] = partition.offset
            }
        }
        return found
    }
}
