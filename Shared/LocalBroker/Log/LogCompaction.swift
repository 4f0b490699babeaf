import NIOCore

/// One round of compaction of one log: first learns the last offset of each key in the part that was written since the last round, then
/// writes the segments anew, group by group, and puts each group in place of the old ones. Done in steps of bounded size, on the broker's
/// thread between requests, so that nothing needs a lock and no request waits long.
///
/// Readers never see a difference but the missing records; a crash at any point leaves every group either old or new.
final class LogCompaction {
    enum Outcome: Equatable {
        case unfinished
        case finished
        /// The log has damage that only reading all of it has shown. It is left alone.
        case damaged(segment: Int64, position: Int)
    }

    private enum Phase {
        case mapping
        case writing
        case finished
    }

    let log: PartitionLog
    private let storage: any BrokerStorage
    private let segments: [LogSegment]
    private let settings: CompactionSettings
    private let now: Int64
    private let firstDirtyOffset: Int64

    private var phase = Phase.mapping
    private var current: Int
    private var reader: BatchReader?

    private var keys: KeyOffsets
    private var lastKnownOffset: Int64
    private var mappedTransactions: AbortedTransactionCursor

    private var filter: CompactionFilter?
    private var output: Output?

    /// The segment that is being written, in the place of `replaced`.
    private struct Output {
        var segment: LogSegment
        var replaced: Range<Int>
        var pending = ByteBuffer()
    }

    private static let writeBytes = 256 << 10

    init(_ log: PartitionLog, _ work: PartitionLog.Compactable, settings: CompactionSettings, now: Int64) {
        self.log = log
        self.settings = settings
        self.now = now
        storage = log.storage
        segments = Array(log.segments[..<work.segmentCount])
        firstDirtyOffset = work.firstDirtyOffset
        lastKnownOffset = firstDirtyOffset - 1
        current = work.firstDirtySegment
        keys = KeyOffsets(memoryLimit: settings.memoryLimit)
        mappedTransactions = AbortedTransactionCursor(log.abortedTransactions)
    }

    /// Works through about `budget` bytes. After an error the round is over; the log is as it was, or a part of it is compacted.
    func step(budget: Int) throws -> Outcome {
        var rest = budget
        do {
            while rest > 0 {
                switch phase {
                case .mapping: try map(&rest)
                case .writing: try write(&rest)
                case .finished: return .finished
                }
            }
        } catch let damage as BatchReader.Damage {
            abandon()
            return .damaged(segment: segments[current].baseOffset, position: damage.position)
        } catch {
            abandon()
            throw error
        }
        return phase == .finished ? .finished : .unfinished
    }

    func abandon() {
        phase = .finished
        output = nil
        reader = nil
        storage.abandonReplacement(of: log.id)
    }

    // MARK: Learning the keys

    private func map(_ rest: inout Int) throws {
        guard current < segments.count else { return beginWriting() }
        var reader = self.reader ?? BatchReader(segments[current].file)
        self.reader = nil
        while rest > 0 {
            guard let (header, batch) = try reader.next() else {
                current += 1
                return
            }
            rest -= batch.readableBytes + RecordBatchHeader.byteCount
            guard header.lastOffset >= firstDirtyOffset else { continue }
            guard note(header, batch) else { return beginWriting() }
            lastKnownOffset = header.lastOffset
        }
        self.reader = reader
    }

    /// False when there is no room for another key.
    private func note(_ header: RecordBatchHeader, _ batch: ByteBuffer) -> Bool {
        let aborted = mappedTransactions.transaction(of: header)
        guard !header.isControl, aborted == nil, let content = header.content(of: batch) else { return true }
        var hasRoom = true
        let first = firstDirtyOffset
        _ = header.forEachRecord(in: content) { record, bytes in
            let offset = header.baseOffset &+ Int64(record.offsetDelta)
            guard offset >= first, let key = record.key else { return true }
            hasRoom = keys.set(KeyOffsets.Hash(bytes, key), to: offset)
            if hasRoom { lastKnownOffset = offset }
            return hasRoom
        }
        return hasRoom
    }

    // MARK: Writing

    private func beginWriting() {
        phase = .writing
        reader = nil
        current = 0
        let producers = log.producers.mapValues { state in
            CompactionFilter.ProducerEnd(epoch: state.epoch, lastDataOffset: state.batches.last?.lastOffset)
        }
        filter = CompactionFilter(
            keys: keys, lastKnownOffset: lastKnownOffset, producers: producers, now: now,
            deleteRetention: settings.deleteRetention, aborted: log.abortedTransactions)
        keys = KeyOffsets(memoryLimit: 0)
    }

    private func write(_ rest: inout Int) throws {
        // Behind the last known key nothing can be removed.
        guard current < segments.count, segments[current].baseOffset <= lastKnownOffset else {
            phase = .finished
            log.noteCompacted(upTo: lastKnownOffset + 1)
            return
        }
        if output == nil { try beginGroup() }
        guard var output, var filter else { return }
        self.output = nil
        self.filter = nil
        var reader = self.reader ?? BatchReader(segments[current].file)
        self.reader = nil
        while rest > 0 {
            guard let (header, batch) = try reader.next() else {
                current += 1
                if current < output.replaced.upperBound {
                    reader = BatchReader(segments[current].file)
                    continue
                }
                try Self.flush(&output)
                try log.install(
                    output.segment, replacing: segments[output.replaced].map(\.baseOffset),
                    abortedWithData: filter.abortedWithData)
                self.filter = filter
                return
            }
            rest -= batch.readableBytes + RecordBatchHeader.byteCount
            switch filter.judge(batch, header) {
            case .dropped: continue
            case .kept: try Self.append(batch, header, to: &output)
            case .rewritten(let bytes):
                guard let header = RecordBatchHeader(bytes, at: bytes.readerIndex) else { continue }
                try Self.append(bytes, header, to: &output)
            }
        }
        self.output = output
        self.filter = filter
        self.reader = reader
    }

    /// Small segments become one, as long as it stays below the size of a segment.
    private func beginGroup() throws {
        let first = segments[current]
        var end = current
        var bytes = 0
        while end < segments.count, segments[end].baseOffset <= lastKnownOffset {
            bytes += segments[end].file.byteCount
            let last = end + 1 < segments.count ? segments[end + 1].baseOffset : log.endOffset
            if end > current, bytes > settings.segmentBytes || last - first.baseOffset > Int64(Int32.max) { break }
            end += 1
        }
        let file = try storage.beginReplacement(of: log.id)
        output = Output(
            segment: LogSegment(baseOffset: first.baseOffset, file: file, created: first.created),
            replaced: current..<end)
    }

    private static func append(
        _ batch: ByteBuffer, _ header: RecordBatchHeader, to output: inout Output
    ) throws(StorageError) {
        let segment = output.segment
        segment.note(header, at: segment.file.byteCount + output.pending.readableBytes)
        output.pending.writeImmutableBuffer(batch)
        if output.pending.readableBytes >= writeBytes { try flush(&output) }
    }

    private static func flush(_ output: inout Output) throws(StorageError) {
        try output.segment.file.append(output.pending, ByteBuffer())
        output.pending.clear(minimumCapacity: writeBytes)
    }
}
