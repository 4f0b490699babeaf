import Kafka
import Logging

/// Restores the tasks of one assignment: all partitions in parallel, on a reader of its own.
final class RestoreSession {
    private let stage: StageDefinition
    private let reader: any StreamReader
    private let watermarks: any WatermarkReader
    private let remake: (Int32) -> any StreamTask
    private let logger: Logger
    private let time: any TimeSource
    private let batch = RecordBatch()
    private var machines: [Int32: RestoreMachine] = [:]
    /// Partitions whose meta record has been seen and fits.
    private var described: Set<Int32> = []
    private var lastReport: Int64

    private static let reportInterval: Int64 = 10_000
    private static let batchRecords = 4_096
    private static let batchBytes = 1 << 20

    /// - Parameter remake: makes an empty task.
    init(
        stage: StageDefinition, reader: any StreamReader, watermarks: any WatermarkReader, time: any TimeSource,
        logger: Logger, remake: @escaping (Int32) -> any StreamTask
    ) {
        self.stage = stage
        self.reader = reader
        self.watermarks = watermarks
        self.time = time
        self.logger = logger
        self.remake = remake
        lastReport = time.monotonic
    }

    /// Looks up the ends and starts to read.
    ///
    /// - Returns: partitions with nothing to restore.
    func begin(_ partitions: [Int32], deadline: Deadline) throws(WorkerError) -> [Int32] {
        var finished: [Int32] = []
        var offsets: [TopicPartition: Int64] = [:]
        for (partition, bounds) in try bounds(partitions, deadline: deadline) {
            var machine = RestoreMachine(low: bounds.low, end: bounds.high)
            switch machine.begin() {
            case .read(let offset): offsets[changelog(partition)] = offset
            default: finished.append(partition)
            }
            machines[partition] = machine
        }
        try assign(offsets)
        return finished.sorted()
    }

    /// Whether the changelog of a restored partition holds no meta record yet.
    func needsMeta(_ partition: Int32) -> Bool { !described.contains(partition) }

    var isFinished: Bool { machines.values.allSatisfy(\.isFinished) }
    var restored: Int { machines.values.reduce(0) { $0 + $1.restored } }

    /// Share of the offsets read, 0 to 1.
    var progress: Double {
        machines.isEmpty ? 1 : machines.values.reduce(0) { $0 + $1.progress } / Double(machines.count)
    }

    func drop(_ partitions: [Int32]) {
        for partition in partitions { machines[partition] = nil }
    }

    /// Reads and applies one batch.
    ///
    /// - Returns: partitions that have reached their end.
    func step(_ slots: [Int32: TaskSlot], timeout: Int64) throws(WorkerError) -> [Int32] {
        do throws(ClientError) {
            try reader.poll(
                into: batch, maximumRecords: Self.batchRecords, maximumBytes: Self.batchBytes, timeout: timeout)
        } catch {
            if error.isPositionInvalid { return try truncated(slots, error) }
            if error.reaction == .fatal { throw error.rebuild }
            logger.warning("restore: reading failed, trying again", metadata: ["error": "\(error)"])
            return []
        }
        var finished: [Int32] = []
        for run in batch.runs {
            let partition = run.topicPartition.partition
            guard let slot = slots[partition], machines[partition]?.isFinished == false else { continue }
            try apply(run, to: slot)
            let position = batch.records[run.records.upperBound - 1].offset + 1
            if machines[partition]?.advanced(to: position, records: run.records.count) == .finished {
                finished.append(partition)
            }
        }
        for end in batch.endsOfPartition {
            let partition = end.topicPartition.partition
            guard machines[partition]?.isFinished == false else { continue }
            if machines[partition]?.advanced(to: end.position, records: 0) == .finished { finished.append(partition) }
        }
        report()
        return finished
    }

    func close(deadline: Deadline) {
        reader.close(deadline: deadline)
    }

