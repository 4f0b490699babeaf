import NIOCore

extension PartitionLog {
    /// What was found when a log was opened.
    package struct Recovery: Sendable {
        /// Bytes behind the last checkpoint that were read and checked.
        package var checkedBytes = 0
        /// Bytes of a batch that was being written when the broker died, cut off.
        package var removedBytes = 0
    }

    /// Reads what the files hold: the last checkpoint, then every batch behind it with a check of its CRC. The tail of the last
    /// segment that is no whole batch was never acknowledged, and is cut off.
    func open(now: Int64) throws(StorageError) -> Recovery {
        var recovery = Recovery()
        for base in try storage.segments(of: id) {
            segments.append(
                LogSegment(baseOffset: base, file: try storage.segment(of: id, baseOffset: base), created: now))
        }
        guard let first = segments.first else { return recovery }
        startOffset = first.baseOffset
        endOffset = first.baseOffset
        let resume = readCheckpoint(now: now)
        for (number, segment) in segments.enumerated() {
            if let resume, segment.baseOffset < resume.segmentBaseOffset { continue }
            let start = resume?.segmentBaseOffset == segment.baseOffset ? resume?.position ?? 0 : 0
            let isLast = number == segments.count - 1
            let end = try scanBatches(of: segment, from: start, now: now)
            recovery.checkedBytes += end - start
            let rest = segment.file.byteCount - end
            if rest > 0 {
                guard isLast else {
                    throw StorageError(
                        operation: "open", path: "segment \(segment.baseOffset) of \(id.topic)-\(id.partition)",
                        reason: """
                            it is damaged at byte \(end) while newer segments follow; restore it from a backup, or delete \
                            the topic and everything that was derived from it
                            """)
                }
                recovery.removedBytes += rest
                try segment.file.truncate(to: end)
            }
            if !isLast {
                segment.index.thinOut()
                writeIndex(of: segment)
            }
        }
        bytesSinceCheckpoint = recovery.checkedBytes
        readCompacted()
        return recovery
    }

    /// Absorbs valid batches from `start` on; the position behind the last one.
    private func scanBatches(of segment: LogSegment, from start: Int, now: Int64) throws(StorageError) -> Int {
        var position = start
        var chunk = ByteBuffer()
        var chunkStart = start
        let chunkSize = 1 << 20
        while true {
            var available = chunkStart + chunk.writerIndex - position
            if available < RecordBatchHeader.byteCount {
                chunk = try segment.file.read(at: position, count: chunkSize)
                chunkStart = position
                available = chunk.writerIndex
            }
            guard let header = RecordBatchHeader(chunk, at: position - chunkStart),
                header.length >= Int32(RecordBatchHeader.byteCount - RecordBatchHeader.lengthOverhead),
                header.batchByteCount <= segment.file.byteCount - position,
                header.baseOffset >= endOffset, header.lastOffsetDelta >= 0
            else { return position }
            if available < header.batchByteCount {
                chunk = try segment.file.read(at: position, count: max(chunkSize, header.batchByteCount))
                chunkStart = position
            }
            guard header.checksum(in: chunk, at: position - chunkStart) == header.crc else { return position }
            let isCommit = header.isControl && Self.isCommitMarker(chunk, at: position - chunkStart)
            absorb(header, isCommit: isCommit, in: segment, at: position, now: now)
            position += header.batchByteCount
        }
    }

    private static func isCommitMarker(_ buffer: ByteBuffer, at index: Int) -> Bool {
        guard let length = buffer.getInteger(at: index + 8, as: Int32.self),
            let batch = buffer.getSlice(at: index, length: Int(length) + RecordBatchHeader.lengthOverhead),
            let key = RecordBatchHeader.records(in: batch)?.first?.key
        else { return false }
        return key.count >= 4 && key[3] == 1
    }

    // MARK: Checkpoints

    private static let checkpointName = "checkpoint"
    private static let noteFormat: UInt8 = 1

    private static func indexName(_ baseOffset: Int64) -> String { "\(baseOffset).index" }

    /// What is derived from the log up to its end, so that the next start need not read all of it. Losing it costs time only.
    func writeCheckpoint() { try? saveCheckpoint() }

