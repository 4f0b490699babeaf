public import Kafka

/// The state and the logic of one input partition of one stage.
///
/// All calls come from the stream thread that owns the task, one at a time. A task is a pure function of these calls: it
/// performs no I/O, reads no clock and draws no random numbers. Time comes in as ``TaskTime`` and, for a record, as the
/// timestamp inside the batch.
///
/// The life of a task:
///
///     init -> restore* -> restoreCompleted -> (process | advance | prepareCommit -> commitSucceeded | rollBack)*
///
/// There is no farewell: a task whose partition is given up or lost is dropped.
public protocol StreamTask: AnyObject {
    /// Takes one committed record of the changelog; `nil` is a tombstone. Records of one key come in the order in which
    /// they were written, and later ones replace earlier ones.
    func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError)

    /// The changelog has been read to its end: rebuild timers and what else follows from the state. May leave entities
    /// dirty (when the rules have changed); they are committed at the interval without further input.
    func restoreCompleted(output: any TaskOutput) throws(InternalRecordError)

    /// Takes the consecutive records `records` (indices into `batch.records`, ascending offsets) of one input partition.
    ///
    /// - Parameter input: index into ``StageDefinition/inputs``.
    func process(_ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput)
        throws(InternalRecordError)

    /// Time has moved on: fire due timers, mark what they touched as dirty. Called after each batch and, without input,
    /// at least at every commit interval.
    func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError)

    /// A commit is due: derive, take the difference, write the changelog once per dirty entity, then the outputs. The
    /// work is bounded: what does not fit stays ``dirty`` and gets its turn at the next interval. That holds only for what
    /// follows from the state and from time. What the records processed since the last commit have changed has to be
    /// in the changelog as a whole: their offsets are committed with it, and they do not come again.
    func prepareCommit(_ time: TaskTime, output: any TaskOutput) throws(InternalRecordError)

    /// Everything written since the last call is committed: undo copies may be dropped.
    func commitSucceeded()

    /// The transaction was aborted: return to the state of the last successful commit (or of the end of the restore).
    /// The records processed since then will come again.
    func rollBack()

    /// How many units would still be derived or published without any further input; 0 means idle. Published in
    /// ``PositionMetadata``, so that it must reach 0 when nothing more arrives and the clock moves on.
    var dirty: Int { get }

    /// The clock that the stages behind this one may rely on: everything this task will ever write about what arrived
    /// before it is in the transaction that is being committed. Asked after ``prepareCommit(_:output:)``; `nil` repeats
    /// the last one. By default `time.clock` when nothing is dirty; a task for which ``dirty`` also counts what merely
    /// waits for its time (a publication interval) says so itself.
    func outboundClock(_ time: TaskTime) -> Int64?

    /// What the task has heard of the sources of events, for the clock record; `nil` when it watches none.
    var sources: SourceSigns? { get }

    /// Whether the next commit should not wait for the interval (an SLA fact is due). Urgent commits are still at least
    /// 10 ms apart.
    var isUrgent: Bool { get }
}

extension StreamTask {
    public func outboundClock(_ time: TaskTime) -> Int64? { dirty == 0 ? time.clock : nil }
    public var sources: SourceSigns? { nil }
}

/// Where a task writes. Everything goes into the transaction of the current commit, in the order of the calls; nothing
/// is visible to a `read_committed` reader before that transaction is committed. Bytes are copied before a call returns.
///
/// No call fails: an error of the producer surfaces when the transaction is ended, which then aborts.
public protocol TaskOutput: AnyObject {
    /// Writes to this task's partition of the changelog; a `nil` value deletes the key. The key
    /// ``ChangelogMeta/key`` is the runtime's.
    func changelog(key: RawSpan, value: RawSpan?)

    /// Writes one record.
    ///
    /// - Parameters:
    ///   - output: index into ``StageDefinition/outputs``.
    ///   - partition: in `0 ..< TaskContext.outputPartitionCounts[output]`; by `Partitioner` where the topic is keyed.
    func send(
        to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])])

    /// Rejects a record of an external producer: its original bytes, key and headers go to the dead letters together
    /// with the reason and the origin.
    ///
    /// - Parameters:
    ///   - record: index into `batch.records`; the batch must be the one that is being processed.
    ///   - reason: a stable identifier (`malformed_json`, …).
    ///   - pointer: JSON pointer to the offending field.
    func deadLetter(_ batch: RecordBatch, _ record: Int, reason: String, pointer: String?)

    /// Rejects what an external producer sent long ago and of which only the content is known.
    ///
    /// - Parameter input: where it came from, an index into ``StageDefinition/inputs``.
    func deadLetter(input: Int, key: RawSpan, value: RawSpan, reason: String)
}

extension TaskOutput {
    /// Writes one record without headers.
    public func send(to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?) {
        send(to: output, partition: partition, key: key, value: value, headers: [])
    }
}
