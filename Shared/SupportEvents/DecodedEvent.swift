public import CSimdjson

/// A string of a batch: its place in the batch's arena and the `KeyHash` of its bytes. Empty when absent.
public struct EventText: Sendable {
    /// Place in the arena; of meaning only to the decoder that gave it, until its next batch.
    @usableFromInline let offset: UInt32
    /// Number of bytes.
    public let count: UInt32
    /// `KeyHash.hash` of the bytes; 0 when absent.
    public let hash: UInt64

    @inlinable public var isEmpty: Bool { count == 0 }

    @inlinable
    init(_ text: db_text) {
        offset = text.offset
        count = text.length
        hash = text.hash
    }

    @inlinable
    init(_ span: db_span) {
        offset = span.offset
        count = span.length
        hash = 0
    }
}

/// One event of a batch: fixed-size, without strings of its own (see `EventDecoder.withText`).
///
/// A refused event has a `rejection` and nothing else.
public struct DecodedEvent: Sendable {
    @usableFromInline let raw: db_event

    @inlinable
    init(_ raw: db_event) {
        self.raw = raw
    }

    // MARK: Verdict and envelope

    /// Why the event was refused; nil when it was decoded.
    @inlinable public var rejection: RejectionReason? { RejectionReason(rawValue: raw.reason) }

    /// JSON Pointer of the member that caused the rejection.
    @inlinable public var pointer: EventText { EventText(raw.pointer) }

    /// Byte of the value at which its grammar broke, when that is known.
    public var errorOffset: Int? { raw.error_offset < 0 ? nil : Int(raw.error_offset) }

    /// The type. Only of events that were decoded.
    @inlinable public var type: EventType {
        guard let type = EventType(rawValue: raw.type) else {
            preconditionFailure("a refused event has no type")
        }
        return type
    }

    /// Which kind of entity the event belongs to. Only of events that were decoded.
    @inlinable public var entityKind: EntityKind {
        guard let kind = EntityKind(rawValue: raw.entity_kind) else {
            preconditionFailure("a refused event has no entity")
        }
        return kind
    }

    /// When it happened, in microseconds since 1970.
    @inlinable public var time: Int64 { raw.time }
    /// Order among events of the same time; -1 when absent.
    @inlinable public var sequence: Int64 { raw.sequence }
    /// FNV-1a 64 over `source`, NUL, `id`.
    @inlinable public var identity: UInt64 { raw.identity }
    @inlinable public var id: EventText { EventText(raw.id) }
    @inlinable public var source: EventText { EventText(raw.source) }
    /// The entity's id, which is the record key: ticket, contact, agent, survey, feedback, customer id, or period.
    @inlinable public var entity: EventText { EventText(raw.entity) }

    // MARK: Presence

    /// One bit for each member with a value, see `EventField`.
    @inlinable public var present: UInt64 { raw.present }
    /// One bit for each member that is to be cleared (`null` or an empty label in `support.ticket.updated`).
    @inlinable public var null: UInt64 { raw.null }

    @inlinable @inline(__always) public func has(_ field: EventField) -> Bool { raw.present & field.mask != 0 }

    @inlinable public func presence(of field: EventField) -> Presence {
        has(field) ? .value : raw.null & field.mask != 0 ? .null : .absent
    }

    // MARK: Tickets, and what other entities share with them

    @inlinable public var ticket: EventText { EventText(raw.ticket) }
    @inlinable public var customer: EventText { EventText(raw.customer) }
    @inlinable public var agent: EventText { EventText(raw.agent) }
    @inlinable public var team: EventText { EventText(raw.team) }
    @inlinable public var priority: EventText { EventText(raw.priority) }
    @inlinable public var category: EventText { EventText(raw.category) }
    @inlinable public var subcategory: EventText { EventText(raw.subcategory) }
    @inlinable public var tier: EventText { EventText(raw.tier) }
    @inlinable public var segment: EventText { EventText(raw.segment) }
    /// `reason` as given.
    @inlinable public var reason: EventText { EventText(raw.reason_text) }
    /// The ticket that this one is a duplicate of.
    @inlinable public var into: EventText { EventText(raw.into) }
    /// Number of tags: folded, sorted, each once (`EventDecoder.tag`).
    @inlinable public var tagCount: Int { Int(raw.tag_count) }
    /// `created_at` of a snapshot, in microseconds since 1970.
    @inlinable public var createdAt: Int64 { raw.created_at }
    /// `seconds`, rounded half to even to milliseconds, at most 10^12.
    @inlinable public var milliseconds: Int64 { raw.seconds }
    /// Identity of the event that is voided.
    @inlinable public var voidsIdentity: UInt64 { raw.voids_identity }
    @inlinable public var voidsSource: EventText { EventText(raw.voids_source) }
    @inlinable public var voidsID: EventText { EventText(raw.voids_id) }

