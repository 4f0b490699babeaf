import ServiceKit
import Testing

/// A faulty rules file and what must be said about it.
struct RulesFault: Sendable, CustomTestStringConvertible {
    let text: String
    let line: Int
    let column: Int
    let path: String
    let says: [String]

    init(_ text: String, _ line: Int, _ column: Int, _ path: String, _ says: String...) {
        (self.text, self.line, self.column, self.path, self.says) = (text, line, column, path, says)
    }

    var testDescription: String { text }
}

@Suite struct RulesErrorTests {
    static let faults: [RulesFault] = [
        .init("timezone: Europe/Berln", 1, 11, "timezone", "Europe/Berln", "Europe/Berlin?"),
        .init("timezone: ../../../etc/passwd", 1, 11, "timezone", "no known time zone"),
        .init("timezone: [a]", 1, 11, "timezone", "a list where text is expected"),
        .init("timezone:", 1, 10, "timezone", "nothing where text is expected"),
        .init("timezon: UTC", 1, 1, "timezon", "unknown name", "timezone?"),
        .init("# c\n\nbreakdown: [priority]", 3, 1, "breakdown", "breakdowns?"),
        .init("qqqqqqqqqq: 1", 1, 1, "qqqqqqqqqq", "known here are", "timezone"),
        .init("history:\n  hours: 8 dayz", 2, 10, "history.hours", "\"dayz\" is no unit", "d (days)"),
        .init("history:\n  hours: 8", 2, 10, "history.hours", "has no unit", "8d"),
        .init("history: {houres: 8d}", 1, 11, "history.houres", "hours?"),
        .init("history: {years: 1001y}", 1, 18, "history.years", "longer than 1000 years"),
        .init("history: {years: 99999999999999999999d}", 1, 18, "history.years", "longer than 1000 years"),
        .init("history: [8d]", 1, 10, "history", "a list where a mapping is expected", "{hours: 8d"),
        .init("kpis: [first_response_tme]", 1, 8, "kpis[0]", "first_response_time?"),
        .init("kpis: []", 1, 7, "kpis", "the list is empty", "leave kpis out"),
        .init("breakdowns: [priority, [team, prority]]", 1, 31, "breakdowns[1]", "priority?"),
        .init("breakdowns: [agent]", 1, 14, "breakdowns[0]", "agents are no breakdown", "agents"),
        .init("breakdowns: [[team, team]]", 1, 21, "breakdowns[0]", "stands twice"),
        .init(
            "breakdowns: [[team, tier, priority, channel, category]]", 1, 14, "breakdowns[0]", "5 dimensions",
            "at most 4"),
        .init("windows: [days]", 1, 11, "windows[0]", "\"days\" is unknown", "day?"),
        .init("emit_interval: 2h", 1, 16, "emit_interval", "2h is too long", "at most 1h"),
        .init("emit_interval: soon", 1, 16, "emit_interval", "no duration", "90s"),
        .init("margin: 80", 1, 9, "margin", "no margin", "0 to 1"),
        .init("margin: -0.1", 1, 9, "margin", "no margin"),
        .init("margin: 80 %", 1, 9, "margin", "no margin"),
        .init("margin: 0.1234567891", 1, 9, "margin", "9 decimals"),
        .init("currency: euro", 1, 11, "currency", "no currency", "EUR"),
        .init("rates: {USD: 0}", 1, 14, "rates.USD", "no rate", "0.92"),
        .init("rates: {dollar: 1}", 1, 9, "rates.dollar", "no currency"),
        .init("count_free: 1", 1, 13, "count_free", "true or false"),
        .init("min_sample: 0", 1, 13, "min_sample", "no whole number in range", "from 1 to"),
        .init("min_sample: \"30\"", 1, 13, "min_sample", "no whole number"),
        .init("min_sample: 1e3", 1, 13, "min_sample", "no whole number"),
        .init("priorities: [urgent, Urgent]", 1, 22, "priorities[1]", "stands twice"),
        .init("priority_aliases: [p1]", 1, 19, "priority_aliases", "a mapping is expected", "{p1: urgent}"),
        .init("priority_aliases: {p1: urgent, P1: high}", 1, 32, "priority_aliases.P1", "already stands for"),
        .init("priority_aliases: {a: b, b: c}", 1, 23, "priority_aliases.a", "itself an alias of c", "write c"),
        .init("status_aliases: {waiting: pendng}", 1, 27, "status_aliases.waiting", "pending?"),
        .init("keep_comments: yes", 1, 16, "keep_comments", "neither true nor false"),
        .init("keep_comments: \"true\"", 1, 16, "keep_comments", "without quotes"),
        .init("pseudonymize: [ticket]", 1, 16, "pseudonymize[0]", "customer_id"),
        .init("satisfied_from: 4", 1, 17, "satisfied_from", "a mapping is expected", "{\"1-6\": 5}"),
        .init("satisfied_from: {5: 4}", 1, 18, "satisfied_from.5", "no scale", "lowest and the highest"),
        .init("satisfied_from: {5-1: 4}", 1, 18, "satisfied_from.5-1", "no scale"),
        .init("satisfied_from: {1-5x: 4}", 1, 18, "satisfied_from.1-5x", "no scale"),
        .init("satisfied_from: {1-6: 7}", 1, 23, "satisfied_from.1-6", "no score of that scale"),
        .init("satisfied_from: {1-6: much}", 1, 23, "satisfied_from.1-6", "no score of that scale"),
        .init("satisfied_from: {1-6: 5, 1.0-6: 5}", 1, 26, "satisfied_from.1.0-6", "stands twice"),
        .init("max_future: 2d", 1, 13, "max_future", "2d is too long"),
        .init("- timezone", 1, 1, "", "a list where a mapping is expected"),
        .init("timezone: UTC\ntimezone: UTC", 2, 1, "timezone", "twice"),
        .init("timezone: [UTC", 2, 1, "", "check quotes"),
        .init("history:\n\thours: 8d", 2, 1, "", "spaces, not with tabs"),
        .init("timezone: UTC\n---\ntimezone: UTC", 2, 1, "", "single document"),
        .init("a: *b", 1, 4, "", "undefined alias"),
        .init("[a, b]: c", 1, 1, "", "a key must be text"),
        .init("timezone: \"U\u{1}\"", 1, 13, "", "control characters"),
        .init("x: &a [1]\n? *a\n: 2", 2, 3, "", "a key must be text"),
        .init("x: &a [1]\n*a : 2", 2, 1, "", "a key must be text"),
        .init("x: &a [1]\ny: {[*a]\n # c\n : 2}", 2, 5, "", "a key must be text"),
        .init("x: &a 1\n<<: *a", 2, 1, "<<", "cannot be merged"),
    ]

