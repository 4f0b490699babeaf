/// A closed set of the contract: values matched without case on input, written as `name`.
public protocol ClosedSet: RawRepresentable, CaseIterable, Sendable where RawValue == UInt8 {
    /// The value as the contract writes it.
    var name: String { get }
}

/// `status` of a ticket. Raw values are persisted.
public enum TicketStatus: UInt8, ClosedSet {
    case new = 1
    case open = 2
    case pending = 3
    /// Also read from `hold`.
    case onHold = 4
    case solved = 5
    case closed = 6

    public var name: String {
        switch self {
        case .new: "new"
        case .open: "open"
        case .pending: "pending"
        case .onHold: "on_hold"
        case .solved: "solved"
        case .closed: "closed"
        }
    }
}

/// `channel`; what is not in the set is read as `other`. Raw values are persisted.
public enum Channel: UInt8, ClosedSet {
    case phone = 1
    case email = 2
    case chat = 3
    case web = 4
    case social = 5
    case sms = 6
    case messaging = 7
    case api = 8
    case other = 9

    public var name: String {
        switch self {
        case .phone: "phone"
        case .email: "email"
        case .chat: "chat"
        case .web: "web"
        case .social: "social"
        case .sms: "sms"
        case .messaging: "messaging"
        case .api: "api"
        case .other: "other"
        }
    }
}

/// Who wrote a message (`author`) or changed a status (`actor`). Raw values are persisted.
public enum Participant: UInt8, ClosedSet {
    case customer = 1
    case agent = 2
    case bot = 3
    case system = 4

    public var name: String {
        switch self {
        case .customer: "customer"
        case .agent: "agent"
        case .bot: "bot"
        case .system: "system"
        }
    }
}

/// `author` of a message.
public typealias Author = Participant

/// Who opened a ticket. Raw values are persisted.
public enum Initiator: UInt8, ClosedSet {
    case customer = 1
    case agent = 2
    case system = 3

    public var name: String {
        switch self {
        case .customer: "customer"
        case .agent: "agent"
        case .system: "system"
        }
    }
}

/// `reason` of `support.ticket.deleted`; what is not `spam` is a deletion. Raw values are persisted.
public enum Deletion: UInt8, Sendable, CaseIterable {
    case deleted = 1
    case spam = 2
}

/// `outcome` of an ended contact. Raw values are persisted.
public enum ContactOutcome: UInt8, ClosedSet {
    case voicemail = 1
    case callback = 2

    public var name: String {
        switch self {
        case .voicemail: "voicemail"
        case .callback: "callback"
        }
    }
}

/// Where a contact was abandoned (`in`). Raw values are persisted.
public enum AbandonmentPlace: UInt8, ClosedSet {
    case queue = 1
    case ivr = 2

    public var name: String {
        switch self {
        case .queue: "queue"
        case .ivr: "ivr"
        }
    }
}

/// `state` of an agent. Raw values are persisted.
public enum AgentState: UInt8, ClosedSet {
    case available = 1
    case busy = 2
    case onBreak = 3
    case offline = 4

    public var name: String {
        switch self {
        case .available: "available"
        case .busy: "busy"
        case .onBreak: "break"
        case .offline: "offline"
        }
    }
}

/// `kind` of a survey. Raw values are persisted.
public enum SurveyKind: UInt8, ClosedSet {
    case csat = 1
    case nps = 2
    case ces = 3
    case agentCSAT = 4

    public var name: String {
        switch self {
        case .csat: "csat"
        case .nps: "nps"
        case .ces: "ces"
        case .agentCSAT: "agent_csat"
        }
    }
}

/// `direction` of a survey's scale. Raw values are persisted.
public enum ScaleDirection: UInt8, ClosedSet {
    case highIsGood = 1
    case lowIsGood = 2

    public var name: String {
        switch self {
        case .highIsGood: "high_is_good"
        case .lowIsGood: "low_is_good"
        }
    }
}

/// `interval` of a price. Raw values are persisted.
public enum BillingInterval: UInt8, ClosedSet {
    case day = 1
    case week = 2
    case month = 3
    case quarter = 4
    case year = 5

    public var name: String {
        switch self {
        case .day: "day"
        case .week: "week"
        case .month: "month"
        case .quarter: "quarter"
        case .year: "year"
        }
    }
}
