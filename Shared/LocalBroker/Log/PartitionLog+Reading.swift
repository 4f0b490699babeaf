import NIOCore

extension PartitionLog {
    package enum Isolation: Sendable {
        case uncommitted
        case committed
    }

    struct Location {
        var segment: Int
        var position: Int
        var header: RecordBatchHeader
    }

    func limit(_ isolation: Isolation) -> Int64 { isolation == .committed ? lastStableOffset : endOffset }

    private func segmentIndex(for offset: Int64) -> Int? {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].baseOffset <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    private static let headerChunk = 4096

    /// Walks batch headers from `position` until `matches`; nil at the end of the segment.
    private func scan(
        _ segment: LogSegment, from start: Int, _ matches: (RecordBatchHeader) -> Bool
    ) throws(StorageError) -> (position: Int, header: RecordBatchHeader)? {
        var position = start
        var chunk = ByteBuffer()
        var chunkStart = start
        while position + RecordBatchHeader.byteCount <= segment.file.byteCount {
            if position + RecordBatchHeader.byteCount > chunkStart + chunk.writerIndex {
                chunk = try segment.file.read(at: position, count: Self.headerChunk)
                chunkStart = position
            }
            guard let header = RecordBatchHeader(chunk, at: position - chunkStart) else { return nil }
            if matches(header) { return (position, header) }
            position += header.batchByteCount
        }
        return nil
    }

    /// The batch that holds `offset`, or the first one behind it.
    func locate(_ offset: Int64) throws(StorageError) -> Location? {
        guard var index = segmentIndex(for: offset) else { return nil }
        while index < segments.count {
            let segment = segments[index]
            let start = segment.index.position(atOrBefore: offset)
            if let found = try scan(segment, from: start, { $0.lastOffset >= offset }) {
                return Location(segment: index, position: found.position, header: found.header)
            }
            index += 1
        }
        return nil
    }

    /// The first byte of a segment that readers of this isolation may not have.
    private func endPosition(in segment: LogSegment, _ isolation: Isolation) -> Int {
        if isolation == .committed, let first = openTransactions.first {
            if first.segmentBaseOffset == segment.baseOffset { return first.position }
            if first.segmentBaseOffset < segment.baseOffset { return 0 }
        }
        return segment.file.byteCount
    }

    struct ReadResult {
        var records = ByteBuffer()
        /// The offset behind what was read, at least.
        var upperOffset: Int64
    }

    /// Whole batches from the one that holds `offset`, from one segment. With `atLeastOne` the first batch comes even when it is
    /// larger than `maxBytes`, so that a consumer always gets on. The caller has checked the offset's range.
    func read(
        from offset: Int64, maxBytes: Int, atLeastOne: Bool, isolation: Isolation
    ) throws(StorageError) -> ReadResult {
        let limit = limit(isolation)
        guard offset < limit, let start = try locate(offset), start.header.baseOffset < limit else {
            return ReadResult(upperOffset: offset)
        }
        let segment = segments[start.segment]
        let available = endPosition(in: segment, isolation) - start.position
        let first = start.header.batchByteCount
        guard first <= maxBytes || atLeastOne else { return ReadResult(upperOffset: offset) }
        var count = min(available, max(maxBytes, first))
        var upper = limit
        // Clients throw an incomplete last batch away, so the read ends on a boundary wherever the index knows one.
        if count < available, let boundary = segment.index.boundary(atOrBefore: start.position + count),
            boundary.position >= start.position + first
        {
            count = boundary.position - start.position
            upper = boundary.offset
        } else if count < available, count < first * 2 {
            count = first
            upper = start.header.lastOffset + 1
        }
        return ReadResult(records: try segment.file.read(at: start.position, count: count), upperOffset: upper)
    }

    /// How many bytes a read from `offset` could return, up to `enough`.
    func availableBytes(from offset: Int64, isolation: Isolation, enough: Int) throws(StorageError) -> Int {
        guard offset < limit(isolation) else { return 0 }
        guard enough > 1, let start = try locate(offset) else { return 1 }
        var bytes = 0
        for index in start.segment..<segments.count where bytes < enough {
            bytes += max(0, endPosition(in: segments[index], isolation) - (index == start.segment ? start.position : 0))
        }
        return bytes
    }

    /// The aborted transactions that touch `offset ..< upperOffset`, ordered by their markers.
    func abortedTransactions(from offset: Int64, upTo upperOffset: Int64) -> [AbortedTransaction] {
        var low = 0
        var high = abortedTransactions.count
        while low < high {
            let middle = (low + high) / 2
            if abortedTransactions[middle].lastOffset < offset { low = middle + 1 } else { high = middle }
        }
        var result: [AbortedTransaction] = []
        for transaction in abortedTransactions[low...] {
            if transaction.firstOffset < upperOffset { result.append(transaction) }
            // No transaction that ended later can have begun below this one's last stable offset.
            if transaction.lastStableOffset >= upperOffset { break }
        }
        return result
    }

    struct TimestampedOffset: Equatable {
        var offset: Int64
        var timestamp: Int64
    }

    /// The first record whose timestamp is at least `timestamp`, below `limit`.
    func offset(forTimestamp timestamp: Int64, limit: Int64) throws(StorageError) -> TimestampedOffset? {
        for segment in segments where segment.maxTimestamp >= timestamp {
            var start = segment.index.position(forTimestamp: timestamp)
            while true {
                let found = try scan(segment, from: start) {
                    $0.maxTimestamp >= timestamp && $0.lastOffset >= self.startOffset
                }
                guard let found else { break }
                let record = try firstRecord(in: segment, found.position, found.header) { time, offset in
                    time >= timestamp && offset >= self.startOffset
                }
                if let record { return record.offset < limit ? record : nil }
                // Compaction may have left a batch without the record that its head promises.
                start = found.position + found.header.batchByteCount
            }
        }
        return nil
    }

    /// The record with the greatest timestamp.
    func offsetOfMaximumTimestamp() throws(StorageError) -> TimestampedOffset? {
        guard let segment = segments.max(by: { $0.maxTimestamp < $1.maxTimestamp }), segment.maxTimestamp >= 0 else {
            return nil
        }
        let wanted = segment.maxTimestamp
        let start = segment.index.position(forTimestamp: wanted)
        guard let found = try scan(segment, from: start, { $0.maxTimestamp >= wanted }) else { return nil }
        return try firstRecord(in: segment, found.position, found.header) { time, _ in time >= wanted }
    }

    /// Nil when no record matches. Of a batch that cannot be read the whole counts: its first offset is never too late.
    private func firstRecord(
        in segment: LogSegment, _ position: Int, _ header: RecordBatchHeader, _ matches: (Int64, Int64) -> Bool
    ) throws(StorageError) -> TimestampedOffset? {
        let whole = TimestampedOffset(offset: max(header.baseOffset, startOffset), timestamp: header.maxTimestamp)
        let batch = try segment.file.read(at: position, count: header.batchByteCount)
        guard batch.readableBytes == header.batchByteCount, let content = header.content(of: batch) else {
            return whole
        }
        var result: TimestampedOffset?
        let isWhole = header.forEachRecord(in: content) { record, _ in
            let time = header.isLogAppendTime ? header.maxTimestamp : header.baseTimestamp &+ record.timestampDelta
            let offset = header.baseOffset &+ Int64(record.offsetDelta)
            if matches(time, offset) { result = TimestampedOffset(offset: offset, timestamp: time) }
            return result == nil
        }
        return isWhole ? result : whole
    }
}
