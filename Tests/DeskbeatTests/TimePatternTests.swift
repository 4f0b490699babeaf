import BusinessTime
import Deskbeat
import Foundation
import Testing

@Suite struct TimePatternTests {
    private func read(_ pattern: String, _ text: String) throws -> String? {
        try TimePattern(pattern).parse(Array(text.utf8)[...]).map { reading in
            var bytes: [UInt8] = []
            appendRFC3339(reading.micros - Int64(reading.offset ?? 0) * 1_000_000, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    @Test(arguments: [
        ("d/M/yyyy HH:mm", "29/2/2016 01:16", "2016-02-29T01:16:00Z"),
        ("d/M/yyyy HH:mm", "05/12/2016 23:59", "2016-12-05T23:59:00Z"),
        ("yyMMdd H:mm:ss", "990101 0:00:31", "1999-01-01T00:00:31Z"),
        ("yyMMdd", "681231", "2068-12-31T00:00:00Z"),
        ("M/d/yyyy h:mm a", "1/2/2020 12:05 AM", "2020-01-02T00:05:00Z"),
        ("M/d/yyyy h:mm a", "1/2/2020 12:05 pm", "2020-01-02T12:05:00Z"),
        ("dd-MMM-yyyy", "07-Mar-2021", "2021-03-07T00:00:00Z"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2021-03-07T10:00:00.250+01:00", "2021-03-07T09:00:00.250Z"),
        ("iso", "2021-03-07", "2021-03-07T00:00:00Z"),
        ("iso", "2021-03-07 10:00:00.1234567", "2021-03-07T10:00:00.123456Z"),
        ("iso", "2021-03-07T10:00-0530", "2021-03-07T15:30:00Z"),
        ("epoch_s", "0", "1970-01-01T00:00:00Z"),
        ("epoch_s", "1600000000.5", "2020-09-13T12:26:40.500Z"),
        ("epoch_ms", "-1", "1969-12-31T23:59:59.999Z"),
    ])
    func reads(pattern: String, text: String, expected: String) throws {
        #expect(try read(pattern, text) == expected)
    }

    @Test(arguments: [
        ("d/M/yyyy HH:mm", "29/2/2015 01:16"), ("d/M/yyyy HH:mm", "1/13/2016 01:16"),
        ("d/M/yyyy HH:mm", "1/1/2016 24:00"),
        ("d/M/yyyy HH:mm", "1/1/2016 1:00"), ("d/M/yyyy HH:mm", "1/1/2016 01:00 x"), ("d/M/yyyy HH:mm", ""),
        ("h a", "13 pm"), ("iso", "2021-02-30"), ("iso", "2021-03-07T10"), ("epoch_s", "99999999999999999999"),
        ("epoch_s", "1e9"), ("epoch_ms", "9223372036854775807"),
    ])
    func rejects(pattern: String, text: String) throws {
        #expect(try read(pattern, text) == nil)
    }

    @Test func unknownLettersAreErrors() {
        for pattern in ["%Y-%m-%d", "yyyy-QQ", "'open", "", "ddd"] {
            #expect(throws: TimePattern.Malformed.self) { try TimePattern(pattern) }
        }
    }

    @Test func civilTimeAgreesWithFoundation() throws {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        for _ in 0..<500 {
            let seconds = Int64.random(in: -5_000_000_000...10_000_000_000, using: &random)
            let time = CivilTime(micros: seconds * 1_000_000)
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second], from: Date(timeIntervalSince1970: Double(seconds)))
            #expect(
                [time.year, time.month, time.day, time.hour, time.minute, time.second]
                    == [parts.year, parts.month, parts.day, parts.hour, parts.minute, parts.second],
                "seed \(random.seed)")
            #expect(time.micros == seconds * 1_000_000)
        }
    }

    @Test func zonesWithSkippedAndRepeatedHours() throws {
        let berlin = try LocalZone("Europe/Berlin")
        func instant(_ text: String) throws -> String {
            let clock = try #require(try TimePattern("iso").parse(Array(text.utf8)[...]))
            var bytes: [UInt8] = []
            appendRFC3339(berlin.instant(clock.micros), to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(try instant("2021-01-15 12:00") == "2021-01-15T11:00:00Z")
        #expect(try instant("2021-07-15 12:00") == "2021-07-15T10:00:00Z")
        // 02:30 does not exist on 28 March; it is taken with the offset that held before.
        #expect(try instant("2021-03-28 02:30") == "2021-03-28T01:30:00Z")
        #expect(try instant("2021-03-28 03:30") == "2021-03-28T01:30:00Z")
        // 02:30 happens twice on 31 October; the first one counts.
        #expect(try instant("2021-10-31 02:30") == "2021-10-31T00:30:00Z")
        #expect(try instant("2021-10-31 03:30") == "2021-10-31T02:30:00Z")
        for name in ["Mars/Olympus", "../passwd", ""] {
            #expect(throws: BusinessZoneError.self) { try LocalZone(name) }
        }
    }
}
