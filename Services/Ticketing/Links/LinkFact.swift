import ServiceKit
import SupportEvents

/// What tickets and contacts tell the stage that links them: the kinds of their facts. Numbers stand in state.
enum LinkFact {
    /// A ticket that a customer has opened, to the customer. Time: its creation; code: ``Verdict``; fields: attributes, the
    /// agent who replied first, the ticket, the instant of its first solve.
    static let ticketOfCustomer: UInt8 = 1
    /// A contact that was queued, to the customer. Time: its queueing; code: ``Contact``; fields: attributes, its ticket.
    static let contactOfCustomer: UInt8 = 2
    /// A ticket that was solved or worked on, to the ticket's handling time. Time: its creation; fields: attributes, the
    /// instant of its first solve, the work.
    static let ticketOfHandling: UInt8 = 3
    /// A contact that was answered and has ended, to the handling time of its ticket. Time: its end; fields: attributes, its
    /// own handling time, the contact.
    static let contactOfHandling: UInt8 = 4

    /// What an agent handled of one contact within a day, to the agent's day. Time: its beginning; fields: agent; begin, end
    /// and 1 for what began on that day, of each part.
    static let contactOfAgent: UInt8 = 5
    /// When an agent was signed in within a day, to the agent's day. Time: the day's beginning; fields: agent, team; begin, end
    /// and 1 for a break, of each state.
    static let statesOfAgent: UInt8 = 6

    /// Of a ticket's first solve, as far as the ticket itself knows.
    enum Verdict: UInt8 {
        /// Not solved, or not by a person.
        case none = 0
        case failed = 1
        /// Resolved, unless the customer comes back.
        case passed = 2
    }

    struct Contact: OptionSet {
        let rawValue: UInt8

        static let isAnswered = Contact(rawValue: 1)
        /// Its source does not say whether it was resolved.
        static let isInferred = Contact(rawValue: 2)
        static let isTransferred = Contact(rawValue: 4)
    }
}
