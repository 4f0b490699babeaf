import ServiceKit
import Streams

/// Whether a customer came back after a ticket or a contact: what only all of them together can tell.
struct CustomerRepeats {
    /// A ticket or a contact of the customer.
    private struct Occasion {
        var time: Int64
        var attributes: DimensionValues
        var isTicket: Bool
        /// The ticket, or the one that a contact is linked to; 0 for none.
        var ticket: UInt32
        /// Of a ticket.
        var verdict = LinkFact.Verdict.none
        var solvedAt: Int64?
        /// Of a contact.
        var contact: LinkFact.Contact = []
    }

    /// In the order of their time.
    private var occasions: [Occasion] = []
    /// Indices of occasions that can be repeats of each other, ascending.
    private var groups: [UInt32: [Int]] = [:]

    mutating func read(_ timeline: [TimelineEvent], _ output: inout DerivationOutput) throws(InternalRecordError) {
        occasions.removeAll(keepingCapacity: true)
        groups.removeAll(keepingCapacity: true)
        for item in timeline {
            let isTicket = item.type == Fact.type(LinkFact.ticketOfCustomer)
            var occasion = Occasion(time: item.time, attributes: DimensionValues(), isTicket: isTicket, ticket: 0)
            try output.forEachField(of: item) { (field, payload, output) throws(InternalRecordError) in
                switch field.field {
                case .ticket: occasion.ticket = output.label(field, of: payload)
                case .instant: occasion.solvedAt = try payload.number(field)
                case .tags: occasion.attributes.tags = try output.labels(field, of: payload)
                default:
                    guard let dimension = Dimension(field.field) else { return }
                    occasion.attributes[dimension] = output.label(field, of: payload)
                }
            }
            if isTicket {
                occasion.verdict = LinkFact.Verdict(rawValue: item.code) ?? .none
            } else {
                occasion.contact = LinkFact.Contact(rawValue: item.code)
            }
            occasions.append(occasion)
        }
    }

    mutating func addVerdicts(
        _ rules: ContactRules, namesAgents: Bool, _ clock: Int64, _ output: inout DerivationOutput
    ) {
        for (index, occasion) in occasions.enumerated() {
            let group = rules.repeatScope == .customer ? 0 : occasion.attributes[.category]
            groups[group, default: []].append(index)
        }
        for index in occasions.indices {
            if occasions[index].isTicket {
                addTicket(index, rules, namesAgents: namesAgents, clock, &output)
            } else if occasions[index].contact.isSuperset(of: [.isAnswered, .isInferred]) {
                addContact(index, rules, clock, &output)
            }
        }
    }

    private func addTicket(
        _ index: Int, _ rules: ContactRules, namesAgents: Bool, _ clock: Int64, _ output: inout DerivationOutput
    ) {
        let ticket = occasions[index]
        guard ticket.verdict != .none, let solvedAt = ticket.solvedAt else { return }
        let resolved =
            ticket.verdict == .passed
            && !hasRepeat(of: index, after: solvedAt, rules) { $0.isTicket || $0.contact.contains(.isAnswered) }
        let cells = output.cells(of: ticket.attributes)
        let settles = solvedAt + rules.repeatWindow
        output.addVerdict(
            resolved, at: solvedAt, settles: settles, ContactMeasure.ticketResolution, cells: cells, clock: clock)
        if namesAgents, ticket.attributes[.agent] != 0 {
            output.addVerdict(
                resolved, at: solvedAt, settles: settles, ContactMeasure.agentTicketResolution,
                cells: output.cells(.agent, ticket.attributes[.agent]), clock: clock)
            guard settles <= clock else { return }
            let ranked = output.rankingCells(by: WorkforceKPIs.rankedBy, of: ticket.attributes)
            output.add(WorkforceMeasure.rankedVerdicts, at: solvedAt, cells: ranked)
            if resolved { output.add(WorkforceMeasure.rankedResolved, at: solvedAt, cells: ranked) }
        }
    }

    private func addContact(
        _ index: Int, _ rules: ContactRules, _ clock: Int64, _ output: inout DerivationOutput
    ) {
        let contact = occasions[index]
        // The ticket that came of the call is the call's own.
        let resolved =
            !contact.contact.contains(.isTransferred)
            && !hasRepeat(of: index, after: contact.time, rules) {
                !$0.isTicket || contact.ticket == 0 || $0.ticket != contact.ticket
            }
        var attributes = contact.attributes
        attributes[.basis] = output.label("inferred")
        output.addVerdict(
            resolved, at: contact.time, settles: contact.time + rules.repeatWindow, ContactMeasure.callResolution,
            cells: output.cells(of: attributes, always: [.basis]), clock: clock)
    }

    /// Whether another occasion that counts lies in (instant, instant + window].
    private func hasRepeat(
        of own: Int, after instant: Int64, _ rules: ContactRules, where counts: (Occasion) -> Bool
    ) -> Bool {
        let group = groups[rules.repeatScope == .customer ? 0 : occasions[own].attributes[.category]] ?? []
        var low = 0
        var high = group.count
        while low < high {
            let middle = (low + high) / 2
            if occasions[group[middle]].time <= instant { low = middle + 1 } else { high = middle }
        }
        while low < group.count, occasions[group[low]].time - instant <= rules.repeatWindow {
            if group[low] != own, counts(occasions[group[low]]) { return true }
            low += 1
        }
        return false
    }
}
