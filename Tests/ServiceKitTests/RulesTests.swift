import BusinessTime
import Foundation
import ServiceKit
import Testing

@Suite struct RulesTests {
    @Test(arguments: ["", "# nothing but a comment\n", "---\n", "{}"])
    func nothingIsTheDefault(_ text: String) throws {
        let rules = try Rules(parsing: text)
        #expect(rules.fingerprint == Rules.default.fingerprint)
        #expect(rules.timezone == "UTC")
        #expect(rules.breakdowns == [["channel"], ["priority"], ["category"], ["team"], ["tier"], ["segment"]])
        #expect(rules.kpis == nil)
        #expect(rules.windows == nil)
        #expect(rules.emitInterval == 5_000)
        #expect(rules.minimumSample == 30)
        #expect(rules.maximumFuture == 300_000)
        let day: Int64 = 86_400_000
        #expect(rules.history[.hour] == 8 * day)
        #expect(rules.history[.day] == 400 * day)
        #expect(rules.history[.week] == 400 * day)
        for kind in [WindowKind.month, .quarter, .year] { #expect(rules.history[kind] == 315_576_000_000) }
    }

    @Test func everyMemberIsRead() throws {
        let rules = try Rules(
            parsing: """
                timezone: Europe/Berlin
                history: {hours: 9d, days: 100y, weeks: 50w, year: 20y}
                kpis: [first_response_time, Resolution_Time]
                breakdowns: [priority, [team, priority], overall, [priority]]
                windows: [day, 24h]
                emit_interval: 250ms
                min_sample: 7
                priorities: [P1, p2]
                priority_aliases: {Highest: P1, 1: P2}
                status_aliases: {Waiting: Pending}
                keep_unknown: [order]
                keep_comments: true
                pseudonymize: [agent_id]
                max_future: 30s
                calendars: {always: {always: true}}
                goals: []
                """)
        #expect(rules.timezone == "Europe/Berlin")
        #expect(rules.history[.hour] == 9 * 86_400_000)
        #expect(rules.history[.day] == 3_155_760_000_000)
        #expect(rules.history[.week] == 50 * 604_800_000)
        #expect(rules.history[.quarter] == 315_576_000_000)
        #expect(rules.history[.year] == 631_152_000_000)
        #expect(rules.history[.rolling24Hours] == rules.history[.hour])
        #expect(rules.history[.rolling30Days] == rules.history[.day])
        #expect(rules.kpis == ["first_response_time", "resolution_time"])
        #expect(rules.breakdowns == [["priority"], ["priority", "team"]])
        #expect(rules.windows == [.day, .rolling24Hours])
        #expect(rules.emitInterval == 250)
        #expect(rules.minimumSample == 7)
        #expect(rules.priorities == ["p1", "p2"])
        #expect(rules.priorityAliases == ["highest": "p1", "1": "p2"])
        #expect(rules.statusAliases == ["waiting": "pending"])
        #expect(rules.keepUnknown == ["order"])
        #expect(rules.keepComments)
        #expect(rules.pseudonymize == ["agent_id"])
        #expect(rules.maximumFuture == 30_000)
        #expect(rules.sections.keys.sorted() == ["calendars", "goals"])
        #expect(rules.sections["calendars"]?.entries?.first?.key == "always")
    }

    @Test func thresholdsOfSatisfactionAreReadBeforeTheTable() throws {
        let unit: Int64 = 1_000_000
        let rules = try Rules(parsing: "satisfied_from: {1-6: 5, \"1-5\": 4.5, -2-2: 1, 0.5-1.25: 1}")
        #expect(rules.satisfiedFrom[ScoreScale(unit, 6 * unit)] == 5 * unit)
        #expect(rules.satisfiedFrom[ScoreScale(unit, 5 * unit)] == 4_500_000)
        #expect(rules.satisfiedFrom[ScoreScale(-2 * unit, 2 * unit)] == unit)
        #expect(rules.satisfiedFrom[ScoreScale(500_000, 1_250_000)] == unit)
        #expect(rules.satisfiedFrom[ScoreScale(0, 10 * unit)] == 8 * unit)
        #expect(rules.satisfiedFrom[ScoreScale(0, 6 * unit)] == nil)
        #expect(rules.satisfiedFrom.scales.count == 11)
        let names = rules.satisfiedFrom.scales.map(\.name)
        #expect(names.first == "-2-2" && names.contains("0.5-1.25") && names.last == "1-10")
        #expect(Rules.default.satisfiedFrom[ScoreScale(unit, 5 * unit)] == 4 * unit)
        #expect(rules.fingerprint != Rules.default.fingerprint)
        #expect(try Rules(parsing: "satisfied_from:").fingerprint == Rules.default.fingerprint)
    }

    @Test func labelsAreFoldedAsThoseOfEvents() throws {
        let rules = try Rules(parsing: "priorities: [STRASSE]\npriority_aliases: {Straße 1: STRASSE, ΣΑΣ: x}")
        #expect(rules.priorities == ["strasse"])
        #expect(rules.priorityAliases == ["strasse 1": "strasse", "σασ": "x"])
    }

    @Test func theZoneIsLoaded() throws {
        #expect(try Rules(parsing: "timezone: Europe/Berlin").zone().name == "Europe/Berlin")
        #expect(try Rules.default.zone().name == "UTC")
    }

    @Test func oneHistoryForAll() throws {
        let rules = try Rules(parsing: "history: 100y")
        for kind in WindowKind.allCases { #expect(rules.history[kind] == 3_155_760_000_000) }
    }

    @Test func aPreciseHistoryWinsWhereverItStands() throws {
        for text in ["history: {week: 1w, days: 2d}", "history: {days: 2d, week: 1w}"] {
            let rules = try Rules(parsing: text)
            #expect(rules.history[.day] == 2 * 86_400_000)
            #expect(rules.history[.week] == 604_800_000)
        }
    }

    @Test func noBreakdownsLeaveTheOverallFigure() throws {
        #expect(try Rules(parsing: "breakdowns: []").breakdowns == [])
        #expect(try Rules(parsing: "breakdowns: [overall, tag]").breakdowns == [["tag"]])
    }

    @Test func agentsAreNamedPseudonymousOrOff() throws {
        #expect(Rules.default.agents == .named && Rules.default.pseudonymizedMembers.isEmpty)
        let pseudonymous = try Rules(parsing: "agents: Pseudonymous\npseudonymize: [customer_id]")
        #expect(pseudonymous.agents == .pseudonymous)
        #expect(pseudonymous.pseudonymizedMembers == ["customer_id", "agent_id"])
        #expect(try Rules(parsing: "agents: off").agents == .off)
        #expect(throws: RulesError.self) { _ = try Rules(parsing: "agents: none") }
    }

    @Test func furtherBreakdownsAddToTheUsualOnes() throws {
        let usual = Rules.default.breakdowns
        #expect(
            try Rules(parsing: "breakdowns: [[team, priority], tag]").breakdowns
                == usual + [["priority", "team"], ["tag"]])
        // Whoever names a usual one names all.
        #expect(try Rules(parsing: "breakdowns: [team, [team, tag]]").breakdowns == [["team"], ["tag", "team"]])
    }

    @Test func anchorsAndMergeKeysAreResolved() throws {
        let text = "history: &h {hours: 9d}\nowners: {<<: *h, days: 3d, hours: 1h}\nmappings: {<<: [*h, {x: y}]}"
        let rules = try Rules(parsing: text)
        #expect(rules.history[.hour] == 9 * 86_400_000)
        #expect(rules.sections["owners"]?.entries?.map(\.key).sorted() == ["days", "hours"])
        #expect(rules.sections["owners"]?.entries?.first { $0.key == "hours" }?.value.text == "1h")
        #expect(rules.sections["mappings"]?.entries?.map(\.key).sorted() == ["hours", "x"])
    }

    @Test func theFingerprintIsOfTheMeaning() throws {
        let a = try Rules(parsing: "timezone: Europe/Berlin\nkpis: [csat, nps]\nmappings: {b: 1, a: [x, 'y']}")
        let b = try Rules(
            parsing: """
                # the same
                mappings:
                  a:
                  - x
                  - "y"
                  b: 1
                kpis:
                - nps
                - csat
                min_sample: 30
                'timezone': "Europe/Berlin"
                """)
        #expect(a.fingerprint == b.fingerprint)
        #expect(a.sha256 != b.sha256)
    }

    @Test(arguments: [
        "timezone: Europe/Paris", "history: {hours: 9d}", "kpis: [nps]", "breakdowns: [team]", "windows: [day]",
        "emit_interval: 1s", "min_sample: 31", "priorities: [low, normal, high, urgent]",
        "priority_aliases: {p1: urgent}",
        "status_aliases: {p1: open}", "keep_unknown: [x]", "keep_comments: true", "pseudonymize: [agent_id]",
        "max_future: 1s", "mappings: []", "mappings: {}", "mappings: x", "mappings: 'x'",
        "sources: {x: {expected_every: 1m}}",
        "breakdowns: [[team, tier]]",
        "breakdowns: [team, tier]", "breakdowns: []",
    ]) func everyChangeChangesTheFingerprint(_ text: String) throws {
        #expect(try Rules(parsing: text).fingerprint != Rules.default.fingerprint)
        let texts = [
            "mappings: []", "mappings: {}", "mappings: x", "mappings: 'x'", "sources: {x: {expected_every: 1m}}",
        ]
        let prints = try Set(texts.map { try Rules(parsing: $0).fingerprint })
        #expect(prints.count == texts.count)
    }

    @Test func theHashIsOfTheBytes() throws {
        #expect(
            try Rules(parsing: "").sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            try Rules(parsing: "{}").sha256 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
    }

    @Test(arguments: [
        ("90s", Int64(90_000)), ("15m", 900_000), ("8h", 28_800_000), ("5d", 432_000_000), ("2w", 1_209_600_000),
        ("10y", 315_576_000_000), ("0s", 0), ("250 ms", 250), ("1000y", 31_557_600_000_000), ("3 days", 259_200_000),
    ]) func durations(_ text: String, _ milliseconds: Int64) throws {
        #expect(try RulesDuration(parsing: text).milliseconds == milliseconds)
    }

    @Test(arguments: ["", "s", "5", "-5s", "5.5h", "1001y", "9223372036854775808s", "5 parsecs", "٣s", "5s5", "1h30m"])
    func noDurations(_ text: String) {
        #expect(throws: RulesDuration.ParseError.self) { _ = try RulesDuration(parsing: text) }
    }

    @Test func theExampleFileIsValid() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let rules = try Rules.load(path: root.appending(path: "deploy/rules/rules.example.yaml").path)
        #expect(rules.timezone == "Europe/Berlin")
        #expect(rules.sections["policies"] != nil)
    }

    @Test func filesThatCannotBeReadAreNamed() throws {
        let error = #expect(throws: RulesLoadError.self) { _ = try Rules.load(path: "/nonexistent/rules.yaml") }
        #expect(error?.description.contains("/nonexistent/rules.yaml cannot be read") == true)
    }
}
