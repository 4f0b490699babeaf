import BusinessTime
import Foundation
import TestSupport
import Testing

@Suite struct ZoneFileTests {
    /// A version 2 file with the given table and footer.
    private func tzif(
        _ transitions: [(second: Int64, type: UInt8)] = [], offsets: [Int32] = [0], footer: String,
        version: Character = "2"
    ) -> [UInt8] {
        func bigEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
            (0..<Number.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
        func header(_ times: Int, _ types: Int, _ chars: Int) -> [UInt8] {
            Array("TZif\(version)".utf8) + [UInt8](repeating: 0, count: 15)
                + [0, 0, 0, times, types, chars].flatMap { bigEndian(UInt32($0)) }
        }
        var bytes = header(0, 1, 1) + [UInt8](repeating: 0, count: 7)
        bytes += header(transitions.count, offsets.count, 4)
        bytes += transitions.flatMap { bigEndian($0.second) } + transitions.map(\.type)
        bytes += offsets.flatMap { bigEndian($0) + [0, 0] } + Array("ABC\0".utf8)
        return bytes + Array("\n\(footer)\n".utf8)
    }

    private func load(_ bytes: [UInt8], name: String = "Test/Zone") throws -> BusinessZone {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return try BusinessZone.load(name, from: directory.path)
    }

    @Test func theFooterRulesBehindTheTable() throws {
        let zone = try load(tzif(offsets: [3_600], footer: "CET-1CEST,M3.5.0,M10.5.0/3"))
        for year in [1970, 2026, 2038, 2100, 2200] {
            let march = try #require(
                (25...31).first { CivilDate.weekday(ofDay: (try? dayNumber(year, 3, $0)) ?? 0) == 6 })
            let october = try #require(
                (25...31).first { CivilDate.weekday(ofDay: (try? dayNumber(year, 10, $0)) ?? 0) == 6 })
            let spring = try utc(year, 3, march, 1)
            let autumn = try utc(year, 10, october, 1)
            #expect(zone.offset(at: spring - 1) == 3_600, "\(year)")
            #expect(zone.offset(at: spring) == 7_200, "\(year)")
            #expect(zone.offset(at: autumn - 1) == 7_200, "\(year)")
            #expect(zone.offset(at: autumn) == 3_600, "\(year)")
        }
    }

    @Test func theFooterBeginsWhereTheTableEnds() throws {
        let last = try utc(2030, 6, 1) / second
        let zone = try load(tzif([(last, 1)], offsets: [0, 7_200], footer: "<+01>-1<+02>,M3.5.0,M10.5.0/3"))
        #expect(zone.offset(at: last * second - 1) == 0)
        #expect(zone.offset(at: last * second) == 7_200)
        #expect(zone.offset(at: try utc(2030, 11, 1)) == 3_600)
        #expect(zone.offset(at: try utc(2031, 7, 1)) == 7_200)
    }

    @Test func allFormsOfRulesAreUnderstood() throws {
        // Southern hemisphere, half-hour shift, negative and large times, day numbers with and without leap day.
        let south = try load(tzif(offsets: [37_800], footer: "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"))
        #expect(south.offset(at: try utc(2100, 1, 1)) == 39_600)
        #expect(south.offset(at: try utc(2100, 7, 1)) == 37_800)
        let negative = try load(tzif(footer: "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", version: "3"))
        #expect(negative.offset(at: try utc(2050, 3, 27, 1) - 1) == -7_200)
        #expect(negative.offset(at: try utc(2050, 3, 27, 1)) == -3_600)
        let julian = try load(tzif(footer: "AAA0BBB,J60/0,J300/0"))
        #expect(julian.offset(at: try utc(2096, 3, 1) - 1) == 0)
        #expect(julian.offset(at: try utc(2096, 3, 1)) == 3_600)
        let ordinal = try load(tzif(footer: "AAA0BBB,59/24:30:15,300/0"))
        #expect(ordinal.offset(at: try utc(2095, 3, 2, 0, 30, 15) - 1) == 0)
        #expect(ordinal.offset(at: try utc(2095, 3, 2, 0, 30, 15)) == 3_600)
        let plain = try load(tzif(footer: "<+0545>-5:45"))
        #expect(plain.offset(at: try utc(2150, 1, 1)) == 20_700)
    }

    @Test(arguments: [
        "", "..", "../etc/passwd", "/etc/passwd", "Europe/../../etc/passwd", "Europe//Berlin", "Europe/",
        ".hidden", "Europe/Ber lin", "-x", "Zürich", String(repeating: "a", count: 300),
    ])
    func hostileNamesAreRefused(name: String) {
        #expect(throws: BusinessZoneError.invalidName(name)) { try BusinessZone.load(name) }
    }

    @Test func aNameDoesNotEndAtANulByte() {
        #expect(throws: BusinessZoneError.invalidName("Europe/Berlin\0x")) { try BusinessZone.load("Europe/Berlin\0x") }
    }

    @Test func aMissingFileIsNamed() {
        let error = #expect(throws: BusinessZoneError.self) { try BusinessZone.load("Europe/Nowhere") }
        #expect(error?.description.contains("/usr/share/zoneinfo/Europe/Nowhere") ?? false)
        #expect(error?.description.contains("tzdata") ?? false)
        // A directory is no zone.
        #expect(throws: BusinessZoneError.self) { try BusinessZone.load("Europe") }
    }

    @Test func utcNeedsNoFile() throws {
        let zone = try BusinessZone.load("UTC", from: "/nonexistent")
        #expect(zone.offset(at: 0) == 0)
        #expect(zone.fingerprint == BusinessZone.utc.fingerprint)
    }

    @Test func theFingerprintFollowsTheData() throws {
        let one = tzif(offsets: [3_600], footer: "CET-1")
        #expect(try load(one).fingerprint == load(one).fingerprint)
        #expect(try load(one).fingerprint != load(tzif(offsets: [3_600], footer: "CET-2")).fingerprint)
        #expect(try load(one).fingerprint != load(one, name: "Test/Other").fingerprint)
    }

    @Test func unusableFilesAreRefused() throws {
        var leap = tzif(footer: "UTC0")
        leap[51 + 31] = 1
        let cases: [[UInt8]] = [
            [], Array("hello".utf8), tzif(footer: "UTC0", version: "\0"), tzif(footer: "nonsense"), leap,
            tzif([(10, 0), (10, 0)], footer: "UTC0"), tzif([(10, 7)], footer: "UTC0"),
            tzif(offsets: [100_000], footer: "UTC0"),
            tzif(footer: "AAA0BBB,M13.1.0,M4.1.0"), tzif(footer: "AAA0BBB,M3.1.0"),
            [UInt8](repeating: 84, count: 300_000),
        ]
        for (index, bytes) in cases.enumerated() {
            let error = #expect(throws: BusinessZoneError.self, "case \(index)") { try load(bytes) }
            if case .malformed = error {} else { Issue.record("case \(index): \(String(describing: error))") }
        }
    }

    @Test func damagedFilesNeverTrap() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let intact = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Berlin")))
        var refused = 0
        for _ in 0..<300 {
            var bytes = intact
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                let zone = try load(bytes)
                for instant in extremes { _ = zone.startOfDay(zone.day(at: instant).number) }
            } catch is BusinessZoneError {
                refused += 1
            }
        }
        #expect(refused > 0, "seed \(seed)")
    }
}
