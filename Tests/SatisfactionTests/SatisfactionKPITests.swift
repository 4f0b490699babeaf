import Foundation
import Satisfaction
import ServiceKit
import Testing

/// The worked examples of the KPI reference, through both stages.
@Suite struct SatisfactionKPITests {
    private static let noon = 12 * SurveyEvent.hour
    private let noon = Self.noon

    /// Answers to distinct surveys on the first day.
    private func answers(
        _ kind: String, _ scores: [String], prefix: String = "S", _ data: [(String, String)] = []
    ) -> [SurveyEvent] {
        scores.enumerated().map { .answered("\(prefix)\($0.offset)", kind, $0.element, at: noon, data) }
    }

    private func published(
        _ events: [SurveyEvent], _ rules: String = "{}", now: Int64 = 40 * SurveyEvent.day
    ) throws -> Pipeline {
        let rules = try Rules(parsing: "history: 100y\n" + (rules == "{}" ? "" : rules))
        let pipeline = try Pipeline(rules, now: SurveyEvent.epoch * 1_000_000 + now)
        for event in events { pipeline.send(event) }
        try pipeline.drain()
        #expect(pipeline.dead.isEmpty)
        return pipeline
    }

    private func number(_ data: [String: Any]?, _ name: String) -> Double? { (data?[name] as? NSNumber)?.doubleValue }

    // MARK: csat

    @Test func satisfactionIsTheShareOfSatisfiedAnswers() throws {
        let scores = [String](repeating: "5", count: 10) + [String](repeating: "4", count: 7) + ["3.9", "3", "1"]
        let pipeline = try published(answers("csat", scores, [("channel", "\"Email\""), ("team", "\"Billing\"")]))
        for series in ["csat/day", "csat/day;channel=email", "csat/day;team=billing"] {
            let data = try #require(pipeline.data("\(series)@2026-01-05"))
            #expect(number(data, "value") == 0.85 && number(data, "numerator") == 17)
            let interval = try #require(data["interval"] as? [String: Double])
            #expect(abs(try #require(interval["low"]) - 0.639581) < 5e-7)
            #expect(abs(try #require(interval["high"]) - 0.947631) < 5e-7)
            #expect(data["settled"] as? Bool == true && data["small_sample"] as? Bool == true)
        }
        let mean = try #require(pipeline.data("csat_mean/day;scale=1-5@2026-01-05"))
        #expect(number(mean, "value") == 85.9 / 20 && mean["unit"] as? String == "mean")
        #expect(pipeline.value("csat_mean/day;channel=email;scale=1-5@2026-01-05") == 85.9 / 20)
        #expect(pipeline.data("csat_mean/day@2026-01-05") == nil)
    }

    @Test(arguments: [
        ("[1,5]", "4"), ("[1,7]", "6"), ("[1,10]", "8"), ("[0,10]", "8"), ("[1,4]", "3"), ("[1,3]", "3"),
        ("[0,1]", "1"), ("[1,2]", "2"), ("[1.0,5e0]", "4"),
    ])
    func everyScaleOfTheTableHasItsThreshold(scale: String, threshold: String) throws {
        let least = try #require(Double(threshold))
        let pipeline = try published(
            answers("csat", [threshold, "\(least - 0.001)"], [("scale", scale)])
                + answers("agent_csat", [threshold, "\(least - 0.001)"], prefix: "A", [("scale", scale)]))
        for kpi in ["csat", "agent_csat"] {
            #expect(number(pipeline.data("\(kpi)/day@2026-01-05"), "numerator") == 1)
            #expect(number(pipeline.data("\(kpi)/day@2026-01-05"), "denominator") == 2)
        }
    }

    @Test func lowIsGoodMirrorsTheScoreFirst() throws {
        let low = [("direction", "\"LOW_is_good\"")]
        let pipeline = try published(answers("csat", ["1", "2", "3"], low) + answers("csat", ["5"], prefix: "H"))
        #expect(number(pipeline.data("csat/day@2026-01-05"), "numerator") == 3)
        #expect(pipeline.value("csat_mean/day;scale=1-5@2026-01-05") == (5 + 4 + 3 + 5) / 4.0)
    }

