import BusinessTime
import Foundation
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
        Story(zone: "Pacific/Apia", from: date(2011, 12, 27), days: 9, windows: [(30, 90), (1320, 1500)], closed: []),
        // Clocks that are put back, and forward, at midnight.
        Story(
            zone: "America/Sao_Paulo", from: date(2018, 2, 14), days: 8, windows: [(0, 45), (600, 700), (1390, 1440)],
            closed: []),
        Story(zone: "America/Havana", from: date(2024, 10, 31), days: 7, windows: [(0, 70), (1380, 1500)], closed: []),
        Story(zone: "Africa/Cairo", from: date(2024, 4, 23), days: 7, windows: [(15, 45), (1320, 1470)], closed: []),
        Story(zone: "Asia/Kathmandu", from: date(2026, 1, 20), days: 12, windows: [(615, 1015)], closed: [5]),
        // Over the edge between two of the calendar's tables, 2026-01-27.
        Story(
            zone: "Europe/Berlin", from: date(2026, 1, 23), days: 9, windows: [(600, 660), (1320, 1800)], closed: []),
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

    /// Index of the first reading that is not before `minute`.
    private static func first(_ readings: [Int64], _ minute: Int64) -> Int {
        var low = 0
        var high = readings.count
        while low < high {
            let middle = (low + high) / 2
            if readings[middle] >= minute { high = middle } else { low = middle + 1 }
        }
        return low
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
                let first = Self.first(latest, day * 1440 + opens)
                let last = Self.first(latest, day * 1440 + closes)
                for index in first..<max(first, last) { open[index] = true }
            }
        }
        return Array(open[before..<before + count])
    }

    /// In every zone there is, around a change of its clock in either half of the year.
    @Test func everyZoneAgreesWithACountOfMinutes() throws {
        let list = try String(contentsOf: URL(filePath: "/usr/share/zoneinfo/zone1970.tab"), encoding: .utf8)
        let names = list.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap {
            $0.split(separator: "\t").dropFirst(2).first.map(String.init)
        }
        #expect(names.count > 300)
        let windows: [(Int64, Int64)] = [(0, 95), (125, 200), (1375, 1470)]
        let hours = try windows.map {
            try #require(WorkingCalendar.Hours(opens: $0.0, closes: $0.1 > 1440 ? $0.1 - 1440 : $0.1))
        }
        var changes = 0
        for name in names {
            let zone = try BusinessZone.load(name)
            let calendar = try #require(WorkingCalendar(zone: zone, week: Array(repeating: hours, count: 7)))
            for half in [Self.date(2009, 1, 1), Self.date(2009, 7, 1)] {
                // The first change of the offset from then on, if there is one within two years.
                let days = half.dayNumber..<half.dayNumber + 730
                let changed = days.first {
                    zone.offset(at: zone.startOfDay($0)) != zone.offset(at: zone.startOfDay($0 + 1))
                }
                guard let changed else { continue }
                changes += 1
                let story = Story(
                    zone: name, from: CivilDate(dayNumber: changed - 1), days: 4, windows: windows, closed: [])
                let start = zone.startOfDay(changed - 1)
                let count = 4 * 1440
                var sum: Int64 = 0
                for (minute, isOpen) in minutes(story, zone, start, count).enumerated() {
                    if isOpen { sum += 60_000_000 }
                    guard minute % 37 == 0 || minute == count - 1 else { continue }
                    let end = start + Int64(minute + 1) * 60_000_000
                    try #require(calendar.time(from: start, to: end) == sum, "\(name) \(changed) \(minute)")
                }
            }
        }
        #expect(changes > 200)
    }

    /// Over decades, and over the edges of the calendar's tables: what one answer says, the others confirm.
    @Test func answersAgreeWithEachOther() throws {
        let zone = try BusinessZone.load("America/New_York")
        let day = try [#require(WorkingCalendar.Hours(opens: 540, closes: 1020))]
        let night = try [#require(WorkingCalendar.Hours(opens: 1320, closes: 360))]
        let calendar = try #require(WorkingCalendar(zone: zone, week: [day, day, night, day, night, [], []]))
        var state: UInt64 = 7
        func random(_ limit: Int64) -> Int64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int64(state >> 1) % limit
        }
        let decades: Int64 = 60 * 365 * 86_400_000_000
        for _ in 0..<500 {
            let instants = [random(decades), random(decades), random(decades)].sorted()
            let (first, middle, last) = (instants[0], instants[1], instants[2])
            let whole = calendar.time(from: first, to: last)
            #expect(calendar.time(from: first, to: middle) + calendar.time(from: middle, to: last) == whole)
            let reached = try #require(calendar.add(whole, to: first))
            #expect(reached <= last && calendar.time(from: reached, to: last) == 0)
            #expect(calendar.time(from: first, to: reached) == whole)
            let begun = try #require(calendar.subtract(whole, from: last))
            #expect(begun >= first && calendar.time(from: first, to: begun) == 0)
        }
    }

    /// Working days as GLPI counts them, and those of a night shift.
    @Test func workingDaysKeepTheTimeOfDay() throws {
        let day = try [#require(WorkingCalendar.Hours(opens: 510, closes: 1140))]
        let calendar = try #require(WorkingCalendar(zone: .utc, week: [day, day, day, day, day, [], []]))
        let monday = Self.date(2024, 1, 15).dayNumber * 86_400
        func instant(_ days: Int64, _ minutes: Int64) -> Micros { (monday + days * 86_400 + minutes * 60) * 1_000_000 }
        #expect(calendar.add(days: 5, to: instant(0, 600)) == instant(7, 600))
        // After closing: as late as the last closing. Before opening: as early as it was.
        #expect(calendar.add(days: 1, to: instant(0, 1200)) == instant(1, 1140))
        #expect(calendar.add(days: 1, to: instant(0, 420)) == instant(1, 420))
        // On a Saturday: from Monday's opening.
        #expect(calendar.add(days: 1, to: instant(5, 600)) == instant(8, 510))
        #expect(calendar.add(days: 1, to: instant(5, 600), endOfDay: true) == instant(8, 1140))
        #expect(calendar.add(days: 1, to: instant(0, 1200), endOfDay: true) == instant(1, 1140))
        let shift = try [#require(WorkingCalendar.Hours(opens: 1320, closes: 360))]
        let nights = try #require(WorkingCalendar(zone: .utc, week: [shift, shift, shift, shift, shift, [], []]))
        // Saturday 02:00 belongs to Friday's night, and Tuesday 02:00 to Monday's.
        #expect(nights.add(days: 1, to: instant(5, 120)) == instant(8, 120))
        #expect(nights.add(days: 2, to: instant(1, 120), endOfDay: true) == instant(3, 360))
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
