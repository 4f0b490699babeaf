import BusinessTime
import KPIs
import Testing

@Suite struct AgentRankingTests {
    /// Quantiles as scipy 1.x gives them (`scipy.stats.beta.ppf`): 2.5 %, 50 %, 97.5 %.
    @Test(arguments: [
        (31, 8, 0.6567380056890788, 0.7999454260599012, 0.9044588845441258),
        (30, 8, 0.6484476216307459, 0.7945873693250469, 0.9017343641645508),
        (125, 13, 0.8519943629250988, 0.9077563416473828, 0.9485018116230673),
        (0.5, 0.5, 0.001541333133436012, 0.4999999999999999, 0.9984586668665639),
        (2, 5, 0.043271868292741676, 0.26444998329566005, 0.6412345789976748),
        (20, 1, 0.8315665290169146, 0.9659363289248456, 0.9987349105020502),
        (1.5, 300.25, 0.0003589961319215746, 0.003928993167353709, 0.015434423162394328),
        (1200, 3400, 0.24828087657758746, 0.2608349061492986, 0.2736552032254904),
        (20, 0.3, 0.907844499619721, 0.9962856149880907, 0.9999998378948552),
        (5000, 4, 0.998248606626538, 0.999266077528925, 0.9997821160311147),
    ])
    func betaQuantiles(alpha: Double, beta: Double, low: Double, median: Double, high: Double) {
        let distribution = BetaDistribution(alpha, beta)
        for (p, x) in [(0.025, low), (0.5, median), (0.975, high)] {
            #expect(abs(distribution.quantile(p) - x) < 1e-10 * max(1, x))
            #expect(abs(distribution.cumulative(x) - p) < 1e-9)
        }
    }

    /// `scipy.stats.beta.cdf`.
    @Test func betaProbabilities() {
        #expect(abs(BetaDistribution(2, 3).cumulative(0.4) - 0.5248) < 1e-12)
        #expect(abs(BetaDistribution(0.5, 0.5).cumulative(0.1) - 0.20483276469913345) < 1e-12)
        #expect(abs(BetaDistribution(30, 8).cumulative(0.9) - 0.9725586400352485) < 1e-12)
        #expect(abs(BetaDistribution(1000, 10).cumulative(0.98) - 0.00420772951271863) < 1e-12)
        #expect(BetaDistribution(2, 3).cumulative(0) == 0 && BetaDistribution(2, 3).cumulative(1) == 1)
        #expect(BetaDistribution(20, 0).quantile(0.025) == 1 && BetaDistribution(0, 20).quantile(0.975) == 0)
    }

    /// The check values of the KPI catalogue.
    @Test func thePublishedExample() {
        let prior = BetaDistribution(30, 8)
        #expect(abs(prior.updated(1, of: 1).mean - 0.794872) < 5e-7)
        #expect(abs(prior.updated(95, of: 100).mean - 0.905797) < 5e-7)
        #expect(BetaDistribution(mean: 0.5, variance: 0.25) == nil)
        #expect(BetaDistribution(mean: 0.5, variance: 0) == nil)
        let moments = BetaDistribution(mean: 30.0 / 38, variance: 30 * 8 / (38.0 * 38 * 39))
        #expect(abs((moments?.alpha ?? 0) - 30) < 1e-9 && abs((moments?.beta ?? 0) - 8) < 1e-9)
    }

    private static let january = "2026-01-15T12:00:00Z"

    private func answers(
        _ agent: String, _ positive: Int64, of all: Int64, _ more: [(String, String)] = [], at time: String = january
    ) throws -> [Contribution] {
        let cell = CellKey([("by", "csat"), ("team", "billing")], detail: [("agent", agent)] + more)
        let at = try instant(time)
        return [
            Contribution(cell: cell, measure: Sample.rated, instant: at, weight: all),
            Contribution(cell: cell, measure: Sample.ratedWell, instant: at, weight: positive),
        ].filter { $0.weight != 0 }
    }

    private func ranked(_ contributions: [Contribution], clock: String = "2026-02-03T00:00:00Z") throws -> Series {
        var series = Series(try Sample.catalogue(only: ["agent_ranking"]))
        try series.take(contributions)
        series.publish(clock: try instant(clock))
        return series
    }

