import BusinessTime
import Foundation
import KPIs
import TestSupport
import Testing

/// The figures recomputed from the raw contributions, without buckets, sketches or stores: every published event is
/// checked against the contributions whose instants lie between the `start` and `end` that it names.
struct Model {
    let catalogue: KPICatalogue
    let zone: BusinessZone
    let contributions: [Contribution]
    let clock: Micros
    let minimumSample: Int64 = 30

    private var newest: Micros { contributions.map(\.instant).max() ?? .min }

    private func values(_ measure: Measure, _ cell: CellKey, from start: Micros, to end: Micros) -> [Int64] {
        var weights: [Int64: Int64] = [:]
        for item in contributions
        where item.measure == measure && item.cell == cell && item.instant >= start && item.instant < end {
            weights[item.value, default: 0] += item.weight
        }
        return weights.flatMap { [Int64](repeating: $0.key, count: Int(max(0, $0.value))) }.sorted()
    }

    private func sum(_ measure: Measure, _ cell: CellKey, before end: Micros) -> Int64 {
        contributions.reduce(0) { sum, item in
            item.measure == measure && item.cell == cell && item.instant < end ? sum + item.value * item.weight : sum
        }
    }

    /// Checks everything that was published and that nothing is missing.
    func check(_ published: [String: [UInt8]], seed: UInt64) throws {
        let events = try published.mapValues { try Event($0) }
        for (key, event) in events { try check(key, event, seed) }
        for cell in Set(contributions.map(\.cell)) {
            for (index, definition) in catalogue.definitions.enumerated() {
                for kind in catalogue.enabledWindows[index].kinds {
                    try checkPresence(of: definition, kind, cell, in: events, seed)
                }
            }
        }
    }

