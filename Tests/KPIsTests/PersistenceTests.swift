import BusinessTime
import Foundation
import KPIs
import TestSupport
import Testing

@Suite struct PersistenceTests {
    /// Rounds of input, with the clock of each.
    private struct Round {
        let records: [(cell: [UInt8], record: [UInt8])]
        let clock: Micros
    }

    private func rounds(_ catalogue: KPICatalogue, _ zone: BusinessZone, _ random: inout SeededGenerator) throws
        -> [Round]
    {
        let centre = try instant("2026-03-29T00:00:00Z")
        var series = Series(catalogue, zone: zone)
        let contributions = Workload.contributions(400, around: centre, days: 15, &random)
        var clock = centre - 16 * Sample.day
        var rounds: [Round] = []
        var index = 0
        while index < contributions.count {
            let end = min(contributions.count, index + Int.random(in: 1...40, using: &random))
            for contribution in contributions[index..<end] { try series.add(contribution) }
            try series.drain()
            // Each round has a minute of its own: after a crash a gauge may tell its ages once more within the same one.
            clock += Micros.random(in: 60_000_000...(3 * Sample.day), using: &random)
            rounds.append(Round(records: series.inFlight, clock: clock))
            series.inFlight.removeAll()
            index = end
        }
        for _ in 0..<3 {
            clock += 20 * Sample.day
            rounds.append(Round(records: [], clock: clock))
        }
        return rounds
    }

    /// Runs the rounds; `disturb` happens before a round's commit or behind it.
    private func run(
        _ rounds: [Round], _ catalogue: KPICatalogue, _ zone: BusinessZone, _ history: SeriesHistory,
        disturbed: Bool, limit: Int = 1_000_000, idle: Bool = true, _ random: inout SeededGenerator
    ) throws -> (published: [String: [UInt8]], late: Int, rollBacks: Int, restarts: Int) {
        var series = Series(catalogue, zone: zone, history: history)
        var rollBacks = 0
        var restarts = 0
        for round in rounds {
            while disturbed, Int.random(in: 0..<3, using: &random) == 0 {
                // An attempt that fails: part of it or all of it, even the changelog's writing, then undone.
                for (cell, record) in round.records.prefix(Int.random(in: 0...round.records.count, using: &random)) {
                    try unsafe series.store.apply(cell: cell.span.bytes, record: record.span.bytes)
                }
                if Bool.random(using: &random) {
                    series.publish(clock: round.clock, idle: Bool.random(using: &random), limit: limit, keep: false)
                }
                if Bool.random(using: &random) { _ = series.pendingChangelog() }
                series.store.rollBack()
                rollBacks += 1
            }
            series.inFlight = round.records
            try series.applyAll()
            series.publish(clock: round.clock, idle: idle, limit: limit)
            series.commit()
            if disturbed, Int.random(in: 0..<4, using: &random) == 0 {
                try series.restart(&random)
                restarts += 1
            }
        }
        if let clock = rounds.last?.clock {
            var wall = clock
            repeat {
                wall += 10_000_000
                series.publish(clock: clock, wall: wall, idle: idle, limit: limit)
                series.commit()
                let dirty = series.store.dirtyCount
                if dirty == 0 { break }
            } while wall < clock + Sample.day
        }
        let late = series.store.lateDropped
        return (series.published, late, rollBacks, restarts)
    }

