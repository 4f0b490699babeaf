import BusinessTime
import KPIs
import TestSupport
import Testing

@Suite struct GoalTests {
    private static let minute: Micros = 60_000_000

    private func goal(
        _ kpi: String, _ window: WindowKind, _ comparison: Goal.Comparison, _ target: Goal.Target,
        _ change: (inout Goal) -> Void = { _ in }
    ) -> Goal {
        var goal = Goal(name: "g", kpi: kpi, window: window, comparison: comparison, target: target)
        change(&goal)
        return goal
    }

    private func open(_ weight: Int64) -> Contribution {
        Contribution(cell: .overall, measure: Sample.openNow, instant: 0, value: weight)
    }

    private func created(_ time: Micros, _ weight: Int64 = 1, _ cell: CellKey = .overall) -> Contribution {
        Contribution(cell: cell, measure: Sample.created, instant: time, weight: weight)
    }

    private func response(_ time: Micros, _ minutes: Int64, _ weight: Int64 = 1) -> Contribution {
        Contribution(
            cell: .overall, measure: Sample.firstResponse, instant: time, value: minutes * 60_000, weight: weight)
    }

    @Test func aStateIsToldWhenItHasHeld() throws {
        var series = Series(
            try Sample.catalogue(only: ["backlog_open"]),
            goals: [goal("backlog_open", .now, .atMost, .value(10)) { $0.severity = .critical }])
        var clock = try instant("2026-11-20T09:00:00Z")
        try series.take([open(11)])
        series.publish(clock: clock)
        #expect(try series.event("backlog_open/now").data.goal?.met == false)
        #expect(try series.event("backlog_open/now").data.goal?.target == 10)
        series.publish(clock: clock + 15 * Self.minute - 1)
        #expect(series.facts.isEmpty)
        series.publish(clock: clock + 15 * Self.minute)
        let missed = try series.fact(0)
        #expect(series.facts[0].key == "backlog_open/now#g#1" && missed.subject == "backlog_open/now#g#1")
        #expect(missed.type == "deskbeat.kpi.goal.missed" && missed.data.state == "firing")
        #expect(missed.data.since == "2026-11-20T09:00:00Z" && missed.time == "2026-11-20T09:15:00Z")
        #expect(missed.data.value == 11 && missed.data.target == 10 && missed.data.severity == "critical")
        #expect(missed.data.fingerprint == "backlog_open/now#g" && !missed.data.final && !missed.data.confident)
        #expect(missed.data.summary == "Goal g missed: backlog_open, now, is 11, target <= 10")
        series.commit()
        // Once per change of state.
        clock += 30 * Self.minute
        try series.take([open(5)])
        series.publish(clock: clock)
        series.publish(clock: clock + Sample.hour)
        #expect(series.facts.count == 1)
        try series.take([open(-7)])
        series.publish(clock: clock + Sample.hour)
        series.publish(clock: clock + 2 * Sample.hour)
        let met = try series.fact(1)
        #expect(series.facts[1].key == "backlog_open/now#g#2" && met.type == "deskbeat.kpi.goal.met")
        #expect(met.data.state == "resolved" && met.data.fingerprint == missed.data.fingerprint && met.data.value == 9)
        #expect(met.id != missed.id && met.sequence == "2")
    }

    @Test func whatIsMissedForAMomentIsNoMiss() throws {
        var series = Series(
            try Sample.catalogue(only: ["backlog_open"]), goals: [goal("backlog_open", .now, .atMost, .value(10))])
        let clock = try instant("2026-11-20T09:00:00Z")
        for minute in Int64(0)..<6 {
            try series.take([open(minute % 2 == 0 ? 11 : -11)])
            series.publish(clock: clock + minute * 10 * Self.minute)
            series.commit()
        }
        series.publish(clock: clock + 10 * Sample.hour)
        #expect(series.facts.isEmpty)
    }

    @Test func hysteresisAndSamples() throws {
        var series = Series(
            try Sample.catalogue(only: ["first_response_time"], windows: .rolling),
            goals: [
                goal("first_response_time", .rolling7Days, .atMost, .value(3600)) {
                    $0.hysteresis = .share(0.25)
                    $0.minimumSamples = 4
                    $0.delay = 0
                }
            ])
        let clock = try instant("2026-11-20T09:00:00Z")
        try series.take([response(clock, 100, 3)])
        series.publish(clock: clock)
        #expect(series.facts.isEmpty)
        try series.take([response(clock, 100)])
        series.publish(clock: clock)
        #expect(series.facts.count == 1)
        // Mean of 50 minutes: within the target, but not by a quarter.
        try series.take([response(clock, 0, 4)])
        series.publish(clock: clock + Self.minute)
        #expect(try series.event("first_response_time/7d").data.goal?.met == true)
        #expect(series.facts.count == 1)
        try series.take([response(clock, 0, 1)])
        series.publish(clock: clock + 2 * Self.minute)
        #expect(series.facts.count == 2)
        #expect(try series.fact(1).data.value == 2666.6666666666665)
    }

