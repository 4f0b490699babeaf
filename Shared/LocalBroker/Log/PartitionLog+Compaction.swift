import NIOCore

/// The settings of a topic and of the broker that compaction goes by. Times in milliseconds.
struct CompactionSettings: Equatable {
    var minimumDirtyRatio = 0.5
    var minimumLag: Int64 = 0
    var maximumLag: Int64 = .max
    var deleteRetention: Int64 = 24 * 3_600_000
    var segmentBytes = 256 << 20
    /// For the keys of one round. When they do not fit, the round goes up to where they did.
    var memoryLimit = 32 << 20
}

extension PartitionLog {
    /// What a round of compaction would do.
    struct Compactable {
        /// The oldest segments, those that may be written anew.
        var segmentCount: Int
        var firstDirtySegment: Int
        var firstDirtyOffset: Int64
        /// The share of what has not been through a round yet.
        var dirtyRatio: Double
        /// Something has waited for longer than `max.compaction.lag.ms`.
        var isOverdue: Bool
    }

    /// Nil when there is nothing to do. Never compacted are the segment that is being written, anything behind the last stable
    /// offset, and what is younger than `min.compaction.lag.ms`.
    func compactable(_ settings: CompactionSettings, now: Int64) throws(StorageError) -> Compactable? {
        guard !isDamaged, segments.count > 1 else { return nil }
        let start = max(compactedUpTo, segments[0].baseOffset)
        let limit = lastStableOffset
        var count = 0
        var clean = 0
        var dirty = 0
        var firstDirty: Int?
        for index in 0..<(segments.count - 1) {
            let end = segments[index + 1].baseOffset
            guard end <= limit else { break }
            let size = segments[index].file.byteCount
            if end <= start {
                clean += size
            } else {
                if settings.minimumLag > 0, segments[index].maxTimestamp > now - settings.minimumLag { break }
                if firstDirty == nil { firstDirty = index }
                dirty += size
            }
            count = index + 1
        }
        guard let firstDirty, dirty > 0 else { return nil }
        let ratio = Double(dirty) / Double(clean + dirty)
        var isOverdue = false
        if settings.maximumLag < .max {
            let head = try segments[firstDirty].file.read(at: 0, count: RecordBatchHeader.byteCount)
            if let header = RecordBatchHeader(head, at: 0), header.maxTimestamp >= 0 {
                isOverdue = now - header.maxTimestamp > max(settings.maximumLag, settings.minimumLag)
            }
        }
        guard ratio > settings.minimumDirtyRatio || isOverdue else { return nil }
        return Compactable(
            segmentCount: count, firstDirtySegment: firstDirty, firstDirtyOffset: start, dirtyRatio: ratio,
            isOverdue: isOverdue)
    }

    /// Begins a new segment when the active one holds something that must be compacted by now.
    func rollOverdue(_ settings: CompactionSettings, now: Int64) throws(StorageError) {
        guard settings.maximumLag < .max, let active = segments.last, active.file.byteCount > 0,
            now - active.created > settings.maximumLag
        else { return }
        try roll(now: now)
    }

    /// Puts a compacted segment in the place of the ones that it was made of. The order makes a crash harmless at every point: first the
    /// aborted transactions of which nothing is left are forgotten (a client that was told of one whose marker is gone would drop what
    /// the producer committed later), then the old index goes, then the files change in one step.
    func install(
        _ compacted: LogSegment, replacing bases: [Int64], abortedWithData: Set<Int64>
    ) throws(StorageError) {
        guard let first = bases.first, let last = bases.last,
            let lower = segments.firstIndex(where: { $0.baseOffset == first }),
            let upper = segments.firstIndex(where: { $0.baseOffset == last }), upper + 1 < segments.count
        else { preconditionFailure("a round of compaction ends before its segments are deleted") }
        let end = segments[upper + 1].baseOffset
        let remaining = abortedTransactions.filter {
            $0.lastOffset < first || $0.lastOffset >= end || abortedWithData.contains($0.lastOffset)
        }
        if remaining.count < abortedTransactions.count {
            abortedTransactions = remaining
            try saveCheckpoint()
        }
        for segment in segments[lower...upper] { deleteIndex(of: segment) }
        compacted.index.thinOut()
        let file = try storage.replaceSegments(of: id, bases, with: compacted.file)
        let installed = LogSegment(baseOffset: first, file: file, created: compacted.created)
        installed.index = compacted.index
        installed.maxTimestamp = compacted.maxTimestamp
        segments.replaceSubrange(lower...upper, with: [installed])
        writeIndex(of: installed)
    }

    private static let compactedName = "compacted"

    /// Remembers, also over a restart, up to where the log has been through a round. Losing it costs another round.
    func noteCompacted(upTo offset: Int64) {
        compactedUpTo = max(compactedUpTo, offset)
        var note = NoteWriter(format: 1)
        note.write(compactedUpTo)
        try? storage.writeNote(of: id, named: Self.compactedName, note.finish())
    }

    func readCompacted() {
        guard let bytes = storage.readNote(of: id, named: Self.compactedName),
            var note = NoteReader(bytes, format: 1), let offset = note.read()
        else { return }
        compactedUpTo = min(max(0, offset), endOffset)
    }
}
