import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The contributions of one ticket: a pure function of its timeline and the clock.
///
/// The definitions are those of the KPI reference (docs/kpis.md); its borderline cases decide the order of the steps here.
public struct TicketDerivation: EntityDerivation {
    public static let version: UInt32 = 2

    /// Verdicts on reopening settle 30 x 86,400 s after the first solve.
    static let reopenWindow: Int64 = 30 * 86_400 * 1_000_000
    /// Verdicts on bots settle 7 x 86,400 s after the first solve.
    static let botWindow: Int64 = 7 * 86_400 * 1_000_000

    private var ticket = TicketHistory()

    public init() {}

    public mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {
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
    }

    private func addSolves(_ cells: UInt32, _ output: inout DerivationOutput) {
        for solve in ticket.solves {
            output.add(TicketMeasure.solved, at: solve.time, cells: cells)
            let actor = output.label(solve.actor.name)
            output.add(TicketMeasure.solved, at: solve.time, cells: output.cells(.solvedBy, actor))
            addDuration(TicketMeasure.resolutionTimeCycle, from: solve.cycleStart, to: solve.time, cells, &output)
        }
        for solve in ticket.solves where solve.agent != 0 {
            output.add(TicketMeasure.agentSolved, at: solve.time, cells: output.cells(.agent, solve.agent))
        }
        for time in ticket.reopenings { output.add(TicketMeasure.reopened, at: time, cells: cells) }
        if let first = ticket.solves.first, let last = ticket.solves.last {
            addDuration(TicketMeasure.resolutionTimeFirst, from: ticket.createdAt, to: first.time, cells, &output)
            addDuration(TicketMeasure.resolutionTime, from: ticket.createdAt, to: last.time, cells, &output)
            if ticket.isSolved { output.add(TicketMeasure.resolved, at: last.time, cells: cells) }
        }
    }

    private func addResponses(_ cells: UInt32, _ output: inout DerivationOutput) {
        let conversation = ticket.conversation
        for response in conversation.responses {
            addDuration(TicketMeasure.responseTime, from: response.start, to: response.time, cells, &output)
            if !response.isFirst {
                addDuration(TicketMeasure.responseTimeNext, from: response.start, to: response.time, cells, &output)
            }
        }
        if let any = conversation.firstOfAny {
            addDuration(TicketMeasure.firstResponseTimeAny, from: any.start, to: any.time, cells, &output)
        }
        guard let first = conversation.first else {
            output.add(TicketMeasure.firstResponseOpen, at: ticket.createdAt, cells: cells)
            return
        }
        addDuration(TicketMeasure.firstResponseTime, from: first.start, to: first.time, cells, &output)
        addDuration(TicketMeasure.firstResponseTimeHuman, from: first.humanStart, to: first.time, cells, &output)
        if first.agent != 0 {
            let own = output.cells(.agent, first.agent)
            addDuration(TicketMeasure.agentFirstResponseTime, from: first.start, to: first.time, own, &output)
        }
    }

    private func addStatusTimes(_ cells: UInt32, _ output: inout DerivationOutput) {
        guard let last = ticket.solves.last else { return }
        addDuration(
            TicketMeasure.requesterWaitTime, from: last.time - ticket.statusTime.requesterWait, to: last.time, cells,
            &output)
        for status in StatusTime.unsolved where ticket.statusTime[status] > 0 {
            let own = output.cells(.status, output.label(status.name))
            addDuration(
                TicketMeasure.timeInStatus, from: last.time - ticket.statusTime[status], to: last.time, own, &output)
        }
    }

    /// What is told of a ticket once, at its first solve.
    private func addFirstSolve(_ cells: UInt32, _ clock: Int64, _ output: inout DerivationOutput) {
        guard let solve = ticket.solves.first, let first = ticket.firstSolve else { return }
        output.add(TicketMeasure.replies, at: solve.time, value: Int64(first.replies), cells: cells)
        output.add(TicketMeasure.transfers, at: solve.time, value: Int64(first.transfers), cells: cells)
        let oneTouch =
            first.replies == 1 && !ticket.wasReopened(after: solve.time, within: Self.reopenWindow)
        addVerdict(
            oneTouch, at: solve.time, settles: solve.time + Self.reopenWindow, TicketMeasure.oneTouch, cells, clock,
            &output)
        guard ticket.conversation.hasBot else { return }
        let settles = solve.time + Self.botWindow
        let byBot =
            first.replies == 0 && !ticket.wasReopened(after: solve.time, within: Self.botWindow)
            && !ticket.conversation.handoffs.contains { $0 <= settles }
        addVerdict(byBot, at: solve.time, settles: settles, TicketMeasure.botResolution, cells, clock, &output)
    }

    private func addVerdict(
        _ verdict: Bool, at time: Int64, settles: Int64, _ measures: VerdictMeasures, _ cells: UInt32, _ clock: Int64,
        _ output: inout DerivationOutput
    ) {
        if settles > clock {
            output.add(measures.pending, at: time, cells: cells)
            output.deriveAgain(at: settles)
            return
        }
        output.add(measures.all, at: time, cells: cells)
        if verdict { output.add(measures.positive, at: time, cells: cells) }
    }

    private func addReopenRate(_ cells: UInt32, _ clock: Int64, _ output: inout DerivationOutput) {
        guard let first = ticket.solves.first else { return }
        addVerdict(
            ticket.wasReopened(within: Self.reopenWindow), at: first.time, settles: first.time + Self.reopenWindow,
            TicketMeasure.reopen, cells, clock, &output)
    }

    private func addGauges(_ cells: UInt32, _ output: inout DerivationOutput) {
        for change in ticket.levelChanges {
            output.add(TicketMeasure.backlog, at: change.time, value: change.delta, cells: change.cells)
        }
        if ticket.isSolved { return }
        if ticket.conversation.unanswered != nil {
            let isFirst = ticket.conversation.first == nil
            output.addGauge(isFirst ? TicketMeasure.awaitingFirstResponse : TicketMeasure.awaitingReply, cells: cells)
        }
        output.addGauge(TicketMeasure.backlogOpen, cells: cells)
        output.addGauge(TicketMeasure.backlogOpen, cells: output.cells(.status, output.label(ticket.status.name)))
        if ticket.attributes[.agent] == 0 {
            output.addGauge(TicketMeasure.backlogOpen, cells: output.cells(.unassigned, output.label("true")))
        }
    }

    /// Adds the time between two instants, in milliseconds rounded half to even. A negative one (clock skew at the source) is
    /// counted and left out: a value that looks real would be worse than none.
    private func addDuration(
        _ measure: Measure, from start: Int64, to end: Int64, _ cells: UInt32, _ output: inout DerivationOutput
    ) {
        guard let milliseconds = DerivationOutput.milliseconds(from: start, to: end), end >= start else {
            output.countNegativeDuration()
            return
        }
        output.add(measure, at: end, value: milliseconds, cells: cells)
    }
}
