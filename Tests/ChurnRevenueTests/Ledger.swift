import ChurnRevenue
import Foundation
import Kafka
import Logging
import ServiceKit
import Streams

/// The two stages of churn and revenue with one partition and without a broker.
final class Ledger {
    private final class Sink: TaskOutput {
        var changelog: [([UInt8], [UInt8]?)] = []
        var sent: [(key: [UInt8], value: [UInt8])] = []
        var dead: [String] = []

        func changelog(key: RawSpan, value: RawSpan?) { changelog.append((copy(key) ?? [], copy(value))) }
        func send(to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]) {
            sent.append((copy(key) ?? [], copy(value) ?? []))
        }
        func deadLetter(_ batch: RecordBatch, _ record: Int, reason: String, pointer: String?) { dead.append(reason) }

        func deadLetter(input: Int, key: RawSpan, value: RawSpan, reason: String) {
            dead.append(reason)
        }
        private func copy(_ span: RawSpan?) -> [UInt8]? {
            guard let span else { return nil }
            return unsafe span.withUnsafeBytes { unsafe Array($0) }
        }
    }

    private var entity: any StreamTask
    private let makeEntity: () -> any StreamTask
    /// The changelog of the first stage, compacted.
    private(set) var changelog: [[UInt8]: [UInt8]] = [:]
    private let finance: any StreamTask
    private let tickets: any StreamTask
    private let series: any StreamTask
    private var offset: Int64 = 0
    private(set) var kpis: [String: [String: Any]] = [:]
    /// The latest KPI update of each key, as it was published.
    private(set) var updates: [String: [UInt8]] = [:]
    private(set) var dead: [String] = []

    /// The clock.
    private(set) var now: Int64
    /// 0 while the series stage has not heard a clock yet; nil: as the others.
    var seriesClock: Int64?

    /// - Parameter now: a date of UTC such as `2026-06-15`.
    init(_ rules: String = "history: 100y", now: String = "2026-06-15") throws {
        let topology = try RevenueTopology(rules: Rules(parsing: rules), partitions: 1)
        let context = TaskContext(
            partition: 0, partitionCount: 1, outputPartitionCounts: [1, 1], logger: Logger(label: "test"))
        makeEntity = { topology.entityTask(context) }
        entity = makeEntity()
        finance = topology.financeTask(context)
        tickets = topology.ticketsTask(context)
        series = topology.seriesTask(context)
        self.now = try Self.micros("\(now)T00:00:00Z")
        for task in [entity, finance, tickets, series] { try task.restoreCompleted(output: Sink()) }
    }

    private static func micros(_ text: String) throws -> Int64 {
        Int64(try Date(text, strategy: .iso8601).timeIntervalSince1970) * 1_000_000
    }

    /// One transaction over some events.
    func take(_ events: [CustomerEvent]) throws {
        try take(entity, events.map { (Array($0.customer.utf8), $0.json) })
    }

    /// The first stage starts anew from its changelog.
    func restart() throws {
        entity = makeEntity()
        for (key, value) in changelog { try unsafe entity.restore(key: key.span.bytes, value: value.span.bytes) }
        try entity.restoreCompleted(output: Sink())
        try take(entity, [])
    }

    /// Events of customers and of finance as lines of JSON, in this order.
    func take(lines: [String]) throws {
        var customers: [([UInt8], [UInt8])] = []
        var periods: [([UInt8], [UInt8])] = []
        for line in lines {
            let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let data = event?["data"] as? [String: Any] ?? [:]
            if let id = data["customer_id"] as? String { customers.append((Array(id.utf8), Array(line.utf8))) }
            if let id = data["period"] as? String { periods.append((Array(id.utf8), Array(line.utf8))) }
        }
        try take(entity, customers)
        try take(finance, periods)
    }

    /// Updates of ticketing, by their keys.
    func take(tickets updates: [(key: String, sequence: Int, value: Int)]) throws {
        try take(
            tickets,
            updates.map { update in
                let json = """
                    {"type":"deskbeat.kpi.updated","sequence":"\(update.sequence)","data":{"value":\(update.value)}}
                    """
                return (Array(update.key.utf8), Array(json.utf8))
            })
    }

    /// Time moves on to a date of UTC.
    func advance(to date: String) throws {
        now = try Self.micros("\(date)T00:00:00Z")
        for task in [entity, finance, tickets] { try take(task, []) }
    }

    private func take(_ task: any StreamTask, _ values: [(key: [UInt8], value: [UInt8])]) throws {
        let time = TaskTime(clock: now, wall: now, caughtUp: true, idle: true, degraded: false)
        let batch = RecordBatch()
        for (key, value) in values {
            unsafe batch.append(
                TopicPartition(topic: "input", partition: 0), offset: offset, timestamp: now / 1_000,
                key: key.span.bytes, value: value.span.bytes)
            offset += 1
        }
        let sink = Sink()
        if !values.isEmpty { try task.process(batch, 0..<values.count, input: 0, output: sink) }
        try task.advance(to: time, output: sink)
        try task.prepareCommit(time, output: sink)
        task.commitSucceeded()
        dead += sink.dead
        if task === entity { for (key, value) in sink.changelog { changelog[key] = value } }
        let records = RecordBatch()
        for (index, record) in sink.sent.enumerated() {
            unsafe records.append(
                TopicPartition(topic: "series", partition: 0), offset: Int64(index), timestamp: 0,
                key: record.key.span.bytes, value: record.value.span.bytes)
        }
        let output = Sink()
        if !sink.sent.isEmpty { try series.process(records, 0..<sink.sent.count, input: 0, output: output) }
        let seriesTime = TaskTime(
            clock: seriesClock ?? now, wall: now, caughtUp: true, idle: true, degraded: false)
        repeat { try series.prepareCommit(seriesTime, output: output) } while series.dirty > 0
        series.commitSucceeded()
        for record in output.sent {
            let update = try JSONSerialization.jsonObject(with: Data(record.value)) as? [String: Any] ?? [:]
            let key = String(decoding: record.key, as: UTF8.self)
            kpis[key] = update["data"] as? [String: Any]
            updates[key] = record.value
        }
    }

    func value(_ key: String) -> Double? { (kpis[key]?["value"] as? NSNumber)?.doubleValue }
    func integer(_ key: String) -> Int? { kpis[key]?["value"] as? Int }
    func money(_ key: String) -> String? { kpis[key]?["value"] as? String }

    /// Minor units.
    func minor(_ key: String) -> Int? {
        money(key).flatMap { Int($0.replacingOccurrences(of: ".", with: "")) }
    }

    /// What must not depend on the order of arrival; windows that are as if nothing had ever happened in them left out, and
    /// levels by day, of which days without a change may have been published or not.
    var figures: [String: String] {
        kpis.filter { !$0.key.contains("/day") }.compactMapValues { data in
            let parts = ["value", "numerator", "denominator", "count", "left_and_returned", "mrr"].map {
                "\(data[$0] ?? "")"
            }
            let isEmpty = parts.allSatisfy { ["0", "0.00", "<null>", ""].contains($0) }
            return isEmpty ? nil : parts.joined(separator: " ")
        }
    }
}

