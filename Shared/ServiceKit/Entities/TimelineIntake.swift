import Streams
import SupportEvents

/// From a decoded event to the 24 bytes and the payload that the state keeps of it.
enum TimelineIntake {
    /// Packs the event; its payload's bytes are in `payload` afterwards, its payload id is not set yet.
    ///
    /// `code` and `detail` hold what the type turns on:
    ///
    /// | type | code | detail |
    /// | --- | --- | --- |
    /// | created, snapshot | status, 0 when not given | initiator, 0 when not given |
    /// | status_changed | status | actor, 0 when not given |
    /// | message | author | 1 when public |
    /// | deleted | 0 | deletion |
    /// | survey sent | kind | 0 |
    /// | survey answered | kind | direction, 0 when not given |
    /// | contact ended | outcome, 0 when not given | 0 when `resolved` is not given, 1 for false, 2 for true |
    /// | contact abandoned | place, 0 when not given | 0 |
    /// | agent state | state | 0 |
    ///
    /// - Parameter keepsSource: Whether what begins a ticket or a contact remembers its source.
    static func pack(
        _ event: DecodedEvent, _ decoder: EventDecoder, _ payload: inout EventPayload,
        keepsSource: Bool = false
    ) -> TimelineEvent {
        let hasSequence = event.sequence != -1
        payload.begin(sequence: hasSequence ? event.sequence : nil)
        // An entity's own id is no field.
        let skipped: EventPayload.Field? =
            switch event.entityKind {
            case .customer: .customer
            case .agent: .agent
            default: nil
            }
        appendTexts(event, decoder, &payload, skipped: skipped)
        if event.has(.createdAt) { payload.append(.createdAt, number: event.createdAt) }
        if event.has(.seconds) { payload.append(.duration, number: event.milliseconds) }
        appendSurveyFields(event, decoder, &payload)
        if event.entityKind == .customer || event.entityKind == .period {
            appendCustomerFields(event, decoder, &payload)
        }
        if event.type == .contactEnded { appendHandlingFields(event, &payload) }
        if keepsSource {
            switch event.type {
            case .ticketCreated, .ticketSnapshot, .contactQueued:
                payload.append(.source, number: EventPayload.sourceCode(hash: event.source.hash))
            default: break
            }
        }
        var packed = TimelineEvent(
            time: event.time, identity: event.identity, payload: 0, type: event.type.rawValue,
            hasSequence: hasSequence, hasAgent: skipped != .agent && event.has(.agentID))
        switch event.type {
        case .ticketCreated, .ticketSnapshot:
            packed.code = event.status?.rawValue ?? 0
            packed.detail = event.initiator?.rawValue ?? 0
        case .ticketStatusChanged:
            packed.code = event.status?.rawValue ?? 0
            packed.detail = event.actor?.rawValue ?? 0
        case .ticketMessage:
            packed.code = event.author?.rawValue ?? 0
            packed.detail = event.isPublic ? 1 : 0
        case .ticketDeleted:
            packed.detail = event.has(.reason) ? event.deletion.rawValue : 0
        case .surveySent, .surveyAnswered:
            packed.code = event.kind?.rawValue ?? 0
            packed.detail = event.has(.direction) ? event.direction.rawValue : 0
        case .contactEnded, .contactAbandoned, .agentState: packContactCodes(event, &packed)
        default: break
        }
        return packed
    }

    /// Fields with text, in ascending order of their tags.
    private static func appendTexts(
        _ event: DecodedEvent, _ decoder: EventDecoder, _ payload: inout EventPayload,
        skipped: EventPayload.Field?
    ) {
        let mentioned = event.present | event.null
        guard mentioned & textMask != 0 else { return }
        @inline(__always)
        func append(_ field: EventPayload.Field, _ member: EventField, _ text: @autoclosure () -> EventText) {
            guard mentioned & member.mask != 0, field != skipped else { return }
            if event.has(member) {
                decoder.withText(text()) { payload.append(field, $0) }
            } else {
                payload.appendNull(field)
            }
        }
        append(.customer, .customerID, event.customer)
        append(.agent, .agentID, event.agent)
        if event.has(.channel) {
            payload.append(.channel, channelName(event.channel))
        } else if event.null & EventField.channel.mask != 0 {
            payload.appendNull(.channel)
        }
        append(.priority, .priority, event.priority)
        append(.category, .category, event.category)
        append(.subcategory, .subcategory, event.subcategory)
        append(.team, .team, event.team)
        append(.tier, .tier, event.tier)
        append(.segment, .segment, event.segment)
        append(.queue, .queue, event.queue)
        if event.has(.tags) {
            appendTags(event, decoder, &payload)
        } else if event.null & EventField.tags.mask != 0 {
            payload.appendNull(.tags)
        }
        append(.reason, .reason, event.reason)
        append(.into, .into, event.into)
        append(.voidsSource, .voids, event.voidsSource)
        append(.voidsID, .voids, event.voidsID)
    }

