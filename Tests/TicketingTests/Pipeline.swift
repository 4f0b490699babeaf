import BusinessTime
import Foundation
import KPIs
import Kafka
import Logging
import ServiceKit
import Streams
import TestSupport
import Ticketing

/// Ticketing's stages without a broker: topics are arrays, transactions are all or nothing, time is an argument.
final class Pipeline {
    /// Captures what a task writes within one transaction.
    final class Sink: TaskOutput {
        var changelog: [([UInt8], [UInt8]?)] = []
        var sent: [(output: Int, partition: Int32, key: [UInt8], value: [UInt8])] = []
        var dead: [(reason: String, pointer: String?)] = []

        func changelog(key: RawSpan, value: RawSpan?) { changelog.append((copy(key) ?? [], copy(value))) }

        func send(to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]) {
            sent.append((output, partition, copy(key) ?? [], copy(value) ?? []))
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
        /// What its task was made of.
        var topology: TicketingTopology
        var changelog: [[UInt8]: [UInt8]] = [:]
        var queue: [(key: [UInt8], value: [UInt8])] = []
        var consumed = 0
    }

    /// In the order of the flow.
    enum Stage: Int, CaseIterable {
        case tickets, contacts, links, series
    }

    let topology: TicketingTopology
    let partitions: Int32
    private var stages: [[Partition]] = []
    /// Latest KPI update by key, and how many there were.
    private var latest: [String: [UInt8]] = [:]
    private var read: [String: [String: Any]]?
    private(set) var updates = 0
    private(set) var dead: [(reason: String, pointer: String?)] = []
    var now: Int64
    /// How far the tasks' clocks are behind.
    var lag: Int64 = 0
    var isIdle = true
    /// Of the records of a changelog that is read back.
    var order = SeededGenerator(seed: .random(in: 0...UInt64.max))

    init(_ rules: Rules = .default, partitions: Int32 = 2, now: Int64 = TicketEvent.epoch * 1_000_000) throws {
        topology = try TicketingTopology(rules: rules, partitions: partitions)
        self.partitions = partitions
        self.now = now
        for stage in Stage.allCases {
            stages.append((0..<partitions).map { Partition(task: makeTask(stage, $0, topology), topology: topology) })
            for partition in stages[stage.rawValue] { try partition.task.restoreCompleted(output: Sink()) }
        }
    }

    private func makeTask(_ stage: Stage, _ partition: Int32, _ topology: TicketingTopology) -> any StreamTask {
        let context = TaskContext(
            partition: partition, partitionCount: partitions, outputPartitionCounts: [partitions, partitions],
            logger: Logger(label: "test"))
        return switch stage {
        case .tickets: topology.entityTask(context)
        case .contacts: topology.contactTask(context)
        case .links: topology.linkTask(context)
        case .series: topology.seriesTask(context)
        }
    }

    private var time: TaskTime {
        TaskTime(clock: now - lag, wall: now, caughtUp: lag == 0, idle: isIdle, degraded: false)
    }

    /// Number of records in the changelog of a stage.
    func changelogRecords(_ stage: Stage) -> Int { stages[stage.rawValue].reduce(0) { $0 + $1.changelog.count } }

    // MARK: Input

    func send(_ event: TicketEvent, of ticket: String) { send(event.json(ticket: ticket), ticket, to: .tickets) }

    func send(_ event: TicketEvent, ofContact contact: String) {
        send(event.json(contact: contact), contact, to: .contacts)
    }

    func send(_ arrival: Arrival) {
        if arrival.isContact {
            send(arrival.event, ofContact: arrival.entity)
        } else {
            send(arrival.event, of: arrival.entity)
        }
    }

    /// An event as it stands on `support.tickets` or `support.contacts`.
    func send(line: String) throws {
        let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        let data = event?["data"] as? [String: Any]
        let type = event?["type"] as? String ?? ""
        if type.hasPrefix("support.ticket.") {
            send(Array(line.utf8), data?["ticket_id"] as? String ?? "", to: .tickets)
        } else {
            let member = type == "support.agent.state" ? "agent_id" : "contact_id"
            send(Array(line.utf8), data?[member] as? String ?? "", to: .contacts)
        }
    }

    private func send(_ value: [UInt8], _ key: String, to stage: Stage) {
        let partition = Partitioner.partition(key: Array(key.utf8), count: partitions)
        stages[stage.rawValue][Int(partition)].queue.append((Array(key.utf8), value))
    }

    /// Records that a task has not processed.
    func waiting(_ stage: Stage, _ partition: Int) -> Int {
        stages[stage.rawValue][partition].queue.count - stages[stage.rawValue][partition].consumed
    }

    // MARK: Transactions

    enum Outcome { case commit, abort, crash }

    /// One transaction of one task over up to `records` records.
    func run(_ stage: Stage, _ partition: Int, records: Int, _ outcome: Outcome = .commit) throws {
        let sink = Sink()
        let consumed = try run(&stages[stage.rawValue][partition], topic: "\(stage)", records: records, sink)
        switch outcome {
        case .commit:
            commit(&stages[stage.rawValue][partition], consumed, sink)
            for record in sink.sent {
                if stage == .series {
                    publish(record.key, record.value)
                } else {
                    let target = record.output == 0 ? Stage.series : .links
                    stages[target.rawValue][Int(record.partition)].queue.append((record.key, record.value))
                }
            }
            dead += sink.dead
        case .abort: stages[stage.rawValue][partition].task.rollBack()
        case .crash: try restart(stage, partition)
        }
    }