    @Test(arguments: faults) func everyFaultIsPlacedExplainedAndRemedied(_ fault: RulesFault) throws {
        let error = try #require(throws: RulesError.self) { _ = try Rules(parsing: fault.text, file: "r.yaml") }
        let first = try #require(error.diagnostics.first)
        #expect(first.path == fault.path)
        #expect((first.line, first.column) == (fault.line, fault.column), "\(error)")
        for words in fault.says { #expect(error.description.contains(words), "\(error)") }
        #expect(error.description.hasPrefix("r.yaml:\(fault.line):\(fault.column): "))
    }

    @Test func allFaultsAreReportedAtOnce() throws {
        let text = "timezone: Nowhere\nkpis: [nope]\nhistory: {days: x}\nmin_sample: -1"
        let error = try #require(throws: RulesError.self) { _ = try Rules(parsing: text) }
        #expect(error.diagnostics.map(\.line) == [1, 2, 3, 4])
        #expect(error.diagnostics.map(\.path) == ["timezone", "kpis[0]", "history.days", "min_sample"])
    }

    @Test func faultsAreBounded() throws {
        let text = (0..<200).map { "unknown\($0): 1" }.joined(separator: "\n")
        let error = try #require(throws: RulesError.self) { _ = try Rules(parsing: text) }
        #expect(error.diagnostics.count == 50)
    }

    @Test func hugeFilesAreRefused() throws {
        let text = "# " + String(repeating: "x", count: 1 << 20)
        let error = try #require(throws: RulesError.self) { _ = try Rules(parsing: text) }
        #expect(error.description.contains("may have at most 1048576"))
    }

    @Test func aliasBombsAreRefused() throws {
        var text = "links:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...30 {
            let alias = "*a\(level - 1)"
            text += "  a\(level): &a\(level) [\(Array(repeating: alias, count: 10).joined(separator: ", "))]\n"
        }
        let error = try #require(throws: RulesError.self) { _ = try Rules(parsing: text) }
        #expect(error.description.contains("grows beyond 100000 values"))
    }

    @Test func deepNestingIsRefused() throws {
        for depth in [65, 900, 5_000] {
            let text = "links: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            let error = try #require(throws: RulesError.self) { _ = try Rules(parsing: text) }
            #expect(error.diagnostics[0].line == 1)
        }
    }
}
