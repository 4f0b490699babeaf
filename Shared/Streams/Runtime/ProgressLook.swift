package import Kafka

/// One look at the outside: first at the clocks of the stages before, then at the end offsets of the inputs.
package struct ProgressLook: Sendable {
    /// Counts looks.
    package var number: UInt64
    /// Wall time in microseconds before the end offsets were asked for.
    package var wall: Int64
    package var reading: UpstreamClocks.Reading
    package var ends: [TopicPartition: Int64]
}

/// Where a stream thread finds the latest look.
package protocol ProgressSource: AnyObject {
    /// The partitions that `thread` wants the ends of, instead of those it named before.
    func watch(_ partitions: [TopicPartition], thread: Int)
    func latest() -> ProgressLook?
}

/// Looks on the caller's thread. ``ProgressObserver`` calls it from a thread of its own, so that no stream waits for an
/// answer; a simulation calls it in between.
package final class ProgressLooker {
    private let clocksTopic: TopicPartition
    private let reader: (any StreamReader)?
    private let watermarks: any WatermarkReader
    private let time: any TimeSource
    private let batch = RecordBatch()
    private var clocks: UpstreamClocks
    /// End of the clocks topic at the start.
    private var clocksEnd: Int64?
    private var number: UInt64 = 0

    package init(
        stage: StageDefinition, clients: any StreamClients, identity: String, time: any TimeSource
    ) throws(ClientError) {
        clocksTopic = TopicPartition(topic: stage.clocksTopic.name, partition: 0)
        self.time = time
        clocks = UpstreamClocks(stage.upstreamClocks, wall: time.wall)
        watermarks = try clients.watermarkReader(identity: identity)
        reader = clocks.isEmpty ? nil : try clients.reader(identity: identity)
    }

    package func look(at partitions: [TopicPartition], deadline: Deadline) throws(ClientError) -> ProgressLook {
        if let reader { try read(reader, deadline: deadline) }
        let reading = clocks.reading(wall: time.wall)
        // Before the request: whatever arrived earlier lies below the ends that it reports.
        let wall = time.wall
        let ends = try watermarks.ends(partitions, deadline: deadline)
        number += 1
        return ProgressLook(number: number, wall: wall, reading: reading, ends: ends)
    }

    private func read(_ reader: any StreamReader, deadline: Deadline) throws(ClientError) {
        if clocksEnd == nil, let bounds = try watermarks.watermarks([clocksTopic], deadline: deadline)[clocksTopic] {
            try reader.assign([clocksTopic: bounds.low])
            clocksEnd = bounds.high
            if bounds.low >= bounds.high { clocks.reachedEnd() }
        }
        do throws(ClientError) {
            repeat {
                try reader.poll(into: batch, maximumRecords: 10_000, maximumBytes: 4 << 20, timeout: 0)
                take()
            } while !batch.records.isEmpty
        } catch {
            guard error.isPositionInvalid else { throw error }
            // Compaction has moved the beginning: begin again at the new one.
            clocksEnd = nil
        }
    }

    private func take() {
        let wall = time.wall
        for index in batch.records.indices {
            // What is no clock of this format is not one of an upstream stage of this version: it holds nothing back and
            // vouches for nothing.
            guard let key = batch.key(index).flatMap(ClockRecord.Task.init(key:)),
                let record = batch.value(index).flatMap(ClockRecord.init(value:))
            else { continue }
            clocks.heard(key, record, wall: wall)
        }
        let position = max(
            batch.records.last.map { $0.offset + 1 } ?? 0, batch.endsOfPartition.map(\.position).max() ?? 0)
        if let end = clocksEnd, position >= end { clocks.reachedEnd() }
    }

    package func close(deadline: Deadline) {
        reader?.close(deadline: deadline)
        watermarks.close(deadline: deadline)
    }
}
