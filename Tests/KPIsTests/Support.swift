import BusinessTime
import Foundation
import KPIs
import TestSupport
import Testing

func instant(_ text: String) throws -> Micros {
    Micros(try Date.ISO8601FormatStyle().parse(text).timeIntervalSince1970.rounded() * 1e6)
}

/// One weighted contribution, before it is packed.
struct Contribution: Hashable {
    let cell: CellKey
    let measure: Measure
    let instant: Micros
    var value: Int64 = 1
    var weight: Int64 = 1

    var retracted: Contribution {
        Contribution(cell: cell, measure: measure, instant: instant, value: value, weight: -weight)
    }
}

/// The value of a published event, as a consumer reads it.
struct Event: Decodable {
    struct Figures: Decodable {
        struct Window: Decodable {
            let kind: String
            let start: String?
            let end: String?
            let closed: Bool?
            let at: String?
        }
        struct Quantiles: Decodable, Hashable {
            let p50, p90, p95, p99: Double
        }
        struct Interval: Decodable {
            let low, high, confidence: Double
        }
        struct Previous: Decodable {
            let value: Double?
            let change: Double?
        }
        let kpi: String
        let unit: String
        let dimensions: [String: String]
        let window: Window
        let revision: Int
        let value: Double?
        let statistic: String
        let count: Int64
        let numerator: Double?
        let denominator: Int64?
        let interval: Interval?
        let quantiles: Quantiles?
        let small_sample: Bool?
        let settled: Bool
        let settles_at: String?
        let pending: Int64?
        let open: Int64?
        let promoters: Int?
        let passives: Int?
        let detractors: Int?
        let flags: [String]?
        let rate_per_day: Double?
        let rules_version: Int
        let previous: Previous?
        let week_ago: Previous?
        let year_ago: Previous?
        let max: Double?
        let age: Age?
        let cells: [Double?]?
        let weeks: Int?
        let handle_time: Double?
        let agents: [Agent]?
        let months: Int?
        let by: String?
        let trend: Trend?
        let goal: Goal?
        let goals: [Goal]?
        let benchmarks: [Benchmark]?

        struct Age: Decodable, Hashable {
            let p50, p90, max: Double
        }
        struct Agent: Decodable {
            let agent_id: String
            let rank, rank_low, rank_high: Int
            let tied, too_few: Bool
            let value: Double
            let interval: Interval
            let observed, count: Int
            let expected: Double
        }
        struct Trend: Decodable {
            let direction: String
            let slope: Double
            let windows: Int
        }
        struct Goal: Decodable {
            let name: String
            let target: Double?
            let comparison, statistic: String
            let met: Bool?
            let baseline: Double?
            let progress: Double?
        }
        struct Benchmark: Decodable {
            let label, source: String
            let value: Double
            let year: Int
        }
    }
    let specversion, id, source, type, subject, time, sequence, dataschema: String
    let data: Figures

    init(_ json: [UInt8]) throws {
        self = try JSONDecoder().decode(Event.self, from: Data(json))
    }

    /// What order and batching must not change.
    var figures: String {
        let quantiles = data.quantiles.map { "\($0.p50) \($0.p90) \($0.p95) \($0.p99)" } ?? "-"
        return """
            \(data.value.map { "\($0)" } ?? "null") \(data.count) \(data.numerator ?? -1)/\(data.denominator ?? -1) \
            \(quantiles) \(data.max ?? -1) \(data.age.map { "\($0)" } ?? "-") \(data.weeks ?? -1) \
            \(data.cells.map { "\($0)" } ?? "-") \(data.handle_time ?? -1) \(data.agents.map { "\($0)" } ?? "-") open \(data.open ?? -1) pending \(data.pending ?? -1) closed \(data.window.closed.map { "\($0)" } ?? "-")
            """
    }
}

/// The value of a goal's fact.
struct Fact: Decodable {
    struct Body: Decodable {
        let goal, kpi, comparison, statistic, severity, state, fingerprint, since, summary: String
        let window: Event.Figures.Window
        let dimensions: [String: String]
        let value, target: Double?
        let count: Int64
        let interval: Event.Figures.Interval?
        let final, confident: Bool
        let progress: Double?
    }
    let id, type, subject, time, sequence, dataschema: String
    let data: Body

    init(_ json: [UInt8]) throws {
        self = try JSONDecoder().decode(Fact.self, from: Data(json))
    }
}

func bytes(_ span: RawSpan) -> [UInt8] { unsafe span.withUnsafeBytes { unsafe Array($0) } }

/// A series store with the entity side before it and a consumer of its alerts and its changelog behind it.
struct Series: ~Copyable {
    let catalogue: KPICatalogue
    let zone: BusinessZone
    var settings: SeriesSettings
    var store: SeriesStore
    var senders: [Sender] = []
    /// Latest value by key.
    var published: [String: [UInt8]] = [:]
    /// All keys in the order of publication.
    var log: [String] = []
    /// Facts about goals in the order of publication.
    var facts: [(key: String, value: [UInt8])] = []
    var changelog: [[UInt8]: [UInt8]] = [:]
    /// Packed records not yet applied.
    var inFlight: [(cell: [UInt8], record: [UInt8])] = []