    /// Raw value of `Channel`, 0 when absent.
    @inlinable public var channelCode: UInt8 { raw.channel }
    @inlinable public var channel: Channel? { Channel(rawValue: raw.channel) }
    @inlinable public var status: TicketStatus? { TicketStatus(rawValue: raw.status) }
    @inlinable public var author: Author? { Author(rawValue: raw.author) }
    /// `actor` as given.
    @inlinable public var actor: Participant? { Participant(rawValue: raw.actor) }
    /// `actor`, or its default: `agent` with an `agent_id`, else `system`.
    @inlinable public var effectiveActor: Participant { actor ?? (has(.agentID) ? .agent : .system) }
    /// `initiator` as given; the default is `customer`.
    @inlinable public var initiator: Initiator? { Initiator(rawValue: raw.initiator) }
    /// `public`, true when absent.
    @inlinable public var isPublic: Bool { raw.is_public || !has(.public) }
    /// Whether a deletion is for spam; without a reason it is not.
    @inlinable public var deletion: Deletion { raw.deletion == Deletion.spam.rawValue ? .spam : .deleted }

    // MARK: Contacts and agents

    @inlinable public var queue: EventText { EventText(raw.queue) }
    /// In milliseconds, as are hold and wrap.
    @inlinable public var talkMilliseconds: Int64 { raw.talk_seconds }
    @inlinable public var holdMilliseconds: Int64 { raw.hold_seconds }
    @inlinable public var wrapMilliseconds: Int64 { raw.wrap_seconds }
    @inlinable public var resolved: Bool? { has(.resolved) ? raw.resolved : nil }
    @inlinable public var outcome: ContactOutcome? { ContactOutcome(rawValue: raw.outcome) }
    /// Where the contact was abandoned; `queue` when absent.
    @inlinable public var abandonedIn: AbandonmentPlace { AbandonmentPlace(rawValue: raw.abandoned_in) ?? .queue }
    @inlinable public var agentState: AgentState? { AgentState(rawValue: raw.agent_state) }

    // MARK: Surveys and feedback

    @inlinable public var kind: SurveyKind? { SurveyKind(rawValue: raw.kind) }
    @inlinable public var direction: ScaleDirection { ScaleDirection(rawValue: raw.direction) ?? .highIsGood }
    /// In millionths, rounded half to even, as are the bounds of the scale (the kind's own when absent).
    @inlinable public var score: Int64 { raw.score }
    @inlinable public var scaleMinimum: Int64 { raw.scale_min }
    @inlinable public var scaleMaximum: Int64 { raw.scale_max }
    @inlinable public var satisfiedFrom: Int64? { has(.satisfiedFrom) ? raw.satisfied_from : nil }
    @inlinable public var sentiment: Int64? { has(.sentiment) ? raw.sentiment : nil }
    /// The numbers as they were given, which the canonical encoding keeps.
    @inlinable public var scoreText: EventText { EventText(raw.score_text) }
    @inlinable public var scaleMinimumText: EventText { EventText(raw.scale_min_text) }
    @inlinable public var scaleMaximumText: EventText { EventText(raw.scale_max_text) }
    @inlinable public var satisfiedFromText: EventText { EventText(raw.satisfied_from_text) }
    @inlinable public var sentimentText: EventText { EventText(raw.sentiment_text) }
    @inlinable public var comment: EventText { EventText(raw.comment) }

    // MARK: Customers and finance

    @inlinable public var subscription: EventText { EventText(raw.subscription) }
    @inlinable public var purchase: EventText { EventText(raw.purchase) }
    @inlinable public var plan: EventText { EventText(raw.plan) }
    @inlinable public var costType: EventText { EventText(raw.cost_type) }
    /// Three upper-case letters.
    @inlinable public var currency: EventText { EventText(raw.currency) }
    /// Decimal text as given (the grammar of a JSON number, at most 40 bytes), as are `mrr` and `margin`.
    @inlinable public var amount: EventText { EventText(raw.amount) }
    @inlinable public var mrr: EventText { EventText(raw.mrr) }
    @inlinable public var margin: EventText { EventText(raw.margin) }
    @inlinable public var interval: BillingInterval? { BillingInterval(rawValue: raw.interval) }
    @inlinable public var intervalCount: Int64 { has(.intervalCount) ? raw.interval_count : 1 }
    @inlinable public var quantity: Int64 { has(.quantity) ? raw.quantity : 1 }
}
