extension BrokerCore {
    /// The bytes that a round works through between two looks at the requests: about a millisecond.
    private static let compactionSlice = 512 << 10

    /// Goes on with the round that is under way, or looks for a log that needs one.
    func compactionTimerFired() {
        if compaction == nil { beginCompaction() }
        var pause = configuration.compactionInterval
        if let round = compaction {
            pause = 1
            do {
                switch try round.step(budget: Self.compactionSlice) {
                case .unfinished: break
                case .finished:
                    compaction = nil
                    compactionCounts.rounds += 1
                case .damaged(let segment, let position):
                    compaction = nil
                    round.log.isDamaged = true
                    compactionCounts.damagedLogs.append(
                        "segment \(segment) of \(round.log.id.topic)-\(round.log.id.partition) at byte \(position)")
                }
            } catch {
                // The disk is full or fails: the log is as good as before, and the next round may do better.
                compaction = nil
                compactionCounts.failures += 1
                pause = configuration.compactionInterval
            }
        }
        timers.schedule(.compaction, at: now.monotonic + pause)
    }

    /// Before segments of the log are deleted: the round that reads them is over.
    func endCompaction(of log: PartitionLog) {
        guard compaction?.log === log else { return }
        compaction?.abandon()
        compaction = nil
    }

    /// Begins with the log that has the largest share of uncompacted data.
    private func beginCompaction() {
        var best: (log: PartitionLog, work: PartitionLog.Compactable, settings: CompactionSettings)?
        for topic in topics.values.sorted(by: { $0.id < $1.id }) where topic.configuration.compacts {
            var settings = topic.configuration.compaction
            settings.memoryLimit = configuration.compactionMemory
            for log in topic.partitions {
                try? log.rollOverdue(settings, now: now.wall)
                guard let work = try? log.compactable(settings, now: now.wall) else { continue }
                if let best, best.work.dirtyRatio >= work.dirtyRatio { continue }
                best = (log, work, settings)
            }
        }
        guard let best else { return }
        compaction = LogCompaction(best.log, best.work, settings: best.settings, now: now.wall)
    }
}
