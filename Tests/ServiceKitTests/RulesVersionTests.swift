import SLA
import ServiceKit
import Testing

@Suite struct RulesVersionTests {
    @Test func aRecordIsReadBack() throws {
        var record = RulesRecord(version: 7, file: "rules \"a\".yaml", text: "timezone: Europe/Berlin\n# ü\t\u{1}\n")
        record.publishedAt = 1_774_000_000_000_000
        #expect(RulesRecord(value: record.value, publishedAt: record.publishedAt) == record)
        #expect(record.sha256 == RulesRecord.sha256(of: record.text))
        #expect(RulesRecord(value: Array("{\"format\":2}".utf8), publishedAt: 0) == nil)
        #expect(RulesRecord(value: Array("timezone: UTC".utf8), publishedAt: 0) == nil)
    }

    @Test func aVersionCarriesItsNumberAndItsTime() throws {
        var record = RulesRecord(version: 3, file: "rules.yaml", text: "timezone: Europe/Berlin")
        record.publishedAt = 12
        let rules = try Rules(record)
        #expect(rules.version == 3 && rules.publishedAt == 12 && rules.timezone == "Europe/Berlin")
        #expect(rules.sha256 == record.sha256)
        #expect(Rules.default.version == 0)
        record.text = "timezone: Nowhere/City"
        #expect(throws: RulesError.self) { try Rules(record) }
    }

    @Test func theNewestVersionComesWithThoseBefore() throws {
        var versions = RulesVersions()
        #expect(try versions.newest() == nil)
        for version in 1...60 {
            var record = RulesRecord(version: Int64(version), file: "rules.yaml", text: "min_sample: \(version)")
            record.publishedAt = Int64(version) * 1_000
            if version == 58 { record.text = "min_sample: many" }
            versions.add(record)
            if version == 58 { #expect(throws: RulesTopicError.self) { try versions.newest() } }
        }
        let newest = try #require(try versions.newest())
        #expect(newest.version == 60 && newest.minimumSample == 60)
        #expect(newest.earlier.map(\.version) == Array(10...57) + [59], "as many as are kept, but what cannot be read")
        #expect(newest.earlier.allSatisfy(\.earlier.isEmpty) && versions.unreadable == [58])
    }

    /// A ticket goes on under the version that it began with; what was there before the first one, under that.
    @Test func theOldestEditionHoldsFromTheBeginning() throws {
        var versions = RulesVersions()
        for version in 1...3 {
            var record = RulesRecord(version: Int64(version), file: "rules.yaml", text: "min_sample: \(version)")
            record.publishedAt = Int64(version) * 1_000
            versions.add(record)
        }
        let editions = try #require(try versions.newest()).editions()
        #expect(editions.map(\.version) == [1, 2, 3] && editions.map(\.from) == [.min, 2_000, 3_000])
    }

    @Test func aDifferenceNamesSettingsByPathAndWhatFollows() throws {
        let old = """
            timezone: UTC
            windows: [day, month]
            calendars: {always: {always: true}}
            policies:
              - {id: gold, calendar: always, metrics: {resolution: {target: 8h}}}
              - {id: rest, calendar: always, metrics: {resolution: {target: 5d}}}
            """
        let new = """
            # other words, other order
            calendars: {always: {always: true}}
            policies:
              - {id: rest, calendar: always, metrics: {resolution: {target: 5d}}}
              - {id: gold, calendar: always, metrics: {resolution: {target: 4h}}}
            timezone: Europe/Berlin
            windows: [day, month]
            min_sample: 10
            """
        let difference = RulesDifference(from: try Rules.tree(old), to: try Rules.tree(new))
        #expect(
            difference.changes == [
                .init(path: "min_sample", before: nil, after: "10"),
                .init(path: "policies[gold].metrics.resolution.target", before: "8h", after: "4h"),
                .init(path: "timezone", before: "UTC", after: "Europe/Berlin"),
            ])
        #expect(difference.consequences.contains { $0.hasPrefix("timezone: every KPI is derived again") })
        #expect(difference.consequences.contains { $0.hasPrefix("policies: the SLA monitor judges") })
        #expect(difference.consequences.contains("policies changed: gold"))
        #expect(difference.consequences.contains { $0.contains("their order has changed") })
        let same = RulesDifference(from: try Rules.tree(old), to: try Rules.tree(old + "\n# the same\n"))
        #expect(same.changes.isEmpty && same.consequences.isEmpty)
        #expect(RulesDifference(from: nil, to: try Rules.tree(old)).changes.count == 9)
    }
}
