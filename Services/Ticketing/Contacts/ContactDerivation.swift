import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The contributions of one call or chat, and what it tells its customer and its ticket: a pure function of its timeline and
/// the clock.
///
/// The definitions are those of the KPI reference (docs/kpis.md).
public struct ContactDerivation: EntityDerivation {
    public static let version: UInt32 = 2

    private let rules: ContactRules
    private let namesAgents: Bool
    private var contact = ContactHistory()
    private let shifts = AgentShifts()

    public init(_ rules: ContactRules = ContactRules(), namesAgents: Bool = true) {
        self.rules = rules
        self.namesAgents = namesAgents
    }

    public mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {
        if timeline.first?.type == EventType.agentState.rawValue {
            return try shifts.tell(timeline, clock: clock, &output)
        }
        output.lifecycle = timeline.contactLifecycle
        guard try contact.replay(timeline, &output) else { return }
        let cells = output.cells(of: contact.attributes)
        addWaiting(cells, &output)
        addResolution(&output)
        addHandling(cells, &output)
        tellCustomer(&output)
        tellAgents(&output)
    }

    public mutating func decisive(
        _ timeline: [TimelineEvent], before instant: Int64, using output: inout DerivationOutput
    ) throws(InternalRecordError) -> [Int] {
        try shifts.decisive(timeline, before: instant, &output)
    }

    // MARK: Waiting

    private func addWaiting(_ cells: UInt32, _ output: inout DerivationOutput) {
        let queued = contact.queuedAt
        let threshold = rules.answerWithin(contact.channel)
        var isInService = true
        switch contact.fate {
        case .waiting: isInService = rules.denominator != .answered
        case .other:
            output.add(ContactMeasure.other, at: queued, cells: cells)
            isInService = rules.denominator != .answered
        case .answered:
            let answered = contact.answeredAt ?? queued
            output.add(ContactMeasure.answered, at: queued, cells: cells)
            output.addDuration(ContactMeasure.speedOfAnswer, from: queued, to: answered, cells: cells, at: queued)
            if answered - queued <= threshold { output.add(ContactMeasure.answeredWithin, at: queued, cells: cells) }
            if contact.isTransferred { output.add(ContactMeasure.transferred, at: queued, cells: cells) }
        case .abandoned(let time):
            if rules.shortAbandon > 0, time - queued < rules.shortAbandon {
                output.add(ContactMeasure.shortAbandoned, at: queued, cells: cells)
                return
            }
            output.add(ContactMeasure.abandoned, at: queued, cells: cells)
            output.addDuration(ContactMeasure.abandonTime, from: queued, to: time, cells: cells, at: queued)
            switch rules.denominator {
            case .net: isInService = time - queued > threshold
            case .offered: isInService = true
            case .answered: isInService = false
            }
        }
        output.add(ContactMeasure.offered, at: queued, cells: cells)
        addArrival(&output)
        if isInService { output.add(ContactMeasure.service, at: queued, cells: cells) }
    }

    private func addArrival(_ output: inout DerivationOutput) {
        let cells = output.cells(of: contact.attributes, by: [[.channel]])
        output.addHourOfWeek(WorkforceMeasure.contactProfile, at: contact.queuedAt, cells: cells)
        guard contact.channel == .phone else { return }
        let phone = output.cells(.channel, contact.attributes[.channel])
        output.addHourOfWeek(WorkforceMeasure.phoneArrivals, at: contact.queuedAt, cells: phone)
    }

    // MARK: Resolution

    /// What the source says is settled at once; what has to be inferred from the customer's further contacts is not for the
    /// contact alone to say.
    private func addResolution(_ output: inout DerivationOutput) {
        guard contact.fate == .answered else { return }
        var attributes = contact.attributes
        if let resolved = contact.resolved {
            attributes[.basis] = output.label("reported")
            let cells = output.cells(of: attributes, always: [.basis])
            output.add(ContactMeasure.callResolution.all, at: contact.queuedAt, cells: cells)
            if resolved { output.add(ContactMeasure.callResolution.positive, at: contact.queuedAt, cells: cells) }
        } else if contact.customer.isEmpty {
            attributes[.basis] = output.label("inferred")
            let cells = output.cells(of: attributes, always: [.basis])
            output.add(ContactMeasure.callExcluded, at: contact.queuedAt, cells: cells)
        }
    }

    private func tellCustomer(_ output: inout DerivationOutput) {
        guard !contact.customer.isEmpty,
            output.keeps(ContactMeasure.callResolution.all) || output.keeps(ContactMeasure.ticketResolution.all)
                || output.keeps(ContactMeasure.agentTicketResolution.all)
        else { return }
        var code: LinkFact.Contact = []
        if contact.fate == .answered { code.insert(.isAnswered) }
        if contact.resolved == nil { code.insert(.isInferred) }
        if contact.isTransferred { code.insert(.isTransferred) }
        var payload = output.payload(of: contact.attributes)
        if !contact.ticket.isEmpty { payload.append(.ticket, contact.ticket) }
        output.state(
            Fact(
                kind: LinkFact.contactOfCustomer, time: contact.queuedAt, code: code.rawValue, payload: payload),
            to: .customer, contact.customer)
    }

    // MARK: Handling time

    private func addHandling(_ cells: UInt32, _ output: inout DerivationOutput) {
        guard let end = contact.endedAt, let time = contact.handlingTime else { return }
        if namesAgents {
            for (agent, own) in contact.handlingTimeByAgent where agent != 0 {
                output.addMilliseconds(
                    ContactMeasure.agentHandleTime, own, at: end, cells: output.cells(.agent, agent))
            }
        }
        guard output.keeps(ContactMeasure.handleTime) else { return }
        guard !contact.ticket.isEmpty else {
            return output.addMilliseconds(ContactMeasure.handleTime, time, at: end, cells: cells)
        }
        // Work on the ticket may add to it.
        var payload = output.payload(of: contact.attributes)
        payload.append(.duration, number: time)
        payload.append(.contact, output.key)
        output.state(
            Fact(kind: LinkFact.contactOfHandling, time: end, payload: payload), to: .ticket, contact.ticket)
    }

    // MARK: Agents

    /// Each agent's parts of an ended contact, the last one with the after-call work, in the days that they lie in.
    private func tellAgents(_ output: inout DerivationOutput) {
        guard
            output.keeps(ContactMeasure.occupied) || output.keeps(ContactMeasure.handled)
                || output.keeps(ContactMeasure.agentContacts)
        else { return }
        var told: [(key: [UInt8], agent: UInt32, time: Int64, packed: [UInt8])] = []
        for (agent, time) in contact.timesByAgent where agent != 0 {
            let id = output.text(of: agent)
            for (day, part) in time.byDay {
                guard let key = AgentTime.key(id, day: day) else { continue }
                let begins: Int64 = part.start == time.start ? 1 : 0
                let place = told.firstIndex { $0.key == key } ?? told.count
                if place == told.count { told.append((key, agent, part.start, [])) }
                for number in [part.start, part.stop, begins] { told[place].packed.appendSignedVarint(number) }
            }
        }
        for (key, agent, time, packed) in told {
            var attributes = DimensionValues()
            attributes[.agent] = agent
            var payload = output.payload(of: attributes)
            payload.append(.work, packed)
            output.state(Fact(kind: LinkFact.contactOfAgent, time: time, payload: payload), to: .agent, key)
        }
    }
}
