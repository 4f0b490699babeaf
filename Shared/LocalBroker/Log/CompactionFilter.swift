import NIOCore

/// What compaction keeps of each batch. The rules are Apache Kafka's (`LogCleaner`, `MemoryRecords.filterTo`):
///
/// - of the records with one key the last one, and those behind the offset up to which keys are known;
/// - of an aborted transaction nothing;
/// - a record without a value (tombstone) until `delete.retention.ms` after the round that first met it as the last of its key; that
///   time, the delete horizon, is then the batch's base timestamp and marked by an attribute (KIP-534);
/// - a transaction's marker as long as anything is left of the transaction, and for that time longer;
/// - the last batch of each producer, if need be without records, because it carries the sequence number.
///
/// Offsets never change: a batch keeps its first and its last offset when records are taken out.
struct CompactionFilter {
    enum Verdict: Equatable {
        case kept
        case rewritten(ByteBuffer)
        case dropped
    }

    struct ProducerEnd: Equatable {
        var epoch: Int16
        /// Nil when only a marker is known of the producer.
        var lastDataOffset: Int64?
    }

    private let keys: KeyOffsets
    /// Keys are known up to here.
    private let lastKnownOffset: Int64
    private let producers: [Int64: ProducerEnd]
    private let now: Int64
    private let deleteRetention: Int64
    private var transactions: AbortedTransactionCursor
    /// Transactions of which a record or an empty batch was met, by producer.
    private var met: Set<Int64> = []
    /// Aborted ones among them, by the offset of the marker.
    private(set) var abortedWithData: Set<Int64> = []

    init(
        keys: KeyOffsets, lastKnownOffset: Int64, producers: [Int64: ProducerEnd], now: Int64, deleteRetention: Int64,
        aborted: [AbortedTransaction]
    ) {
        self.keys = keys
        self.lastKnownOffset = lastKnownOffset
        self.producers = producers
        self.now = now
        self.deleteRetention = deleteRetention
        transactions = AbortedTransactionCursor(aborted)
    }

    /// Batches come in the order of the log, from its first on.
    mutating func judge(_ batch: ByteBuffer, _ header: RecordBatchHeader) -> Verdict {
        let isDiscardable = isDiscardable(header)
        let horizonHasPassed = header.hasDeleteHorizon && header.baseTimestamp <= now
        if isDiscardable, !header.isControl || horizonHasPassed { return emptied(batch, header) }
        if header.isControl {
            guard isDiscardable, !header.hasDeleteHorizon else { return .kept }
            return rebuilt(batch, header, needsHorizon: true) { _, _ in true }
        }
        guard let content = header.content(of: batch) else { return .kept }
        var keptCount = 0
        var hasTombstone = false
        let isWhole = header.forEachRecord(in: content) { record, bytes in
            if isKept(record, bytes, header, horizonHasPassed: horizonHasPassed) {
                keptCount += 1
                if !record.hasValue { hasTombstone = true }
            }
            return true
        }
        // What cannot be read is left as it is.
        guard isWhole else { return .kept }
        if keptCount == 0 { return emptied(batch, header) }
        let needsHorizon = hasTombstone && !header.hasDeleteHorizon
        guard keptCount < Int(header.count) || needsHorizon else { return .kept }
        return rebuilt(batch, header, content, needsHorizon: needsHorizon) { record, bytes in
            isKept(record, bytes, header, horizonHasPassed: horizonHasPassed)
        }
    }

    /// Whether the batch is part of an aborted transaction, or the marker of one of which nothing is left.
    private mutating func isDiscardable(_ header: RecordBatchHeader) -> Bool {
        guard header.isTransactional else { return false }
        let aborted = transactions.transaction(of: header)
        guard header.isControl else {
            if let aborted { abortedWithData.insert(aborted.lastOffset) } else { met.insert(header.producerID) }
            return aborted != nil
        }
        if let aborted { return !abortedWithData.contains(aborted.lastOffset) }
        return met.remove(header.producerID) == nil
    }

    private func isKept(
        _ record: RecordSpan, _ bytes: Span<UInt8>, _ header: RecordBatchHeader, horizonHasPassed: Bool
    ) -> Bool {
        let offset = header.baseOffset &+ Int64(record.offsetDelta)
        if offset > lastKnownOffset { return true }
        guard let key = record.key else { return false }
        if let last = keys[KeyOffsets.Hash(bytes, key)], last > offset { return false }
        return record.hasValue || !horizonHasPassed
    }

