public import BusinessTime

/// What happened to a ticket, as far as promises know it.
public struct TicketEvent: Sendable {
    public enum Author: String, CaseIterable, Sendable {
        case customer, agent, bot, system
    }

    public enum Kind: Sendable {
        /// `isByCustomer`: the creation is the customer's first message.
        case created(status: String, priority: String?, isByCustomer: Bool)
        case message(Author, isPublic: Bool)
        case status(String)
        case priority(String?)
        /// New targets by metric, and another calendar.
        case policySet(targets: [SLAMetric: SLATarget], calendar: WorkingCalendar?)
        case policyDetached(SLAFact.Cause)
        /// Other terms apply: their settings and calendar, and the ticket's priority from here on.
        case attached(MetricSettings, WorkingCalendar, priority: String?, SLAFact.Cause)
        /// The ticket has a team for the first time.
        case teamAssigned
        /// A call has been answered.
        case answered
        case botHandoff
        /// Merged, spam or deleted.
        case removed
    }

    /// When it happened.
    public var time: Micros
    public var kind: Kind

    public init(time: Micros, kind: Kind) {
        self.time = time
        self.kind = kind
    }
}
