import KPIs

/// What surveys and feedback contribute to. Ids stand in state: they never change and are never used again.
enum SurveyMeasure {
    static let sent = Measure(id: 1, "surveys_sent", .count)
    static let answered = Measure(id: 2, "surveys_answered", .count)
    static let pending = Measure(id: 3, "surveys_pending", .count)
    static let unsolicited = Measure(id: 4, "surveys_unsolicited", .count)
    static let csatAnswers = Measure(id: 5, "csat_answers", .count)
    static let csatSatisfied = Measure(id: 6, "csat_satisfied", .count)
    static let csatScore = Measure(id: 7, "csat_score", .sum)
    static let promoters = Measure(id: 8, "nps_promoters", .count)
    static let passives = Measure(id: 9, "nps_passives", .count)
    static let detractors = Measure(id: 10, "nps_detractors", .count)
    static let ease = Measure(id: 11, "ces_ease", .sum)
    static let effortScore = Measure(id: 12, "ces_score", .sum)
    static let agentAnswers = Measure(id: 13, "agent_csat_answers", .count)
    static let agentSatisfied = Measure(id: 14, "agent_csat_satisfied", .count)
    static let feedback = Measure(id: 15, "feedback", .count)
    static let sentiment = Measure(id: 16, "sentiment", .sum)

    /// Scores are summed up in millionths.
    static let scale: Int64 = 1_000_000
}

/// The KPIs of satisfaction; docs/kpis.md defines them.
enum SatisfactionKPIs {
    static let definitions: [KPIDefinition] = [
        KPIDefinition(
            code: 1, id: "csat", unit: .proportion,
            formula: .proportion(
                numerator: SurveyMeasure.csatSatisfied, denominator: SurveyMeasure.csatAnswers, maturity: nil),
            windows: .periods),
        KPIDefinition(
            code: 2, id: "csat_mean", unit: .mean,
            formula: .mean(SurveyMeasure.csatScore, scale: SurveyMeasure.scale), windows: .periods),
        KPIDefinition(
            code: 3, id: "survey_response_rate", unit: .proportion,
            formula: .proportion(
                numerator: SurveyMeasure.answered, denominator: SurveyMeasure.sent,
                maturity: Maturity(pending: SurveyMeasure.pending, settlesAfter: SurveyDerivation.responseWindow)),
            // An agent whom only answers name would be one to whom everybody answers.
            windows: .periods, cells: .except([["agent", "kind"]]),
            companions: [CompanionCount("unsolicited", SurveyMeasure.unsolicited)],
            flags: [ValueFlag("low_response_rate", below: 0.1)]),
        KPIDefinition(
            code: 4, id: "nps", unit: .points,
            formula: .netPromoterScore(
                promoters: SurveyMeasure.promoters, passives: SurveyMeasure.passives,
                detractors: SurveyMeasure.detractors), windows: .periods),
        KPIDefinition(
            code: 5, id: "ces", unit: .points, formula: .mean(SurveyMeasure.ease, scale: SurveyMeasure.scale),
            windows: .periods),
        KPIDefinition(
            code: 6, id: "ces_mean", unit: .mean,
            formula: .mean(SurveyMeasure.effortScore, scale: SurveyMeasure.scale), windows: .periods),
        KPIDefinition(
            code: 7, id: "agent_csat", unit: .proportion,
            formula: .proportion(
                numerator: SurveyMeasure.agentSatisfied, denominator: SurveyMeasure.agentAnswers, maturity: nil),
            windows: .periods),
        KPIDefinition(
            code: 8, id: "feedback_volume", unit: .count, formula: .count(SurveyMeasure.feedback), windows: .periods),
        KPIDefinition(
            code: 9, id: "sentiment", unit: .points,
            formula: .mean(SurveyMeasure.sentiment, scale: SurveyMeasure.scale), windows: .periods),
        KPIDefinition(
            code: 10, id: "agent_ranking", unit: .proportion,
            formula: .ranking(
                RankingFormula(
                    by: "agent_csat", positive: SurveyMeasure.agentSatisfied, all: SurveyMeasure.agentAnswers)),
            windows: .month, cells: .only([RankingFormula.dimensions])),
    ]
}
