import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The contributions of one ticket: a pure function of its timeline and the clock.
///
/// The definitions are those of the KPI reference (docs/kpis.md); its borderline cases decide the order of the steps here.
public struct TicketDerivation: EntityDerivation {
    public static let version: UInt32 = 1

    /// Verdicts on reopening settle 30 x 86,400 s after the first solve.
    static let reopenWindow: Int64 = 30 * 86_400 * 1_000_000

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
        addFirstResponse(cells, &output)
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
        for time in ticket.reopenings { output.add(TicketMeasure.reopened, at: time, cells: cells) }
        if let first = ticket.solves.first, let last = ticket.solves.last {
            addDuration(TicketMeasure.resolutionTimeFirst, from: ticket.createdAt, to: first.time, cells, &output)
            addDuration(TicketMeasure.resolutionTime, from: ticket.createdAt, to: last.time, cells, &output)
            if ticket.isSolved { output.add(TicketMeasure.resolved, at: last.time, cells: cells) }
        }
    }

    private func addFirstResponse(_ cells: UInt32, _ output: inout DerivationOutput) {
        guard let response = ticket.firstResponse else {
            output.add(TicketMeasure.firstResponseOpen, at: ticket.createdAt, cells: cells)
            return
        }
        addDuration(TicketMeasure.firstResponseTime, from: response.start, to: response.time, cells, &output)
    }

    private func addReopenRate(_ cells: UInt32, _ clock: Int64, _ output: inout DerivationOutput) {
        guard let first = ticket.solves.first else { return }
        let settles = first.time + Self.reopenWindow
        if settles > clock {
            output.add(TicketMeasure.reopenPending, at: first.time, cells: cells)
            output.deriveAgain(at: settles)
        } else {
            output.add(TicketMeasure.reopenVerdicts, at: first.time, cells: cells)
            if ticket.wasReopened(within: Self.reopenWindow) {
                output.add(TicketMeasure.reopenedVerdicts, at: first.time, cells: cells)
            }
        }
    }

    private func addGauges(_ cells: UInt32, _ output: inout DerivationOutput) {
        for change in ticket.levelChanges {
            output.add(TicketMeasure.backlog, at: change.time, value: change.delta, cells: change.cells)
        }
        if ticket.isSolved { return }
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