    @Test func aHeldClockTellsNothing() throws {
        var series = Series(
            try Sample.catalogue(only: ["backlog_open", "tickets_created"], windows: .day),
            goals: [
                goal("backlog_open", .now, .below, .value(1)) { $0.delay = 0 },
                goal("tickets_created", .day, .below, .value(1)) { $0.name = "h" },
            ])
        let clock = try instant("2026-11-20T09:00:00Z")
        try series.take([open(1), created(clock)])
        series.publish(clock: clock + Sample.day, isHeld: true)
        series.publish(clock: clock + Sample.day, wall: clock + 2 * Sample.day, isHeld: true)
        #expect(series.facts.isEmpty)
        let idle = series.store.dirtyCount
        #expect(idle == 0)
        series.publish(clock: clock + Sample.day, wall: clock + 2 * Sample.day)
        #expect(series.facts.map(\.key) == ["backlog_open/now#g#1", "tickets_created/day@2026-11-20#h#1"])
    }

    @Test func aVerdictComesOnceWhenAWindowIsClosedAndQuiet() throws {
        var series = Series(
            try Sample.catalogue(only: ["tickets_created"], windows: .day),
            goals: [goal("tickets_created", .day, .atMost, .value(2))])
        let day = try instant("2026-11-20T00:00:00Z")
        try series.take([created(day, 3), created(day + Sample.day, 3), created(day + 2 * Sample.day, 1)])
        series.publish(clock: day + Sample.day - 1)
        let wall = day + 3 * Sample.day
        series.publish(clock: wall, wall: wall)
        #expect(series.facts.isEmpty)
        let waiting = series.store.dirtyCount
        #expect(waiting > 0)
        // Still being replayed.
        try series.take([created(day, 1)])
        series.publish(clock: wall, wall: wall + 9_000_000)
        series.publish(clock: wall, wall: wall + 11_000_000)
        // The other two days have been quiet for long enough.
        #expect(
            series.facts.map(\.key) == ["tickets_created/day@2026-11-21#g#1", "tickets_created/day@2026-11-22#g#1"])
        series.publish(clock: wall, wall: wall + 19_000_000)
        #expect(series.facts.count == 3)
        let verdict = try series.fact(2)
        #expect(verdict.data.final && verdict.data.value == 4 && verdict.time == "2026-11-21T00:00:00Z")
        #expect(try series.fact(0).data.fingerprint == "tickets_created/day#g")
        // The day after two misses meets the goal: it resolves the incident.
        #expect(try series.fact(1).type == "deskbeat.kpi.goal.met")
        let done = series.store.dirtyCount
        #expect(done == 0)
        series.commit()
        // Once.
        try series.take([created(day, 5)])
        series.publish(clock: wall, wall: wall + Sample.hour)
        series.publish(clock: wall, wall: wall + 2 * Sample.hour)
        #expect(series.facts.count == 3)
    }

    @Test func aMetVerdictWithoutAMissIsNoNews() throws {
        var series = Series(
            try Sample.catalogue(only: ["tickets_created"], windows: .day),
            goals: [goal("tickets_created", .day, .atMost, .value(2))])
        let day = try instant("2026-11-20T00:00:00Z")
        for distance in Int64(0)..<4 {
            try series.take([created(day + distance * Sample.day, 1)])
            series.publish(clock: day + distance * Sample.day)
            series.publish(clock: day + distance * Sample.day + 11_000_000)
        }
        #expect(series.facts.isEmpty)
    }

    /// Verdicts on maturing KPIs wait for the last of their entities.
    @Test func aVerdictWaitsUntilItsFiguresHaveSettled() throws {
        var series = Series(
            try Sample.catalogue(only: ["reopen_rate"], windows: .day),
            goals: [goal("reopen_rate", .day, .below, .value(0.2))])
        let day = try instant("2026-11-20T00:00:00Z")
        try series.take([
            Contribution(cell: .overall, measure: Sample.reopenSettled, instant: day, weight: 20),
            Contribution(cell: .overall, measure: Sample.reopenReopened, instant: day, weight: 17),
            Contribution(cell: .overall, measure: Sample.reopenPending, instant: day),
        ])
        for distance in Int64(1)...30 {
            series.publish(clock: day + distance * Sample.day)
            series.publish(clock: day + distance * Sample.day + 11_000_000)
        }
        #expect(series.facts.isEmpty)
        series.publish(clock: day + 31 * Sample.day)
        #expect(series.facts.isEmpty)
        try series.take([
            Contribution(cell: .overall, measure: Sample.reopenPending, instant: day, weight: -1),
            Contribution(cell: .overall, measure: Sample.reopenSettled, instant: day),
        ])
        series.publish(clock: day + 31 * Sample.day + 1)
        series.publish(clock: day + 31 * Sample.day + 11_000_000)
        let fact = try series.fact(0)
        #expect(fact.data.value == 17.0 / 21 && fact.data.confident && fact.time == "2026-12-21T00:00:00Z")
        #expect(fact.data.interval?.confidence == 0.95)
    }

    /// The worked example of the catalogue: baseline 50 min, target 40, now 46: 0.4.
    @Test func aRelativeGoalReportsItsProgress() throws {
        let october = try #require(BucketLabel.parse("2026-10"))
        var series = Series(
            try Sample.catalogue(only: ["first_response_time"], windows: [.month, .day]),
            goals: [
                goal(
                    "first_response_time", .month, .atMost,
                    .change(share: -0.2, .window(.month, bucket: october.bucket))),
                goal("first_response_time", .month, .atMost, .change(share: -0.1, .previous)) { $0.name = "h" },
                goal("first_response_time", .month, .atMost, .best(ofLast: 3)) { $0.name = "i" },
            ])
        try series.take([
            response(try instant("2026-08-05T00:00:00Z"), 45), response(try instant("2026-10-05T00:00:00Z"), 50),
            response(try instant("2026-11-05T00:00:00Z"), 46),
        ])
        series.publish(clock: try instant("2026-11-20T00:00:00Z"))
        let event = try series.event("first_response_time/month@2026-11")
        let goals = try #require(event.data.goals)
        #expect(event.data.goal?.name == "g" && goals.map(\.name) == ["g", "h", "i"])
        #expect(goals[0].target == 2400 && goals[0].baseline == 3000 && goals[0].met == false)
        #expect(abs((goals[0].progress ?? 0) - 0.4) < 1e-12)
        #expect(goals[1].target == 2700 && abs((goals[1].progress ?? 0) - 0.8) < 1e-12)
        #expect(goals[2].target == 2700 && goals[2].met == false)
        // There is no October before October.
        #expect(try series.event("first_response_time/month@2026-10").data.goals?[1].target == nil)
        #expect(try series.event("first_response_time/month@2026-10").data.goals?[1].met == nil)
        series.publish(clock: try instant("2026-12-02T00:00:00Z"))
        series.publish(clock: try instant("2026-12-02T00:01:00Z"))
        #expect(try series.fact(series.facts.count - 1).data.goal == "i")
        #expect(series.facts.contains { $0.key == "first_response_time/month@2026-11#g#1" })
    }

    @Test func goalsAreAboutTheirSeriesOnly() throws {
        let email = CellKey([("channel", "email")])
        let phone = CellKey([("channel", "phone")])
        var series = Series(
            try Sample.catalogue(only: ["tickets_created"], windows: .day),
            goals: [
                goal("tickets_created", .day, .atMost, .value(1)) { $0.dimensions = ["channel": "email"] },
                goal("tickets_created", .day, .atMost, .value(1)) {
                    $0.name = "each"
                    $0.dimensions = ["channel": nil]
                },
                goal("csat", .day, .atMost, .value(1)) { $0.name = "of another service" },
                goal("backlog", .month, .atMost, .value(1)) { $0.name = "no such window" },
                goal("tickets_created", .day, .atMost, .value(1)) {
                    $0.name = "late"
                    $0.dimensions = ["channel": "email"]
                    $0.by = BucketLabel.parse("2026-11-21")?.bucket
                },
            ])
        let day = try instant("2026-11-20T00:00:00Z")
        try series.take([created(day, 2), created(day, 2, email), created(day, 2, phone)])
        series.publish(clock: day + Sample.day)
        series.publish(clock: day + Sample.day + 11_000_000)
        #expect(
            Set(series.facts.map(\.key)) == [
                "tickets_created/day;channel=email@2026-11-20#g#1",
                "tickets_created/day;channel=email@2026-11-20#each#1",
                "tickets_created/day;channel=phone@2026-11-20#each#1",
            ])
        #expect(try series.fact(0).data.dimensions.keys.contains("channel"))
        #expect(try series.event("tickets_created/day@2026-11-20").data.goal == nil)
    }

    @Test func whatCannotBeJudgedIsSaid() throws {
        let definitions = Dictionary(uniqueKeysWithValues: Sample.definitions.map { ($0.id, $0) })
        func mismatch(_ goal: Goal) throws -> String? { try #require(definitions[goal.kpi]).mismatch(goal) }
        #expect(try mismatch(goal("tickets_created", .day, .below, .value(1)) { $0.statistic = .p90 }) != nil)
        #expect(try mismatch(goal("first_response_time", .day, .below, .value(1)) { $0.statistic = .p90 }) == nil)
        #expect(try mismatch(goal("backlog_age", .now, .below, .value(1)) { $0.statistic = .max }) == nil)
        #expect(try mismatch(goal("awaiting_reply", .now, .below, .value(1)) { $0.statistic = .p90 }) == nil)
        #expect(try mismatch(goal("awaiting_reply", .now, .below, .value(1)) { $0.statistic = .p99 }) != nil)
        #expect(try mismatch(goal("backlog_open", .now, .below, .value(1)) { $0.statistic = .max }) != nil)
        #expect(try mismatch(goal("backlog_open", .now, .below, .change(share: -0.1, .previous))) != nil)
        #expect(try mismatch(goal("tickets_created", .rolling7Days, .below, .best(ofLast: 3))) != nil)
        #expect(try mismatch(goal("contact_profile", .week, .below, .value(1))) != nil)
    }

    /// Crashes, undone commits and any batches: the same facts, once each.
    @Test func factsSurviveCrashesOnce() throws {
        let catalogue = try Sample.catalogue(only: ["backlog_open", "tickets_created", "first_response_time"])
        let goals = [
            goal("backlog_open", .now, .atMost, .value(5)),
            goal("tickets_created", .day, .atMost, .value(4)) { $0.name = "d" },
            goal("tickets_created", .rolling24Hours, .atMost, .value(4)) { $0.name = "r" },
            goal("first_response_time", .week, .atMost, .value(3000)) { $0.name = "w" },
        ]
        var told = 0
        for seed in UInt64(1)...12 {
            var random = SeededGenerator(seed: seed)
            let start = try instant("2026-03-20T00:00:00Z")
            var rounds: [(contributions: [Contribution], clock: Micros)] = []
            var clock = start
            for _ in 0..<150 {
                clock += Micros.random(in: 1...(6 * Sample.hour), using: &random)
                let contributions = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: open(Int64.random(in: -6...6, using: &random))
                    case 1: response(clock, Int64.random(in: 0...100, using: &random))
                    default: created(clock - Micros.random(in: 0...Sample.day, using: &random))
                    }
                }
                rounds.append((contributions, clock))
            }
            func run(disturbed: Bool, _ random: inout SeededGenerator) throws -> [String] {
                var series = Series(catalogue, goals: goals)
                for round in rounds {
                    while disturbed, Int.random(in: 0..<3, using: &random) == 0 {
                        try series.take(round.contributions)
                        series.publish(clock: round.clock, keep: false)
                        if Bool.random(using: &random) { _ = series.pendingChangelog() }
                        series.store.rollBack()
                    }
                    try series.take(round.contributions)
                    series.publish(clock: round.clock)
                    series.commit()
                    if disturbed, Int.random(in: 0..<5, using: &random) == 0 { try series.restart(&random) }
                    // Quiet, so that what is due is told whether or not there was a restart.
                    for second in Micros(1)...3 {
                        series.publish(clock: round.clock, wall: round.clock + second * 11_000_000)
                        series.commit()
                    }
                }
                return series.facts.map { "\($0.key) \(String(decoding: $0.value, as: UTF8.self))" }
            }
            let plain = try run(disturbed: false, &random)
            let disturbed = try run(disturbed: true, &random)
            #expect(plain == disturbed, "seed \(seed)")
            #expect(Set(plain).count == plain.count)
            told += plain.count
        }
        #expect(told > 100)
    }

    @Test func benchmarksStandBesideTheirKPI() throws {
        var series = Series(
            try Sample.catalogue(only: ["reopen_rate", "tickets_created"], windows: .day),
            benchmarks: [
                Benchmark(kpi: "reopen_rate", label: "Re\"tail", value: 0.05, source: "Survey", year: 2025),
                Benchmark(kpi: "reopen_rate", label: "Banks", value: 0.04, source: "Survey", year: 2024),
                Benchmark(
                    kpi: "reopen_rate", label: "Phone", value: 0.1, source: "S", year: 2024,
                    dimensions: ["channel": "phone"]),
            ])
        let day = try instant("2026-11-20T00:00:00Z")
        try series.take([
            created(day), Contribution(cell: .overall, measure: Sample.reopenSettled, instant: day),
        ])
        series.publish(clock: day)
        let benchmarks = try #require(series.event("reopen_rate/day@2026-11-20").data.benchmarks)
        #expect(benchmarks.map(\.label) == ["Re\"tail", "Banks"] && benchmarks.map(\.value) == [0.05, 0.04])
        #expect(benchmarks.map(\.year) == [2025, 2024])
        #expect(try series.event("tickets_created/day@2026-11-20").data.benchmarks == nil)
    }
}

extension KPIDefinition {
    fileprivate func mismatch(_ goal: Goal) -> String? { goal.mismatch(with: self) }
}