/// An event of a customer as a billing system would send it.
struct CustomerEvent {
    let customer: String
    /// Behind `support.`.
    let type: String
    /// `2026-01-15` or `2026-01-15T10:00:00`.
    let at: String
    let data: String

    init(_ customer: String, _ type: String, _ at: String, _ data: String = "") {
        self.customer = customer
        self.type = type
        self.at = at
        self.data = data
    }

    static func started(_ customer: String, _ at: String, _ mrr: String, _ more: String = "") -> CustomerEvent {
        CustomerEvent(
            customer, "subscription.started", at, #","subscription_id":"s-\#(customer)","mrr":"\#(mrr)"\#(more)"#)
    }
    static func changed(_ customer: String, _ at: String, _ mrr: String) -> CustomerEvent {
        CustomerEvent(customer, "subscription.changed", at, #","subscription_id":"s-\#(customer)","mrr":"\#(mrr)""#)
    }
    static func cancelled(_ customer: String, _ at: String, _ reason: String = "") -> CustomerEvent {
        let reason = reason.isEmpty ? "" : #","reason":"\#(reason)""#
        return CustomerEvent(
            customer, "subscription.cancelled", at, #","subscription_id":"s-\#(customer)"\#(reason)"#)
    }
    static func purchase(
        _ customer: String, _ at: String, id: String, _ amount: String = "10", _ more: String = ""
    ) -> CustomerEvent {
        CustomerEvent(
            customer, "purchase.completed", at, #","purchase_id":"\#(id)","amount":\#(amount)\#(more)"#)
    }
    static func refund(_ customer: String, _ at: String, id: String, _ amount: String) -> CustomerEvent {
        CustomerEvent(customer, "purchase.refunded", at, #","purchase_id":"\#(id)","amount":\#(amount)"#)
    }

    var json: [UInt8] {
        let time = at.contains("T") ? "\(at)Z" : "\(at)T12:00:00Z"
        return Array(
            """
            {"specversion":"1.0","id":"\(customer)-\(type)-\(at)","source":"https://billing.example","type":"support.\(type)",\
            "time":"\(time)","data":{"customer_id":"\(customer)"\(data)}}
            """.utf8)
    }
}
