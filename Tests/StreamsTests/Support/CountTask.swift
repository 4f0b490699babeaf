import Kafka
import Streams

/// Counts records by key. Output: one record per dirty key and commit, with the number that was added; so the sum over all
/// committed output records of a key is the number of its inputs that were counted. Changelog: the count.
final class CountTask: StreamTask {
    struct State: Equatable {
        var counts: [[UInt8]: Int] = [:]
        /// Added since the last output.
        var pending: [[UInt8]: Int] = [:]
    }

    private(set) var state = State()
    private var committed = State()
    let context: TaskContext
    /// How many dirty keys one commit takes.
    var bound = Int.max
    var times: [TaskTime] = []
    var processedBatches = 0
    /// Values that are treated specially: `reject` goes to the dead letters, `foreign` stops the task.
    var onProcess: (([UInt8]) -> Void)?

    init(_ context: TaskContext) {
        self.context = context
    }

    func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError) {
        guard let value else {
            state.counts[[UInt8](key)] = nil
            return
        }
        guard let count = Int(String(decoding: [UInt8](value), as: UTF8.self)) else {
            throw InternalRecordError("not a count")
        }
        state.counts[[UInt8](key)] = count
    }

    func restoreCompleted(output: any TaskOutput) throws(InternalRecordError) {
        committed = state
    }

    func process(
        _ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput
    ) throws(InternalRecordError) {
        processedBatches += 1
        for index in records {
            let value = batch.value(index) ?? []
            onProcess?(value)
            switch String(decoding: value, as: UTF8.self) {
            case "reject": output.deadLetter(batch, index, reason: "malformed_json", pointer: "/time")
            case "foreign": throw InternalRecordError("its key belongs to another partition", record: index)
            default:
                let key = batch.key(index) ?? []
                state.counts[key, default: 0] += 1
                state.pending[key, default: 0] += 1
            }
        }
    }

    func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        if times.last != time { times.append(time) }
    }

    func prepareCommit(_ time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        for (key, added) in state.pending.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }).prefix(bound) {
            let count = Array(String(state.counts[key] ?? 0).utf8)
            let text = Array(String(added).utf8)
            unsafe output.changelog(key: key.span.bytes, value: count.span.bytes)
            unsafe output.send(to: 0, partition: context.partition, key: key.span.bytes, value: text.span.bytes)
            state.pending[key] = nil
        }
    }

    func commitSucceeded() { committed = state }
    func rollBack() { state = committed }
    var dirty: Int { state.pending.count }
    var isUrgent: Bool { false }
}