    private func check(_ key: String, _ event: Event, _ seed: UInt64) throws {
        let definition = try #require(catalogue.definitions.first { $0.id == event.data.kpi })
        let cell = CellKey(event.data.dimensions.map { ($0.key, $0.value) })
        let comment = Comment(rawValue: "\(key), seed \(seed)")
        try #require(event.subject == key, comment)
        switch definition.formula {
        case .gauge(let measure):
            try #require(event.data.value == Double(sum(measure, cell, before: .max)), comment)
            if measure.kind == .instants { try checkAges(event, ages(measure, cell), comment) }
            return
        case .ages(let measure): return try checkAges(event, ages(measure, cell), comment)
        case .profile, .staffing: return try checkProfile(event, definition.formula, cell, comment)
        case .ranking(let formula): return try checkRanking(event, formula, cell, comment)
        default: break
        }
        var start = try instant(#require(event.data.window.start))
        var end = try instant(#require(event.data.window.end))
        if let kind = WindowKind(name: event.data.window.kind), kind.isRolling {
            // An empty window that moves on is not published again.
            let bounds = zone.bounds(of: kind, at: clock)
            if event.data.count > 0 { try #require(start == bounds.start && end == bounds.end, comment) }
            (start, end) = (bounds.start, bounds.end)
        }
        if let closed = event.data.window.closed { try #require(closed == (end <= clock), comment) }
        switch definition.formula {
        case .count(let measure):
            let count = values(measure, cell, from: start, to: end).count
            try #require(event.data.value == Double(count) && event.data.count == count, comment)
        case .duration(let measure, _):
            try checkDuration(event, values(measure, cell, from: start, to: end), comment)
        case .proportion(let numerator, let denominator, let maturity):
            let n = values(numerator, cell, from: start, to: end).count
            let d = values(denominator, cell, from: start, to: end).count
            let pending = try values(#require(maturity).pending, cell, from: start, to: end).count
            try #require(event.data.value == (d == 0 ? nil : Double(n) / Double(d)), comment)
            try #require(event.data.numerator == Double(n) && event.data.denominator == Int64(d), comment)
            try #require(event.data.pending == Int64(pending) && event.data.settled == (pending == 0), comment)
            try #require(event.data.small_sample == (d < minimumSample), comment)
        case .level(let measure):
            if event.data.window.kind == "hour", newest - end > definition.hourHistory ?? .max { return }
            try #require(event.data.value == Double(sum(measure, cell, before: end)), comment)
        case .mean(let measure, let scale):
            try checkMean(event, values(measure, cell, from: start, to: end), scale, comment)
        case .netPromoterScore(let promoters, let passives, let detractors):
            let counts = [promoters, passives, detractors].map { values($0, cell, from: start, to: end).count }
            try checkNetPromoterScore(event, counts[0], counts[1], counts[2], comment)
        case .gauge, .ages, .profile, .staffing, .ranking: break
        case .total, .ratio, .ratioOfRatios, .lifetimeValue:
            // Judged by the revenue service's tests, whose measures give them a meaning.
            try #require(Bool(false), "no formula of the sample catalogue")
        }
        for companion in definition.companions {
            try #require(event.data.open == Int64(values(companion.measure, cell, from: start, to: end).count), comment)
        }
    }

    private func checkDuration(_ event: Event, _ values: [Int64], _ comment: Comment) throws {
        try #require(event.data.count == values.count, comment)
        try #require(event.data.small_sample == (values.count < minimumSample), comment)
        guard !values.isEmpty else {
            try #require(event.data.value == nil && event.data.quantiles == nil, comment)
            return
        }
        try #require(event.data.value == Double(values.reduce(0, +)) / (Double(values.count) * 1_000), comment)
        let quantiles = try #require(event.data.quantiles, comment)
        for (q, quantile) in [(0.5, quantiles.p50), (0.9, quantiles.p90), (0.95, quantiles.p95), (0.99, quantiles.p99)]
        {
            let item = Double(values[Int(q * Double(values.count - 1))]) / 1_000
            try #require(abs(quantile - item) <= 0.01 * item, comment)
        }
    }

    private func checkMean(_ event: Event, _ values: [Int64], _ scale: Int64, _ comment: Comment) throws {
        try #require(event.data.count == values.count && event.data.unit == "points", comment)
        try #require(event.data.small_sample == (values.count < minimumSample), comment)
        let mean = values.isEmpty ? nil : Double(values.reduce(0, +)) / Double(Int64(values.count) * scale)
        try #require(event.data.value == mean, comment)
    }

    private func checkNetPromoterScore(
        _ event: Event, _ promoters: Int, _ passives: Int, _ detractors: Int, _ comment: Comment
    ) throws {
        let n = promoters + passives + detractors
        try #require(event.data.promoters == promoters && event.data.passives == passives, comment)
        try #require(event.data.detractors == detractors && event.data.count == n, comment)
        try #require(event.data.small_sample == (n < minimumSample), comment)
        try #require(event.data.value == (n == 0 ? nil : Double(100 * (promoters - detractors)) / Double(n)), comment)
        guard n > 0 else {
            try #require(event.data.interval == nil, comment)
            return
        }
        let interval = try #require(event.data.interval, comment)
        // Independent of the product's code: mean and variance of the adjusted scores -1, 0 and 1.
        let weights = [Double(detractors) + 0.5, Double(passives), Double(promoters) + 0.5]
        let total = weights.reduce(0, +)
        let mean = (weights[2] - weights[0]) / total
        let variance = zip(weights, [-1.0, 0, 1]).reduce(0) { $0 + $1.0 * ($1.1 - mean) * ($1.1 - mean) } / total
        let half = 1.959963984540054 * (variance / total).squareRoot()
        try #require(abs(interval.low - max(-100, 100 * (mean - half))) < 1e-9, comment)
        try #require(abs(interval.high - min(100, 100 * (mean + half))) < 1e-9, comment)
    }

    /// Every window in which something was counted has been published, and so has the closed one behind it.
    private func checkPresence(
        of definition: KPIDefinition, _ kind: WindowKind, _ cell: CellKey, in events: [String: Event], _ seed: UInt64
    ) throws {
        guard kind.isCalendar else { return }
        func key(_ bucket: Int64) -> String {
            let cellPart = cell.bytes.isEmpty ? "" : ";\(cell.text)"
            return "\(definition.id)/\(kind.name)\(cellPart)@\(BucketLabel.text(kind, bucket: bucket))"
        }
        let main: Measure
        switch definition.formula {
        case .count(let measure), .duration(let measure, _), .proportion(_, let measure, _), .mean(let measure, _),
            .netPromoterScore(let measure, _, _):
            main = measure
        case .level, .gauge, .total, .ratio, .ratioOfRatios, .lifetimeValue, .ages, .profile, .staffing, .ranking:
            return
        }
        var counts: [Int64: Int64] = [:]
        for item in contributions where item.measure == main && item.cell == cell {
            counts[zone.bucket(of: kind, at: item.instant), default: 0] += item.weight
        }
        for (bucket, count) in counts where count > 0 {
            try #require(events[key(bucket)] != nil, "\(key(bucket)) is missing, seed \(seed)")
            let next = zone.successor(of: kind, bucket: bucket)
            if zone.bounds(of: kind, bucket: next).end <= clock {
                try #require(events[key(next)] != nil, "\(key(next)) is missing behind a value, seed \(seed)")
            }
        }
    }
}

/// Random contributions of all measures around a change of the clock.
enum Workload {
    static let cells = [
        CellKey.overall, CellKey([("channel", "email")]), CellKey([("team", "billing & more"), ("priority", "hoch")]),
    ]

    /// Some of them are taken back later in the list.
    static func contributions(_ count: Int, around centre: Micros, days: Int64, _ random: inout SeededGenerator)
        -> [Contribution]
    {
        let measures = Array(Set(Sample.definitions.flatMap(\.measures))).sorted { $0.id < $1.id }
        var result: [Contribution] = []
        for _ in 0..<count {
            guard let cell = cells.randomElement(using: &random), let measure = measures.randomElement(using: &random)
            else {
                continue
            }
            let spread = days * Sample.day
            // Whole hours and midnights are the interesting instants.
            var instant = centre + Micros.random(in: -spread...spread, using: &random)
            if Int.random(in: 0..<5, using: &random) == 0 { instant -= instant % Sample.hour }
            let isDuration = measure.kind == .distribution
            let isScore = measure.kind == .sum
            let value =
                isDuration ? duration(&random) : isScore ? Int64.random(in: -1_000_000...1_000_000, using: &random) : 1
            let weight: Int64 = measure.kind == .levelDelta && Bool.random(using: &random) ? -1 : 1
            result.append(Contribution(cell: cell, measure: measure, instant: instant, value: value, weight: weight))
        }
        for _ in 0..<count / 3 { result.append(rating(around: centre, days: days, &random)) }
        for item in result where Int.random(in: 0..<4, using: &random) == 0 { result.append(item.retracted) }
        return result
    }

    /// An answer about one of a few agents in one of two teams.
    private static func rating(
        around centre: Micros, days: Int64, _ random: inout SeededGenerator
    ) -> Contribution {
        func pick(_ names: [String]) -> String { names[Int.random(in: 0..<names.count, using: &random)] }
        var detail = [("agent", "A-\(Int.random(in: 1...6, using: &random))")]
        if Bool.random(using: &random) { detail.append(("category", pick(["billing", "a;b=c"]))) }
        let spread = 2 * days * Sample.day
        return Contribution(
            cell: CellKey([("by", "csat"), ("team", pick(["one", "two"]))], detail: detail),
            measure: Bool.random(using: &random) ? Sample.rated : Sample.ratedWell,
            instant: centre + Micros.random(in: -spread...spread, using: &random))
    }

    static func duration(_ random: inout SeededGenerator) -> Int64 {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: 0
        case 1: Int64.random(in: 1...20, using: &random)
        case 2: Int64.random(in: 1...1_000_000_000_000, using: &random)
        default: Int64(exp(Double.random(in: 5...20, using: &random)))
        }
    }
}
