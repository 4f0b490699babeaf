import KPIs
import Testing

@Suite struct NetPromoterScoreTests {
    @Test func publishedExample() throws {
        #expect(NetPromoterScore.value(promoters: 70, detractors: 10, answers: 100) == 60)
        let interval = try #require(NetPromoterScore.interval(promoters: 70, detractors: 10, answers: 100))
        #expect(abs(interval.low - 46.336826) < 0.000001)
        #expect(abs(interval.high - 72.475055) < 0.000001)
    }

    /// San Francisco airport, customer survey of 2017: 2,831 forms, 84 of them blank and one without a score.
    @Test func airportSurvey() throws {
        let value = try #require(NetPromoterScore.value(promoters: 1436, detractors: 342, answers: 2746))
        #expect(abs(value - 39.839767) < 0.0000005)
    }

    @Test func nothingWithoutAnswers() {
        #expect(NetPromoterScore.value(promoters: 0, detractors: 0, answers: 0) == nil)
        #expect(NetPromoterScore.interval(promoters: 0, detractors: 0, answers: 0) == nil)
    }

    @Test func unanimousAnswersKeepAnIntervalWithinTheScale() throws {
        let all = try #require(NetPromoterScore.interval(promoters: 3, detractors: 0, answers: 3))
        #expect(all.low < 100 && all.high == 100)
        let none = try #require(NetPromoterScore.interval(promoters: 0, detractors: 3, answers: 3))
        #expect(none.low == -100 && none.high > -100)
        #expect(none.high == -all.low)
    }
}
