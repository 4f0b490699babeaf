import Kafka
import Logging

extension StreamWorker {
    /// Looks after inputs that get no records although there are some; see ``StallWatch``.
    func watchStalls(_ look: ProgressLook) throws(WorkerError) {
        // Then nothing is processed, whatever comes.
        if let settings = stage.settings, settings.version < neededSettings { return }
        let now = time.monotonic
        var suspects: [(slot: TaskSlot, input: Int)] = []
        for slot in running {
            for index in slot.inputs.indices {
                guard let end = look.ends[slot.inputs[index].topicPartition] else { continue }
                let verdict = slot.inputs[index].stall.observe(
                    position: slot.inputs[index].position, end: end, isDrained: backlog.records == 0, now: now)
                if verdict == .suspect { suspects.append((slot, index)) }
            }
        }
        guard !suspects.isEmpty else { return }
        let consumer = try consumer()
        var stableEnds: [TopicPartition: Int64] = [:]
        do throws(ClientError) {
            stableEnds = try consumer.stableEnds(
                suspects.map { $0.slot.inputs[$0.input].topicPartition }, deadline: .after(.seconds(2)))
        } catch {
            guard error.reaction == .retry else { throw error.rebuild }
            logger.info("the end of a silent partition is not known", metadata: ["reason": "\(error)"])
        }
        for (slot, index) in suspects { try resolve(slot, index, stableEnds, now: now) }
    }

    private func resolve(
        _ slot: TaskSlot, _ index: Int, _ stableEnds: [TopicPartition: Int64], now: Int64
    ) throws(WorkerError) {
        let (partition, position) = (slot.inputs[index].topicPartition, slot.inputs[index].position)
        let stableEnd = stableEnds[partition]
        let metadata: Logger.Metadata = [
            "topic": "\(partition.topic)", "partition": "\(partition.partition)", "position": "\(position)",
            "stable_end": "\(stableEnd ?? -1)",
        ]
        switch slot.inputs[index].stall.answer(stableEnd: stableEnd, now: now) {
        case .unknown: break
        case .wait:
            logger.warning(
                """
                nothing can be read: a transaction of the stage or client before is open. It ends with its time-out; if not, \
                find it with kafka-transactions.sh find-hanging
                """, metadata: metadata)
        case .startAgain:
            logger.warning("the client has stopped reading a partition; it is started again", metadata: metadata)
            let consumer = try consumer()
            try client { () throws(ClientError) in try consumer.start([partition: position]) }
        case .giveUp:
            throw .rebuild("the client does not read \(partition) at \(position)", isFenced: false)
        }
    }
}