    @Test func theFirstOfMemberRulesAndTableSaysWhoIsSatisfied() throws {
        let scale = [("scale", "[1,6]")]
        let unknown = try published(answers("csat", ["5"], scale))
        #expect(unknown.data("csat/day@2026-01-05") == nil)
        #expect(unknown.value("csat_mean/day;scale=1-6@2026-01-05") == 5)
        let events =
            answers("csat", ["5", "4"], scale)
            + answers("csat", ["5", "4"], prefix: "M", scale + [("satisfied_from", "4")])
            + answers("csat", ["4"], prefix: "T")
        let ruled = try published(events, "satisfied_from: {\"1-6\": 5, 1-5: 4.5}\n")
        #expect(number(ruled.data("csat/day@2026-01-05"), "numerator") == 3)
        #expect(number(ruled.data("csat/day@2026-01-05"), "denominator") == 5)
    }

    @Test func otherRulesDeriveAgain() throws {
        let pipeline = try published(answers("csat", ["4", "5"]))
        #expect(pipeline.value("csat/day@2026-01-05") == 1)
        try pipeline.restartAll(.init(rules: Rules(parsing: "satisfied_from: {\"1-5\": 5}"), partitions: 2))
        try pipeline.drain()
        #expect(pipeline.value("csat/day@2026-01-05") == 0.5)
    }

    @Test func aScaleBeyondAMillionHasNoMean() throws {
        let wide = [("scale", "[0,9000000000000]"), ("satisfied_from", "1")]
        let pipeline = try published(answers("csat", ["9000000000000", "9e12", "0"], wide))
        #expect(number(pipeline.data("csat/day@2026-01-05"), "numerator") == 2)
        #expect(!pipeline.published.keys.contains { $0.hasPrefix("csat_mean/") })
    }

    // MARK: nps

    @Test func theNetPromoterScoreComesWithItsInterval() throws {
        let scores =
            [String](repeating: "9", count: 35) + [String](repeating: "10", count: 35)
            + [String](repeating: "7.5", count: 10) + [String](repeating: "8.5", count: 5)
            + [String](repeating: "6.5", count: 5) + [String](repeating: "6", count: 5)
            + [String](repeating: "0", count: 5)
        let pipeline = try published(answers("nps", scores))
        let data = try #require(pipeline.data("nps/month@2026-01"))
        #expect(number(data, "value") == 60 && number(data, "count") == 100 && data["unit"] as? String == "points")
        #expect(number(data, "promoters") == 70 && number(data, "passives") == 20 && number(data, "detractors") == 10)
        let interval = try #require(data["interval"] as? [String: Double])
        #expect(abs(try #require(interval["low"]) - 46.336826) < 5e-7)
        #expect(abs(try #require(interval["high"]) - 72.475055) < 5e-7)
        #expect(data["small_sample"] as? Bool == false)
    }

    @Test func lowIsGoodPromotersAreMirrored() throws {
        let pipeline = try published(answers("nps", ["1", "2", "4"], [("direction", "\"low_is_good\"")]))
        let data = pipeline.data("nps/day@2026-01-05")
        #expect(number(data, "promoters") == 1 && number(data, "passives") == 1 && number(data, "detractors") == 1)
    }

    // MARK: ces

    @Test func effortIsEaseFromNoughtToAHundred() throws {
        let high = try published(answers("ces", ["6"]))
        #expect(high.value("ces/day@2026-01-05") == 83.333333)
        #expect(high.value("ces_mean/day;direction=high_is_good;scale=1-7@2026-01-05") == 6)
        let low = [("scale", "[1,5]"), ("direction", "\"low_is_good\"")]
        let mixed = try published(answers("ces", ["2"], low) + answers("ces", ["1"], prefix: "H"))
        #expect(mixed.value("ces/day@2026-01-05") == 37.5)
        #expect(mixed.value("ces_mean/day;direction=low_is_good;scale=1-5@2026-01-05") == 2)
        #expect(mixed.value("ces_mean/day;direction=high_is_good;scale=1-7@2026-01-05") == 1)
        let data = try #require(mixed.data("ces/day@2026-01-05"))
        #expect(data["unit"] as? String == "points" && data["statistic"] as? String == "mean")
    }

    @Test func easeIsRoundedHalfToEven() throws {
        // 100 / 128 = 0.78125; at 10^-6: 100 x 1 / 2^9 = 0.1953125 -> 0.195312, 3 / 2^9 -> 0.5859375 -> 0.585938.
        let scale = [("scale", "[0,512]")]
        #expect(try published(answers("ces", ["1"], scale)).value("ces/day@2026-01-05") == 0.195312)
        #expect(try published(answers("ces", ["3"], scale)).value("ces/day@2026-01-05") == 0.585938)
    }

