extension PartitionLog {
    /// Raises the start offset, and deletes the segments that lie wholly below it.
    func advanceStart(to offset: Int64) throws(StorageError) {
        startOffset = max(startOffset, min(offset, endOffset))
        while segments.count > 1, segments[1].baseOffset <= startOffset {
            try deleteOldestSegment()
        }
        abortedTransactions.removeAll { $0.lastOffset < startOffset }
    }

    /// Deletes old whole segments that are older than `age` (milliseconds; negative: never) or in excess of `bytes`
    /// (negative: unlimited). Never what an open transaction still needs.
    func retain(age: Int64, bytes: Int64, now: Int64) throws(StorageError) {
        if age >= 0, let active = segments.last, active.file.byteCount > 0, now - active.maxTimestamp > age,
            segments.allSatisfy({ now - $0.maxTimestamp > age })
        {
            try roll(now: now)
        }
        while segments.count > 1 {
            let oldest = segments[0]
            let next = segments[1].baseOffset
            guard next <= lastStableOffset else { return }
            let isOld = age >= 0 && now - oldest.maxTimestamp > age
            let isExcess = bytes >= 0 && Int64(byteCount - oldest.file.byteCount) >= bytes
            guard isOld || isExcess else { return }
            startOffset = max(startOffset, next)
            try deleteOldestSegment()
            abortedTransactions.removeAll { $0.lastOffset < startOffset }
        }
    }

    private func deleteOldestSegment() throws(StorageError) {
        let oldest = segments[0]
        try storage.deleteSegment(of: id, baseOffset: oldest.baseOffset)
        deleteIndex(of: oldest)
        segments.removeFirst()
    }
}
