import BusinessTime
import Testing

/// Against a count of single minutes, which knows nothing of windows turned into instants but the wall clock.
@Suite struct WorkingCalendarTests {
    private struct Story: Sendable, CustomStringConvertible {
        var zone: String
        /// First and last day; each holds a clock change.
        var from: CivilDate
        var days: Int64
        /// Minutes since midnight.
        var windows: [(Int64, Int64)]
        var closed: Set<Int> = [5, 6]
        var description: String { "\(zone) \(windows)" }
    }

    private static func date(_ year: Int, _ month: Int, _ day: Int) -> CivilDate {
        CivilDate(year: year, month: month, day: day) ?? CivilDate(dayNumber: 0)
    }

    private static let stories = [
        Story(zone: "Europe/Berlin", from: date(2024, 3, 26), days: 9, windows: [(0, 150), (200, 1440)], closed: []),
        Story(zone: "Europe/Berlin", from: date(2024, 10, 24), days: 9, windows: [(145, 600), (660, 700)], closed: []),
        Story(zone: "America/New_York", from: date(2024, 3, 6), days: 9, windows: [(1320, 1800)]),
        Story(
            zone: "America/New_York", from: date(2024, 10, 31), days: 8, windows: [(90, 105), (540, 1020)],
            closed: [2]),
        Story(zone: "Australia/Sydney", from: date(2024, 10, 2), days: 9, windows: [(130, 480)], closed: []),
        Story(
            zone: "Australia/Lord_Howe", from: date(2024, 4, 3), days: 9, windows: [(100, 125), (1380, 1450)],
            closed: []),
        Story(
            zone: "Europe/Berlin", from: date(2024, 3, 27), days: 8, windows: [(360, 420), (540, 600), (1320, 1980)]),
        Story(zone: "Pacific/Apia", from: date(2011, 12, 27), days: 9, windows: [(540, 1020)], closed: []),
    ]

    @Test(arguments: stories.indices) func agreesWithACountOfMinutes(_ index: Int) throws {
        let story = Self.stories[index]
        let zone = try BusinessZone.load(story.zone)
        let hours = try story.windows.map {
            try #require(WorkingCalendar.Hours(opens: $0.0, closes: $0.1 > 1440 ? $0.1 - 1440 : $0.1))
        }
        let week = (0..<7).map { story.closed.contains($0) ? [] : hours }
        let calendar = try #require(WorkingCalendar(zone: zone, week: week))
        let minute: Int64 = 60_000_000
        let start = zone.startOfDay(story.from.dayNumber)
        let count = Int(story.days * 1440)
        let open = minutes(story, zone, start, count)
        var sums = [0]
        for isOpen in open { sums.append(sums[sums.count - 1] + (isOpen ? 1 : 0)) }
        #expect(sums[count] > 0)

        var state = UInt64(index) &+ 1
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        for _ in 0..<2000 {
            let left = random(count)
            let right = left + random(count - left + 1)
            let from = start + Int64(left) * minute
            let to = start + Int64(right) * minute
            let worked = sums[right] - sums[left]
            #expect(calendar.time(from: from, to: to) == Int64(worked) * minute, "\(story) \(left) \(right)")
            guard worked > 0 else { continue }
            // The first minute by whose end so much has been worked, and the last from which on it is worked.
            let reached = try #require(sums.firstIndex { $0 - sums[left] == worked })
            #expect(
                calendar.add(Int64(worked) * minute, to: from) == start + Int64(reached) * minute,
                "\(story) \(left) \(worked)")
            let begun = try #require(sums.lastIndex { sums[right] - $0 == worked })
            #expect(
                calendar.subtract(Int64(worked) * minute, from: to) == start + Int64(begun) * minute,
                "\(story) \(right) \(worked)")
        }
    }

    /// A window is open from the first minute at which the wall clock shows its opening or later, to the first at which it
    /// shows its closing or later.
    private func minutes(_ story: Story, _ zone: BusinessZone, _ start: Micros, _ count: Int) -> [Bool] {
        let before = 3 * 1440
        let wall = (-before..<count + before).map { index -> Int64 in
            let instant = start + Int64(index) * 60_000_000
            return (instant / 1_000_000 + zone.offset(at: instant)) / 60
        }
        // Sought on a clock that never goes back: the latest reading so far.
        var latest: [Int64] = []
        for reading in wall { latest.append(max(reading, latest.last ?? .min)) }
        var open = Array(repeating: false, count: wall.count)
        for day in story.from.dayNumber - 2...story.from.dayNumber + story.days + 1 {
            if story.closed.contains(CivilDate.weekday(ofDay: day)) { continue }
            for (opens, closes) in story.windows {
                let first = latest.firstIndex { $0 >= day * 1440 + opens } ?? wall.count
                let last = latest.firstIndex { $0 >= day * 1440 + closes } ?? wall.count
                for index in first..<max(first, last) { open[index] = true }
            }
        }
        return Array(open[before..<before + count])
    }

    @Test func aBoundaryIsClosingOrTheNextOpening() throws {
        let day = try [#require(WorkingCalendar.Hours(opens: 540, closes: 1020))]
        let calendar = try #require(
            WorkingCalendar(zone: .utc, week: Array(repeating: day, count: 7)))
        let opens: Micros = 1_705_309_200_000_000  // 2024-01-15T09:00:00Z
        let hour: Int64 = 3_600_000_000
        #expect(calendar.add(8 * hour, to: opens) == opens + 8 * hour)
        #expect(calendar.add(8 * hour, to: opens, boundary: .nextOpen) == opens + 24 * hour)
        #expect(calendar.add(0, to: opens + 9 * hour) == opens + 24 * hour)
        #expect(calendar.add(days: 2, to: opens + hour) == opens + 49 * hour)
        #expect(calendar.add(days: 2, to: opens + hour, endOfDay: true) == opens + 56 * hour)
    }

    @Test func whatCannotBeACalendarIsNone() throws {
        let early = try #require(WorkingCalendar.Hours(opens: 540, closes: 720))
        let late = try #require(WorkingCalendar.Hours(opens: 700, closes: 800))
        #expect(WorkingCalendar(zone: .utc, week: Array(repeating: [], count: 7)) == nil)
        #expect(WorkingCalendar(zone: .utc, week: [[early]]) == nil)
        #expect(WorkingCalendar(zone: .utc, week: Array(repeating: [early, late], count: 7)) == nil)
        #expect(WorkingCalendar.Hours(opens: 1440, closes: 10) == nil)
    }
}
