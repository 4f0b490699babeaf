import BusinessTime
import KPIs
import SLA
public import ServiceKit
public import Streams
import SupportEvents

/// The verdicts and the facts of one ticket's promises.
///
/// Verdicts are contributions, a pure function of the timeline and the clock. Facts are alerts: what holds now is compared
/// with what has been published, and the difference goes out.
public struct SLADerivation: EntityDerivation {
    public static let version: UInt32 = 1
    public static let keepsMemory = true

    /// A breach of an entity whose last record came later than this after its event may be the work of a backfill or of an
    /// outage of the source, …
    private static let longDelay: Int64 = 300_000_000
    /// … so it waits until no further record has come for as long as this.
    private static let calm: Int64 = 10_000_000

    private let rules: SLAPromises
    private var writer: SLAAlertWriter

    init(_ rules: SLAPromises) {
        self.rules = rules
        writer = SLAAlertWriter(rules)
    }

    public mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {
        var published = try PublishedFacts(output.memory)
        guard !rules.levels.book.policies.isEmpty || !published.entries.isEmpty else { return }
        guard let ticket = try TicketPromises(timeline, until: clock, rules.levels.book, &output) else { return }
        if ticket.nextEvent != .max { output.deriveAgain(at: ticket.nextEvent) }
        let promises = ticket.promises
        // A creation that lies ahead.
        if let start = promises.startsAt, start > clock { return }
        if let next = promises.nextInstant(after: clock) { output.deriveAgain(at: next) }
        let standings = promises.standings(at: clock)
        let removal = timeline.ticketRemoval
        if removal == nil { addVerdicts(standings, promises, &output) }
        if let until = held(output.moment) {
            output.deriveAgain(at: until)
            return
        }
        var round = SLARound(promises: promises, removal: removal, lastClock: published.clock)
        round.publish(standings, &published, &writer, &output)
        published.clock = clock
        output.memory = published.encoded()
    }

    /// Until when nothing is published; nil when nothing is held.
    private func held(_ moment: Moment) -> Int64? {
        guard moment.delay > Self.longDelay else { return nil }
        let calmFrom = moment.lastArrival + Self.calm
        if moment.clock < calmFrom { return calmFrom }
        return moment.isCaughtUp ? nil : moment.clock + 1_000_000
    }

    // MARK: Verdicts

    private func addVerdicts(
        _ standings: [PromiseSet.Standing], _ promises: PromiseSet, _ output: inout DerivationOutput
    ) {
        for standing in standings {
            for cycle in standing.cycles {
                if let at = cycle.breachedAt {
                    let cells = cells(of: standing.name, promises, at: at, &output)
                    output.add(SLAMeasure.breaches, at: at, cells: cells)
                    if cycle.state == .stopped { output.add(SLAMeasure.verdicts, at: at, cells: cells) }
                    if cycle.state != .cancelled { output.add(SLAMeasure.verdictsWithOverdue, at: at, cells: cells) }
                } else if cycle.state == .stopped, let at = cycle.endedAt {
                    let cells = cells(of: standing.name, promises, at: at, &output)
                    output.add(SLAMeasure.met, at: at, cells: cells)
                    output.add(SLAMeasure.verdicts, at: at, cells: cells)
                    output.add(SLAMeasure.verdictsWithOverdue, at: at, cells: cells)
                } else if cycle.isAtRisk {
                    output.addGauge(
                        SLAMeasure.atRisk, cells: cells(of: standing.name, promises, at: .max, &output))
                }
            }
        }
    }

    /// The cells of a promise under the policy and the attributes of an instant.
    private func cells(
        of name: String, _ promises: PromiseSet, at instant: Int64, _ output: inout DerivationOutput
    ) -> UInt32 {
        var values = DimensionValues()
        let parts = name.split(separator: "~", maxSplits: 1)
        values[.metric] = output.label(String(parts[0]))
        if parts.count == 2 { values[.variant] = output.label(String(parts[1])) }
        if let policy = promises.promise(named: name, at: instant)?.policy { values[.policy] = output.label(policy.id) }
        if let attributes = promises.era(at: instant)?.attributes {
            let fields: [(Dimension, TicketAttributes.Field)] = [
                (.channel, .channel), (.priority, .priority), (.team, .team), (.tier, .tier), (.segment, .segment),
            ]
            for (dimension, field) in fields {
                if let value = attributes[field] { values[dimension] = output.label(value) }
            }
        }
        return output.cells(of: values, always: parts.count == 2 ? [.metric, .variant] : [.metric])
    }
}