    // MARK: response rate

    @Test func theResponseRateSettlesAfterFourteenDays() throws {
        let day = SurveyEvent.day
        var events: [SurveyEvent] = []
        for number in 0..<20 { events.append(.sent("S\(number)", "csat", at: noon)) }
        events.append(.answered("S0", "csat", "5", at: noon + 14 * day))
        events.append(.answered("S1", "csat", "5", at: noon + 14 * day + 1))
        events.append(.answered("S2", "csat", "5", at: noon - 1))
        events.append(.answered("U", "csat", "5", at: noon))
        let key = "survey_response_rate/day;kind=csat@2026-01-05"

        let early = try published(events, now: noon + 14 * day - 1)
        let pending = try #require(early.data(key))
        #expect(pending["value"] is NSNull && number(pending, "pending") == 20 && pending["settled"] as? Bool == false)
        #expect(pending["settles_at"] as? String == "2026-01-20T00:00:00Z")
        #expect(number(pending, "unsolicited") == 1 && pending["flags"] as? [String] == [])
        early.now += 1
        try early.drain()
        let settled = try #require(early.data(key))
        #expect(number(settled, "value") == 0.1 && number(settled, "numerator") == 2)
        #expect(number(settled, "denominator") == 20 && number(settled, "pending") == 0)
        #expect(settled["settled"] as? Bool == true && settled["flags"] as? [String] == [])
        #expect(early.data("survey_response_rate/day@2026-01-05") == nil)
        // A late answer scores nevertheless.
        #expect(number(early.data("csat/month@2026-01"), "denominator") == 4)
    }

    @Test func aLowResponseRateIsFlagged() throws {
        let events = (0..<11).map { SurveyEvent.sent("S\($0)", "nps", at: noon, [("team", "\"a\"")]) }
        let pipeline = try published(events + [.answered("S0", "nps", "9", at: noon)])
        for cell in ["kind=nps", "kind=nps;team=a"] {
            let data = try #require(pipeline.data("survey_response_rate/week;\(cell)@2026-W02"))
            #expect(number(data, "value") == 1.0 / 11 && data["flags"] as? [String] == ["low_response_rate"])
            #expect(data["interval"] is [String: Double])
        }
    }

    @Test func aKindThatReportsNoSendingHasNoRate() throws {
        let pipeline = try published(answers("ces", ["5", "6"]) + [.sent("X", "csat", at: noon)])
        let data = try #require(pipeline.data("survey_response_rate/day;kind=ces@2026-01-05"))
        #expect(data["value"] is NSNull && number(data, "unsolicited") == 2 && number(data, "denominator") == 0)
    }

    // MARK: life of a survey

    @Test func aLaterAnswerReplacesAndAVoidedOneGivesWay() throws {
        let events: [SurveyEvent] = [
            .answered("S", "csat", "2", at: noon, id: "1"),
            .answered("S", "csat", "5", at: noon + SurveyEvent.hour, id: "2"),
        ]
        let replaced = try published(events)
        #expect(number(replaced.data("csat/day@2026-01-05"), "numerator") == 1)
        #expect(number(replaced.data("csat/day@2026-01-05"), "denominator") == 1)
        let void = SurveyEvent(survey: "S", "v", "event.voided", at: noon, SurveyEvent.voids("S-2"))
        let voided = try published(events + [void])
        #expect(number(voided.data("csat/day@2026-01-05"), "numerator") == 0)
        let both = try published(
            events + [void, SurveyEvent(survey: "S", "w", "event.voided", at: noon, SurveyEvent.voids("S-1"))])
        #expect(both.figures.isEmpty)
        let undone = SurveyEvent(survey: "S", "u", "event.voided", at: noon, SurveyEvent.voids("v"))
        #expect(try published(events + [void, undone]).figures == replaced.figures)
    }

    @Test func aSecondSendingIsIgnored() throws {
        let second = SurveyEvent(
            survey: "S", "again", "survey.sent", at: noon + SurveyEvent.day, [("kind", "\"csat\""), ("team", "\"b\"")])
        let pipeline = try published([.sent("S", "csat", at: noon, [("team", "\"a\"")]), second])
        #expect(pipeline.value("survey_response_rate/month;kind=csat;team=a@2026-01") == 0)
        #expect(number(pipeline.data("survey_response_rate/month;kind=csat@2026-01"), "denominator") == 1)
        #expect(pipeline.data("survey_response_rate/day;kind=csat@2026-01-06")?["count"] as? Int ?? 0 == 0)
        #expect(pipeline.data("survey_response_rate/month;kind=csat;team=b@2026-01") == nil)
    }

