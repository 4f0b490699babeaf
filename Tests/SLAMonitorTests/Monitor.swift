import Foundation
import Kafka
import Logging
import SLAMonitor
import ServiceKit
import Streams

/// The monitor's two stages with one partition and without a broker: transactions are all or nothing, time is an argument.
final class Monitor {
    private final class Sink: TaskOutput {
        var changelog: [([UInt8], [UInt8]?)] = []
        var sent: [(output: Int, key: [UInt8], value: [UInt8])] = []

        func changelog(key: RawSpan, value: RawSpan?) { changelog.append((copy(key) ?? [], copy(value))) }
        func send(to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]) {
            sent.append((output, copy(key) ?? [], copy(value) ?? []))
        }
        func deadLetter(_ batch: RecordBatch, _ record: Int, reason: String, pointer: String?) {
            Issue.failed("dead letter: \(reason) \(pointer ?? "")")
        }

        func deadLetter(input: Int, key: RawSpan, value: RawSpan, reason: String) {
            Issue.failed("dead letter: \(reason)")
        }
        private func copy(_ span: RawSpan?) -> [UInt8]? {
            guard let span else { return nil }
            return unsafe span.withUnsafeBytes { unsafe Array($0) }
        }
    }

    struct Alert {
        let key: String
        let type: String
        let sequence: Int
        let data: [String: Any]
    }

    private var topology: SLATopology
    private var versions: [Rules]
    private let calls: Bool
    private let lookups: EntityLookups?
    private var task: any StreamTask
    private var series: any StreamTask
    private var customers: any StreamTask
    private let customerLookups: EntityLookups?
    private var changelog: [[UInt8]: [UInt8]] = [:]
    private var seriesChangelog: [[UInt8]: [UInt8]] = [:]
    private var offset: Int64 = 0
    /// Whether the last transaction was not to wait for its interval.
    private(set) var wasUrgent = false
    private(set) var alerts: [Alert] = []
    private(set) var kpis: [String: [String: Any]] = [:]

    /// Minutes after 2026-01-05T09:00:00Z, a Monday.
    static func instant(_ minutes: Double) -> Int64 { 1_767_603_600_000_000 + Int64(minutes * 60_000_000) }

    /// - Parameter calls: The task is the one of contacts.
    init(
        _ rules: String, calls: Bool = false, lookups: EntityLookups? = nil, customerLookups: EntityLookups? = nil
    ) throws {
        self.customerLookups = customerLookups
        var first = try Rules(parsing: rules)
        first.version = 1
        versions = [first]
        topology = try SLATopology(rules: first, partitions: 1)
        self.calls = calls
        self.lookups = lookups
        task = calls ? topology.contactTask(Self.context) : topology.entityTask(Self.context, lookups: lookups)
        series = topology.seriesTask(Self.context)
        customers = topology.customerTask(Self.context, lookups: customerLookups)
        try customers.restoreCompleted(output: Sink())
        try task.restoreCompleted(output: Sink())
        try series.restoreCompleted(output: Sink())
    }

    private static let context = TaskContext(
        partition: 0, partitionCount: 1, outputPartitionCounts: [1, 1, 1], logger: Logger(label: "test"))

    /// One transaction: the events that arrive at an instant, then the clock there.
    ///
    /// - Parameters:
    ///   - minutes: The clock; also the wall clock unless `wall` says otherwise.
    ///   - arrived: When the events arrived, unless at the clock.
    func run(
        at minutes: Double, _ events: [Event] = [], arrived: Double? = nil, wall: Double? = nil, caughtUp: Bool = true,
        abort: Bool = false
    ) throws {
        try step(
            events.map { ($0, arrived ?? minutes) }, Self.time(minutes, wall: wall, caughtUp: caughtUp), abort: abort)
    }

    static func time(
        _ minutes: Double, wall: Double? = nil, caughtUp: Bool = true, sources: SourceReport? = nil
    ) -> TaskTime {
        TaskTime(
            clock: instant(minutes), wall: instant(wall ?? minutes), caughtUp: caughtUp, idle: true, degraded: false,
            sources: sources)
    }

    /// One transaction: records with the instants of their arrival, then the time.
    func step(_ events: [(event: Event, arrived: Double)], _ time: TaskTime, abort: Bool = false) throws {
        let sink = Sink()
        let batch = RecordBatch()
        for (event, arrived) in events {
            let json = event.json
            unsafe batch.append(
                TopicPartition(topic: calls ? "support.contacts" : "support.tickets", partition: 0), offset: offset,
                timestamp: Self.instant(arrived) / 1_000, key: Array(event.ticket.utf8).span.bytes,
                value: json.span.bytes)
            offset += 1
        }
        if !events.isEmpty { try task.process(batch, 0..<events.count, input: 0, output: sink) }
        wasUrgent = false
        repeat {
            try task.advance(to: time, output: sink)
            wasUrgent = wasUrgent || task.isUrgent
            try task.prepareCommit(time, output: sink)
        } while task.dirty > 0 && events.isEmpty
        if abort { return task.rollBack() }
        for (key, value) in sink.changelog { changelog[key] = value }
        task.commitSucceeded()
        try take(sink, time)
    }

    private func take(_ sink: Sink, _ time: TaskTime) throws {
        let batch = RecordBatch()
        var count = 0
        try tell(sink, time)
        for record in sink.sent where record.output < 2 {
            if record.output == 1 {
                let event = try JSONSerialization.jsonObject(with: Data(record.value)) as? [String: Any] ?? [:]
                alerts.append(
                    Alert(
                        key: String(decoding: record.key, as: UTF8.self), type: event["type"] as? String ?? "",
                        sequence: Int(event["sequence"] as? String ?? "") ?? 0,
                        data: event["data"] as? [String: Any] ?? [:]))
                continue
            }
            unsafe batch.append(
                TopicPartition(topic: "series", partition: 0), offset: Int64(count), timestamp: 0,
                key: record.key.span.bytes, value: record.value.span.bytes)
            count += 1
        }
        let output = Sink()
        if count > 0 { try series.process(batch, 0..<count, input: 0, output: output) }
        repeat { try series.prepareCommit(time, output: output) } while series.dirty > 0
        for (key, value) in output.changelog { seriesChangelog[key] = value }
        series.commitSucceeded()
        for record in output.sent {
            let update = try JSONSerialization.jsonObject(with: Data(record.value)) as? [String: Any] ?? [:]
            kpis[String(decoding: record.key, as: UTF8.self)] = update["data"] as? [String: Any]
        }
    }

    /// What customers are told.
    private func tell(_ sink: Sink, _ time: TaskTime) throws {
        let batch = RecordBatch()
        let facts = sink.sent.filter { $0.output == 2 }
        for (index, fact) in facts.enumerated() {
            unsafe batch.append(
                TopicPartition(topic: "customers", partition: 0), offset: Int64(index), timestamp: 0,
                key: fact.key.span.bytes, value: fact.value.span.bytes)
        }
        let output = Sink()
        if !facts.isEmpty { try customers.process(batch, 0..<facts.count, input: 0, output: output) }
        try customers.advance(to: time, output: output)
        try customers.prepareCommit(time, output: output)
        customers.commitSucceeded()
    }

    /// As after a kill: new tasks that restore from the changelogs.
    func restart() throws {
        task = calls ? topology.contactTask(Self.context) : topology.entityTask(Self.context, lookups: lookups)
        for (key, value) in changelog.shuffled() {
            try unsafe task.restore(key: key.span.bytes, value: value.span.bytes)
        }
        try task.restoreCompleted(output: Sink())
        series = topology.seriesTask(Self.context)
        for (key, value) in seriesChangelog.shuffled() {
            try unsafe series.restore(key: key.span.bytes, value: value.span.bytes)
        }
        try series.restoreCompleted(output: Sink())
    }

    /// Another version of the rules comes into force: the tasks are made anew under it.
    func adopt(_ rules: String, version: Int64, at minutes: Double) throws {
        var next = try Rules(parsing: rules)
        (next.version, next.publishedAt, next.earlier) = (version, Self.instant(minutes), versions)
        versions.append(next)
        topology = try SLATopology(rules: next, partitions: 1)
        try restart()
    }

    /// Records of entities in the changelog.
    var stored: Int { changelog.keys.count { $0.first == 3 } }

    var keys: [String] { alerts.map(\.key) }
    func alert(_ key: String) -> [String: Any]? { alerts.first { $0.key == key }?.data }
    /// Value of a KPI in the day window of the Monday.
    func day(_ series: String) -> [String: Any]? { kpis["\(series)@2026-01-05"] }
}

