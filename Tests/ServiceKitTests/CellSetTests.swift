import BusinessTime
import KPIs
import Kafka
import Logging
import ServiceKit
import Streams
import SupportEvents
import Testing

/// Combinations of cells that nothing counts in any more leave the state.
@Suite struct CellSetTests {
    private static let seen = Measure(id: 1, "seen", .count)

    /// Counts each piece of feedback in its category.
    private struct Derivation: EntityDerivation {
        static let version: UInt32 = 1

        mutating func derive(
            _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
        ) throws(InternalRecordError) {
            output.lifecycle = .closed
            guard let last = timeline.last else { return }
            var values = DimensionValues()
            _ = try output.setAttributes(&values, from: last)
            output.add(CellSetTests.seen, at: last.time, cells: output.cells(of: values))
        }
    }

    private final class Sink: TaskOutput {
        var changelog: [[UInt8]: [UInt8]] = [:]
        var cells: [String] = []

        func changelog(key: RawSpan, value: RawSpan?) { changelog[bytes(key) ?? []] = bytes(value) }
        func send(to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]) {
            cells.append(String(decoding: bytes(key) ?? [], as: UTF8.self))
        }
        func deadLetter(_ batch: RecordBatch, _ record: Int, reason: String, pointer: String?) {
            Issue.record("dead letter: \(reason)")
        }
        func deadLetter(input: Int, key: RawSpan, value: RawSpan, reason: String) {
            Issue.record("dead letter: \(reason)")
        }
        private func bytes(_ span: RawSpan?) -> [UInt8]? {
            guard let span else { return nil }
            return unsafe span.withUnsafeBytes { unsafe Array($0) }
        }

        /// Records of sets: the first byte of their keys is 2.
        var sets: Int { changelog.keys.count { $0.first == 2 } }
    }

    private static let day: Int64 = 86_400_000_000
    private static let start: Int64 = 1_767_571_200_000_000

    private func makeTask() throws -> EntityTask<Derivation> {
        let catalogue = try KPICatalogue([
            KPIDefinition(code: 1, id: "seen", unit: .count, formula: .count(Self.seen), windows: .day)
        ])
        var settings = EntityStageSettings(
            kind: .feedback, keyField: .feedbackID,
            classes: EventClasses(creations: [], deletions: [], void: EventType.eventVoided.rawValue), zone: .utc,
            catalogue: catalogue, breakdowns: [[.category]])
        settings.fewestCellSets = 8
        let context = TaskContext(
            partition: 0, partitionCount: 1, outputPartitionCounts: [1], logger: Logger(label: "test"))
        return EntityTask(settings, derivation: Derivation(), context: context)
    }

    private func feedback(_ id: String, _ category: String, _ number: Int = 0) -> (key: [UInt8], value: [UInt8]) {
        let json = """
            {"specversion":"1.0","id":"\(id)-\(number)","source":"urn:test","type":"support.feedback.received",\
            "time":"2026-01-05T00:00:0\(number)Z","data":{"feedback_id":"\(id)","channel":"social","category":"\(category)"}}
            """
        return (Array(id.utf8), Array(json.utf8))
    }

    /// One transaction.
    private func run(
        _ task: any StreamTask, _ records: [(key: [UInt8], value: [UInt8])], at now: Int64, _ sink: Sink,
        aborts: Bool = false
    ) throws {
        let attempt = Sink()
        attempt.changelog = sink.changelog
        let batch = RecordBatch()
        for (offset, record) in records.enumerated() {
            unsafe batch.append(
                TopicPartition(topic: "surveys", partition: 0), offset: Int64(offset), timestamp: now / 1000,
                key: record.key.span.bytes, value: record.value.span.bytes)
        }
        if !records.isEmpty { try task.process(batch, 0..<records.count, input: 0, output: attempt) }
        let time = TaskTime(clock: now, wall: now, caughtUp: true, idle: true, degraded: false)
        try task.advance(to: time, output: attempt)
        try task.prepareCommit(time, output: attempt)
        if aborts { return task.rollBack() }
        task.commitSucceeded()
        sink.changelog = attempt.changelog
        sink.cells = attempt.cells
    }

    @Test(arguments: [false, true]) func unusedSetsGo(isDisturbed: Bool) throws {
        var task = try makeTask()
        let sink = Sink()
        func step(_ records: [(key: [UInt8], value: [UInt8])], day: Int64) throws {
            let now = Self.start + day * Self.day
            if isDisturbed { try run(task, records, at: now, sink, aborts: true) }
            try run(task, records, at: now, sink)
            guard isDisturbed else { return }
            task = try makeTask()
            for (key, value) in sink.changelog.shuffled() {
                try unsafe task.restore(key: key.span.bytes, value: value.span.bytes)
            }
            try task.restoreCompleted(output: Sink())
        }
        try task.restoreCompleted(output: sink)
        try step((0..<7).map { feedback("old-\($0)", "c\($0)") }, day: 1)
        #expect(sink.sets == 7)
        try step([], day: 40)
        // They have left; the next look finds their sets unused.
        try step([], day: 500)
        try step([feedback("new-1", "c1"), feedback("new-2", "fresh")], day: 501)
        try step([], day: 502)
        #expect(sink.sets == 2)
        // Ids that have come back stand for others now, and what counts still counts where it did.
        try step([feedback("new-3", "later"), feedback("new-1", "c9", 1)], day: 503)
        #expect(Set(sink.cells) == ["~", "category=later", "category=c1", "category=c9"])
        #expect(sink.sets == 4)
    }
}
