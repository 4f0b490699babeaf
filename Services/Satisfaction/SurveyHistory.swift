import ServiceKit
import Streams
import SupportEvents

/// What a survey's timeline amounts to: its sending, the answer that counts, its latest attributes.
struct SurveyHistory {
    private(set) var kind = SurveyKind.csat
    private(set) var attributes = DimensionValues()
    private(set) var sentAt: Int64?
    private(set) var firstAnswerAt: Int64?
    /// The last one.
    private(set) var answer: SurveyAnswer?

    /// Goes through the timeline. Returns `false` when nothing in it counts.
    mutating func replay(
        _ timeline: [TimelineEvent], _ output: inout DerivationOutput
    ) throws(InternalRecordError) -> Bool {
        attributes.clear()
        sentAt = nil
        firstAnswerAt = nil
        answer = nil
        for event in timeline {
            guard let given = SurveyKind(rawValue: event.code) else { continue }
            switch EventType(rawValue: event.type) {
            case .surveySent:
                // A survey is sent once; whatever repeats it is ignored.
                guard sentAt == nil else { continue }
                sentAt = event.time
                kind = given
                _ = try read(event, &output)
            case .surveyAnswered:
                kind = given
                firstAnswerAt = firstAnswerAt ?? event.time
                answer = try read(event, &output) ?? answer
            default:
                continue
            }
        }
        guard sentAt != nil || answer != nil else { return false }
        attributes[.kind] = output.label(kind.name)
        return true
    }

    /// Takes over the attributes that the event gives, and reads its answer, if it has one.
    private mutating func read(
        _ event: TimelineEvent, _ output: inout DerivationOutput
    ) throws(InternalRecordError) -> SurveyAnswer? {
        var scale = SurveyKind(rawValue: event.code).map { SurveyAnswer.usualScale(of: $0) } ?? ScoreScale(0, 0)
        var score: Int64?
        var threshold: Int64?
        try output.forEachField(of: event) { (field, payload, output) throws(InternalRecordError) in
            switch field.field {
            case .score: score = try payload.number(field)
            case .scaleMinimum: scale.minimum = try payload.number(field)
            case .scaleMaximum: scale.maximum = try payload.number(field)
            case .satisfiedFrom: threshold = try payload.number(field)
            default:
                guard let dimension = Dimension(field.field), !field.isNull else { return }
                attributes[dimension] = output.label(field, of: payload)
            }
        }
        guard let score else { return nil }
        return SurveyAnswer(
            time: event.time, score: score, scale: scale, isLowGood: event.detail == ScaleDirection.lowIsGood.rawValue,
            satisfiedFrom: threshold)
    }

    /// Whether the survey was answered up to an instant.
    func wasAnswered(by instant: Int64) -> Bool { firstAnswerAt.map { $0 <= instant } ?? false }
}
