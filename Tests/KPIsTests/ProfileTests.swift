import BusinessTime
import KPIs
import TestSupport
import Testing

@Suite struct ProfileTests {
    private func arrival(_ time: String, _ count: Int64 = 1) throws -> Contribution {
        Contribution(cell: .overall, measure: Sample.arrivals, instant: try instant(time), weight: count)
    }

    @Test func aWeekIsToldWhenItIsOver() throws {
        let zone = try BusinessZone.load("Europe/Berlin")
        var series = Series(try Sample.catalogue(only: ["contact_profile"]), zone: zone)
        // Monday 00:30, Sunday 23:30 local of one week, and the next Monday 09:15.
        try series.take([
            arrival("2026-01-11T23:30:00Z", 3), arrival("2026-01-18T22:30:00Z"), arrival("2026-01-19T08:15:00Z", 4),
        ])
        #expect(series.publish(clock: try instant("2026-01-18T22:59:59Z")).isEmpty)
        series.publish(clock: try instant("2026-01-18T23:00:00Z"))
        #expect(Set(series.published.keys) == ["contact_profile/week@2026-W03"])
        let event = try series.event("contact_profile/week@2026-W03")
        #expect(event.data.weeks == 1 && event.data.count == 4 && event.data.value == 4 && event.data.unit == "count")
        #expect(event.data.cells?[0] == 3 && event.data.cells?[167] == 1 && event.data.cells?[9] == 0)
        series.publish(clock: try instant("2026-01-26T00:00:00Z"))
        let next = try series.event("contact_profile/week@2026-W04")
        #expect(next.data.weeks == 2 && next.data.cells?[0] == 1.5 && next.data.cells?[9] == 2)
    }

    @Test func aWeekCountsForEightWeeks() throws {
        var series = Series(try Sample.catalogue(only: ["contact_profile"]))
        try series.take([arrival("2026-01-12T00:30:00Z", 8)])
        series.publish(clock: try instant("2026-06-01T00:00:00Z"))
        let keys = series.published.keys.sorted()
        #expect(keys.first == "contact_profile/week@2026-W03" && keys.last == "contact_profile/week@2026-W11")
        #expect(try series.event("contact_profile/week@2026-W10").data.cells?[0] == 1)
        #expect(try series.event("contact_profile/week@2026-W10").data.weeks == 8)
        #expect(try series.event("contact_profile/week@2026-W11").data.count == 0)
        series.commit()
        // A late one revises all of them, and what is taken back leaves no trace.
        try series.take([arrival("2026-01-26T05:00:00Z", 8)])
        series.publish(clock: try instant("2026-06-01T00:10:00Z"))
        #expect(try series.event("contact_profile/week@2026-W04").data.revision == 1)
        for week in ["05", "08", "10", "12"] {
            #expect(try series.event("contact_profile/week@2026-W\(week)").data.cells?[5] ?? 0 > 0, "week \(week)")
        }
        try series.take([arrival("2026-01-12T00:30:00Z", -8)])
        series.publish(clock: try instant("2026-06-01T00:20:00Z"))
        let event = try series.event("contact_profile/week@2026-W06")
        #expect(event.data.weeks == 2 && event.data.cells?[5] == 4 && event.data.cells?[0] == 0)
    }

    /// What a late event changes in a week that can still change is told in all its windows, also where the profile rests on
    /// weeks that cannot change any more, and so is what comes for those.
    @Test(arguments: [false, true]) func lateEventsLeaveOldProfilesWhole(restarts: Bool) throws {
        let history = SeriesHistory(hours: 2, days: 400, months: 400)
        var series = Series(try Sample.catalogue(only: ["contact_profile"]), history: history)
        var random = SeededGenerator(seed: 7)
        let start = try instant("2025-01-06T00:30:00Z")
        func week(_ number: Int64) -> Micros { start + number * 7 * Sample.day }
        func take(_ number: Int64, _ weight: Int64 = 1) throws {
            try series.take([
                Contribution(cell: .overall, measure: Sample.arrivals, instant: week(number), weight: weight)
            ])
            series.publish(clock: week(66))
            series.commit()
            if restarts { try series.restart(&random) }
        }
        for number in Int64(0)..<66 { try take(number) }
        // Week 9 ended 392 days before the newest event; its profile rests on weeks 2 to 9.
        let key = "contact_profile/week@2025-W11"
        #expect(try series.event(key).data.weeks == 8 && series.event(key).data.cells?[0] == 1)
        try take(9, 8)
        #expect(try series.event(key).data.weeks == 8 && series.event(key).data.cells?[0] == 2)
        #expect(try series.event(key).data.value == 2)
        // Week 3 is history, and counts in week 9 all the same.
        try take(3, 8)
        #expect(try series.event(key).data.cells?[0] == 3)
        #expect(try series.event("contact_profile/week@2025-W05").data.cells?[0] == 1)
    }