    /// An entity task.
    final class Sender {
        var accumulator: DeltaAccumulator
        var cursor: ZoneCursor
        var cells = CellTable()

        init(_ catalogue: KPICatalogue, _ zone: BusinessZone) {
            accumulator = DeltaAccumulator(catalogue)
            cursor = ZoneCursor(zone)
        }
    }

    init(
        _ catalogue: KPICatalogue, zone: BusinessZone = .utc, history: SeriesHistory = .unlimited, senders: Int = 1,
        emitInterval: Micros = 5_000_000, goals: [Goal] = [], benchmarks: [Benchmark] = []
    ) {
        self.catalogue = catalogue
        self.zone = zone
        var settings = SeriesSettings(
            source: "deskbeat/ticketing", dataSchema: "https://deskbeat.example/schema/kpi.updated/1", rulesVersion: 3,
            emitInterval: emitInterval, history: history)
        settings.goals = goals
        settings.benchmarks = benchmarks
        self.settings = settings
        store = SeriesStore(catalogue: catalogue, zone: zone, settings: settings)
        self.senders = (0..<senders).map { _ in Sender(catalogue, zone) }
    }

    func add(_ contribution: Contribution, sender index: Int = 0) throws {
        guard let base = catalogue.baseBucket(of: contribution.measure) else { return }
        let sender = senders[index]
        let bucket: Int64
        switch base {
        case .none: bucket = contribution.measure.kind == .instants ? contribution.instant : 0
        case .hour: bucket = sender.cursor.hour(at: contribution.instant).packed
        case .day: bucket = sender.cursor.day(at: contribution.instant).number
        }
        try sender.accumulator.add(
            set: sender.cells.intern(contribution.cell), measure: contribution.measure.id, base: base,
            bucket: bucket,
            value: contribution.measure.kind == .histogram
                ? HourOfWeek.place(of: sender.cursor.hour(at: contribution.instant)) : contribution.value,
            weight: contribution.weight, at: contribution.instant)
    }

    /// The sender commits: its records are on their way.
    mutating func drain(_ index: Int = 0) throws {
        let sender = senders[index]
        var records: [(cell: [UInt8], record: [UInt8])] = []
        try sender.accumulator.drain(cellsOf: { [$0] }) { cell, record in
            sender.cells.withPartitionKey(of: cell) { records.append((bytes($0), bytes(record))) }
        }
        inFlight += records
    }

    mutating func applyAll() throws {
        for (cell, record) in inFlight { try unsafe store.apply(cell: cell.span.bytes, record: record.span.bytes) }
        inFlight.removeAll()
    }

    /// Adds, packs and applies in one go.
    mutating func take(_ contributions: [Contribution]) throws {
        for contribution in contributions { try add(contribution) }
        try drain()
        try applyAll()
    }

    @discardableResult
    mutating func publish(
        clock: Micros, wall: Micros? = nil, idle: Bool = true, isHeld: Bool = false, limit: Int = 1_000_000,
        keep: Bool = true
    ) -> [(key: String, value: [UInt8])] {
        var updates: [(key: String, value: [UInt8])] = []
        var told: [(key: String, value: [UInt8])] = []
        store.publish(clock: clock, wall: wall ?? clock, idle: idle, isHeld: isHeld, limit: limit) {
            key, value, alert in
            let record = (String(decoding: bytes(key), as: UTF8.self), bytes(value))
            if case .update = alert { updates.append(record) } else { told.append(record) }
        }
        if keep {
            consume(updates)
            facts += told
        }
        return updates
    }

    func fact(_ index: Int) throws -> Fact {
        try #require(facts.indices.contains(index), "there are \(facts.count) facts")
        return try Fact(facts[index].value)
    }

    mutating func consume(_ updates: [(key: String, value: [UInt8])]) {
        for (key, value) in updates {
            published[key] = value
            log.append(key)
        }
    }

    /// What the changelog would get.
    mutating func pendingChangelog() -> [(key: [UInt8], value: [UInt8]?)] {
        var records: [(key: [UInt8], value: [UInt8]?)] = []
        store.writeChangelog { key, value in
            if let value { records.append((bytes(key), bytes(value))) } else { records.append((bytes(key), nil)) }
        }
        return records
    }

    mutating func commit() {
        for (key, value) in pendingChangelog() { changelog[key] = value }
        store.commitSucceeded()
    }

    /// A new store from the changelog alone, in any order.
    mutating func restart(_ random: inout SeededGenerator) throws {
        store = SeriesStore(catalogue: catalogue, zone: zone, settings: settings)
        for (key, value) in changelog.shuffled(using: &random) {
            try unsafe store.restore(key: key.span.bytes, value: value.span.bytes)
        }
    }

    func event(_ key: String) throws -> Event { try Event(#require(published[key], "\(key) was not published")) }

    /// All keys with their figures.
    func summary() throws -> [String: String] { try published.mapValues { try Event($0).figures } }
}
