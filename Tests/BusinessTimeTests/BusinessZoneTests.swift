import BusinessTime
import Foundation
import TestSupport
import Testing

@Suite struct BusinessZoneTests {
    @Test(arguments: referenceOffsets.keys.sorted())
    func offsetsAreThoseOfTheReference(name: String) throws {
        let zone = try BusinessZone.load(name)
        var cursor = ZoneCursor(zone)
        for (instant, offset) in try #require(referenceOffsets[name]) {
            #expect(zone.offset(at: instant * second) == offset, "\(name) at \(instant)")
            #expect(cursor.offset(at: instant * second + 999_999) == offset, "\(name) at \(instant)")
        }
    }

    /// Foundation brings its own copy of the database, so only years whose rules are past are compared.
    @Test(arguments: ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"])
    func offsetsAreFoundations(name: String) throws {
        let zone = try BusinessZone.load(name)
        let reference = try #require(TimeZone(identifier: name))
        var cursor = ZoneCursor(zone)
        for instant in stride(from: Int64(86_400 * 365 * 20), to: 1_735_689_600, by: 10_800) {
            let expected = Int64(reference.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant))))
            try #require(cursor.offset(at: instant * second) == expected, "\(name) at \(instant)")
        }
    }

    @Test func theDayBeginsAtTheFirstInstantOfTheDate() throws {
        func start(_ name: String, _ year: Int, _ month: Int, _ day: Int) throws -> Micros {
            try BusinessZone.load(name).startOfDay(dayNumber(year, month, day))
        }
        // Skipped midnights: 01:00 is the first instant.
        #expect(try start("America/Sao_Paulo", 2017, 10, 15) == utc(2017, 10, 15, 3))
        #expect(try start("Asia/Beirut", 2022, 3, 27) == utc(2022, 3, 26, 22))
        #expect(try start("Africa/Cairo", 2024, 4, 26) == utc(2024, 4, 25, 22))
        // A repeated hour before midnight: the date before has 25 hours.
        #expect(try start("America/Sao_Paulo", 2018, 2, 18) == utc(2018, 2, 18, 3))
        #expect(try start("America/Sao_Paulo", 2018, 2, 17) == utc(2018, 2, 17, 2))
        // A repeated midnight: the first one counts.
        #expect(try start("America/St_Johns", 2005, 10, 30) == utc(2005, 10, 30, 2, 30))
        #expect(try start("America/Havana", 2024, 11, 3) == utc(2024, 11, 3, 4))
        #expect(try start("Asia/Kathmandu", 2026, 11, 22) == utc(2026, 11, 21, 18, 15))
        #expect(try start("Europe/Berlin", 2026, 3, 29) == utc(2026, 3, 28, 23))
        #expect(try start("Europe/Berlin", 2026, 3, 30) == utc(2026, 3, 29, 22))
    }

    @Test func aDateThatTheZoneSkippedIsEmpty() throws {
        let zone = try BusinessZone.load("Pacific/Apia")
        let before = try dayNumber(2011, 12, 29)
        #expect(zone.bounds(of: .day, bucket: before + 1).isEmpty)
        #expect(zone.bounds(of: .day, bucket: before).end == zone.bounds(of: .day, bucket: before + 2).start)
        #expect(zone.successor(of: .day, bucket: before) == before + 2)
        #expect(zone.predecessor(of: .day, bucket: before + 2) == before)
        #expect(zone.day(at: try utc(2011, 12, 30, 9, 59, 59)).number == before)
        #expect(zone.day(at: try utc(2011, 12, 30, 10)).number == before + 2)
    }

    @Test func theRepeatedHourIsTwoBuckets() throws {
        let zone = try BusinessZone.load("Europe/Berlin")
        let first = zone.hour(at: try utc(2026, 10, 25, 0, 30))
        let again = zone.hour(at: try utc(2026, 10, 25, 1, 30))
        #expect(first.hour == again.hour)
        #expect(first.packed < again.packed)
        #expect(BucketLabel.text(.hour, bucket: first.packed) == "2026-10-25T02+02:00")
        #expect(BucketLabel.text(.hour, bucket: again.packed) == "2026-10-25T02+01:00")
        #expect(zone.successor(of: .hour, bucket: first.packed) == again.packed)
        #expect(zone.bounds(of: first).end == zone.bounds(of: again).start)
        #expect(zone.bounds(of: first) == zone.bounds(of: .hour, bucket: first.packed))
    }

    @Test func aChangeOfHalfAnHourCutsHours() throws {
        let zone = try BusinessZone.load("Australia/Lord_Howe")
        // 2026-04-05 02:00 +11:00 becomes 01:30 +10:30.
        let change = try utc(2026, 4, 4, 15)
        let before = zone.hour(at: change - 1)
        let after = zone.hour(at: change)
        #expect(before.hour == after.hour)
        #expect((before.offset, after.offset) == (39_600, 37_800))
        #expect(zone.bounds(of: before) == zone.bounds(from: change - hour, to: change))
        #expect(zone.bounds(of: after) == zone.bounds(from: change, to: change + hour / 2))
        // 2026-10-04 02:00 +10:30 becomes 02:30 +11:00.
        let spring = try utc(2026, 10, 3, 15, 30)
        #expect(zone.bounds(of: zone.hour(at: spring)) == zone.bounds(from: spring, to: spring + hour / 2))
    }

    @Test func aBucketOfOtherZoneDataHasItsNominalHour() throws {
        let zone = try BusinessZone.load("Europe/Berlin")
        let bucket = HourBucket(hour: try dayNumber(2026, 7, 1) * 24 + 10, offset: 3_600)
        let bounds = zone.bounds(of: bucket)
        #expect(bounds.start == (try utc(2026, 7, 1, 9)))
        #expect(bounds.end - bounds.start == hour)
    }

    static let tiled = [
        "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "America/Havana",
        "Africa/Cairo", "Africa/Monrovia", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Australia/Lord_Howe",
        "Antarctica/Casey", "Antarctica/Troll", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Chatham",
    ]

    @Test(arguments: tiled)
    func windowsTileTime(name: String) throws {
        let zone = try BusinessZone.load(name)
        for kind in WindowKind.allCases where kind.isCalendar {
            let from = try kind == .hour ? utc(2009, 1, 1) : utc(1970, 1, 10)
            let until = try kind == .hour ? utc(2012, 2, 1) : utc(2200, 12, 31)
            var bucket = zone.bucket(of: kind, at: from)
            var bounds = zone.bounds(of: kind, bucket: bucket)
            while bounds.end < until {
                let next = zone.successor(of: kind, bucket: bucket)
                let nextBounds = zone.bounds(of: kind, bucket: next)
                try #require(nextBounds.start == bounds.end, "\(name) \(BucketLabel.text(kind, bucket: next))")
                try #require(!nextBounds.isEmpty)
                try #require(zone.predecessor(of: kind, bucket: next) == bucket)
                try #require(nextBounds.startOffset == zone.offset(at: nextBounds.start))
                try #require(nextBounds.endOffset == zone.offset(at: nextBounds.end))
                (bucket, bounds) = (next, nextBounds)
            }
        }
    }

    @Test(arguments: tiled)
    func instantsLieInTheirWindows(name: String) throws {
        let zone = try BusinessZone.load(name)
        var cursor = ZoneCursor(zone)
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        // Newfoundland's clock went back at 00:01 until 2011: for an hour the later date had begun already.
        let range = name == "America/St_Johns" ? try utc(2012, 1, 1)...utc(2200, 1, 1) : try 0...utc(2200, 1, 1)
        for _ in 0..<2_000 {
            let instant = Micros.random(in: range, using: &random)
            try #require(cursor.hour(at: instant) == zone.hour(at: instant))
            try #require(cursor.day(at: instant) == zone.day(at: instant))
            try #require(zone.hour(at: instant).day == zone.day(at: instant))
            for kind in WindowKind.allCases where kind.isCalendar {
                let bounds = zone.bounds(of: kind, bucket: zone.bucket(of: kind, at: instant))
                try #require(bounds.contains(instant), "\(name) \(kind) \(instant), seed \(seed)")
            }
        }
    }

    @Test func rollingWindowsEndWithTheCurrentBucket() throws {
        let zone = try BusinessZone.load("Europe/Berlin")
        let clock = try utc(2026, 3, 30, 7, 12)
        #expect(
            zone.bounds(of: .rolling24Hours, at: clock)
                == zone.bounds(from: try utc(2026, 3, 29, 8), to: try utc(2026, 3, 30, 8)))
        // Seven local dates of which one has 23 hours.
        let week = zone.bounds(of: .rolling7Days, at: clock)
        #expect(week.end - week.start == 167 * hour)
        #expect((week.startOffset, week.endOffset) == (3_600, 7_200))
        #expect(zone.bounds(of: .rolling30Days, at: clock).start == (try utc(2026, 2, 28, 23)))
    }

    @Test(arguments: tiled)
    func noInstantTraps(name: String) throws {
        let zone = try BusinessZone.load(name)
        var cursor = ZoneCursor(zone)
        for number in extremes {
            #expect(cursor.offset(at: number) == zone.offset(at: number))
            _ = cursor.hour(at: number)
            _ = cursor.day(at: number)
            _ = zone.startOfDay(number)
            for kind in WindowKind.allCases {
                if kind.isRolling { _ = zone.bounds(of: kind, at: number) }
                guard kind.isCalendar else { continue }
                _ = zone.bucket(of: kind, at: number)
                _ = zone.bounds(of: kind, bucket: number)
                _ = zone.successor(of: kind, bucket: number)
                _ = zone.predecessor(of: kind, bucket: number)
            }
        }
    }
}