    private func apply(_ run: RecordBatch.Run, to slot: TaskSlot) throws(WorkerError) {
        var records = run.records
        if !described.contains(slot.partition), let first = records.first {
            try describe(first, slot.partition)
            records = records.dropFirst().startIndex..<records.endIndex
        }
        let task = slot.task
        for index in records {
            if batch.records[index].keyCount == ChangelogMeta.key.count, batch.key(index) == ChangelogMeta.key {
                try describe(index, slot.partition)
                continue
            }
            do throws(InternalRecordError) {
                try batch.withKey(index) { key throws(InternalRecordError) in
                    guard let key else { throw InternalRecordError("it has no key") }
                    try batch.withValue(index) { value throws(InternalRecordError) in
                        try task.restore(key: key, value: value)
                    }
                }
            } catch {
                throw .stop(failure(index, slot.partition, error.reason))
            }
        }
    }

    /// Compares the meta record, which comes before all others.
    private func describe(_ index: Int, _ partition: Int32) throws(WorkerError) {
        guard batch.key(index) == ChangelogMeta.key, let value = batch.value(index) else {
            throw .stop(
                failure(
                    index, partition,
                    """
                    the changelog does not begin with its meta record; run `deskbeat rebuild \(stage.service)`, which \
                    builds new state from the beginning
                    """))
        }
        guard let meta = ChangelogMeta(value: value) else {
            throw .stop(failure(index, partition, "the meta record cannot be read"))
        }
        let expected = ChangelogMeta(partitions: stage.partitionCount)
        if let conflict = meta.conflict(
            with: expected, service: stage.service, changelog: stage.changelogTopic.name)
        {
            throw .stop(.incompatible(conflict))
        }
        described.insert(partition)
    }

    private func failure(_ index: Int, _ partition: Int32, _ reason: String) -> StreamFailure {
        .internalRecord(
            topic: stage.changelogTopic.name, partition: partition, offset: batch.records[index].offset,
            reason: reason)
    }

    /// Finds the partitions that were cut off under the reader and reads them from their new beginning.
    private func truncated(
        _ slots: [Int32: TaskSlot], _ error: ClientError
    ) throws(WorkerError) -> [Int32] {
        let open = machines.filter { !$0.value.isFinished }.keys.sorted()
        var finished: [Int32] = []
        var found = false
        for (partition, bounds) in try bounds(open, deadline: .after(.seconds(10))) {
            guard var machine = machines[partition],
                machine.position < bounds.low || machine.position > bounds.high
            else { continue }
            found = true
            logger.warning(
                "restore: the changelog was cut off, reading it anew", metadata: ["partition": "\(partition)"])
            if case .failed(let reason) = machine.truncated(low: bounds.low, end: bounds.high) {
                throw .rebuild("\(changelog(partition)): \(reason)", isFenced: false)
            }
            machines[partition] = machine
            described.remove(partition)
            slots[partition]?.task = remake(partition)
            if machine.isFinished { finished.append(partition) }
        }
        guard found else { throw error.rebuild }
        var offsets: [TopicPartition: Int64] = [:]
        for (partition, machine) in machines where !machine.isFinished {
            offsets[changelog(partition)] = machine.position
        }
        try assign(offsets)
        return finished
    }

    private func bounds(
        _ partitions: [Int32], deadline: Deadline
    ) throws(WorkerError) -> [(Int32, Watermarks)] {
        do throws(ClientError) {
            return try watermarks.watermarks(partitions.map(changelog), deadline: deadline)
                .map { ($0.key.partition, $0.value) }
        } catch {
            throw error.reaction == .retry ? .unavailable(error.description) : error.rebuild
        }
    }

    private func assign(_ offsets: [TopicPartition: Int64]) throws(WorkerError) {
        do throws(ClientError) {
            try reader.assign(offsets)
        } catch {
            throw error.rebuild
        }
    }

    private func changelog(_ partition: Int32) -> TopicPartition {
        TopicPartition(topic: stage.changelogTopic.name, partition: partition)
    }

    private func report() {
        let now = time.monotonic
        guard now - lastReport >= Self.reportInterval else { return }
        lastReport = now
        logger.info(
            "restoring",
            metadata: ["records": "\(restored)", "percent": "\(Int(progress * 100))"])
    }
}
