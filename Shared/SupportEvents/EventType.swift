/// The event types of the contract. Raw values are persisted: they never change, new types get new ones.
public enum EventType: UInt8, CaseIterable, Sendable {
    case ticketCreated = 1
    case ticketUpdated = 2
    case ticketStatusChanged = 3
    case ticketMessage = 4
    case ticketWorked = 5
    case ticketHandedOff = 6
    case ticketSnapshot = 7
    case ticketMerged = 8
    case ticketDeleted = 9
    case ticketRestored = 10
    /// `support.event.voided`, of whichever entity its data names.
    case eventVoided = 11

    case contactQueued = 20
    case contactAnswered = 21
    case contactHeld = 22
    case contactResumed = 23
    case contactTransferred = 24
    case contactEnded = 25
    case contactWrapped = 26
    case contactAbandoned = 27
    case agentState = 28

    case surveySent = 30
    case surveyAnswered = 31
    case feedbackReceived = 32

    case customerCreated = 40
    case customerClosed = 41
    case subscriptionStarted = 42
    case subscriptionChanged = 43
    case subscriptionCancelled = 44
    case subscriptionReactivated = 45
    case purchaseCompleted = 46
    case purchaseRefunded = 47
    case customerErased = 48

    case costRecorded = 50
    case revenueRecorded = 51
    case periodClosed = 52

    /// The CloudEvents `type`, such as `support.ticket.created`.
    public var name: String { Schema.shared.typeNames[Int(rawValue)] }

    /// The members of `data` that the contract names for the type.
    public var members: [EventField] { Schema.shared.fields[Int(rawValue)] }

    /// Those of them without which an event is refused. A price needs `mrr`, or `amount` with `interval`, and
    /// `support.event.voided` the id of one entity, beside these.
    public var requiredMembers: [EventField] {
        members.filter { Schema.shared.required[Int(rawValue)] & $0.mask != 0 }
    }

    /// The type of a CloudEvents `type`.
    public init?(name: String) {
        guard let type = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = type
    }
}

/// Kinds of entity, each with a name space of ids of its own. Raw values are persisted.
public enum EntityKind: UInt8, CaseIterable, Sendable {
    case ticket = 1
    case contact = 2
    case agent = 3
    case survey = 4
    case feedback = 5
    case customer = 6
    case period = 7

    /// The canonical topic of the entity's events, behind the topic prefix.
    public var topic: String {
        switch self {
        case .ticket: "tickets"
        case .contact, .agent: "contacts"
        case .survey, .feedback: "surveys"
        case .customer: "customers"
        case .period: "finance"
        }
    }
}