    /// Replaces a task by a new one that restores from its changelog, with other rules if `topology` is given.
    func restart(_ stage: Stage, _ partition: Int, _ topology: TicketingTopology? = nil) throws {
        if let topology { stages[stage.rawValue][partition].topology = topology }
        let task = makeTask(stage, Int32(partition), stages[stage.rawValue][partition].topology)
        try restart(&stages[stage.rawValue][partition], task)
    }

    /// Goes on until nothing is left to do.
    func drain(records: Int = 100) throws {
        for stage in Stage.allCases {
            for index in 0..<Int(partitions) {
                repeat {
                    try run(stage, index, records: records)
                } while stages[stage.rawValue][index].consumed < stages[stage.rawValue][index].queue.count
                    || stages[stage.rawValue][index].task.dirty > 0
            }
        }
    }

    /// Replaces all tasks by new ones that restore from their changelogs.
    func restartAll(_ topology: TicketingTopology? = nil) throws {
        for stage in Stage.allCases {
            for index in 0..<Int(partitions) { try restart(stage, index, topology) }
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
        let records = partition.changelog.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        for (key, value) in records.shuffled(using: &order) {
            try unsafe task.restore(key: key.span.bytes, value: value.span.bytes)
        }
        try task.restoreCompleted(output: Sink())
        try task.advance(to: time, output: Sink())
    }

    private func publish(_ key: [UInt8], _ value: [UInt8]) {
        latest[String(decoding: key, as: UTF8.self)] = value
        read = nil
        updates += 1
    }

    // MARK: Output

    /// Every latest update, one a line.
    func lines() -> String {
        latest.values.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }

    /// Every latest update by its key, read only when somebody asks: there may be very many.
    var published: [String: [String: Any]] {
        if let read { return read }
        let all = Dictionary(
            uniqueKeysWithValues: latest.map { key, value in
                let update = (try? JSONSerialization.jsonObject(with: Data(value))) as? [String: Any] ?? [:]
                precondition(update["subject"] as? String == key)
                return (key, update)
            })
        read = all
        return all
    }

    /// `data` of the latest update of a key, for example `tickets_created/day@2026-01-05`.
    func data(_ key: String) -> [String: Any]? { published[key]?["data"] as? [String: Any] }

    func value(_ key: String) -> Double? { (data(key)?["value"] as? NSNumber)?.doubleValue }

    /// What must not depend on the order of arrival: value, count, terms and quantiles of each window, as text. Windows that
    /// were emptied again are as good as windows that never were.
    var figures: [String: String] {
        var figures: [String: String] = [:]
        for (key, update) in published {
            guard let data = update["data"] as? [String: Any] else { continue }
            let names = [
                "value", "count", "numerator", "denominator", "quantiles", "open", "pending", "excluded", "unmeasured",
            ]
            let parts = names.compactMap { name in data[name].map { "\(name)=\(text($0))" } }
            let isEmpty =
                (data["value"] as? NSNumber)?.doubleValue ?? 0 == 0 && (data["count"] as? NSNumber)?.intValue ?? 0 == 0
                && ["open", "pending", "excluded", "unmeasured"].allSatisfy {
                    (data[$0] as? NSNumber)?.intValue ?? 0 == 0
                }
            if !isEmpty || key.hasPrefix("backlog/") { figures[key] = parts.joined(separator: " ") }
        }
        return withoutUnchangedLevels(figures)
    }

    /// A level says nothing new where it equals the one before: readers carry the last value forward.
    private func withoutUnchangedLevels(_ figures: [String: String]) -> [String: String] {
        var kept = figures
        var before: (series: Substring, figure: String) = ("", "")
        for key in figures.keys.filter({ $0.hasPrefix("backlog/") }).sorted(by: isEarlier) {
            let series = key.prefix { $0 != "@" }
            let figure = figures[key] ?? ""
            let unchanged = before.series == series ? before.figure == figure : figure.hasPrefix("value=0 ")
            if unchanged { kept[key] = nil }
            before = (series, figure)
        }
        return kept
    }

    private func isEarlier(_ left: String, _ right: String) -> Bool {
        let first = left.split(separator: "@")
        let second = right.split(separator: "@")
        if first[0] != second[0] { return first[0] < second[0] }
        // Of the two hours of a clock change the one with the greater offset is the earlier one.
        let hours = (first[1].prefix(13), second[1].prefix(13))
        return hours.0 == hours.1 ? first[1] > second[1] : hours.0 < hours.1
    }

    private func text(_ value: Any) -> String {
        if let members = value as? [String: Any] {
            return members.keys.sorted().map { "\($0):\(members[$0].map { "\($0)" } ?? "")" }.joined(separator: ",")
        }
        return "\(value)"
    }
}