    private func emptied(_ batch: ByteBuffer, _ header: RecordBatchHeader) -> Verdict {
        guard isLast(header) else { return .dropped }
        guard header.count > 0 else { return .kept }
        var empty = header
        empty.count = 0
        empty.attributes &= ~(RecordBatchHeader.compressionMask | RecordBatchHeader.deleteHorizonFlag)
        empty.baseTimestamp = empty.maxTimestamp
        empty.length = Int32(RecordBatchHeader.byteCount - RecordBatchHeader.lengthOverhead)
        empty.crc = empty.checksum(records: ByteBuffer())
        var bytes = ByteBufferAllocator().buffer(capacity: RecordBatchHeader.byteCount)
        empty.write(into: &bytes)
        return .rewritten(bytes)
    }

    private func isLast(_ header: RecordBatchHeader) -> Bool {
        guard header.hasProducerID, let end = producers[header.producerID] else { return false }
        guard let last = end.lastDataOffset else { return header.isControl && header.producerEpoch == end.epoch }
        return header.lastOffset == last
    }

    private func rebuilt(
        _ batch: ByteBuffer, _ header: RecordBatchHeader, _ known: ByteBuffer? = nil, needsHorizon: Bool,
        _ isKept: (RecordSpan, Span<UInt8>) -> Bool
    ) -> Verdict {
        guard let content = known ?? header.content(of: batch) else { return .kept }
        var rebuilt = header
        if needsHorizon {
            rebuilt.attributes |= RecordBatchHeader.deleteHorizonFlag
            rebuilt.baseTimestamp = now.addingReportingOverflow(deleteRetention).overflow ? .max : now + deleteRetention
        }
        var records = ByteBufferAllocator().buffer(capacity: content.readableBytes + 16)
        var latest = Int64.min
        rebuilt.count = 0
        let isWhole = header.forEachRecord(in: content) { record, bytes in
            guard isKept(record, bytes) else { return true }
            rebuilt.count += 1
            let time = header.baseTimestamp &+ record.timestampDelta
            latest = max(latest, time)
            if rebuilt.baseTimestamp == header.baseTimestamp {
                records.writeSlice(of: content, record.whole)
            } else {
                var head = ByteBuffer()
                head.writeInteger(0 as Int8)
                head.writeSignedVarint(time &- rebuilt.baseTimestamp)
                head.writeSignedVarint(Int64(record.offsetDelta))
                records.writeSignedVarint(Int64(head.readableBytes + record.content.count))
                records.writeImmutableBuffer(head)
                records.writeSlice(of: content, record.content)
            }
            return true
        }
        guard isWhole, let codec = CompressionCodec(rawValue: header.compression),
            let body = codec.compress(records)
        else { return .kept }
        if !header.isLogAppendTime, latest > .min { rebuilt.maxTimestamp = latest }
        rebuilt.length = Int32(
            clamping: RecordBatchHeader.byteCount - RecordBatchHeader.lengthOverhead + body.readableBytes)
        rebuilt.crc = rebuilt.checksum(records: body)
        var bytes = ByteBufferAllocator().buffer(capacity: rebuilt.batchByteCount)
        rebuilt.write(into: &bytes)
        bytes.writeImmutableBuffer(body)
        return .rewritten(bytes)
    }
}

/// Says of each batch, in the order of the log, in which aborted transaction it is, if in one.
struct AbortedTransactionCursor {
    private let transactions: [AbortedTransaction]
    private var next = 0
    private var current: [Int64: AbortedTransaction] = [:]

    init(_ transactions: [AbortedTransaction]) {
        self.transactions = transactions.sorted { $0.firstOffset < $1.firstOffset }
    }

    /// The transaction's own marker counts as part of it.
    mutating func transaction(of header: RecordBatchHeader) -> AbortedTransaction? {
        while next < transactions.count, transactions[next].firstOffset <= header.lastOffset {
            current[transactions[next].producerID] = transactions[next]
            next += 1
        }
        guard header.isTransactional, let found = current[header.producerID], header.baseOffset <= found.lastOffset
        else { return nil }
        return found
    }
}

extension ByteBuffer {
    /// Appends a part of another buffer, by positions from that one's reader index.
    fileprivate mutating func writeSlice(of other: ByteBuffer, _ range: Range<Int>) {
        if let slice = other.getSlice(at: other.readerIndex + range.lowerBound, length: range.count) {
            writeImmutableBuffer(slice)
        }
    }
}
