import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The contributions of one survey or of one piece of feedback: a pure function of its timeline and the clock.
///
/// The definitions are those of the KPI reference (docs/kpis.md).
public struct SurveyDerivation: EntityDerivation {
    public static let version: UInt32 = 2

    /// Whether a survey was answered is settled 14 x 86,400 s after its sending.
    static let responseWindow: Int64 = 14 * 86_400 * 1_000_000

    private static let promoterFrom: Int64 = 9_000_000
    private static let detractorTo: Int64 = 6_000_000

    private let satisfiedFrom: SatisfiedFrom
    private let ranksAgents: Bool
    private var survey = SurveyHistory()

    /// - Parameter ranksAgents: Whether agents are named at all.
    public init(satisfiedFrom: SatisfiedFrom = SatisfiedFrom(), ranksAgents: Bool = true) {
        self.satisfiedFrom = satisfiedFrom
        self.ranksAgents = ranksAgents
    }

    public mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {
        // Unanswered ones, too, once that has settled.
        output.lifecycle = .closed
        if let feedback = timeline.last(where: { $0.type == EventType.feedbackReceived.rawValue }) {
            return try addFeedback(feedback, &output)
        }
        guard try survey.replay(timeline, &output) else { return }
        addResponse(clock, &output)
        guard let answer = survey.answer else { return }
        switch survey.kind {
        case .csat: addCSAT(answer, &output)
        case .agentCSAT: addAgentCSAT(answer, &output)
        case .nps: addNetPromoterScore(answer, &output)
        case .ces: addEffort(answer, &output)
        }
    }

    private func addResponse(_ clock: Int64, _ output: inout DerivationOutput) {
        let cells = output.cells(of: survey.attributes, always: [.kind])
        guard let sentAt = survey.sentAt else {
            if let answer = survey.answer { output.add(SurveyMeasure.unsolicited, at: answer.time, cells: cells) }
            return
        }
        let settles = sentAt + Self.responseWindow
        if settles > clock {
            output.add(SurveyMeasure.pending, at: sentAt, cells: cells)
            output.deriveAgain(at: settles)
            return
        }
        output.add(SurveyMeasure.sent, at: sentAt, cells: cells)
        if survey.wasAnswered(by: settles) { output.add(SurveyMeasure.answered, at: sentAt, cells: cells) }
    }

    private func addCSAT(_ answer: SurveyAnswer, _ output: inout DerivationOutput) {
        if let isSatisfied = answer.isSatisfied(satisfiedFrom) {
            let cells = output.cells(of: survey.attributes)
            output.add(SurveyMeasure.csatAnswers, at: answer.time, cells: cells)
            if isSatisfied { output.add(SurveyMeasure.csatSatisfied, at: answer.time, cells: cells) }
        }
        guard answer.hasMean else { return }
        var attributes = survey.attributes
        attributes[.scale] = output.label(answer.scale.name)
        let cells = output.cells(of: attributes, always: [.scale])
        output.add(SurveyMeasure.csatScore, at: answer.time, value: answer.mirrored, cells: cells)
    }

    private func addAgentCSAT(_ answer: SurveyAnswer, _ output: inout DerivationOutput) {
        guard let isSatisfied = answer.isSatisfied(satisfiedFrom) else { return }
        func add(_ cells: UInt32, _ output: inout DerivationOutput) {
            output.add(SurveyMeasure.agentAnswers, at: answer.time, cells: cells)
            if isSatisfied { output.add(SurveyMeasure.agentSatisfied, at: answer.time, cells: cells) }
        }
        add(output.cells(of: survey.attributes), &output)
        if ranksAgents { add(output.rankingCells(by: "agent_csat", of: survey.attributes), &output) }
    }

    private func addNetPromoterScore(_ answer: SurveyAnswer, _ output: inout DerivationOutput) {
        // Only an answer of another kind, whose survey turned out to be this one, can have another scale.
        guard answer.scale == SurveyAnswer.usualScale(of: .nps) else { return }
        let group =
            if answer.mirrored >= Self.promoterFrom {
                SurveyMeasure.promoters
            } else if answer.mirrored <= Self.detractorTo {
                SurveyMeasure.detractors
            } else {
                SurveyMeasure.passives
            }
        output.add(group, at: answer.time, cells: output.cells(of: survey.attributes))
    }

    private func addEffort(_ answer: SurveyAnswer, _ output: inout DerivationOutput) {
        let cells = output.cells(of: survey.attributes)
        output.add(SurveyMeasure.ease, at: answer.time, value: answer.ease, cells: cells)
        guard answer.hasMean else { return }
        var attributes = survey.attributes
        let direction: ScaleDirection = answer.isLowGood ? .lowIsGood : .highIsGood
        attributes[.scale] = output.label(answer.scale.name)
        attributes[.direction] = output.label(direction.name)
        let own = output.cells(of: attributes, always: [.scale, .direction])
        output.add(SurveyMeasure.effortScore, at: answer.time, value: answer.score, cells: own)
    }

    private func addFeedback(
        _ event: TimelineEvent, _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        var attributes = DimensionValues()
        var sentiment: Int64?
        try output.forEachField(of: event) { (field, payload, output) throws(InternalRecordError) in
            if field.field == .sentiment {
                sentiment = try payload.number(field)
            } else if let dimension = Dimension(field.field), !field.isNull {
                attributes[dimension] = output.label(field, of: payload)
            }
        }
        let cells = output.cells(of: attributes)
        output.add(SurveyMeasure.feedback, at: event.time, cells: cells)
        if let sentiment { output.add(SurveyMeasure.sentiment, at: event.time, value: sentiment, cells: cells) }
    }
}