    func saveCheckpoint() throws(StorageError) {
        guard let active = segments.last else { return }
        bytesSinceCheckpoint = 0
        var note = NoteWriter(format: Self.noteFormat)
        note.write(active.baseOffset)
        note.write(Int64(active.file.byteCount))
        note.write(endOffset)
        note.write(index: active.index, maxTimestamp: active.maxTimestamp, created: active.created)
        note.write(Int64(producers.count))
        for (id, state) in producers.sorted(by: { $0.key < $1.key }) {
            note.write(id)
            note.write(Int64(state.epoch))
            note.write(state.transactionFirstOffset ?? -1)
            note.write(state.lastAppend)
            note.write(Int64(state.batches.count))
            for batch in state.batches {
                note.write(Int64(batch.firstSequence))
                note.write(Int64(batch.lastSequence))
                note.write(batch.firstOffset)
                note.write(batch.timestamp)
            }
        }
        note.write(Int64(openTransactions.count))
        for transaction in openTransactions {
            note.write(transaction.producerID)
            note.write(transaction.firstOffset)
            note.write(transaction.segmentBaseOffset)
            note.write(Int64(transaction.position))
        }
        note.write(Int64(abortedTransactions.count))
        for transaction in abortedTransactions {
            note.write(transaction.producerID)
            note.write(transaction.firstOffset)
            note.write(transaction.lastOffset)
            note.write(transaction.lastStableOffset)
        }
        try storage.writeNote(of: id, named: Self.checkpointName, note.finish())
    }

    func writeIndex(of segment: LogSegment) {
        var note = NoteWriter(format: Self.noteFormat)
        note.write(Int64(segment.file.byteCount))
        note.write(index: segment.index, maxTimestamp: segment.maxTimestamp, created: segment.created)
        try? storage.writeNote(of: id, named: Self.indexName(segment.baseOffset), note.finish())
    }

    func deleteIndex(of segment: LogSegment) { storage.deleteNote(of: id, named: Self.indexName(segment.baseOffset)) }

    private func readIndex(of segment: LogSegment) -> NoteReader.Index? {
        guard let bytes = storage.readNote(of: id, named: Self.indexName(segment.baseOffset)),
            var note = NoteReader(bytes, format: Self.noteFormat), note.read() == Int64(segment.file.byteCount)
        else { return nil }
        return note.readIndex()
    }

    /// A crash right after a compacted segment was put in place leaves it without an index. Nil when the segment is damaged.
    private func rebuildIndex(of segment: LogSegment) -> NoteReader.Index? {
        let fresh = LogSegment(baseOffset: segment.baseOffset, file: segment.file, created: segment.created)
        var reader = BatchReader(segment.file)
        do {
            while true {
                let position = reader.position
                guard let (header, _) = try reader.next() else { break }
                fresh.note(header, at: position)
            }
        } catch {
            return nil
        }
        fresh.index.thinOut()
        writeIndex(of: fresh)
        return NoteReader.Index(index: fresh.index, maxTimestamp: fresh.maxTimestamp, created: fresh.created)
    }

    private struct ResumePoint {
        var segmentBaseOffset: Int64
        var position: Int
    }

    /// Takes the last checkpoint over when it and the indexes of all closed segments in front of it are whole.
    private func readCheckpoint(now: Int64) -> ResumePoint? {
        guard let bytes = storage.readNote(of: id, named: Self.checkpointName),
            var note = NoteReader(bytes, format: Self.noteFormat),
            let base = note.read(), let position = note.read(), let end = note.read(),
            let segment = segments.first(where: { $0.baseOffset == base }),
            position >= 0, position <= Int64(segment.file.byteCount),
            let index = note.readIndex()
        else { return nil }
        var indexes: [(LogSegment, NoteReader.Index)] = [(segment, index)]
        for closed in segments where closed.baseOffset < base {
            guard let index = readIndex(of: closed) ?? rebuildIndex(of: closed) else { return nil }
            indexes.append((closed, index))
        }
        guard let producers = note.readProducers(), let open = note.readOpenTransactions(),
            let aborted = note.readAbortedTransactions()
        else { return nil }
        for (segment, index) in indexes {
            segment.index = index.index
            segment.maxTimestamp = index.maxTimestamp
            segment.created = index.created
        }
        self.producers = producers
        openTransactions = open
        abortedTransactions = aborted
        endOffset = end
        return ResumePoint(segmentBaseOffset: base, position: Int(position))
    }
}