    @Test func theLatestAttributesAndKindHold() throws {
        let pipeline = try published([
            .sent("S", "nps", at: noon, [("team", "\"a\""), ("channel", "\"email\"")]),
            .answered("S", "csat", "5", at: noon + 1, [("team", "\"B\""), ("channel", "null")]),
        ])
        for cell in ["channel=email;kind=csat", "kind=csat;team=b", "kind=csat"] {
            #expect(pipeline.value("survey_response_rate/day;\(cell)@2026-01-05") == 1, "\(cell)")
        }
        #expect(pipeline.value("csat/day;channel=email@2026-01-05") == 1)
        #expect(pipeline.data("survey_response_rate/day;kind=nps@2026-01-05") == nil)
        #expect(pipeline.data("csat/day;team=a@2026-01-05") == nil)
    }

    @Test func agentsAreNamedUnlessTheRulesSayOff() throws {
        let events = answers("agent_csat", ["5", "2"], [("agent_id", "\"A-3\"")]) + answers("csat", ["5"], prefix: "C")
        let named = try published(events)
        #expect(named.value("agent_csat/day;agent=A-3@2026-01-05") == 0.5)
        #expect(!named.published.keys.contains { $0.hasPrefix("survey_response_rate") && $0.contains("agent=") })
        #expect(number(named.data("csat/day@2026-01-05"), "denominator") == 1)
        let off = try published(events, "agents: off\n")
        #expect(off.value("agent_csat/day@2026-01-05") == 0.5)
        #expect(!off.published.keys.contains { $0.contains("agent=") })
    }

    // MARK: feedback

    @Test func feedbackIsCountedAndItsSentimentAveraged() throws {
        let pipeline = try published([
            SurveyEvent(feedback: "F1", "1", at: noon, [("channel", "\"social\""), ("sentiment", "-0.5")]),
            SurveyEvent(feedback: "F2", "2", at: noon, [("channel", "\"tiktok\""), ("sentiment", "1")]),
            SurveyEvent(feedback: "F3", "3", at: noon, [("channel", "\"social\"")]),
            SurveyEvent(feedback: "F2", "4", at: noon + 1, [("channel", "\"tiktok\""), ("sentiment", "0.25")]),
            SurveyEvent(feedback: "F4", "5", at: noon, [("channel", "\"web\"")]),
            SurveyEvent(feedback: "F4", "6", "event.voided", at: noon, SurveyEvent.voids("5")),
        ])
        #expect(pipeline.value("feedback_volume/day@2026-01-05") == 3)
        #expect(pipeline.value("feedback_volume/day;channel=social@2026-01-05") == 2)
        #expect(pipeline.value("sentiment/day@2026-01-05") == -0.125)
        #expect(pipeline.value("sentiment/day;channel=other@2026-01-05") == 0.25)
        #expect(pipeline.value("sentiment/day;channel=social@2026-01-05") == -0.5)
        #expect(pipeline.data("feedback_volume/day;channel=web@2026-01-05") == nil)
    }

    @Test func surveysAndFeedbackHaveNameSpacesOfTheirOwn() throws {
        let events = [
            SurveyEvent.answered("7", "csat", "5", at: noon),
            SurveyEvent(feedback: "7", "f", at: noon, [("channel", "\"web\"")]),
            SurveyEvent(feedback: "7", "v", "event.voided", at: noon, SurveyEvent.voids("7-answer")),
        ]
        let pipeline = try published(events)
        #expect(pipeline.value("feedback_volume/day@2026-01-05") == 1)
        #expect(pipeline.value("csat/day@2026-01-05") == 1)
        try pipeline.restartAll()
        for event in events { pipeline.send(event) }
        pipeline.send(SurveyEvent(feedback: "7", "g", at: noon, [("channel", "\"web\"")]))
        try pipeline.drain()
        #expect(pipeline.value("feedback_volume/day@2026-01-05") == 1)
        #expect(pipeline.value("csat/day@2026-01-05") == 1)
    }
}
