public import ServiceKit
public import Streams

/// The contributions of what tickets and contacts have in common: their customer's repeats, the handling time of a ticket with
/// its contacts, an agent's day. The entity is the customer, the ticket or the day; its timeline holds the facts that tickets,
/// contacts and agents state.
public struct LinkDerivation: EntityDerivation {
    public static let version: UInt32 = 2

    private let rules: ContactRules
    private let namesAgents: Bool
    private var customer = CustomerRepeats()
    private var handling = TicketHandling()
    private var agent = AgentDay()

    public init(_ rules: ContactRules = ContactRules(), namesAgents: Bool = true) {
        self.rules = rules
        self.namesAgents = namesAgents
    }

    public mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {
        guard let first = timeline.first else { return }
        switch first.type {
        case Fact.type(LinkFact.ticketOfCustomer), Fact.type(LinkFact.contactOfCustomer):
            try customer.read(timeline, &output)
            customer.addVerdicts(rules, namesAgents: namesAgents, clock, &output)
        case Fact.type(LinkFact.ticketOfHandling), Fact.type(LinkFact.contactOfHandling):
            try handling.read(timeline, &output)
            handling.addTimes(&output)
        case Fact.type(LinkFact.contactOfAgent), Fact.type(LinkFact.statesOfAgent):
            try agent.read(timeline, &output)
            agent.addTimes(namesAgents: namesAgents, &output)
        default: throw InternalRecordError("a fact of the unknown kind \(first.type): written by a newer version")
        }
    }
}
