import NIOCore

/// One segment: a file whose first batch starts at `baseOffset`.
final class LogSegment {
    let baseOffset: Int64
    let file: any ByteFile
    var index = SparseIndex()
    var maxTimestamp: Int64 = -1
    /// Wall time of the first append, in milliseconds, for rolling by age.
    var created: Int64

    init(baseOffset: Int64, file: any ByteFile, created: Int64) {
        self.baseOffset = baseOffset
        self.file = file
        self.created = created
    }

    /// Takes a batch that is at `position` of the file into the index.
    func note(_ header: RecordBatchHeader, at position: Int) {
        index.add(offset: header.baseOffset, position: position, maxTimestampBefore: maxTimestamp)
        maxTimestamp = max(maxTimestamp, header.maxTimestamp)
    }
}

/// The settings of a topic that its logs need.
struct LogLimits: Equatable {
    var segmentBytes = 256 << 20
    var segmentAge: Int64 = 7 * 24 * 3_600_000
    var maximumBatchBytes = 1_048_588
    var stampsAppendTime = false
    /// Compaction goes by keys, so every record needs one.
    var requiresKeys = false
}

/// The log of one partition: segments of record batches, with what is derived from them: the index, the producers'
/// sequence numbers, the open and the aborted transactions. It decides; `BrokerStorage` keeps the bytes.
package final class PartitionLog {
    package let id: LogID
    var limits: LogLimits
    let storage: any BrokerStorage

    var segments: [LogSegment] = []
    package internal(set) var startOffset: Int64 = 0
    /// The offset of the next record. With one node it is also the high watermark.
    package internal(set) var endOffset: Int64 = 0
    var producers: [Int64: ProducerState] = [:]
    /// Ordered by first offset.
    var openTransactions: [OpenTransaction] = []
    /// Ordered by last offset.
    var abortedTransactions: [AbortedTransaction] = []
    var bytesSinceCheckpoint = 0
    /// Below this the log has been compacted.
    package internal(set) var compactedUpTo: Int64 = 0
    /// Found by compaction, which then leaves the log alone.
    var isDamaged = false

    /// Recovery reads and checks at most this much of a log that was not closed properly.
    static let checkpointInterval = 32 << 20
    static let leaderEpoch: Int32 = 0

    init(id: LogID, limits: LogLimits, storage: any BrokerStorage) {
        self.id = id
        self.limits = limits
        self.storage = storage
    }

    /// Everything below is decided: `read_committed` consumers read up to here.
    package var lastStableOffset: Int64 { openTransactions.first?.firstOffset ?? endOffset }

    package var byteCount: Int { segments.reduce(0) { $0 + $1.file.byteCount } }

    // MARK: Appending

    enum AppendResult: Equatable {
        case appended(baseOffset: Int64, appendTime: Int64)
        /// `records`: those that are at fault, by their place in the batch; none when the batch is as a whole.
        case rejected(ErrorCode, String, records: [Int32] = [])
    }

    /// Whether the batch is well formed, by what its header says; the records themselves are opaque.
    private func check(_ batch: ByteBuffer, _ header: RecordBatchHeader) -> AppendResult? {
        guard header.length >= Int32(RecordBatchHeader.byteCount - RecordBatchHeader.lengthOverhead),
            header.batchByteCount == batch.readableBytes
        else { return .rejected(.corruptMessage, "the batch's length is not the length of the data") }
        guard batch.readableBytes <= limits.maximumBatchBytes else {
            return .rejected(
                .messageTooLarge,
                "the batch has \(batch.readableBytes) bytes, max.message.bytes is \(limits.maximumBatchBytes)")
        }
        guard batch.readableBytes <= limits.segmentBytes else {
            return .rejected(.recordListTooLarge, "the batch is larger than segment.bytes \(limits.segmentBytes)")
        }
        guard header.checksum(in: batch, at: batch.readerIndex) == header.crc else {
            return .rejected(.corruptMessage, "the batch's checksum is wrong")
        }
        guard header.count > 0, header.lastOffsetDelta == header.count - 1 else {
            return .rejected(.invalidRecord, "the batch's record count does not fit its last offset")
        }
        guard !header.isControl else { return .rejected(.invalidRecord, "clients may not write control batches") }
        guard header.compression <= 4 else { return .rejected(.unsupportedCompressionType, "unknown compression") }
        guard !header.isTransactional || header.hasProducerID else {
            return .rejected(.invalidRecord, "a transactional batch needs a producer id")
        }
        guard !header.hasProducerID || (header.baseSequence >= 0 && header.producerEpoch >= 0) else {
            return .rejected(.invalidRecord, "a producer id needs an epoch and a sequence number")
        }
        return limits.requiresKeys || header.compression == 0 ? checkRecords(of: batch, header) : nil
    }

    /// Whether the records are as many as the header says, in order, and with keys where they need them. Compressed ones are looked
    /// at only where they need keys.
    private func checkRecords(of batch: ByteBuffer, _ header: RecordBatchHeader) -> AppendResult? {
        guard let content = header.content(of: batch) else {
            return .rejected(.corruptMessage, "the batch cannot be decompressed")
        }
        var expected: Int32 = 0
        var end = 0
        var withoutKey: [Int32] = []
        let isWhole = header.forEachRecord(in: content) { record, _ in
            guard record.offsetDelta == expected else { return false }
            expected += 1
            end = record.whole.upperBound
            if record.key == nil, limits.requiresKeys { withoutKey.append(record.offsetDelta) }
            return true
        }
        guard isWhole, expected == header.count, end == content.readableBytes else {
            return .rejected(.invalidRecord, "the records are not what the batch's header says")
        }
        guard withoutKey.isEmpty else {
            return .rejected(
                .invalidRecord, "a compacted topic does not accept a record without key", records: withoutKey)
        }
        return nil
    }

    /// Appends a client's batch. `isInTransaction` is asked only when a batch would open a transaction here.
    func append(
        _ batch: ByteBuffer, now: Int64, verifyTransaction: (RecordBatchHeader) -> ErrorCode
    ) throws(StorageError) -> AppendResult {
        guard var header = RecordBatchHeader(batch, at: batch.readerIndex) else {
            return .rejected(.invalidRecord, "exactly one record batch of format 2 is expected")
        }
        if let rejection = check(batch, header) { return rejection }
        if header.hasProducerID {
            if let state = producers[header.producerID] {
                switch state.judge(header) {
                case .inSequence: break
                case .duplicate(let original):
                    return .appended(
                        baseOffset: original.firstOffset, appendTime: limits.stampsAppendTime ? original.timestamp : -1)
                case .rejected(let error): return .rejected(error, "")
                }
                guard state.transactionFirstOffset == nil || header.isTransactional else {
                    return .rejected(.invalidTxnState, "the producer has a transaction open in this partition")
                }
            }
            if header.isTransactional, producers[header.producerID]?.transactionFirstOffset == nil {
                let verdict = verifyTransaction(header)
                guard verdict == .none else { return .rejected(verdict, "") }
            }
        }
        header.baseOffset = endOffset
        header.leaderEpoch = Self.leaderEpoch
        guard
            let records = batch.getSlice(
                at: batch.readerIndex + RecordBatchHeader.byteCount,
                length: batch.readableBytes - RecordBatchHeader.byteCount)
        else { return .rejected(.corruptMessage, "") }
        if limits.stampsAppendTime {
            header.attributes |= RecordBatchHeader.logAppendTimeFlag
            header.maxTimestamp = now
            header.crc = header.checksum(records: records)
        } else if header.isLogAppendTime {
            header.attributes &= ~RecordBatchHeader.logAppendTimeFlag
            header.crc = header.checksum(records: records)
        }
        try write(header, records, now: now)
        return .appended(baseOffset: header.baseOffset, appendTime: limits.stampsAppendTime ? now : -1)
    }

    /// Ends a producer's transaction in this partition with a control batch. A marker without data is written, too: it takes
    /// an offset, and it tells the partition the epoch below which the producer is fenced.
    func appendMarker(isCommit: Bool, producerID: Int64, producerEpoch: Int16, now: Int64) throws(StorageError) {
        var batch = RecordBatchBuilder.control(
            isCommit: isCommit, producerID: producerID, producerEpoch: producerEpoch, timestamp: now)
        guard var header = RecordBatchHeader(batch, at: batch.readerIndex) else {
            preconditionFailure("the broker's own control batch has a header")
        }
        batch.moveReaderIndex(forwardBy: RecordBatchHeader.byteCount)
        header.baseOffset = endOffset
        header.leaderEpoch = Self.leaderEpoch
        let head = header
        let records = batch
        try storage.withReserve { () throws(StorageError) in
            try write(head, records, isCommit: isCommit, now: now)
        }
    }

    private func write(
        _ header: RecordBatchHeader, _ records: ByteBuffer, isCommit: Bool = false, now: Int64
    ) throws(StorageError) {
        let segment = try segmentForAppend(header.batchByteCount, now: now)
        let position = segment.file.byteCount
        var head = ByteBuffer()
        header.write(into: &head)
        try segment.file.append(head, records)
        absorb(header, isCommit: isCommit, in: segment, at: position, now: now)
        bytesSinceCheckpoint += header.batchByteCount
        if bytesSinceCheckpoint >= Self.checkpointInterval { writeCheckpoint() }
    }

    private func segmentForAppend(_ size: Int, now: Int64) throws(StorageError) -> LogSegment {
        if let active = segments.last {
            let isFull = active.file.byteCount + size > limits.segmentBytes
            let isOld = now - active.created > limits.segmentAge
            let isFar = endOffset - active.baseOffset > Int64(Int32.max) - 1_000_000
            if active.file.byteCount == 0 || !(isFull || isOld || isFar) { return active }
            try roll(now: now)
        } else {
            let file = try storage.segment(of: id, baseOffset: endOffset)
            segments.append(LogSegment(baseOffset: endOffset, file: file, created: now))
        }
        return segments[segments.count - 1]
    }

    /// Closes the active segment and begins the next.
    func roll(now: Int64) throws(StorageError) {
        let file = try storage.segment(of: id, baseOffset: endOffset)
        if let active = segments.last {
            active.index.thinOut()
            writeIndex(of: active)
        }
        segments.append(LogSegment(baseOffset: endOffset, file: file, created: now))
        writeCheckpoint()
    }

    /// Takes a batch that is in the file into everything that is derived from the files. Appending and recovery both come here,
    /// so that a restarted broker cannot know anything else than the one before.
    func absorb(_ header: RecordBatchHeader, isCommit: Bool, in segment: LogSegment, at position: Int, now: Int64) {
        segment.note(header, at: position)
        endOffset = header.lastOffset + 1
        guard header.hasProducerID else { return }
        var state = producers[header.producerID] ?? ProducerState(epoch: header.producerEpoch, lastAppend: now)
        if header.isControl {
            let firstOffset = state.transactionFirstOffset
            state.endTransaction(epoch: header.producerEpoch, now: now)
            if let firstOffset {
                openTransactions.removeAll { $0.producerID == header.producerID }
                if !isCommit {
                    abortedTransactions.append(
                        AbortedTransaction(
                            producerID: header.producerID, firstOffset: firstOffset, lastOffset: header.baseOffset,
                            lastStableOffset: lastStableOffset))
                }
            }
        } else {
            state.add(header, firstOffset: header.baseOffset, now: now)
            if header.isTransactional, state.transactionFirstOffset == nil {
                state.transactionFirstOffset = header.baseOffset
                openTransactions.append(
                    OpenTransaction(
                        producerID: header.producerID, firstOffset: header.baseOffset,
                        segmentBaseOffset: segment.baseOffset, position: position))
            }
        }
        producers[header.producerID] = state
    }

    /// Forgets producers that have been idle for longer than `age` (milliseconds) and have no transaction open.
    func expireProducers(now: Int64, age: Int64) {
        producers = producers.filter { $0.value.transactionFirstOffset != nil || now - $0.value.lastAppend <= age }
    }
}
