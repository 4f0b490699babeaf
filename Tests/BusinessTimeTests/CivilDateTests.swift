import BusinessTime
import Foundation
import Testing

@Suite struct CivilDateTests {
    @Test func everyDayFrom1970To2200IsFoundations() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        var iso = Calendar(identifier: .iso8601)
        iso.timeZone = calendar.timeZone
        let last = try dayNumber(2200, 12, 31)
        for day in 0...last {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400)
            let fields = calendar.dateComponents([.year, .month, .day, .weekday], from: date)
            let civil = CivilDate(dayNumber: day)
            try #require((civil.year, civil.month, civil.day) == (fields.year, fields.month, fields.day), "day \(day)")
            try #require(civil.dayNumber == day)
            try #require(CivilDate.weekday(ofDay: day) == ((fields.weekday ?? 0) + 5) % 7)
            let week = iso.dateComponents([.yearForWeekOfYear, .weekOfYear], from: date)
            try #require(
                CivilDate.isoWeek(ofDay: day) == (week.yearForWeekOfYear ?? 0, week.weekOfYear ?? 0), "day \(day)")
        }
    }

    @Test func datesThatDoNotExistAreRefused() {
        #expect(CivilDate(year: 2026, month: 2, day: 29) == nil)
        #expect(CivilDate(year: 2100, month: 2, day: 29) == nil)
        #expect(CivilDate(year: 2000, month: 2, day: 29) != nil)
        #expect(CivilDate(year: 2026, month: 13, day: 1) == nil)
        #expect(CivilDate(year: 2026, month: 0, day: 1) == nil)
        #expect(CivilDate(year: 2026, month: 4, day: 31) == nil)
        #expect(CivilDate(year: 0, month: 1, day: 1) == nil)
    }

    @Test func daysBeforeTheEpochAndAtTheEnds() throws {
        #expect(CivilDate(dayNumber: -1) == CivilDate(year: 1969, month: 12, day: 31))
        #expect(CivilDate(dayNumber: -719_162) == CivilDate(year: 1, month: 1, day: 1))
        #expect(CivilDate(dayNumber: .min) == CivilDate(year: 1, month: 1, day: 1))
        #expect(CivilDate(dayNumber: .max) == CivilDate(year: 9999, month: 12, day: 31))
        #expect(try dayNumber(1900, 3, 1) - dayNumber(1900, 2, 28) == 1)
    }

    @Test(arguments: [WindowKind.day, .week, .month, .quarter, .year])
    func bucketsContainTheirDays(kind: WindowKind) throws {
        for day in try dayNumber(1969, 11, 1)...dayNumber(2200, 12, 31) {
            let bucket = kind.bucket(ofDay: day)
            try #require(kind.firstDay(ofBucket: bucket) <= day)
            try #require(day < kind.firstDay(ofBucket: bucket + 1))
        }
        let first = CivilDate(dayNumber: kind.firstDay(ofBucket: kind.bucket(ofDay: try dayNumber(2026, 11, 22))))
        let expected: [WindowKind: CivilDate?] = [
            .day: CivilDate(year: 2026, month: 11, day: 22), .week: CivilDate(year: 2026, month: 11, day: 16),
            .month: CivilDate(year: 2026, month: 11, day: 1), .quarter: CivilDate(year: 2026, month: 10, day: 1),
            .year: CivilDate(year: 2026, month: 1, day: 1),
        ]
        #expect(first == expected[kind] ?? nil)
    }

    @Test func labelsAreThoseOfTheContract() throws {
        let day = try dayNumber(2026, 11, 22)
        func label(_ kind: WindowKind) -> String { BucketLabel.text(kind, bucket: kind.bucket(ofDay: day)) }
        #expect(label(.day) == "2026-11-22")
        #expect(label(.week) == "2026-W47")
        #expect(label(.month) == "2026-11")
        #expect(label(.quarter) == "2026-Q4")
        #expect(label(.year) == "2026")
        #expect(
            BucketLabel.text(.hour, bucket: HourBucket(hour: day * 24 + 9, offset: 3_600).packed)
                == "2026-11-22T09+01:00")
        #expect(
            BucketLabel.text(.hour, bucket: HourBucket(hour: day * 24, offset: -12_600).packed) == "2026-11-22T00-03:30"
        )
        #expect(BucketLabel.text(.now, bucket: 0).isEmpty)
        #expect(BucketLabel.text(.rolling7Days, bucket: 0).isEmpty)
        // The first days of 2027 belong to the last week of 2026, and 2024-12-30 to the first one of 2025.
        #expect(BucketLabel.text(.week, bucket: WindowKind.week.bucket(ofDay: try dayNumber(2027, 1, 2))) == "2026-W53")
        #expect(
            BucketLabel.text(.week, bucket: WindowKind.week.bucket(ofDay: try dayNumber(2024, 12, 30))) == "2025-W01")
    }

    @Test func noNumberTraps() {
        for number in extremes {
            _ = CivilDate(dayNumber: number)
            _ = CivilDate.isoWeek(ofDay: number)
            _ = CivilDate.weekday(ofDay: number)
            _ = HourBucket(hour: number, offset: number).packed
            _ = HourBucket(packed: number).nominalStart
            for kind in WindowKind.allCases where kind.isCalendar {
                if kind != .hour {
                    _ = kind.bucket(ofDay: number)
                    _ = kind.firstDay(ofBucket: number)
                }
                #expect(!BucketLabel.text(kind, bucket: number).isEmpty)
            }
        }
    }
}
