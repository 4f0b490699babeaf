import CoreMetrics
package import Kafka
import Logging

extension StreamWorker {
    func perform(_ actions: [AssignmentMachine.Action]) throws(WorkerError) {
        for action in actions {
            switch action {
            case .captureGroup:
                generation = try consumer().generation
                isJoined = true
            case .pause(let partitions):
                let consumer = try consumer()
                try client { () throws(ClientError) in try consumer.pause(topicPartitions(partitions)) }
            case .locate(let partitions): toLocate = partitions
            case .open(let partitions): try openSlots(partitions)
            case .start(let partitions): try startReading(partitions)
            case .drop(let partitions):
                for partition in partitions { slots[partition] = nil }
                restore?.drop(partitions)
            case .commit:
                isGivingUp = true
                defer { isGivingUp = false }
                let committed = try commit(isClean: true, deadline: closeDeadline.limited(to: options.revokeBudget))
                try perform(machine.commitEnded(committed))
            case .abort, .newProducer: replacesProducer = true
            }
        }
        settle()
    }

    private func startReading(_ partitions: [Int32]) throws(WorkerError) {
        let now = time.monotonic
        var positions: [TopicPartition: Int64] = [:]
        for slot in partitions.compactMap({ slots[$0] }) {
            for index in slot.inputs.indices {
                slot.inputs[index].stall = StallWatch(now: now)
                positions[slot.inputs[index].topicPartition] = slot.inputs[index].position
            }
        }
        let consumer = try consumer()
        try client { () throws(ClientError) in try consumer.start(positions) }
    }

    /// After a change of the assignment.
    private func settle() {
        sessionHandle?.assignment = machine.epoch
        running = machine.running.sorted().compactMap { slots[$0] }
        progress.watch(running.flatMap { $0.inputs.map(\.topicPartition) }, thread: thread)
        metrics.dropLags()
        if machine.restoring.isEmpty, let finished = restore {
            restore = nil
            if finished.isFinished, finished.restored > 0 {
                logger.info("restored", metadata: ["records": "\(finished.restored)"])
                MemoryRelease.shared.closing { finished.close(deadline: .after(.seconds(5))) }
            } else {
                finished.close(deadline: .after(.seconds(5)))
            }
        }
        // Until the next assignment nobody asks it, and a handle has threads that wake up all the time.
        if isJoined, toLocate.isEmpty, restore == nil, let idle = watermarkHandle {
            watermarkHandle = nil
            idle.close(deadline: .after(.seconds(5)))
        }
    }

    func locate() throws(WorkerError) {
        let partitions = topicPartitions(toLocate)
        let consumer = try consumer()
        let watermarks = try watermarks()
        let committed: [TopicPartition: OffsetAndMetadata]
        let bounds: [TopicPartition: Watermarks]
        guard try settingsAreRead() else { return }
        do throws(ClientError) {
            // In short turns, so that the consumer is polled in between: a dead predecessor's transaction may take its
            // time-out to end.
            let deadline = Deadline.after(.seconds(2))
            committed = try consumer.committed(partitions, deadline: deadline)
            bounds = try watermarks.watermarks(partitions, deadline: deadline)
        } catch {
            guard error.reaction == .retry else { throw error.rebuild }
            logger.info("waiting for the committed positions", metadata: ["reason": "\(error)"])
            return
        }
        starts = [:]
        for partition in toLocate {
            starts[partition] = stage.inputs.map { input in
                let topicPartition = TopicPartition(topic: input.name, partition: partition)
                let isOwn = committed[topicPartition].map {
                    options.memory.isOwn($0, of: topicPartition, group: stage.group)
                }
                return TaskSlot.Start(
                    topicPartition: topicPartition, committed: committed[topicPartition], survived: isOwn ?? false,
                    watermarks: bounds[topicPartition] ?? Watermarks(low: 0, high: 0))
            }
        }
        toLocate = []
        let unchanged = machine.suspended.filter { partition in
            guard let slot = slots[partition], let starts = starts[partition] else { return false }
            return slot.isUnchanged(starts)
        }
        try perform(machine.located(unchanged: unchanged))
        starts = [:]
    }

