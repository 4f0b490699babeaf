import BusinessTime
import Foundation
import KPIs
import Testing

@Suite struct PublicationTests {
    private let email = CellKey([("channel", "email")])

    private func created(_ time: String, _ cell: CellKey = .overall) throws -> Contribution {
        Contribution(cell: cell, measure: Sample.created, instant: try instant(time))
    }

    @Test func anUpdateHasTheShapeOfTheContract() throws {
        let zone = try BusinessZone.load("Europe/Berlin")
        var series = Series(try Sample.catalogue(), zone: zone)
        let time = try instant("2026-11-22T09:15:00Z")
        let yesterday = try instant("2026-11-21T09:15:00Z")
        func response(_ instant: Micros, _ value: Int64) -> Contribution {
            Contribution(cell: email, measure: Sample.firstResponse, instant: instant, value: value)
        }
        try series.take([response(yesterday, 1_000_000), response(yesterday, 2_000_000)])
        try series.take(
            (1...40).map { response(time, $0 * 65_620) } + [
                Contribution(cell: email, measure: Sample.firstResponseOpen, instant: time)
            ])
        series.publish(clock: time + 60_000_000)
        let key = "first_response_time/day;channel=email@2026-11-22"
        let value = try #require(series.published[key])
        let json = try #require(try JSONSerialization.jsonObject(with: Data(value)) as? [String: Any])
        #expect(
            Set(json.keys) == [
                "specversion", "id", "source", "type", "subject", "time", "sequence", "dataschema", "data",
            ])
        let data = try #require(json["data"] as? [String: Any])
        #expect(
            Set(data.keys) == [
                "kpi", "unit", "dimensions", "window", "revision", "value", "statistic", "count", "quantiles",
                "small_sample", "settled", "rules_version", "previous", "open",
            ])
        let event = try Event(value)
        #expect(
            event.specversion == "1.0" && event.type == "deskbeat.kpi.updated" && event.source == "deskbeat/ticketing")
        #expect(event.subject == key && event.sequence == "1" && event.time == "2026-11-22T09:15:00Z")
        #expect(
            event.data.kpi == "first_response_time" && event.data.unit == "seconds" && event.data.statistic == "mean")
        #expect(event.data.dimensions == ["channel": "email"])
        #expect(event.data.window.kind == "day" && event.data.window.closed == false)
        #expect(
            event.data.window.start == "2026-11-22T00:00:00+01:00"
                && event.data.window.end == "2026-11-23T00:00:00+01:00")
        #expect(event.data.value == 1345.21 && event.data.count == 40 && event.data.open == 1)
        #expect(event.data.small_sample == false && event.data.settled && event.data.rules_version == 3)
        #expect(event.data.previous?.value == 1500)
        #expect(abs(try #require(event.data.previous?.change) - (1345.21 - 1500) / 1500) < 1e-15)
        #expect(try series.event("first_response_time/day;channel=email@2026-11-21").data.small_sample == true)

        let rolling = try series.event("first_response_time/7d;channel=email")
        #expect(rolling.data.window.start == "2026-11-16T00:00:00+01:00" && rolling.data.window.closed == nil)
        let hourly = try series.event("first_response_time/hour;channel=email@2026-11-22T10+01:00")
        #expect(hourly.data.window.start == "2026-11-22T10:00:00+01:00")
        for label in [
            "week;channel=email@2026-W47", "month;channel=email@2026-11", "quarter;channel=email@2026-Q4",
            "year;channel=email@2026",
        ] {
            #expect(try series.event("first_response_time/\(label)").data.count == 42)
        }
    }

    @Test func idsAreUniqueAndRepeatable() throws {
        func ids() throws -> [String] {
            var series = Series(try Sample.catalogue())
            var ids: [String] = []
            for minute in 10..<40 {
                try series.take([created("2026-11-22T09:\(minute):00Z"), created("2026-11-22T09:\(minute):00Z", email)])
                ids += try series.publish(clock: instant("2026-11-22T09:\(minute):30Z")).map { try Event($0.value).id }
            }
            return ids
        }
        let first = try ids()
        #expect(first.count > 30 * 9)
        #expect(Set(first).count == first.count)
        #expect(try ids() == first)
    }

    @Test func proportionsSayHowSureTheyAre() throws {
        var series = Series(try Sample.catalogue(only: ["reopen_rate"], windows: .day))
        let time = try instant("2026-11-22T09:15:00Z")
        func contribution(_ measure: Measure) -> Contribution {
            Contribution(cell: .overall, measure: measure, instant: time)
        }
        try series.take([contribution(Sample.reopenPending)])
        series.publish(clock: time)
        let key = "reopen_rate/day@2026-11-22"
        let pending = try series.event(key)
        #expect(pending.data.value == nil && pending.data.denominator == 0 && pending.data.interval == nil)
        #expect(!pending.data.settled && pending.data.pending == 1)
        #expect(pending.data.settles_at == "2026-12-23T00:00:00Z")
        try series.take([contribution(Sample.reopenPending).retracted])
        try series.take(
            (0..<20).map { _ in contribution(Sample.reopenSettled) }
                + (0..<17).map { _ in contribution(Sample.reopenReopened) })
        series.publish(clock: time)
        let settled = try series.event(key)
        #expect(settled.data.value == 0.85 && settled.data.numerator == 17 && settled.data.denominator == 20)
        #expect(settled.data.unit == "proportion" && settled.data.count == 20 && settled.data.small_sample == true)
        #expect(abs(try #require(settled.data.interval).low - 0.639581) < 5e-7)
        #expect(settled.data.interval?.confidence == 0.95)
        #expect(settled.data.settled && settled.data.settles_at == nil && settled.data.pending == 0)
    }

    @Test func meansAndNetPromoterScoresSayWhatTheyAreMadeOf() throws {
        var series = Series(try Sample.catalogue())
        let time = try instant("2026-11-22T12:00:00Z")
        func answers(_ count: Int, _ measure: Measure, _ value: Int64 = 1) -> [Contribution] {
            [Contribution](
                repeating: Contribution(cell: .overall, measure: measure, instant: time, value: value), count: count)
        }
        try series.take(answers(70, Sample.promoters) + answers(20, Sample.passives) + answers(10, Sample.detractors))
        try series.take(answers(1, Sample.sentiment, 500_000) + answers(2, Sample.sentiment, -1_000_000))
        series.publish(clock: time)
        let nps = try series.event("nps/day@2026-11-22").data
        #expect(nps.value == 60 && nps.count == 100 && nps.unit == "points" && nps.small_sample == false)
        #expect(nps.promoters == 70 && nps.passives == 20 && nps.detractors == 10 && nps.settled)
        #expect(abs(try #require(nps.interval).low - 46.336826) < 5e-7)
        #expect(abs(try #require(nps.interval).high - 72.475055) < 5e-7)
        let mean = try series.event("sentiment/day@2026-11-22").data
        #expect(mean.value == -0.5 && mean.statistic == "mean" && mean.count == 3 && mean.small_sample == true)
        #expect(mean.numerator == -1.5 && mean.denominator == 3 && mean.interval == nil)

        try series.take((answers(1, Sample.sentiment, 500_000) + answers(10, Sample.detractors)).map(\.retracted))
        try series.take((answers(2, Sample.sentiment, -1_000_000) + answers(70, Sample.promoters)).map(\.retracted))
        try series.take(answers(20, Sample.passives).map(\.retracted))
        series.publish(clock: time)
        #expect(try series.event("nps/day@2026-11-22").data.value == nil)
        #expect(try series.event("nps/day@2026-11-22").data.interval == nil)
        #expect(try series.event("sentiment/day@2026-11-22").data.value == nil)
    }

    @Test(arguments: [(0, ["many", "few"]), (1, ["many", "few"]), (2, ["many"]), (20, ["many"])])
    func flagsStandBelowTheirLimit(reopened: Int, flags: [String]) throws {
        var series = Series(try Sample.catalogue())
        let time = try instant("2026-11-22T12:00:00Z")
        let settled = Contribution(cell: .overall, measure: Sample.reopenSettled, instant: time)
        let positive = Contribution(cell: .overall, measure: Sample.reopenReopened, instant: time)
        try series.take([Contribution](repeating: settled, count: 20))
        try series.take([Contribution](repeating: positive, count: reopened))
        series.publish(clock: time)
        #expect(try series.event("reopen_rate/day@2026-11-22").data.flags == flags)
        try series.take([Contribution](repeating: settled.retracted, count: 20))
        try series.take([Contribution](repeating: positive.retracted, count: reopened))
        series.publish(clock: time)
        #expect(try series.event("reopen_rate/day@2026-11-22").data.flags == [])
    }

    @Test func aKeyIsPublishedOncePerIntervalAndAtItsClose() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"], windows: .hour))
        let start = try instant("2026-11-22T09:00:00Z")
        let second: Micros = 1_000_000
        var times: [Micros] = []
        var closed: [Bool] = []
        for tick in (3_560...3_640).map({ Micros($0) * second }) {
            if tick < 3_600 * second {
                try series.take([Contribution(cell: .overall, measure: Sample.created, instant: start + tick)])
            }
            for (key, value) in series.publish(clock: start + tick, idle: false) {
                #expect(key == "tickets_created/hour@2026-11-22T09+00:00")
                times.append(tick / second)
                closed.append(try Event(value).data.window.closed ?? false)
            }
            series.commit()
        }
        #expect(times == [3_560, 3_565, 3_570, 3_575, 3_580, 3_585, 3_590, 3_595, 3_600])
        #expect(closed == [false, false, false, false, false, false, false, false, true])
        let dirty = series.store.dirtyCount
        #expect(dirty == 0)
        #expect(try series.event(try #require(series.log.last)).data.count == 40)
        // A late event revises the closed hour.
        try series.take([Contribution(cell: .overall, measure: Sample.created, instant: start)])
        let late = series.publish(clock: start + 3_700 * second, idle: false)
        #expect(late.count == 1)
        let event = try Event(try #require(late.first).value)
        #expect(event.data.window.closed == true && event.data.revision == 10 && event.sequence == "10")
        #expect(event.time == "2026-11-22T10:00:00Z")
    }

    @Test func idlenessDoesNotWaitForTheInterval() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"], windows: .day))
        let time = try instant("2026-11-22T09:00:00Z")
        for round in 1...3 {
            try series.take([Contribution(cell: .overall, measure: Sample.created, instant: time)])
            let none = series.publish(clock: time + Micros(round), idle: false)
            #expect(none.count == (round == 1 ? 1 : 0))
            let dirty = series.store.dirtyCount
            #expect(dirty == (round == 1 ? 0 : 1))
            let updates = series.publish(clock: time + Micros(round), idle: true)
            #expect(updates.count == (round == 1 ? 0 : 1))
            series.commit()
        }
    }

    @Test func aSeriesThatFallsSilentPublishesItsClose() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created", "reopen_rate", "backlog"], windows: .day))
        let time = try instant("2026-11-20T09:00:00Z")
        try series.take([
            Contribution(cell: .overall, measure: Sample.created, instant: time),
            Contribution(cell: .overall, measure: Sample.reopenSettled, instant: time),
            Contribution(cell: .overall, measure: Sample.backlog, instant: time),
        ])
        series.publish(clock: time)
        series.log.removeAll()
        series.publish(clock: time + Sample.day)
        #expect(
            Set(series.log) == [
                "tickets_created/day@2026-11-20", "reopen_rate/day@2026-11-20", "backlog/day@2026-11-20",
            ])
        series.log.removeAll()
        series.publish(clock: time + 2 * Sample.day)
        // Counts 0, proportions null; readers carry levels forward; the day after the empty one is silent.
        #expect(Set(series.log) == ["tickets_created/day@2026-11-21", "reopen_rate/day@2026-11-21"])
        #expect(try series.event("tickets_created/day@2026-11-21").data.value == 0)
        #expect(try series.event("tickets_created/day@2026-11-21").data.window.closed == true)
        #expect(try series.event("reopen_rate/day@2026-11-21").data.value == nil)
        series.log.removeAll()
        series.publish(clock: time + 9 * Sample.day)
        #expect(series.log.isEmpty)
    }

    @Test func rollingWindowsMoveWithTheClockAlone() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"], windows: .rolling))
        let time = try instant("2026-11-20T09:30:00Z")
        try series.take([
            created("2026-11-20T09:10:00Z"), created("2026-11-19T11:10:00Z"), created("2026-11-13T11:10:00Z"),
        ])
        series.publish(clock: time)
        #expect(try series.event("tickets_created/24h").data.value == 2)
        #expect(try series.event("tickets_created/24h").data.window.start == "2026-11-19T10:00:00+00:00")
        #expect(try series.event("tickets_created/24h").data.window.end == "2026-11-20T10:00:00+00:00")
        #expect(try series.event("tickets_created/7d").data.value == 2)
        #expect(try series.event("tickets_created/7d").data.previous?.value == 1)
        #expect(try series.event("tickets_created/7d").data.rate_per_day == 2.0 / 7)
        #expect(try series.event("tickets_created/30d").data.value == 3)
        series.commit()
        series.publish(clock: time + 3 * Sample.hour)
        #expect(try series.event("tickets_created/24h").data.value == 1)
        // The same value in a window that has moved is news; the empty one is told once.
        series.publish(clock: time + 4 * Sample.hour)
        #expect(try series.event("tickets_created/24h").data.revision == 3)
        series.publish(clock: time + 24 * Sample.hour)
        #expect(try series.event("tickets_created/24h").data.value == 0)
        let revision = try series.event("tickets_created/24h").data.revision
        series.publish(clock: time + 60 * Sample.day)
        #expect(try series.event("tickets_created/24h").data.revision == revision)
        #expect(try series.event("tickets_created/30d").data.value == 0)
    }

    @Test func eventsAheadOfTheClockWaitForIt() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"], windows: .rolling))
        let time = try instant("2026-11-20T09:30:00Z")
        series.publish(clock: time)
        try series.take([created("2026-11-20T10:10:00Z")])
        #expect(series.publish(clock: time).allSatisfy { !$0.key.contains("24h") })
        series.publish(clock: time + Sample.hour)
        #expect(try series.event("tickets_created/24h").data.value == 1)
    }

    @Test func levelsAreHistoryThatLateEventsRevise() throws {
        var series = Series(try Sample.catalogue(only: ["backlog", "backlog_open"], windows: .day))
        func change(_ time: String, _ value: Int64) throws -> Contribution {
            Contribution(cell: .overall, measure: Sample.backlog, instant: try instant(time), value: value)
        }
        let clock = try instant("2026-11-22T12:00:00Z")
        try series.take([
            change("2026-11-10T09:00:00Z", 1), change("2026-11-15T09:00:00Z", 1), change("2026-11-20T09:00:00Z", -1),
        ])
        series.publish(clock: clock)
        func level(_ day: String) throws -> Double? { try series.event("backlog/day@2026-11-\(day)").data.value }
        #expect(try [level("10"), level("15"), level("20")] == [1, 2, 1])
        #expect(try series.event("backlog/day@2026-11-20").data.previous?.value == 2)
        series.log.removeAll()
        try series.take([change("2026-11-12T09:00:00Z", 1)])
        series.publish(clock: clock)
        #expect(try [level("10"), level("12"), level("15"), level("20")] == [1, 2, 3, 2])
        #expect(!series.log.contains("backlog/day@2026-11-10"))
        // A ticket that is solved at midnight was open at the end of the day.
        try series.take([change("2026-11-21T00:00:00Z", -1)])
        series.publish(clock: clock)
        #expect(try [level("20"), level("21")] == [2, 1])
        try series.take([Contribution(cell: .overall, measure: Sample.openNow, instant: clock, value: 4)])
        series.publish(clock: clock)
        let gauge = try series.event("backlog_open/now")
        #expect(
            gauge.data.value == 4 && gauge.data.window.kind == "now" && gauge.data.window.at == "2026-11-22T12:00:00Z")
    }

    @Test func historyEndsAWindowButNotALevel() throws {
        let history = SeriesHistory(hours: 1, days: 10, months: 100)
        var series = Series(
            try Sample.catalogue(only: ["tickets_created", "backlog"], windows: .day), history: history)
        func at(_ day: Int64, _ measure: Measure) throws -> Contribution {
            Contribution(
                cell: .overall, measure: measure, instant: try instant("2026-01-01T12:00:00Z") + day * Sample.day)
        }
        let clock = try instant("2026-06-01T00:00:00Z")
        try series.take([at(0, Sample.created), at(0, Sample.backlog)])
        try series.take([at(20, Sample.created), at(20, Sample.backlog)])
        series.publish(clock: clock)
        // Published before it was dropped.
        #expect(try series.event("tickets_created/day@2026-01-01").data.value == 1)
        #expect(try series.event("backlog/day@2026-01-21").data.value == 2)
        series.commit()
        try series.take([at(0, Sample.created), at(1, Sample.backlog)])
        let late = (series.store.lateDropped, series.store.lateDropped(in: .day), series.store.lateDropped(in: .hour))
        #expect(late == (2, 2, 0))
        series.publish(clock: clock)
        #expect(try series.event("tickets_created/day@2026-01-01").data.value == 1)
        #expect(try series.event("backlog/day@2026-01-21").data.value == 3)
    }

    @Test func aLimitHoldsOldWindowsBackFirst() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"], windows: .day))
        let clock = try instant("2026-11-22T12:00:00Z")
        try series.take(
            (0..<30).map { Contribution(cell: .overall, measure: Sample.created, instant: clock - $0 * Sample.day) }
                .reversed())
        series.publish(clock: clock, limit: 4)
        // The day that has just closed is not old yet.
        #expect(Set(series.log.prefix(2)) == ["tickets_created/day@2026-11-22", "tickets_created/day@2026-11-21"])
        #expect(series.log.count == 4)
        let dirty = series.store.dirtyCount
        #expect(dirty == 26)
        for _ in 0..<7 { series.publish(clock: clock, limit: 4) }
        #expect(Set(series.log).count == 30)
        let rest = series.store.dirtyCount
        #expect(rest == 0)
    }

    @Test func filtersDecideWhichCellsAreTold() throws {
        var series = Series(try Sample.catalogue(windows: .day))
        let time = try instant("2026-11-22T09:15:00Z")
        let cell = CellKey([("solved_by", "bot")])
        try series.take([
            Contribution(cell: cell, measure: Sample.created, instant: time),
            Contribution(cell: cell, measure: Sample.solved, instant: time),
        ])
        series.publish(clock: time)
        #expect(Set(series.published.keys) == ["tickets_solved/day;solved_by=bot@2026-11-22"])
    }

    @Test func ratesCountTheDaysThatHaveBegun() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"]))
        let clock = try instant("2026-11-22T12:00:00Z")
        try series.take((0..<11).map { _ in Contribution(cell: .overall, measure: Sample.created, instant: clock) })
        series.publish(clock: clock)
        #expect(try series.event("tickets_created/month@2026-11").data.rate_per_day == 0.5)
        #expect(try series.event("tickets_created/day@2026-11-22").data.rate_per_day == 11)
        #expect(try series.event("tickets_created/hour@2026-11-22T12+00:00").data.rate_per_day == 264)
        #expect(try series.event("tickets_created/week@2026-W47").data.rate_per_day == 11.0 / 7)
    }

    @Test func textsAreEscaped() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"], windows: .day))
        let value = "a\"b\\c\u{1}\n;=ü€😀"
        try series.take([created("2026-11-22T09:15:00.000123Z", CellKey([("team", value)]))])
        let updates = series.publish(clock: try instant("2026-11-22T09:16:00Z"))
        let event = try Event(try #require(updates.first).value)
        #expect(event.data.dimensions == ["team": value])
        #expect(event.subject.contains("team=a%22b%5Cc%01%0A%3B%3D%C3%BC%E2%82%AC%F0%9F%98%80@2026-11-22"))
    }
}