    /// A series that was silent for longer than weeks are kept is no young one.
    @Test func aProfileKnowsThatItsSeriesIsOld() throws {
        let history = SeriesHistory(hours: 2, days: 63, months: 400)
        var series = Series(try Sample.catalogue(only: ["contact_profile"]), history: history)
        try series.take([arrival("2025-01-06T00:30:00Z", 8)])
        series.publish(clock: try instant("2025-01-13T00:00:00Z"))
        try series.take([arrival("2026-01-05T00:30:00Z", 8)])
        series.publish(clock: try instant("2026-01-12T00:00:00Z"))
        let key = "contact_profile/week@2026-W02"
        #expect(try series.event(key).data.weeks == 8 && series.event(key).data.cells?[0] == 1)
        // What has been taken back never was.
        try series.take([arrival("2025-01-06T00:30:00Z", -8)])
        series.publish(clock: try instant("2026-01-12T01:00:00Z"))
        #expect(try series.event(key).data.weeks == 1 && series.event(key).data.cells?[0] == 8)
    }

    /// 360 calls per half hour at 240 s take 54 agents; with 30 % shrinkage 78 are to be scheduled.
    @Test func agentsAreRequiredByTheHour() throws {
        var series = Series(try Sample.catalogue(only: ["agents_required"]))
        try series.take([
            arrival("2026-01-12T09:30:00Z", 720), arrival("2026-01-13T03:30:00Z", 1),
            Contribution(
                cell: .overall, measure: Sample.handled, instant: try instant("2026-01-12T09:30:00Z"), value: 240_000,
                weight: 700),
        ])
        series.publish(clock: try instant("2026-01-19T00:00:00Z"))
        let event = try series.event("agents_required/week@2026-W03")
        #expect(event.data.cells?[9] == 54 && event.data.value == 54)
        #expect(event.data.cells?[27] == 1 && event.data.cells?[28] == 0)
        #expect(event.data.handle_time == 240)
    }

    /// What an update says is never left as it was because the agents are.
    @Test func aHandleTimeThatTakesAsManyAgentsIsPublished() throws {
        var series = Series(try Sample.catalogue(only: ["agents_required"]))
        func handled(_ milliseconds: Int64) throws -> Contribution {
            Contribution(
                cell: .overall, measure: Sample.handled, instant: try instant("2026-01-12T09:30:00Z"),
                value: milliseconds)
        }
        let (clock, key) = (try instant("2026-01-26T00:00:00Z"), "agents_required/week@2026-W03")
        try series.take([arrival("2026-01-12T09:30:00Z", 1), try handled(60_000)])
        series.publish(clock: clock)
        let before = try series.event(key)
        #expect(before.data.handle_time == 60)
        try series.take([try handled(62_000)])
        series.publish(clock: clock)
        let after = try series.event(key)
        #expect(after.data.cells == before.data.cells && after.data.revision == before.data.revision + 1)
        #expect(after.data.handle_time == 61)
    }

    @Test func agesAreToldEachMinuteWhileThereAreAny() throws {
        var series = Series(try Sample.catalogue(only: ["backlog_age", "awaiting_reply"]))
        let start = try instant("2026-01-12T09:00:00Z")
        func open(_ seconds: Int64, _ weight: Int64 = 1) -> Contribution {
            Contribution(
                cell: .overall, measure: Sample.openSince, instant: start - seconds * 1_000_000, weight: weight)
        }
        try series.take([open(10), open(20), open(30), open(40), open(7_250)])
        series.publish(clock: start)
        let age = try series.event("backlog_age/now")
        #expect(age.data.unit == "seconds" && age.data.count == 5 && age.data.value == 1470 && age.data.max == 7250)
        #expect(age.data.quantiles == Event.Figures.Quantiles(p50: 30, p90: 40, p95: 40, p99: 40))
        let waiting = try series.event("awaiting_reply/now")
        #expect(waiting.data.value == 5 && waiting.data.age == Event.Figures.Age(p50: 30, p90: 40, max: 7250))
        series.log.removeAll()
        series.publish(clock: start + 59_000_000)
        #expect(series.log.isEmpty)
        series.publish(clock: start + 60_000_000)
        #expect(Set(series.log) == ["backlog_age/now", "awaiting_reply/now"])
        #expect(try series.event("awaiting_reply/now").data.age == Event.Figures.Age(p50: 90, p90: 100, max: 7310))
        series.commit()
        try series.take([10, 20, 30, 40, 7_250].map { open($0, -1) })
        series.publish(clock: start + 61_000_000)
        #expect(try series.event("awaiting_reply/now").data.value == 0)
        #expect(try series.event("awaiting_reply/now").data.age == nil)
        #expect(try series.event("backlog_age/now").data.value == nil)
        series.commit()
        series.log.removeAll()
        series.publish(clock: start + 200_000_000)
        #expect(series.log.isEmpty)
        #expect(series.changelog.values.allSatisfy { $0.count < 1000 })
    }
}
