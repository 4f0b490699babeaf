import BusinessTime
import KPIs
import TestSupport
import Testing

@Suite struct OrderFreedomTests {
    /// One run over the contributions in a random order, in random batches from several senders, published in between.
    private func run(
        _ contributions: [Contribution], _ catalogue: KPICatalogue, _ zone: BusinessZone, until clock: Micros,
        _ random: inout SeededGenerator
    ) throws -> [String: [UInt8]] {
        var series = Series(catalogue, zone: zone, senders: 3)
        var now = clock - 60 * Sample.day
        for contribution in contributions.shuffled(using: &random) {
            try series.add(contribution, sender: Int.random(in: 0..<3, using: &random))
            switch Int.random(in: 0..<40, using: &random) {
            case 0...3: try series.drain(Int.random(in: 0..<3, using: &random))
            case 4, 5:
                series.inFlight.shuffle(using: &random)
                try series.applyAll()
            case 6, 7:
                now = min(clock, now + Micros.random(in: 0...(10 * Sample.day), using: &random))
                let limit = Int.random(in: 1...200, using: &random)
                series.publish(clock: now, idle: Bool.random(using: &random), limit: limit)
                series.commit()
            default: break
            }
        }
        for sender in 0..<3 { try series.drain(sender) }
        series.inFlight.shuffle(using: &random)
        try series.applyAll()
        while true {
            let updates = series.publish(clock: clock, limit: 500)
            series.commit()
            let dirty = series.store.dirtyCount
            if updates.isEmpty, dirty == 0 { break }
        }
        let late = series.store.lateDropped
        #expect(late == 0)
        return series.published
    }

    /// What comes in one commit is sorted by insertion, by short digits, or from 1,500 on by long ones.
    @Test(arguments: [12, 400, 6_000])
    func manyInOneCommitGiveTheFiguresOfTheRawContributions(count: Int) throws {
        let catalogue = try Sample.catalogue()
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let centre = try instant("2026-10-24T12:00:00Z")
        let contributions = Workload.contributions(count, around: centre, days: 40, &random)
        let ways = [0..<33, 33..<1_501, 1_501..<Int.max]
        try #require(
            ways.contains { $0.contains(count) && $0.contains(contributions.count) }, "another sort than meant")
        let clock = centre + 50 * Sample.day
        var series = Series(catalogue, zone: .utc)
        try series.take(contributions.shuffled(using: &random))
        while true {
            let updates = series.publish(clock: clock, limit: 5_000)
            series.commit()
            let dirty = series.store.dirtyCount
            if updates.isEmpty, dirty == 0 { break }
        }
        try Model(catalogue: catalogue, zone: .utc, contributions: contributions, clock: clock)
            .check(series.published, seed: seed)
    }

    @Test(arguments: ["Europe/Berlin", "Australia/Lord_Howe", "UTC"])
    func anyOrderGivesTheFiguresOfTheRawContributions(zoneName: String) throws {
        let zone = try BusinessZone.load(zoneName)
        let catalogue = try Sample.catalogue()
        for _ in 0..<6 {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SeededGenerator(seed: seed)
            let centre = try instant("2026-10-24T12:00:00Z")
            let contributions = Workload.contributions(300, around: centre, days: 20, &random)
            // Before, among and behind the contributions.
            let clock = centre + Micros.random(in: -5...50, using: &random) * Sample.day + 1_234_567
            let model = Model(catalogue: catalogue, zone: zone, contributions: contributions, clock: clock)
            let first = try run(contributions, catalogue, zone, until: clock, &random)
            try model.check(first, seed: seed)
            let second = try run(contributions, catalogue, zone, until: clock, &random)
            try model.check(second, seed: seed)
            try compare(first, second, seed)
        }
    }

    /// Bit for bit; a window to which nothing is left may be published as empty in one run and not at all in the other.
    private func compare(_ first: [String: [UInt8]], _ second: [String: [UInt8]], _ seed: UInt64) throws {
        for key in Set(first.keys).union(second.keys) {
            let events = try [first[key], second[key]].compactMap { try $0.map { try Event($0) } }
            if key.hasPrefix("backlog/") {
                // Hours stop being revised 48 hours after their end, and days without change need no update.
                if events.count < 2 || key.hasPrefix("backlog/hour") { continue }
            }
            if events.count == 2 {
                try #require(events[0].figures == events[1].figures, "\(key), seed \(seed)")
            } else {
                let only = try #require(events.first)
                try #require(only.data.count == 0 && only.data.value ?? 0 == 0, "\(key), seed \(seed)")
            }
        }
    }

    @Test func whatCancelsOutSaysNothing() throws {
        var series = Series(try Sample.catalogue())
        let clock = try instant("2026-11-22T12:00:00Z")
        let one = Contribution(cell: .overall, measure: Sample.firstResponse, instant: clock, value: 5_000)
        try series.take([one, one.retracted])
        #expect(series.inFlight.isEmpty)
        #expect(series.publish(clock: clock).isEmpty)
        try series.take([one])
        #expect(!series.publish(clock: clock).isEmpty)
        series.commit()
        // Taken back and added again between two rounds, in two records.
        try series.take([one.retracted])
        try series.take([one])
        #expect(series.publish(clock: clock).isEmpty)
        let dirty = series.store.dirtyCount
        #expect(dirty == 0)
        #expect(series.pendingChangelog().isEmpty)
    }

    @Test func aRetractionMayComeFirst() throws {
        var series = Series(try Sample.catalogue())
        let clock = try instant("2026-11-22T12:00:00Z")
        let one = Contribution(cell: .overall, measure: Sample.resolution, instant: clock, value: 5_000)
        try series.take([one.retracted, one.retracted])
        series.publish(clock: clock)
        let negative = try series.event("resolution_time/day@2026-11-22")
        #expect(negative.data.count == -2)
        #expect(negative.data.value == nil)
        #expect(negative.data.quantiles == nil)
        try series.take([one, one, one])
        series.publish(clock: clock)
        #expect(try series.event("resolution_time/day@2026-11-22").data.value == 5)
    }
}
