import BusinessTime
import KPIs
import ServiceKit
import Testing

/// `goals`, `benchmarks`, `staffing` and the business calendars of the rules file.
@Suite struct GoalRulesTests {
    private func goal(_ text: String) throws -> Goal {
        try #require(Rules(parsing: "goals:\n  - {\(text)}\n").goals.first)
    }

    private func fault(_ text: String) throws -> RulesDiagnostic {
        let error = try #require(throws: RulesError.self) { try Rules(parsing: text) }
        return try #require(error.diagnostics.first)
    }

    @Test func everyMemberIsRead() throws {
        let goal = try goal(
            """
            name: quick, kpi: first_response_time, statistic: p90, window: day, dimensions: {channel: E-Mail, team: "*"}, \
            comparison: "<=", target: 1h, by: 2026-12-31, severity: critical, min_samples: 20, hysteresis: 5%, for: 30m
            """)
        #expect(goal.name == "quick" && goal.kpi == "first_response_time" && goal.statistic == .p90)
        #expect(goal.window == .day && goal.comparison == .atMost && goal.target == .value(3600))
        #expect(goal.dimensions["channel"] == .some("e-mail") && goal.dimensions["team"] == .some(nil))
        #expect(goal.by == CivilDate(year: 2026, month: 12, day: 31)?.dayNumber && goal.severity == .critical)
        #expect(goal.minimumSamples == 20 && goal.hysteresis == .share(0.05) && goal.delay == 1_800_000_000)
        #expect(goal.place == "rules.yaml:2:5")
    }

    @Test func theDefaults() throws {
        let goal = try goal("name: g, kpi: csat, window: month, comparison: \">=\", target: 80%")
        #expect(goal.statistic == .value && goal.target == .value(0.8) && goal.dimensions.isEmpty)
        #expect(goal.delay == 900_000_000 && goal.minimumSamples == 1 && goal.severity == .warning)
        #expect(goal.hysteresis == .value(0) && goal.by == nil)
        #expect(Rules.default.goals.isEmpty && Rules.default.benchmarks.isEmpty)
    }