    @Test(arguments: [SeriesHistory.unlimited, SeriesHistory(hours: 2, days: 31, months: 62)])
    func crashesAndUndoneCommitsLeaveNoTrace(history: SeriesHistory) throws {
        let catalogue = try Sample.catalogue()
        var rollBacks = 0
        var restarts = 0
        let repetitions = ProcessInfo.processInfo.environment["DESKBEAT_TEST_ROUNDS"].flatMap { Int($0) } ?? 8
        for _ in 0..<repetitions {
            let seed =
                ProcessInfo.processInfo.environment["DESKBEAT_TEST_SEED"].flatMap { UInt64($0) }
                ?? UInt64.random(in: 0...UInt64.max)
            var random = SeededGenerator(seed: seed)
            let zone = try BusinessZone.load("Europe/Berlin")
            let rounds = try rounds(catalogue, zone, &random)
            let plain = try run(rounds, catalogue, zone, history, disturbed: false, &random)
            let disturbed = try run(rounds, catalogue, zone, history, disturbed: true, &random)
            rollBacks += disturbed.rollBacks
            restarts += disturbed.restarts
            try #require(!plain.published.isEmpty)
            let onlyOnce = Set(plain.published.keys).symmetricDifference(disturbed.published.keys)
            try #require(onlyOnce == [], "seed \(seed)")
            for (key, value) in plain.published {
                let other = try #require(disturbed.published[key], "\(key), seed \(seed)")
                try #require(
                    String(decoding: value, as: UTF8.self) == String(decoding: other, as: UTF8.self), "seed \(seed)")
            }
        }
        #expect(rollBacks > 0)
        #expect(restarts > 0)
    }

    /// With limits and emit intervals the revisions in between differ, the last ones do not.
    @Test func whatWasNotYetPublishedSurvivesACrash() throws {
        let catalogue = try Sample.catalogue()
        let zone = try BusinessZone.load("Europe/Berlin")
        for _ in 0..<6 {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SeededGenerator(seed: seed)
            let rounds = try rounds(catalogue, zone, &random)
            let plain = try run(rounds, catalogue, zone, .unlimited, disturbed: false, &random)
            let disturbed = try run(
                rounds, catalogue, zone, .unlimited, disturbed: true, limit: 7, idle: false, &random)
            for (key, value) in plain.published where !key.hasPrefix("backlog/hour") {
                guard let other = disturbed.published[key] else {
                    let event = try Event(value)
                    try #require(event.data.count == 0 || key.hasPrefix("backlog/"), "\(key), seed \(seed)")
                    continue
                }
                try #require(try Event(value).figures == Event(other).figures, "\(key), seed \(seed)")
            }
        }
    }

    /// Clocks are found anew after a restart, and begin further back.
    @Test func aWindowThatHasClosedStaysClosed() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"], windows: .day))
        let noon = try instant("2026-01-01T12:00:00Z")
        let created = Contribution(cell: .overall, measure: Sample.created, instant: noon)
        try series.take([created])
        series.publish(clock: noon + Sample.day)
        series.commit()
        let key = "tickets_created/day@2026-01-01"
        #expect(try series.event(key).data.window.closed == true)
        var random = SeededGenerator(seed: 1)
        try series.restart(&random)
        try series.take([created])
        series.publish(clock: noon)
        let late = try series.event(key).data
        #expect(late.window.closed == true)
        #expect(late.revision == 2)
        #expect(late.value == 2)
    }

    @Test func aWindowThatHasEndedInANewTimeZoneIsClosed() throws {
        let catalogue = try Sample.catalogue(only: ["tickets_created"], windows: .day)
        let key = "tickets_created/day@2026-01-01"
        let night = try instant("2026-01-02T02:00:00Z")
        var west = Series(catalogue, zone: try BusinessZone.load("America/New_York"))
        try west.take([Contribution(cell: .overall, measure: Sample.created, instant: night - 14 * Sample.hour)])
        west.publish(clock: night)
        west.commit()
        #expect(try west.event(key).data.window.closed == false)
        var east = Series(catalogue, zone: try BusinessZone.load("Asia/Kolkata"))
        east.changelog = west.changelog
        var random = SeededGenerator(seed: 1)
        try east.restart(&random)
        east.publish(clock: night)
        east.commit()
        #expect(try east.event(key).data.window.closed == true)
        #expect(try east.event(key).data.revision == 2)
        // Back in the west it is open again, until it has ended there, too.
        var back = Series(catalogue, zone: try BusinessZone.load("America/New_York"))
        back.changelog = east.changelog
        try back.restart(&random)
        back.publish(clock: night)
        back.commit()
        #expect(try back.event(key).data.window.closed == false)
        #expect(try back.event(key).data.revision == 3)
        back.publish(clock: night + 6 * Sample.hour)
        #expect(try back.event(key).data.window.closed == true)
        #expect(try back.event(key).data.revision == 4)
    }

    /// What is history is not spoken of again because a store looks at it when it starts.
    @Test func whatHadNothingToSayWhenItClosedSaysNothingAfterARestart() throws {
        let history = SeriesHistory(hours: 2, days: 31, months: 62)
        func keys(restarts: Bool) throws -> Set<String> {
            var series = Series(try Sample.catalogue(), history: history)
            let monday = try instant("2026-03-16T00:00:00Z")
            let contact = Contribution(cell: .overall, measure: Sample.arrivals, instant: monday)
            try series.take([contact])
            try series.take([contact.retracted])
            series.publish(clock: monday + 8 * Sample.day)
            series.commit()
            // Another sender is far ahead, so that the week is history, with sums that later weeks still rest on.
            try series.take([Contribution(cell: .overall, measure: Sample.created, instant: monday + 40 * Sample.day)])
            series.publish(clock: monday + 9 * Sample.day)
            series.commit()
            var random = SeededGenerator(seed: 1)
            if restarts { try series.restart(&random) }
            try series.take([contact])
            series.publish(clock: monday + 10 * Sample.day)
            series.commit()
            return Set(series.published.keys)
        }
        let expected = try keys(restarts: false)
        #expect(try keys(restarts: true) == expected)
    }

    /// What has been dropped is not counted anew from what comes late, and no revision is given twice.
    @Test func aLongerHistoryBringsNothingBack() throws {
        var series = Series(
            try Sample.catalogue(only: ["tickets_created"], windows: .day),
            history: SeriesHistory(hours: 1, days: 10, months: 10))
        let start = try instant("2026-01-01T12:00:00Z")
        func created(_ day: Int64) -> Contribution {
            Contribution(cell: .overall, measure: Sample.created, instant: start + day * Sample.day)
        }
        try series.take([created(0)])
        series.publish(clock: start)
        series.commit()
        try series.take([created(20)])
        series.publish(clock: start + 20 * Sample.day)
        series.commit()
        let gone = "tickets_created/day@2026-01-01"
        let kept = "tickets_created/day@2026-01-16"
        #expect(series.published[gone] != nil)
        series.settings.history = .unlimited
        var random = SeededGenerator(seed: 1)
        // The second time from the changelog alone.
        for round in 1...2 {
            try series.restart(&random)
            series.log = []
            // A backfill of a day before all of it finds its window.
            try series.take([created(0), created(15), created(-30)])
            series.publish(clock: start + 21 * Sample.day, wall: start + (21 + Int64(round)) * Sample.day)
            series.commit()
            #expect(!series.log.contains(gone))
            #expect(series.log.contains(kept))
            #expect(try series.event(kept).data.value == Double(round))
            #expect(try series.event("tickets_created/day@2025-12-02").data.value == Double(round))
            let dropped = series.store.lateDropped(in: .day)
            #expect(dropped == 1)
        }
    }

    @Test func aTombstoneDeletes() throws {
        var series = Series(
            try Sample.catalogue(only: ["tickets_created"], windows: .day),
            history: SeriesHistory(hours: 1, days: 10, months: 10))
        let start = try instant("2026-01-01T12:00:00Z")
        try series.take([Contribution(cell: .overall, measure: Sample.created, instant: start)])
        series.publish(clock: start)
        series.commit()
        let buckets = series.store.bucketCount
        #expect(buckets == 1)
        try series.take([Contribution(cell: .overall, measure: Sample.created, instant: start + 20 * Sample.day)])
        series.publish(clock: start)
        let records = series.pendingChangelog()
        #expect(records.contains { $0.value == nil })
        for (key, value) in records { series.changelog[key] = value }
        series.store.commitSucceeded()
        var random = SeededGenerator(seed: 1)
        try series.restart(&random)
        let left = series.store.bucketCount
        #expect(left == 1)
        // A tombstone behind the record it deletes.
        for (key, _) in series.changelog where key != [0] {
            try unsafe series.store.restore(key: key.span.bytes, value: nil)
        }
        let none = series.store.bucketCount
        #expect(none == 0)
    }

    @Test func damagedRecordsAreErrorsNeverTraps() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let catalogue = try Sample.catalogue()
        let zone = try BusinessZone.load("Europe/Berlin")
        var series = Series(catalogue, zone: zone)
        let clock = try instant("2026-11-22T12:00:00Z")
        for contribution in Workload.contributions(200, around: clock, days: 3, &random) {
            try series.add(contribution)
        }
        try series.drain()
        let records = series.inFlight
        try series.applyAll()
        series.publish(clock: clock)
        series.commit()
        let changelog = Array(series.changelog)
        func damage(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            if !bytes.isEmpty, Bool.random(using: &random) {
                bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            }
            for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            return bytes
        }
        var errors = 0
        for _ in 0..<2_000 {
            do throws(KPIError) {
                if Bool.random(using: &random), let (cell, record) = records.randomElement(using: &random) {
                    let bytes = damage(record)
                    try unsafe series.store.apply(cell: cell.span.bytes, record: bytes.span.bytes)
                } else if let (key, value) = changelog.randomElement(using: &random) {
                    let badKey = Bool.random(using: &random) ? damage(key) : key
                    let badValue = damage(value)
                    try unsafe series.store.restore(key: badKey.span.bytes, value: badValue.span.bytes)
                }
            } catch {
                errors += 1
                #expect(!error.description.isEmpty)
            }
        }
        #expect(errors > 0, "seed \(seed)")
    }
}