    @Test func aTeamIsRankedAtTheEndOfTheMonth() throws {
        let contributions = try answers("A-1", 1, of: 1) + answers("A-2", 90, of: 100) + answers("A-3", 40, of: 80)
        var open = Series(try Sample.catalogue(only: ["agent_ranking"]))
        try open.take(contributions)
        #expect(open.publish(clock: try instant("2026-01-20T00:00:00Z")).isEmpty)
        let series = try ranked(contributions)
        #expect(Set(series.published.keys) == ["agent_ranking/month;by=csat;team=billing@2026-01"])
        let event = try series.event("agent_ranking/month;by=csat;team=billing@2026-01")
        #expect(event.data.by == "csat" && event.data.months == 1 && event.data.window.closed == true)
        #expect(event.data.numerator == 131 && event.data.denominator == 181)
        let agents = try #require(event.data.agents)
        // Fewer than five agents: Beta(20 m, 20 (1 - m)) at the team's rate m.
        let rate = 131.0 / 181
        #expect(agents.map(\.agent_id) == ["A-2", "A-1", "A-3"])
        #expect(abs(agents[0].value - (20 * rate + 90) / 120) < 1e-12)
        #expect(abs(agents[1].value - (20 * rate + 1) / 21) < 1e-12)
        #expect(agents.map(\.too_few) == [false, true, false])
        #expect(agents.map(\.tied) == [true, true, false])
        #expect(agents.map(\.rank) == [1, 2, 3])
        #expect(agents.map(\.rank_low) == [1, 1, 2])
        #expect(agents.map(\.rank_high) == [2, 3, 3])
    }

    /// Who has the difficult tasks is compared with the team in difficult tasks.
    @Test func theMixOfTasksIsAdjustedFor() throws {
        let easy = [("category", "password")]
        let hard = [("category", "migration"), ("priority", "urgent")]
        let series = try ranked(
            answers("easy", 90, of: 100, easy) + answers("hard", 50, of: 100, hard) + answers("both", 45, of: 50, easy)
                + answers("both", 25, of: 50, hard))
        let agents = try #require(series.event("agent_ranking/month;by=csat;team=billing@2026-01").data.agents)
        for agent in agents {
            #expect(abs(Double(agent.observed) - agent.expected) < 1e-9)
            #expect(abs(agent.value - agents[0].value) < 1e-9)
            #expect(agent.rank_low == 1 && agent.rank_high == 3 && agent.tied)
        }
    }

    /// Two agents without a success exchange the kinds of their tasks: as good as before, by other expectations.
    @Test func expectationsThatLeaveTheRankingAsItIsArePublished() throws {
        let (key, easy, hard) = (
            "agent_ranking/month;by=csat;team=billing@2026-01", [("category", "password")], [("category", "migration")]
        )
        let one = try answers("one", 0, of: 5, easy) + answers("two", 0, of: 5, hard)
        var series = try ranked(answers("A", 5, of: 5, easy) + answers("B", 1, of: 5, hard) + one)
        let before = try series.event(key)
        let other = try answers("one", 0, of: 5, hard) + answers("two", 0, of: 5, easy)
        try series.take(one.map(\.retracted) + other)
        series.publish(clock: try instant("2026-02-03T00:01:00Z"))
        let after = try series.event(key)
        #expect(after.data.revision == before.data.revision + 1)
        func agents(_ event: Event) throws -> [String: Event.Figures.Agent] {
            Dictionary(uniqueKeysWithValues: try #require(event.data.agents).map { ($0.agent_id, $0) })
        }
        #expect(try agents(after).mapValues(\.value) == agents(before).mapValues(\.value))
        #expect(try agents(before)["one"]?.expected == 2.5 && agents(after)["one"]?.expected == 0.5)
    }

    @Test func aMonthCountsForThreeMonthsAndLateAnswersRevise() throws {
        var series = try ranked(
            answers("A-1", 5, of: 10) + answers("A-2", 9, of: 10), clock: "2026-05-02T00:00:00Z")
        #expect(series.published.keys.sorted().map { $0.suffix(7) } == ["2026-01", "2026-02", "2026-03", "2026-04"])
        #expect(try series.event("agent_ranking/month;by=csat;team=billing@2026-03").data.months == 3)
        #expect(try series.event("agent_ranking/month;by=csat;team=billing@2026-03").data.count == 20)
        #expect(try series.event("agent_ranking/month;by=csat;team=billing@2026-04").data.value == nil)
        series.commit()
        try series.take(try answers("A-1", 5, of: 5))
        series.publish(clock: try instant("2026-05-02T00:01:00Z"))
        for month in ["01", "02", "03"] {
            let event = try series.event("agent_ranking/month;by=csat;team=billing@2026-\(month)")
            #expect(event.data.revision == 2 && event.data.count == 25)
        }
        #expect(try series.event("agent_ranking/month;by=csat;team=billing@2026-04").data.revision == 1)
    }

    @Test func detailCellsBelongToTheirOwner() throws {
        let key = CellKey([("team", "a!b"), ("by", "csat")], detail: [("agent", "x y"), ("category", "c")])
        #expect(key.text == "by=csat;team=a%21b!agent=x%20y;category=c")
        #expect(key.owner == CellKey([("by", "csat"), ("team", "a!b")]))
        #expect(key.owner?.owner == nil && key.owner?.detail == nil)
        #expect(key.detail?.map(\.value) == ["x y", "c"])
        #expect(CellKey.owner(of: key.partitionKey) == key.owner?.partitionKey)
        #expect(CellKey(bytes: key.bytes) == key)
        for text in ["a=b!c", "a=b!c=d!e=f", "!=", "a!b=c"] { #expect(CellKey(bytes: Array(text.utf8)) == nil) }
    }
}
