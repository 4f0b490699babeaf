import Kafka
import Logging

extension StreamWorker {
    /// Tries groups of records under marks; see ``CarefulMode``.
    func processCarefully(_ records: Range<Int>, _ slot: TaskSlot, _ input: Int) throws(WorkerError) {
        try options.memory.withGate { () throws(WorkerError) in
            var rest = records
            while !rest.isEmpty {
                var careful = slot.inputs[input].careful
                let group: Range<Int>
                switch careful.next(available: rest.count) {
                case .normal:
                    _ = try process(rest, slot, input)
                    return
                case .reject:
                    group = rest.lowerBound..<rest.lowerBound + 1
                    try reject(group.lowerBound, slot, input)
                case .attempt(let attempt):
                    if slot.inputs[input].committedAttempt != attempt {
                        slot.inputs[input].attempt = attempt
                        guard try commit(isClean: false, deadline: .after(options.commitBudget)) else { return }
                    }
                    group = rest.lowerBound..<rest.lowerBound + attempt.span
                    guard try process(group, slot, input) else { return }
                    try advance()
                }
                rest = group.upperBound..<rest.upperBound
                careful.succeeded(records: group.count, position: slot.inputs[input].position)
                // The mark of the next group travels with this one's commit.
                slot.inputs[input].attempt = nil
                if !rest.isEmpty, case .attempt(let next) = careful.next(available: rest.count) {
                    slot.inputs[input].attempt = next
                }
                guard try commit(isClean: false, deadline: .after(options.commitBudget)) else { return }
                slot.inputs[input].careful = careful
            }
        }
    }

    private func reject(_ record: Int, _ slot: TaskSlot, _ input: Int) throws(WorkerError) {
        let origin = slot.inputs[input].topicPartition
        let offset = batch.records[record].offset
        guard stage.deadLetterTopic != nil else {
            throw .stop(
                .crashedProcessing(topic: origin.topic, partition: origin.partition, offset: offset))
        }
        logger.error(
            "a record has ended the process three times; it goes to the dead letters as crashed_processing",
            metadata: ["topic": "\(origin.topic)", "partition": "\(origin.partition)", "offset": "\(offset)"])
        slot.writer.deadLetter(batch, record, reason: "crashed_processing", pointer: nil)
        take(record..<record + 1, slot, input)
    }
}
