import Streams
public import SupportEvents

/// What the events of contacts and agents carry beside their labels.
extension TimelineIntake {
    /// Appends the parts of the handling time that the source states, in ascending order of their tags.
    static func appendHandlingFields(_ event: DecodedEvent, _ payload: inout EventPayload) {
        if event.has(.talkSeconds) { payload.append(.talk, number: event.talkMilliseconds) }
        if event.has(.holdSeconds) { payload.append(.hold, number: event.holdMilliseconds) }
        if event.has(.wrapSeconds) { payload.append(.wrap, number: event.wrapMilliseconds) }
    }

    /// Sets the member of a field of a contact's end in `content`; false for a field that is none.
    static func setHandlingField(
        _ field: PayloadField, _ payload: EventPayload, _ content: inout EventContent
    ) throws(InternalRecordError) -> Bool {
        switch field.field {
        case .talk: content[.talkSeconds] = .milliseconds(try payload.number(field))
        case .hold: content[.holdSeconds] = .milliseconds(try payload.number(field))
        case .wrap: content[.wrapSeconds] = .milliseconds(try payload.number(field))
        default: return false
        }
        return true
    }

    static func packContactCodes(_ event: DecodedEvent, _ packed: inout TimelineEvent) {
        switch event.type {
        case .contactEnded:
            packed.code = event.outcome?.rawValue ?? 0
            if let resolved = event.resolved { packed.detail = resolved ? 2 : 1 }
        case .contactAbandoned: packed.code = event.has(.in) ? event.abandonedIn.rawValue : 0
        case .agentState: packed.code = event.agentState?.rawValue ?? 0
        default: break
        }
    }

    static func setContactCodes(of event: TimelineEvent, _ type: EventType, _ content: inout EventContent) {
        switch type {
        case .contactEnded:
            if let outcome = ContactOutcome(rawValue: event.code) { content.set(.outcome, outcome) }
            if let resolved = event.resolved { content[.resolved] = .bool(resolved) }
        case .contactAbandoned:
            if let place = AbandonmentPlace(rawValue: event.code) { content.set(.in, place) }
        case .agentState:
            if let state = AgentState(rawValue: event.code) { content.set(.state, state) }
        default: break
        }
    }
}

/// How the codes of contacts' and agents' events are read.
extension TimelineEvent {
    /// Of a contact's `ended`: whether the source says that it was resolved; nil when it does not say.
    public var resolved: Bool? { detail == 0 ? nil : detail == 2 }

    /// Of a contact's `ended`: how it ended other than by an answer or a hang-up; nil when it does not say.
    public var outcome: ContactOutcome? { ContactOutcome(rawValue: code) }

    /// Of a contact's `abandoned`; in the queue unless it says otherwise.
    public var abandonedIn: AbandonmentPlace { AbandonmentPlace(rawValue: code) ?? .queue }

    /// Of an agent's state.
    public var agentState: AgentState? { AgentState(rawValue: code) }
}