    /// What ``appendTexts`` writes, with the event's member.
    private static let texts: [(EventPayload.Field, EventField)] = [
        (.customer, .customerID), (.agent, .agentID), (.channel, .channel), (.priority, .priority),
        (.category, .category), (.subcategory, .subcategory), (.team, .team), (.tier, .tier), (.segment, .segment),
        (.queue, .queue), (.tags, .tags), (.reason, .reason), (.into, .into), (.voidsSource, .voids),
        (.voidsID, .voids),
    ]

    private static let textMask = texts.reduce(0) { $0 | $1.1.mask }

    private static let channelNames = [[]] + Channel.allCases.map { Array($0.name.utf8) }

    private static func channelName(_ channel: Channel?) -> [UInt8] {
        channelNames[Int(channel?.rawValue ?? Channel.other.rawValue)]
    }

    private static func appendTags(
        _ event: DecodedEvent, _ decoder: EventDecoder, _ payload: inout EventPayload
    ) {
        var packed: [UInt8] = []
        for index in 0..<event.tagCount { packed.appendBytes(decoder.bytes(decoder.tag(index, of: event))) }
        payload.append(.tags, packed)
    }

    // MARK: Back

    /// The canonical encoding that decides between two events with one identity, from what the state keeps.
    static func canonicalEncoding(
        of event: TimelineEvent, entity: (field: EventField, id: [UInt8]), _ payloads: PayloadTable,
        _ encoder: inout CanonicalEncoder
    ) throws(InternalRecordError) -> [UInt8] {
        guard let type = EventType(rawValue: event.type) else {
            throw InternalRecordError("an event of the unknown type \(event.type): written by a newer version")
        }
        var payload = EventPayload()
        payloads.load(event, into: &payload)
        var content = EventContent(type: type, time: event.time, sequence: try payload.sequence(of: event))
        content[entity.field] = .text(entity.id)
        setCodes(of: event, type, &content)
        var source: [UInt8] = []
        try payload.forEachField(of: event) { (entry) throws(InternalRecordError) in
            let text = Array(payload.bytes[entry.value])
            switch entry.field {
            case .createdAt: content[.createdAt] = .time(try payload.number(entry))
            case .duration: content[.seconds] = .milliseconds(try payload.number(entry))
            case .tags: content[.tags] = entry.isNull ? .null : .texts(try payload.values(entry))
            case .voidsSource: source = text
            case .voidsID: content[.voids] = .reference(source: source, id: text)
            default:
                if try setSurveyField(entry, payload, &content) { return }
                if try setCustomerField(entry, payload, &content) { return }
                if try setHandlingField(entry, payload, &content) { return }
                guard let member = texts.first(where: { $0.0 == entry.field })?.1 else { return }
                content[member] = entry.isNull ? .null : .text(text)
            }
        }
        encoder.encodeForConflict(content)
        return encoder.bytes
    }

    private static func setCodes(of event: TimelineEvent, _ type: EventType, _ content: inout EventContent) {
        switch type {
        case .ticketCreated, .ticketSnapshot:
            if let status = TicketStatus(rawValue: event.code) { content.set(.status, status) }
            if let initiator = Initiator(rawValue: event.detail) { content.set(.initiator, initiator) }
        case .ticketStatusChanged:
            if let status = TicketStatus(rawValue: event.code) { content.set(.status, status) }
            if let actor = Participant(rawValue: event.detail) { content.set(.actor, actor) }
        case .ticketMessage:
            if let author = Author(rawValue: event.code) { content.set(.author, author) }
            content[.public] = .bool(event.detail != 0)
        case .surveySent, .surveyAnswered:
            if let kind = SurveyKind(rawValue: event.code) { content.set(.kind, kind) }
            if let direction = ScaleDirection(rawValue: event.detail) { content.set(.direction, direction) }
        case .contactEnded, .contactAbandoned, .agentState: setContactCodes(of: event, type, &content)
        default: break
        }
    }
}