private enum Issue {
    static func failed(_ text: String) { preconditionFailure(text) }
}

/// A ticket event as a helpdesk would send it.
struct Event {
    let ticket: String
    let type: String
    /// See ``Monitor/instant(_:)``.
    let at: Double
    let data: String
    var id = ""

    static func created(_ ticket: String = "T", at: Double = 0, _ data: String = "") -> Event {
        Event(ticket: ticket, type: "created", at: at, data: data)
    }
    static func reply(_ ticket: String = "T", at: Double) -> Event {
        Event(ticket: ticket, type: "message", at: at, data: #","author":"agent","agent_id":"A""#)
    }
    static func customer(_ ticket: String = "T", at: Double) -> Event {
        Event(ticket: ticket, type: "message", at: at, data: #","author":"customer""#)
    }
    static func status(_ status: String, _ ticket: String = "T", at: Double) -> Event {
        Event(ticket: ticket, type: "status_changed", at: at, data: #","status":"\#(status)","agent_id":"A""#)
    }
    static func updated(_ ticket: String = "T", at: Double, _ data: String) -> Event {
        Event(ticket: ticket, type: "updated", at: at, data: data)
    }

    var json: [UInt8] {
        let micros = Monitor.instant(at)
        let time = Date(timeIntervalSince1970: Double(micros / 1_000) / 1_000).formatted(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let member = type.hasPrefix("contact.") ? "contact_id" : type.hasPrefix("agent.") ? "agent" : "ticket_id"
        return Array(
            """
            {"specversion":"1.0","id":"\(type)-\(at)\(id)","source":"https://acme.example/desk","type":"support.\(type.contains(".") ? "" : "ticket.")\(type)",\
            "time":"\(time)","data":{"\(member)":"\(ticket)"\(data)}}
            """.utf8)
    }
}
