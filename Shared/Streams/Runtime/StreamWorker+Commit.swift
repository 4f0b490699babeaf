import CoreMetrics
import Kafka
import Logging

extension StreamWorker {
    /// Bytes in or out, the larger.
    private static let largeCommit = 65_536

    /// Ends the transaction:
    ///
    /// 1. Each task derives, takes differences, writes changelog and outputs.
    /// 2. Clock records that are due.
    /// 3. Offsets and commit, or an abort instead.
    /// 4. After a commit, positions in memory move on; after an abort, tasks and positions return to the last commit.
    ///
    /// A crash between 3 and 4 is harmless: 4 changes memory only.
    ///
    /// - Returns: whether it was committed.
    @discardableResult
    func commit(isClean: Bool, deadline: Deadline) throws(WorkerError) -> Bool {
        let session = try session()
        guard !running.isEmpty else { return true }
        let started = time.monotonic
        for slot in running {
            do throws(InternalRecordError) {
                try slot.task.prepareCommit(slot.time, output: slot.writer)
            } catch {
                throw .stop(failure(error, slot, 0, otherwise: nil))
            }
        }
        var offsets: [TopicPartition: OffsetAndMetadata] = [:]
        var perSlot: [[OffsetAndMetadata]] = []
        for slot in running {
            slot.prepareClock(now: started)
            if slot.writesClock { try writeClock(slot, session) }
            let own = slot.offsets(isClean: isClean, owner: identity)
            for (input, offset) in zip(slot.inputs, own) { offsets[input.topicPartition] = offset }
            perSlot.append(own)
        }
        let bytes = max(takenBytes, session.bytes)
        let end = try session.end(
            .commit, isLost: try consumer().isAssignmentLost, generation: generation, offsets: offsets,
            deadline: deadline)
        let now = time.monotonic
        let records = work.records
        takenRecords = 0
        takenBytes = 0
        switch end {
        case .committed:
            policy.committed(records: records, took: now - started, now: now)
            abortsInARow = 0
            options.memory.committed(offsets, group: stage.group)
            for (slot, own) in zip(running, perSlot) {
                metrics.deadLettered(slot.writer.deadLetterReasons)
                slot.committed(own, isClean: isClean, now: now)
            }
            metrics.commits.increment()
            metrics.commitSeconds.recordMilliseconds(now - started)
            // Much that had waited, such as facts that were held back, leaves as much freed memory as a backlog.
            if bytes >= Self.largeCommit, running.allSatisfy(\.time.caughtUp) {
                MemoryRelease.shared.worked(now: now)
            }
            return true
        case .aborted(let reason):
            policy.aborted(now: now)
            metrics.aborts.increment()
            logger.info("transaction aborted; its records will be processed again", metadata: ["reason": "\(reason)"])
            try undo(reason)
            return false
        }
    }

    private func writeClock(_ slot: TaskSlot, _ session: TransactionSession) throws(WorkerError) {
        let topic = try session.topic(stage.clocksTopic.name)
        let key = ClockRecord.Task(service: stage.stem, stage: stage.name, partition: slot.partition).key
        let value = ClockRecord(
            clock: slot.outbound, degraded: slot.time.degraded, sources: slot.task.sources
        ).value
        unsafe session.send(
            topic: topic, partition: 0, key: key.span.bytes, value: value.span.bytes, headers: [])
    }

    func undo(_ reason: String) throws(WorkerError) {
        intakeEpoch += 1
        abortsInARow += 1
        guard abortsInARow < Self.maximumAborts else {
            throw .rebuild("\(abortsInARow) transactions in a row were aborted: \(reason)", isFenced: false)
        }
        var offsets: [TopicPartition: Int64] = [:]
        for slot in running {
            slot.rollBack()
            for input in slot.inputs { offsets[input.topicPartition] = input.committedPosition }
        }
        // In a revocation or after a loss there is nothing to read again: the next owner does.
        guard !isGivingUp, try !consumer().isAssignmentLost else { return }
        let consumer = try consumer()
        try client { () throws(ClientError) in try consumer.seek(offsets) }
    }
}