    @Test func relativeTargets() throws {
        let head = "name: g, kpi: first_response_time, window: month, comparison: \"<=\", "
        let october = try #require(BucketLabel.parse("2026-10"))
        #expect(
            try goal(head + "change: -20%, baseline: 2026-10").target
                == .change(share: -0.2, .window(.month, bucket: october.bucket)))
        #expect(
            try goal(head + "change: -20 % against 2026-10").target
                == .change(share: -0.2, .window(.month, bucket: october.bucket)))
        #expect(try goal(head + "change: -5%, baseline: previous").target == .change(share: -0.05, .previous))
        #expect(try goal(head + "best_of_last: 6").target == .best(ofLast: 6))
    }

    @Test func labelsOfWindows() {
        func label(_ text: String) -> String? {
            BucketLabel.parse(text).map { "\($0.kind.name) \(BucketLabel.text($0.kind, bucket: $0.bucket))" }
        }
        for text in ["2026-11-22", "2026-W47", "2026-W01", "2020-W53", "2026-11", "2026-Q4", "2026"] {
            #expect(label(text)?.split(separator: " ").last.map(String.init) == text)
        }
        for text in [
            "", "26", "2026-13", "2026-Q5", "2026-W54", "2021-W53", "2026-02-29", "2026-11-22T09", "2026-1", "-1",
        ] {
            #expect(label(text) == nil, "\(text)")
        }
    }

    @Test(arguments: [
        ("kpi: csat, window: day, comparison: \">=\", target: 1", "no name"),
        ("name: a#b, kpi: csat, window: day, comparison: \">=\", target: 1", "contains #"),
        ("name: g, kpi: cast, window: day, comparison: \">=\", target: 1", "\"cast\" is unknown"),
        ("name: g, kpi: csat, window: dya, comparison: \">=\", target: 1", "\"dya\" is unknown"),
        ("name: g, kpi: csat, window: day, comparison: \"=\", target: 1", "no comparison"),
        ("name: g, kpi: csat, window: day, comparison: \">=\"", "no target"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", target: 1, best_of_last: 3", "several targets"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", target: soon", "no figure"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", change: 5%", "no baseline"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", change: -5%, baseline: previous", "contradict"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", change: 5%, baseline: lately", "no window"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", target: 1, baseline: previous", "only a change"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", target: 1, tier: gold", "unknown name"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", target: 1, dimensions: {chanel: a}", "unknown name"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", target: 1, for: 60d", "too long"),
        ("name: g, kpi: csat, window: day, comparison: \">=\", target: 1, by: soon", "no date"),
    ])
    func faultsHaveAPlaceAndARemedy(goal: String, reason: String) throws {
        let fault = try fault("goals:\n  - {\(goal)}\n")
        #expect(fault.reason.contains(reason) || fault.description.contains(reason), "\(fault)")
        #expect(fault.line == 2 && fault.column >= 5 && !fault.remedy.isEmpty)
    }

    @Test func namesAreUnique() throws {
        let one = "{name: g, kpi: csat, window: day, comparison: \">=\", target: 1}"
        #expect(try fault("goals: [\(one), \(one)]\n").reason.contains("two goals"))
    }

    @Test func aGoalThatDoesNotFitItsKPIIsRefusedByItsService() throws {
        let rules = try Rules(
            parsing: "goals: [{name: g, kpi: nps, window: day, statistic: p90, comparison: \">=\", target: 1}]\n")
        let score = Measure(id: 1, "score", .sum)
        let definition = KPIDefinition(
            code: 1, id: "nps", unit: .points, formula: .mean(score, scale: 1), windows: .day)
        let error = #expect(throws: SetupError.self) { try KPISetup.catalogue([definition], rules) }
        #expect(error?.description.contains("rules.yaml:1:9: goal \"g\": nps has no quantiles") == true)
        let other = KPIDefinition(code: 1, id: "csat", unit: .points, formula: .mean(score, scale: 1), windows: .day)
        #expect(throws: Never.self) { try KPISetup.catalogue([other], rules) }
        let monthly = KPIDefinition(code: 1, id: "nps", unit: .points, formula: .mean(score, scale: 1), windows: .month)
        let window = #expect(throws: SetupError.self) { try KPISetup.catalogue([monthly], rules) }
        #expect(window?.description.contains("write one of month") == true)
    }

    @Test func benchmarks() throws {
        let rules = try Rules(
            parsing: """
                benchmarks:
                  - {kpi: csat, label: Retail, value: 82%, source: "A survey", year: 2025}
                  - {kpi: first_response_time, label: Banks, value: 4h, source: B, year: 2024, dimensions: {channel: Email}}
                """)
        #expect(
            rules.benchmarks == [
                Benchmark(kpi: "csat", label: "Retail", value: 0.82, source: "A survey", year: 2025),
                Benchmark(
                    kpi: "first_response_time", label: "Banks", value: 14_400, source: "B", year: 2024,
                    dimensions: ["channel": "email"]),
            ])
        #expect(
            try fault("benchmarks: [{kpi: csat, label: Retail, value: 0.8, year: 2025}]\n").reason.contains("source"))
        #expect(KPISetup.series(rules, service: "ticketing").benchmarks.count == 2)
    }

    @Test func staffing() throws {
        #expect(try Rules.default.staffing() == StaffingSettings())
        let settings = try Rules(parsing: "shrinkage: 25%\nstaffing: {arrivals: mean}\n").staffing(threshold: 30)
        #expect(settings == StaffingSettings(threshold: 30, target: 0.8, shrinkage: 0.25, arrivals: .mean))
        #expect(try fault("shrinkage: 1.2\n").path == "shrinkage")
        #expect(try fault("staffing: {arrivals: p80}\n").path == "staffing.arrivals")
    }

    @Test func businessCalendars() throws {
        let head = "calendars: {office: {week: {mon-fri: [\"09:00-17:00\"]}}, always: {always: true}}\n"
        let calendars = try Rules(
            parsing: head + "business_calendar: office\nbusiness_calendar_by: {team: {Night: always}}\n"
        ).businessCalendars(zone: .utc)
        #expect(calendars.standard != nil && calendars.calendar(team: "night")?.isAlways == true)
        #expect(calendars.calendar(team: "other")?.isAlways == false && calendars.calendar(team: nil) != nil)
        #expect(try Rules.default.businessCalendars(zone: .utc).isEmpty)
        #expect(try fault(head + "business_calendar: offise\n").remedy == "did you mean office?")
        #expect(
            try fault(head + "business_calendar_by: {channel: {a: office}}\n").path == "business_calendar_by.channel")
    }
}
