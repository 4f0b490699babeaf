import Streams
import SupportEvents

/// What surveys and feedback carry beside their labels.
extension TimelineIntake {
    /// Of texts as much is kept as two events of one identity need to be told apart: they are part of no KPI, a number may be
    /// followed by any number of noughts, and a record of the changelog holds many events.
    private static let longestComment = 1_024
    private static let longestNumber = 64

    /// Appends the fields of surveys and feedback, in ascending order of their tags.
    static func appendSurveyFields(
        _ event: DecodedEvent, _ decoder: EventDecoder, _ payload: inout EventPayload
    ) {
        if event.entityKind != .ticket, event.has(.ticketID) {
            decoder.withText(event.ticket) { payload.append(.ticket, $0) }
        }
        if event.has(.score) { append(.score, event.score, event.scoreText, decoder, &payload) }
        if event.has(.scale) {
            append(.scaleMinimum, event.scaleMinimum, event.scaleMinimumText, decoder, &payload)
            append(.scaleMaximum, event.scaleMaximum, event.scaleMaximumText, decoder, &payload)
        }
        if let threshold = event.satisfiedFrom {
            append(.satisfiedFrom, threshold, event.satisfiedFromText, decoder, &payload)
        }
        if let sentiment = event.sentiment {
            append(.sentiment, sentiment, event.sentimentText, decoder, &payload)
        }
        if event.has(.comment) { payload.append(.comment, shortened(decoder.bytes(event.comment), to: longestComment)) }
    }

    private static func append(
        _ field: EventPayload.Field, _ number: Int64, _ text: EventText, _ decoder: EventDecoder,
        _ payload: inout EventPayload
    ) {
        payload.append(field, millionths: number, text: shortened(decoder.bytes(text), to: longestNumber))
    }

    /// The beginning, and a hash of the whole in place of the rest.
    private static func shortened(_ text: [UInt8], to longest: Int) -> [UInt8] {
        guard text.count > longest else { return text }
        var end = longest
        while end > 0, text[end] & 0xc0 == 0x80 { end -= 1 }
        var bytes = Array(text[..<end])
        Hash128(text).write(into: &bytes)
        return bytes
    }

    /// Sets the members of a survey's field in `content`; false for a field that is none.
    static func setSurveyField(
        _ field: PayloadField, _ payload: EventPayload, _ content: inout EventContent
    ) throws(InternalRecordError) -> Bool {
        switch field.field {
        case .ticket: content[.ticketID] = .text(Array(payload.bytes[field.value]))
        case .score: content[.score] = .number(try payload.numberText(field))
        case .scaleMinimum: content[.scale] = .range(try payload.numberText(field), [])
        case .scaleMaximum:
            guard case .range(let minimum, _) = content[.scale] else {
                throw InternalRecordError("a payload with half a scale")
            }
            content[.scale] = .range(minimum, try payload.numberText(field))
        case .satisfiedFrom: content[.satisfiedFrom] = .number(try payload.numberText(field))
        case .sentiment: content[.sentiment] = .number(try payload.numberText(field))
        case .comment: content[.comment] = .text(Array(payload.bytes[field.value]))
        default: return false
        }
        return true
    }
}
