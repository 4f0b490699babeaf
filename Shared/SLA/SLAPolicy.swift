public import BusinessTime

/// A ticket's attributes as policies see them: labels as they are shown, nil for what it does not have.
public struct TicketAttributes: Hashable, Sendable {
    public enum Field: String, CaseIterable, Sendable {
        case channel, priority, category, subcategory, team, tier, segment, queue
    }

    private var values: [String?] = Array(repeating: nil, count: Field.allCases.count)
    public var tags: [String] = []
    public var agent: String?
    public var customer: String?

    public init() {}

    public subscript(field: Field) -> String? {
        get { values[Self.index(field)] }
        set { values[Self.index(field)] = newValue }
    }

    private static func index(_ field: Field) -> Int { Field.allCases.firstIndex(of: field) ?? 0 }
}

/// What a ticket must be like for a policy to apply: one of some values in each of the fields named.
public struct PolicyCondition: Hashable, Sendable {
    public var fields: [TicketAttributes.Field: Set<String>] = [:]
    /// One of these is among the ticket's tags; empty: whatever they are.
    public var tags: Set<String> = []

    public init() {}

    /// Whether every ticket meets it.
    public var isCatchAll: Bool { fields.isEmpty && tags.isEmpty }

    /// Whether it holds for every ticket that another one holds for.
    public func covers(_ other: PolicyCondition) -> Bool {
        for (field, values) in fields {
            guard let narrower = other.fields[field], narrower.isSubset(of: values) else { return false }
        }
        return tags.isEmpty || (!other.tags.isEmpty && other.tags.isSubset(of: tags))
    }

    public func holds(for ticket: TicketAttributes) -> Bool {
        for (field, values) in fields {
            guard let value = ticket[field], values.contains(value) else { return false }
        }
        return tags.isEmpty || ticket.tags.contains(where: tags.contains)
    }
}

/// PagerDuty's four.
public enum SLASeverity: String, CaseIterable, Sendable {
    case critical, error, warning, info
}

/// One promise of a policy: the metric's clock, and how its facts are told.
public struct SLAPromise: Sendable {
    public enum Delivery: String, CaseIterable, Sendable {
        case atOnce = "at_once"
        /// Until the calendar opens.
        case hold
    }

    public var settings: MetricSettings
    public var warningSeverity = SLASeverity.warning
    public var breachSeverity = SLASeverity.critical
    public var levelSeverity = SLASeverity.critical
    /// µs by which breaches and warnings are told later than they happen.
    public var alertDelay: Int64 = 0
    public var delivery = Delivery.atOnce

    public init(_ settings: MetricSettings) {
        self.settings = settings
    }

    public func severity(of kind: SLAFact.Kind) -> SLASeverity {
        switch kind {
        case .warning: warningSeverity
        case .level: levelSeverity
        case .breached: breachSeverity
        case .fulfilled, .cancelled: .info
        }
    }
}

/// A policy: for which tickets, on which calendar, what is promised.
public struct SLAPolicy: Sendable {
    public var id: String
    public var condition: PolicyCondition
    public var calendarName: String
    public var calendar: WorkingCalendar
    public var promises: [SLAPromise]

    public init(
        id: String, condition: PolicyCondition, calendarName: String, calendar: WorkingCalendar, promises: [SLAPromise]
    ) {
        self.id = id
        self.condition = condition
        self.calendarName = calendarName
        self.calendar = calendar
        self.promises = promises
    }

    func promise(named name: String) -> SLAPromise? { promises.first { $0.settings.name == name } }
}

/// The policies of an installation. The first one whose condition holds applies.
public struct PolicyBook: Sendable {
    public let policies: [SLAPolicy]
    /// The names of all promises of any policy, sorted; `answer` and its variants are of calls, all others of tickets.
    public let ticketPromises: [String]
    public let callPromises: [String]

    public init(_ policies: [SLAPolicy]) {
        self.policies = policies
        func names(_ isOfCall: Bool) -> [String] {
            Set(
                policies.flatMap(\.promises).filter { ($0.settings.metric == .answer) == isOfCall }
                    .map(\.settings.name)
            ).sorted()
        }
        ticketPromises = names(false)
        callPromises = names(true)
    }

    /// The index of the policy for a ticket; nil when none applies.
    public func policy(for ticket: TicketAttributes) -> Int? {
        policies.firstIndex { $0.condition.holds(for: ticket) }
    }
}
