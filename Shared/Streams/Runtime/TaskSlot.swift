import Kafka

/// One task with everything that belongs to its partition on this thread. What an abort has to undo is kept twice: as it
/// is, and as it was at the last commit.
final class TaskSlot {
    /// One input of the task.
    struct Input {
        let topicPartition: TopicPartition
        /// Offset of the next record, control records counted.
        var position: Int64
        var committedPosition: Int64
        /// The committed metadata text; `nil` when nothing is committed.
        var committedText: String?
        var careful: CarefulMode
        /// The committed metadata says that nothing behind the position has been touched. It must say otherwise before
        /// the first record is: a process that died of that record would be started as if nothing had happened.
        var mustAnnounce: Bool
        /// The mark of the next commit, and that of the last.
        var attempt: PositionMetadata.Attempt?
        var committedAttempt: PositionMetadata.Attempt?
        /// Since reading started.
        var stall = StallWatch(now: 0)
    }

    /// The committed position of one input as the broker knows it at the assignment.
    struct Start {
        var topicPartition: TopicPartition
        var committed: OffsetAndMetadata?
        /// This process committed it and still lives.
        var survived: Bool
        var watermarks: Watermarks
    }

    let partition: Int32
    /// Version of the stage's settings that the task was made with.
    let settings: Int64?
    /// Made anew when the changelog has to be read a second time.
    var task: any StreamTask
    var writer: TaskWriter
    var inputs: [Input]
    var clock: TaskClock
    private var committedClock: TaskClock

    /// The clock record.
    private(set) var outbound: Int64
    private var committedOutbound: Int64
    /// Monotonic milliseconds of the last committed clock record.
    var lastClockRecord: Int64?
    var writesClock = false

    /// Sequence number of the last look at the end offsets.
    var lastLook: UInt64 = 0
    private(set) var time: TaskTime

    init(
        partition: Int32, task: any StreamTask, writer: TaskWriter, starts: [Start], hasUpstream: Bool, wall: Int64,
        settings: Int64? = nil
    ) {
        self.settings = settings
        self.partition = partition
        self.task = task
        self.writer = writer
        var clock: Int64 = 0
        var wasDegraded = false
        inputs = starts.map { start in
            let metadata = start.committed.flatMap { PositionMetadata(parsing: $0.metadata) }
            clock = max(clock, metadata?.clock ?? 0)
            wasDegraded = wasDegraded || metadata?.isDegraded ?? false
            let position = max(start.committed?.offset ?? start.watermarks.low, start.watermarks.low)
            return Input(
                topicPartition: start.topicPartition, position: position, committedPosition: position,
                committedText: start.committed?.metadata,
                careful: CarefulMode(
                    committed: metadata, survived: start.survived, position: position, end: start.watermarks.high),
                mustAnnounce: metadata?.isClean ?? true, attempt: nil, committedAttempt: metadata?.attempt)
        }
        self.clock = TaskClock(
            positions: inputs.map(\.position), clock: clock, hasUpstream: hasUpstream, wasDegraded: wasDegraded)
        committedClock = self.clock
        outbound = clock
        committedOutbound = clock
        time = self.clock.time(wall: wall)
    }

    func index(of topicPartition: TopicPartition) -> Int? {
        // One or two: a search is cheaper than hashing.
        inputs.firstIndex { $0.topicPartition == topicPartition }
    }

    /// Whether a suspended task's committed positions are still its own.
    func isUnchanged(_ starts: [Start]) -> Bool {
        starts.allSatisfy { start in
            inputs.contains {
                $0.topicPartition == start.topicPartition && $0.committedPosition == start.committed?.offset
                    && $0.committedText == start.committed?.metadata
            }
        }
    }

    func processed(input: Int, position: Int64, timestamp: Int64, wall: Int64) {
        inputs[input].position = max(inputs[input].position, position)
        // Milliseconds on the wire.
        let (micros, overflow) = timestamp.multipliedReportingOverflow(by: 1_000)
        clock.processed(input: input, timestamp: overflow ? wall : micros, position: position, wall: wall)
    }

    func moved(input: Int, to position: Int64) {
        guard position > inputs[input].position else { return }
        inputs[input].position = position
        clock.moved(input: input, to: position)
    }

    func tick(wall: Int64) {
        time = clock.time(wall: wall)
    }

    /// Decides on the clock record of this commit, after the outputs are written.
    func prepareClock(now: Int64) {
        outbound = max(outbound, task.outboundClock(time) ?? outbound)
        writesClock = lastClockRecord.map { now - $0 >= CommitPolicy.clockInterval } ?? true
    }

    var hasMoved: Bool { inputs.contains { $0.position != $0.committedPosition } }

    /// What to commit for each input.
    func offsets(isClean: Bool, owner: String) -> [OffsetAndMetadata] {
        let dirty = task.dirty
        return inputs.map { input in
            let metadata = PositionMetadata(
                dirty: dirty, clock: time.clock, isDegraded: time.degraded, isClean: isClean && input.careful.isNormal,
                attempt: input.attempt, owner: owner, settings: settings)
            return OffsetAndMetadata(offset: input.position, metadata: metadata.encoded())
        }
    }

    /// - Parameter offsets: as returned by ``offsets(isClean:owner:)`` for this commit.
    func committed(_ offsets: [OffsetAndMetadata], isClean: Bool, now: Int64) {
        for index in inputs.indices {
            inputs[index].committedPosition = inputs[index].position
            inputs[index].committedText = offsets[index].metadata
            inputs[index].committedAttempt = inputs[index].attempt
            inputs[index].mustAnnounce = isClean && inputs[index].careful.isNormal
        }
        committedClock = clock
        committedOutbound = outbound
        if writesClock { lastClockRecord = now }
        writesClock = false
        writer.committed()
        task.commitSucceeded()
    }

    func rollBack() {
        for index in inputs.indices {
            inputs[index].position = inputs[index].committedPosition
            inputs[index].attempt = nil
        }
        clock = committedClock
        outbound = committedOutbound
        writesClock = false
        writer.aborted()
        task.rollBack()
    }
}
