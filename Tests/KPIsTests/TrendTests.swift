import BusinessTime
import KPIs
import Testing

@Suite struct TrendTests {
    /// As `scipy.stats.theilslopes(y, range(n), alpha=0.95)` gives them: slope, low, high.
    @Test(arguments: [
        ([3.1, 2.7, 4.4, 3.9, 5.2, 4.1, 6.3, 5.5, 6.0, 9.7], 0.5, 0.2666666666666666, 0.7999999999999999, "rising"),
        ([5, 4, 6, 5, 4, 6, 5, 5, 4, 6], 0, -0.25, 0.3333333333333333, "flat"),
        ([9, 8, 8, 7, 7, 5, 6, 4], -0.5833333333333333, -1, -0.4, "falling"),
    ])
    func theSlopeThatNoOutlierBends(values: [Double], slope: Double, low: Double, high: Double, direction: String)
        throws
    {
        let trend = try #require(TheilSen(values.enumerated().map { (x: Double($0), y: $1) }))
        #expect(abs(trend.slope - slope) < 1e-12)
        // Both round the ranks of the interval; at most the neighbouring pair is taken.
        #expect(trend.low <= low + 1e-12 && trend.low > low - 0.2)
        #expect(trend.high >= high - 1e-12 && trend.high < high + 0.2)
        #expect(trend.direction.rawValue == direction)
        #expect(TheilSen([(x: 0, y: 1)]) == nil)
    }

    private func created(_ day: Int64, _ count: Int64) throws -> Contribution {
        Contribution(
            cell: .overall, measure: Sample.created, instant: try instant("2026-03-02T12:00:00Z") + day * Sample.day,
            weight: count)
    }

    @Test func aTrendNeedsEightClosedWindows() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"], windows: .day))
        let start = try instant("2026-03-02T12:00:00Z")
        for day in Int64(0)..<8 {
            try series.take([created(day, 10 + 3 * day)])
            series.publish(clock: start + day * Sample.day)
        }
        // The eighth day is open.
        #expect(try series.event("tickets_created/day@2026-03-09").data.trend == nil)
        series.publish(clock: start + 8 * Sample.day)
        let event = try series.event("tickets_created/day@2026-03-09")
        let trend = try #require(event.data.trend)
        #expect(trend.direction == "rising" && trend.slope == 3 && trend.windows == 8)
        #expect(event.data.week_ago?.value == 10 && event.data.week_ago?.change == 2.1)
        #expect(event.data.year_ago == nil)
    }

    @Test func aWindowWithoutAnythingCountsAsZero() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"], windows: .day))
        for day in Int64(0)..<12 where day % 2 == 0 { try series.take([created(day, 5)]) }
        series.publish(clock: try instant("2026-03-20T00:00:00Z"))
        let trend = try #require(series.event("tickets_created/day@2026-03-12").data.trend)
        #expect(trend.direction == "flat" && trend.windows == 11)
    }

    @Test func aYearAgo() throws {
        var series = Series(try Sample.catalogue(only: ["tickets_created"]))
        try series.take([created(0, 5), created(365, 4), created(364, 6)])
        series.publish(clock: try instant("2027-03-03T00:00:00Z"))
        #expect(try series.event("tickets_created/month@2027-03").data.year_ago?.value == 5)
        #expect(try series.event("tickets_created/month@2027-03").data.year_ago?.change == 1)
        #expect(try series.event("tickets_created/quarter@2027-Q1").data.year_ago?.value == 5)
        // The same weekday.
        #expect(try series.event("tickets_created/day@2027-03-01").data.year_ago?.value == 5)
        #expect(try series.event("tickets_created/day@2027-03-02").data.year_ago == nil)
        #expect(try series.event("tickets_created/week@2027-W09").data.year_ago?.value == 5)
    }

    /// What has not settled yet pulls no trend.
    @Test func onlySettledWindowsCount() throws {
        var series = Series(try Sample.catalogue(only: ["reopen_rate"], windows: .day))
        let start = try instant("2026-03-02T12:00:00Z")
        for day in Int64(0)..<10 {
            var list = [
                Contribution(
                    cell: .overall, measure: Sample.reopenSettled, instant: start + day * Sample.day, weight: 10)
            ]
            if day > 7 {
                list.append(
                    Contribution(cell: .overall, measure: Sample.reopenPending, instant: start + day * Sample.day))
            }
            try series.take(list)
        }
        series.publish(clock: start + 12 * Sample.day)
        let event = try series.event("reopen_rate/day@2026-03-11")
        #expect(event.data.settled == false && event.data.settles_at == "2026-04-11T00:00:00Z")
        #expect(event.data.trend?.windows == 8)
        #expect(event.data.trend?.direction == "flat")
        #expect(try series.event("reopen_rate/day@2026-03-09").data.settled == true)
    }
}
