import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The contributions of one ticket: a pure function of its timeline and the clock.
///
/// The definitions are those of the KPI reference (docs/kpis.md); its borderline cases decide the order of the steps here.
public struct TicketDerivation: EntityDerivation {
    public static let version: UInt32 = 3

    /// Verdicts on reopening settle 30 x 86,400 s after the first solve.
    static let reopenWindow: Int64 = 30 * 86_400 * 1_000_000
    /// Verdicts on bots settle 7 x 86,400 s after the first solve.
    static let botWindow: Int64 = 7 * 86_400 * 1_000_000

    private let rules: ContactRules
    private let namesAgents: Bool
    private let businessTime: BusinessTimeCalendars
    private(set) var ticket = TicketHistory()

    public init(
        _ rules: ContactRules = ContactRules(), namesAgents: Bool = true,
        businessTime: BusinessCalendars = BusinessCalendars()
    ) {
        self.rules = rules
        self.namesAgents = namesAgents
        self.businessTime = BusinessTimeCalendars(businessTime)
    }

    public mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {
        output.lifecycle = timeline.ticketLifecycle
        guard timeline.ticketRemoval == nil else { return }
        guard try ticket.replay(timeline, &output) else { return }
        let cells = output.cells(of: ticket.attributes)
        output.add(TicketMeasure.created, at: ticket.createdAt, cells: cells)
        addSolves(cells, &output)
        addResponses(cells, &output)
        addStatusTimes(cells, &output)
        addFirstSolve(cells, clock, &output)
        addReopenRate(cells, clock, &output)
        addGauges(cells, &output)
        try tellCustomer(cells, &output)
        tellHandling(&output)
        if output.keeps(TicketMeasure.issueProfile) {
            output.addHourOfWeek(
                TicketMeasure.issueProfile, at: ticket.createdAt,
                cells: output.cells(of: ticket.attributes, by: [[.channel]]))
        }
        if let calendar = businessTime.calendar(of: ticket.attributes[.team], &output) {
            addBusinessTimes(calendar, cells, &output)
        }
    }

    // These are mutating because others would be given a copy of the whole history.

    private mutating func addSolves(_ cells: UInt32, _ output: inout DerivationOutput) {
        for solve in ticket.solves {
            output.add(TicketMeasure.solved, at: solve.time, cells: cells)
            if output.keeps(TicketMeasure.solved) {
                let actor = output.label(solve.actor.name)
                output.add(TicketMeasure.solved, at: solve.time, cells: output.cells(.solvedBy, actor))
            }
            output.addDuration(TicketMeasure.resolutionTimeCycle, from: solve.cycleStart, to: solve.time, cells: cells)
        }
        for solve in ticket.solves where namesAgents && solve.agent != 0 && output.keeps(TicketMeasure.agentSolved) {
            output.add(TicketMeasure.agentSolved, at: solve.time, cells: output.cells(.agent, solve.agent))
        }
        for time in ticket.reopenings { output.add(TicketMeasure.reopened, at: time, cells: cells) }
        if let first = ticket.solves.first, let last = ticket.solves.last {
            output.addDuration(TicketMeasure.resolutionTimeFirst, from: ticket.createdAt, to: first.time, cells: cells)
            output.addDuration(TicketMeasure.resolutionTime, from: ticket.createdAt, to: last.time, cells: cells)
            if ticket.isSolved { output.add(TicketMeasure.resolved, at: last.time, cells: cells) }
        }
    }

    private mutating func addResponses(_ cells: UInt32, _ output: inout DerivationOutput) {
        let conversation = ticket.conversation
        for response in conversation.responses {
            output.addDuration(TicketMeasure.responseTime, from: response.start, to: response.time, cells: cells)
            if !response.isFirst {
                output.addDuration(
                    TicketMeasure.responseTimeNext, from: response.start, to: response.time, cells: cells)
            }
        }
        if let any = conversation.firstOfAny {
            output.addDuration(TicketMeasure.firstResponseTimeAny, from: any.start, to: any.time, cells: cells)
        }
        guard let first = conversation.first else {
            output.add(TicketMeasure.firstResponseOpen, at: ticket.createdAt, cells: cells)
            return
        }
        output.addDuration(TicketMeasure.firstResponseTime, from: first.start, to: first.time, cells: cells)
        output.addDuration(TicketMeasure.firstResponseTimeHuman, from: first.humanStart, to: first.time, cells: cells)
        if namesAgents, first.agent != 0, output.keeps(TicketMeasure.agentFirstResponseTime) {
            let own = output.cells(.agent, first.agent)
            output.addDuration(TicketMeasure.agentFirstResponseTime, from: first.start, to: first.time, cells: own)
        }
    }

    private mutating func addStatusTimes(_ cells: UInt32, _ output: inout DerivationOutput) {
        guard let last = ticket.solves.last else { return }
        output.addDuration(
            TicketMeasure.requesterWaitTime, from: last.time - ticket.statusTime.requesterWait, to: last.time,
            cells: cells)
        guard output.keeps(TicketMeasure.timeInStatus) else { return }
        for status in StatusTime.unsolved where ticket.statusTime[status] > 0 {
            let own = output.cells(.status, output.label(status.name))
            output.addDuration(
                TicketMeasure.timeInStatus, from: last.time - ticket.statusTime[status], to: last.time, cells: own)
        }
    }