    private func openSlots(_ partitions: [Int32]) throws(WorkerError) {
        let session = try session()
        let settings = stage.settings?.version
        if let settings { settingsVersion = min(settingsVersion, settings) }
        for partition in partitions {
            let starts = starts[partition] ?? []
            for start in starts {
                guard let committed = start.committed, committed.offset < start.watermarks.low else { continue }
                logger.error(
                    "records have left the topic unread: its retention is shorter than the time this stage was away",
                    metadata: [
                        "topic": "\(start.topicPartition.topic)", "partition": "\(partition)",
                        "lost": "\(start.watermarks.low - committed.offset)",
                    ])
            }
            slots[partition] = TaskSlot(
                partition: partition, task: Self.makeTask(stage, partition, logger),
                writer: try TaskWriter(stage: stage, partition: partition, session: session, needsMeta: true),
                starts: starts, hasUpstream: !stage.upstreamClocks.isEmpty, wall: time.wall, settings: settings)
        }
        guard stage.hasChangelog else {
            for partition in partitions { try restored(partition, needsMeta: false) }
            return
        }
        let reader = try client { () throws(ClientError) in try clients.reader(identity: identity) }
        let restore = RestoreSession(
            stage: stage, reader: reader, watermarks: try watermarks(), time: time, logger: logger,
            remake: { [stage, logger] partition in Self.makeTask(stage, partition, logger) })
        self.restore = restore
        for partition in try restore.begin(partitions, deadline: .after(options.startBudget)) {
            try restored(partition, needsMeta: true)
        }
    }

    func restoreStep() throws(WorkerError) {
        guard let restore else { return }
        let before = restore.restored
        let finished = try restore.step(slots, timeout: 20)
        metrics.restored.increment(by: max(0, restore.restored - before))
        for partition in finished { try restored(partition, needsMeta: restore.needsMeta(partition)) }
    }

    private func restored(_ partition: Int32, needsMeta: Bool) throws(WorkerError) {
        guard let slot = slots[partition] else { return }
        slot.writer = try TaskWriter(
            stage: stage, partition: partition, session: try session(), needsMeta: needsMeta)
        do throws(InternalRecordError) {
            try slot.task.restoreCompleted(output: slot.writer)
            // Before its first record a task knows the time.
            slot.tick(wall: time.wall)
            try slot.task.advance(to: slot.time, output: slot.writer)
        } catch {
            throw .stop(failure(error, slot, 0, otherwise: nil))
        }
        try perform(machine.restored(partition))
    }

    private static func makeTask(_ stage: StageDefinition, _ partition: Int32, _ logger: Logger) -> any StreamTask {
        var logger = logger
        logger[metadataKey: "partition"] = "\(partition)"
        return stage.makeTask(
            TaskContext(
                partition: partition, partitionCount: stage.partitionCount,
                outputPartitionCounts: stage.outputs.map(\.partitions), generation: stage.generation,
                logger: logger))
    }

    /// After a loss: the old producer may have been fenced, and its transaction belongs to a former life.
    func replaceProducer() throws(WorkerError) {
        let session = try session()
        do throws(WorkerError) {
            _ = try session.end(
                .abort("the partitions were lost"), isLost: true, generation: nil, offsets: [:],
                deadline: .after(options.commitBudget))
        } catch {
            logger.info("the old producer could not abort; its successor will", metadata: ["reason": "\(error)"])
        }
        session.close(deadline: .after(.seconds(5)))
        takenRecords = 0
        takenBytes = 0
        try openProducer()
        replacesProducer = false
    }
}

// MARK: Rebalances, inside `poll` and `close`

extension StreamWorker: RebalanceListener {
    package func assigned(_ partitions: [TopicPartition]) {
        handle { () throws(WorkerError) in
            let numbers = Set(partitions.map(\.partition))
            guard partitions.count == numbers.count * stage.inputs.count else {
                throw .stop(
                    .incompatible(
                        """
                        the inputs \(stage.inputs.map(\.name).joined(separator: ", ")) do not have the same number of \
                        partitions
                        """))
            }
            logger.info("assigned", metadata: ["partitions": "\(numbers.sorted())"])
            try perform(machine.assigned(numbers))
        }
    }

    package func revoked(_ partitions: [TopicPartition]) {
        handle { () throws(WorkerError) in
            logger.info("revoked", metadata: ["partitions": "\(partitions.map(\.partition).sorted())"])
            toLocate = []
            try perform(machine.revoked())
            generation = nil
        }
    }

    package func lost(_ partitions: [TopicPartition]) {
        handle { () throws(WorkerError) in
            logger.warning("lost", metadata: ["partitions": "\(partitions.map(\.partition).sorted())"])
            toLocate = []
            intakeEpoch += 1
            try perform(machine.lost())
            generation = nil
        }
    }

    private func handle(_ body: () throws(WorkerError) -> Void) {
        guard !isDiscarded, deferred == nil else { return }
        do throws(WorkerError) {
            try body()
        } catch {
            deferred = error
        }
    }
}
