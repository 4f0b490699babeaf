import BusinessTime
import Foundation
import KPIs
import Kafka
import Logging
import Satisfaction
import ServiceKit
import Streams

/// Satisfaction's two stages without a broker: topics are arrays, transactions are all or nothing, time is an argument.
final class Pipeline {
    /// Captures what a task writes within one transaction.
    final class Sink: TaskOutput {
        var changelog: [([UInt8], [UInt8]?)] = []
        var sent: [(partition: Int32, key: [UInt8], value: [UInt8])] = []
        var dead: [(reason: String, pointer: String?)] = []

        func changelog(key: RawSpan, value: RawSpan?) { changelog.append((copy(key) ?? [], copy(value))) }

        func send(to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]) {
            sent.append((partition, copy(key) ?? [], copy(value) ?? []))
        }

        func deadLetter(_ batch: RecordBatch, _ record: Int, reason: String, pointer: String?) {
            dead.append((reason, pointer))
        }

        func deadLetter(input: Int, key: RawSpan, value: RawSpan, reason: String) {
            dead.append((reason, nil))
        }

        private func copy(_ span: RawSpan?) -> [UInt8]? {
            guard let span else { return nil }
            return unsafe span.withUnsafeBytes { unsafe Array($0) }
        }
    }

    struct Partition {
        var task: any StreamTask
        var changelog: [[UInt8]: [UInt8]] = [:]
        var queue: [(key: [UInt8], value: [UInt8])] = []
        var consumed = 0
    }

    let topology: SatisfactionTopology
    let partitions: Int32
    private(set) var entities: [Partition] = []
    private(set) var series: [Partition] = []
    /// Latest KPI update by key, and how many there were.
    private(set) var published: [String: [String: Any]] = [:]
    private(set) var updates = 0
    private(set) var dead: [(reason: String, pointer: String?)] = []
    var now: Int64

    init(_ rules: Rules = .default, partitions: Int32 = 2, now: Int64 = SurveyEvent.epoch * 1_000_000) throws {
        topology = try SatisfactionTopology(rules: rules, partitions: partitions)
        self.partitions = partitions
        self.now = now
        entities = (0..<partitions).map { Partition(task: topology.entityTask(context($0))) }
        series = (0..<partitions).map { Partition(task: topology.seriesTask(context($0))) }
        for index in 0..<Int(partitions) {
            try entities[index].task.restoreCompleted(output: Sink())
            try series[index].task.restoreCompleted(output: Sink())
        }
    }

    private func context(_ partition: Int32) -> TaskContext {
        TaskContext(
            partition: partition, partitionCount: partitions, outputPartitionCounts: [partitions],
            logger: Logger(label: "test"))
    }

    private var time: TaskTime { TaskTime(clock: now, wall: now, caughtUp: true, idle: true, degraded: false) }

    // MARK: Input

    func send(_ event: SurveyEvent) {
        let partition = Partitioner.partition(key: Array(event.key.utf8), count: partitions)
        entities[Int(partition)].queue.append((Array(event.key.utf8), event.json))
    }

    // MARK: Transactions

    enum Outcome { case commit, abort, crash }

    /// One transaction of an entity task over up to `records` records.
    func runEntities(_ partition: Int, records: Int, _ outcome: Outcome = .commit) throws {
        let sink = Sink()
        let consumed = try run(&entities[partition], topic: "support.surveys", records: records, sink)
        switch outcome {
        case .commit:
            commit(&entities[partition], consumed, sink)
            for record in sink.sent { series[Int(record.partition)].queue.append((record.key, record.value)) }
            dead += sink.dead
        case .abort: entities[partition].task.rollBack()
        case .crash: try restart(&entities[partition], topology.entityTask(context(Int32(partition))))
        }
    }

    func runSeries(_ partition: Int, records: Int, _ outcome: Outcome = .commit) throws {
        let sink = Sink()
        let consumed = try run(&series[partition], topic: "deskbeat.satisfaction.series", records: records, sink)
        switch outcome {
        case .commit:
            commit(&series[partition], consumed, sink)
            for record in sink.sent { try publish(record.key, record.value) }
        case .abort: series[partition].task.rollBack()
        case .crash: try restart(&series[partition], topology.seriesTask(context(Int32(partition))))
        }
    }

    /// Goes on until nothing is left to do.
    func drain(records: Int = 100) throws {
        for index in entities.indices {
            repeat {
                try runEntities(index, records: records)
            } while entities[index].consumed
                < entities[index].queue.count || entities[index].task.dirty > 0
        }
        for index in series.indices {
            repeat {
                try runSeries(index, records: records)
            } while series[index].consumed < series[index].queue.count
                || series[index].task.dirty > 0
        }
    }

    /// Replaces all tasks by new ones that restore from their changelogs.
    func restartAll(_ topology: SatisfactionTopology? = nil) throws {
        let topology = topology ?? self.topology
        for index in entities.indices {
            try restart(&entities[index], topology.entityTask(context(Int32(index))))
            try restart(&series[index], topology.seriesTask(context(Int32(index))))
        }
    }

    private func run(
        _ partition: inout Partition, topic: String, records: Int, _ sink: Sink
    ) throws -> Int {
        let batch = RecordBatch()
        let end = min(partition.queue.count, partition.consumed + records)
        for offset in partition.consumed..<end {
            let record = partition.queue[offset]
            unsafe batch.append(
                TopicPartition(topic: topic, partition: 0), offset: Int64(offset), timestamp: now / 1000,
                key: record.key.span.bytes, value: record.value.span.bytes)
        }
        if end > partition.consumed {
            try partition.task.process(batch, 0..<end - partition.consumed, input: 0, output: sink)
        }
        try partition.task.advance(to: time, output: sink)
        try partition.task.prepareCommit(time, output: sink)
        return end
    }

    private func commit(_ partition: inout Partition, _ consumed: Int, _ sink: Sink) {
        partition.consumed = consumed
        for (key, value) in sink.changelog { partition.changelog[key] = value }
        partition.task.commitSucceeded()
    }

    /// As after a kill: what was not committed is gone. Compaction keeps no order among keys.
    private func restart(_ partition: inout Partition, _ task: any StreamTask) throws {
        partition.task = task
        for (key, value) in partition.changelog.shuffled() {
            try unsafe task.restore(key: key.span.bytes, value: value.span.bytes)
        }
        try task.restoreCompleted(output: Sink())
    }

    private func publish(_ key: [UInt8], _ value: [UInt8]) throws {
        let update = try JSONSerialization.jsonObject(with: Data(value)) as? [String: Any] ?? [:]
        let subject = String(decoding: key, as: UTF8.self)
        precondition(update["subject"] as? String == subject)
        published[subject] = update
        updates += 1
    }

    // MARK: Output

    /// `data` of the latest update of a key, for example `nps/day@2026-01-05`.
    func data(_ key: String) -> [String: Any]? { published[key]?["data"] as? [String: Any] }

    func value(_ key: String) -> Double? { (data(key)?["value"] as? NSNumber)?.doubleValue }

    /// What must not depend on the order of arrival: value, count, terms and interval of each window, as text. Windows that
    /// were emptied again are as good as windows that never were.
    var figures: [String: String] {
        var figures: [String: String] = [:]
        for (key, update) in published {
            guard let data = update["data"] as? [String: Any] else { continue }
            let names = [
                "value", "count", "numerator", "denominator", "pending", "unsolicited", "promoters", "passives",
                "detractors", "flags",
            ]
            let parts = names.compactMap { name in data[name].map { "\(name)=\($0)" } }
            let counts = ["count", "pending", "unsolicited"].map { (data[$0] as? NSNumber)?.intValue ?? 0 }
            if counts.contains(where: { $0 != 0 }) { figures[key] = parts.joined(separator: " ") }
        }
        return figures
    }
}