    /// What is told of a ticket once, at its first solve.
    private mutating func addFirstSolve(_ cells: UInt32, _ clock: Int64, _ output: inout DerivationOutput) {
        guard let solve = ticket.solves.first, let first = ticket.firstSolve else { return }
        output.add(TicketMeasure.replies, at: solve.time, value: Int64(first.replies), cells: cells)
        output.add(TicketMeasure.transfers, at: solve.time, value: Int64(first.transfers), cells: cells)
        let oneTouch =
            first.replies == 1 && !ticket.wasReopened(after: solve.time, within: Self.reopenWindow)
        output.addVerdict(
            oneTouch, at: solve.time, settles: solve.time + Self.reopenWindow, TicketMeasure.oneTouch, cells: cells,
            clock: clock)
        guard ticket.conversation.hasBot else { return }
        let settles = solve.time + Self.botWindow
        let byBot =
            first.replies == 0 && !ticket.wasReopened(after: solve.time, within: Self.botWindow)
            && !ticket.conversation.handoffs.contains { $0 <= settles }
        output.addVerdict(
            byBot, at: solve.time, settles: settles, TicketMeasure.botResolution, cells: cells, clock: clock)
    }

    private mutating func addReopenRate(_ cells: UInt32, _ clock: Int64, _ output: inout DerivationOutput) {
        guard let first = ticket.solves.first else { return }
        output.addVerdict(
            ticket.wasReopened(within: Self.reopenWindow), at: first.time, settles: first.time + Self.reopenWindow,
            TicketMeasure.reopen, cells: cells, clock: clock)
    }

    private mutating func addGauges(_ cells: UInt32, _ output: inout DerivationOutput) {
        for change in ticket.levelChanges {
            output.add(TicketMeasure.backlog, at: change.time, value: change.delta, cells: change.cells)
        }
        if ticket.isSolved { return }
        if let unanswered = ticket.conversation.unanswered {
            let isFirst = ticket.conversation.first == nil
            output.addGauge(
                isFirst ? TicketMeasure.awaitingFirstResponse : TicketMeasure.awaitingReply, since: unanswered,
                cells: cells)
        }
        output.addGauge(TicketMeasure.backlogAge, since: ticket.createdAt, cells: cells)
        guard output.keeps(TicketMeasure.backlogOpen) else { return }
        output.addGauge(TicketMeasure.backlogOpen, cells: cells)
        output.addGauge(TicketMeasure.backlogOpen, cells: output.cells(.status, output.label(ticket.status.name)))
        if ticket.attributes[.agent] == 0 {
            output.addGauge(TicketMeasure.backlogOpen, cells: output.cells(.unassigned, output.label("true")))
        }
    }

    // MARK: Facts

    /// First contact resolution needs to know whether the customer came back.
    private mutating func tellCustomer(_ cells: UInt32, _ output: inout DerivationOutput) throws(InternalRecordError) {
        guard ticket.isByCustomer,
            output.keeps(ContactMeasure.ticketResolution.all) || output.keeps(ContactMeasure.callResolution.all)
                || output.keeps(ContactMeasure.agentTicketResolution.all)
        else { return }
        let verdict = firstContactVerdict
        let customer = try ticket.customerEvent.flatMap { (event) throws(InternalRecordError) in
            try output.text(.customer, of: event)
        }
        guard let customer else {
            if verdict != .none, let solve = ticket.solves.first {
                output.add(ContactMeasure.ticketExcluded, at: solve.time, cells: cells)
            }
            return
        }
        var attributes = ticket.attributes
        attributes[.agent] = ticket.firstSolve?.firstAgent ?? 0
        var payload = output.payload(of: attributes)
        payload.append(.ticket, output.key)
        if let solve = ticket.solves.first { payload.append(.instant, number: solve.time) }
        output.state(
            Fact(
                kind: LinkFact.ticketOfCustomer, time: ticket.createdAt, code: verdict.rawValue, payload: payload),
            to: .customer, customer)
    }

    /// A first solve by a bot or the system has no verdict, whoever solves the ticket later.
    private var firstContactVerdict: LinkFact.Verdict {
        guard let solve = ticket.solves.first, let first = ticket.firstSolve,
            solve.actor == .agent || solve.actor == .customer
        else { return .none }
        let isResolved =
            first.agents == 1 && !first.hasChangedTeam
            && !ticket.wasReopened(after: solve.time, within: rules.repeatWindow)
        return isResolved ? .passed : .failed
    }

    /// Where the work on the ticket counts depends on its contacts.
    private mutating func tellHandling(_ output: inout DerivationOutput) {
        guard output.keeps(ContactMeasure.handleTime), !(ticket.solves.isEmpty && ticket.work.isEmpty) else { return }
        var payload = output.payload(of: ticket.attributes)
        if let solve = ticket.solves.first { payload.append(.instant, number: solve.time) }
        if !ticket.work.isEmpty {
            var packed: [UInt8] = []
            for piece in ticket.work {
                packed.appendSignedVarint(piece.time)
                packed.appendSignedVarint(piece.milliseconds)
            }
            payload.append(.work, packed)
        }
        output.state(
            Fact(kind: LinkFact.ticketOfHandling, time: ticket.createdAt, payload: payload), to: .ticket, output.key)
    }
}
