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
    public static let version: UInt32 = 3
    public static let keepsMemory = true
    public static let waitsForSources = true

    /// A breach of an entity whose last record came later than this after its event may be the work of a backfill or of an
    /// outage of the source, …
    private static let longDelay: Int64 = 300_000_000
    /// … so it waits until no further record has come for as long as this.
    private static let calm: Int64 = 10_000_000

    private let subject: SLASubject
    private var rules: SLAPromises
    private var writer: SLAAlertWriter

    init(_ rules: SLAPromises, of subject: SLASubject) {
        self.rules = rules
        self.subject = subject
        writer = SLAAlertWriter(rules, of: subject)
    }

    public mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {
        output.lifecycle = subject == .ticket ? timeline.ticketLifecycle : timeline.contactLifecycle
        var published = try PublishedFacts(output.memory)
        guard !rules.isEmpty || !published.entries.isEmpty else { return }
        // What has been judged stays so when a source is said to hold its clocks afterwards.
        let clock = max(clock, published.clock)
        let known = try promises(timeline, until: clock, &output)
        let (promises, nextEvent) = known ?? (PromiseSet(rules.editions), nextEvent: .max)
        if nextEvent != .max { output.deriveAgain(at: nextEvent) }
        // A creation that lies ahead.
        if let start = promises.startsAt, start > clock { return }
        if let next = promises.nextInstant(after: clock) { output.deriveAgain(at: next) }
        let standings = promises.standings(at: clock)
        let removal = timeline.ticketRemoval
        if removal == nil {
            addVerdicts(standings, promises, &output)
            tellCustomer(standings, promises, &output)
        }
        if output.moment.clock < output.moment.heldUntil {
            // Not all of what was known when it was published has been read again.
            output.deriveAgain(at: output.moment.heldUntil)
            return
        }
        var round = SLARound(
            promises: promises, standings: standings, removal: removal, lastClock: published.clock)
        // Without a creation, which has been voided, nothing holds. Where it has expired, what was told before the removal stands.
        if known == nil, let removal { round.standsBefore = removal.time }
        if isHeld(&output) {
            round.retract(&published, &writer, &output)
        } else {
            round.publish(&published, &writer, &output)
            published.clock = clock
        }
        output.memory = published.encoded()
    }

    private func promises(
        _ timeline: [TimelineEvent], until clock: Int64, _ output: inout DerivationOutput
    ) throws(InternalRecordError) -> (PromiseSet, nextEvent: Int64)? {
        switch subject {
        case .ticket:
            guard let ticket = try TicketPromises(timeline, until: clock, rules.editions, &output) else { return nil }
            return (ticket.promises, ticket.nextEvent)
        case .contact:
            guard let contact = try ContactPromises(timeline, until: clock, rules.editions, &output) else { return nil }
            return (contact.promises, contact.nextEvent)
        }
    }

    /// Whether what has been found waits; then the ticket is looked at again when that is over.
    private func isHeld(_ output: inout DerivationOutput) -> Bool {
        let moment = output.moment
        guard moment.delay > Self.longDelay else { return false }
        let calmFrom = moment.lastArrival + Self.calm
        if moment.clock < calmFrom {
            output.deriveAgain(at: calmFrom)
            return true
        }
        if moment.isCaughtUp { return false }
        output.deriveWhenCaughtUp()
        return true
    }

    // MARK: Sources

    public mutating func alert(of change: SourceChange, _ moment: Moment) -> EntityAlert? {
        subject == .ticket ? writer.source(change, moment) : nil
    }

    // MARK: Look-ups

    public mutating func describe(
        _ timeline: [TimelineEvent], clock: Int64, isWhole: Bool, using output: inout DerivationOutput
    ) throws(InternalRecordError) -> [EntityLookups.Entry] {
        let promises = try promises(timeline, until: clock, &output)?.0
        let id = String(decoding: output.key, as: UTF8.self)
        if isWhole {
            let explanation = PromiseExplanation(
                subject: subject.rawValue, id: id, events: timeline, promises: promises, at: clock)
            return [EntityLookups.Entry(instant: clock, json: explanation.json)]
        }
        var entries: [EntityLookups.Entry] = []
        for standing in promises?.standings(at: clock) ?? [] {
            for cycle in standing.cycles where cycle.state == .running && cycle.breachedAt == nil {
                guard let due = cycle.due else { continue }
                var json = JSONText()
                json.object { json in
                    json.member(subject.idMember, id)
                    json.member("promise", standing.name)
                    json.member("policy", standing.terms(at: clock)?.terms.policy.id)
                    json.member("cycle", Int64(cycle.number))
                    json.member("due_at", RFC3339.string(due))
                    json.member("remaining_seconds", Double(cycle.target - cycle.elapsed) / 1_000_000)
                    json.member("warned", cycle.isAtRisk)
                }
                entries.append(EntityLookups.Entry(instant: due, json: json.bytes))
            }
        }
        return entries
    }

    // MARK: Verdicts

    private func addVerdicts(
        _ standings: [PromiseSet.Standing], _ promises: PromiseSet, _ output: inout DerivationOutput
    ) {
        for standing in standings {
            for cycle in standing.cycles {
                if let at = cycle.breachedAt {
                    let cells = cells(of: standing, promises, at: at, &output)
                    output.add(SLAMeasure.breaches, at: at, cells: cells)
                    if cycle.state == .stopped { output.add(SLAMeasure.verdicts, at: at, cells: cells) }
                    if cycle.state != .cancelled { output.add(SLAMeasure.verdictsWithOverdue, at: at, cells: cells) }
                } else if cycle.state == .stopped, let at = cycle.endedAt {
                    let cells = cells(of: standing, promises, at: at, &output)
                    output.add(SLAMeasure.met, at: at, cells: cells)
                    output.add(SLAMeasure.verdicts, at: at, cells: cells)
                    output.add(SLAMeasure.verdictsWithOverdue, at: at, cells: cells)
                } else if cycle.isAtRisk {
                    output.addGauge(
                        SLAMeasure.atRisk, cells: cells(of: standing, promises, at: .max, &output))
                }
            }
        }
    }

    private func tellCustomer(
        _ standings: [PromiseSet.Standing], _ promises: PromiseSet, _ output: inout DerivationOutput
    ) {
        guard let customer = promises.attributes(at: .max)?.customer, let start = promises.startsAt,
            let fact = CustomerFact.fact(standings, since: start, output.key, of: subject)
        else { return }
        output.state(fact, to: .customer, Array(customer.utf8))
    }

    /// The cells of a promise under the policy and the attributes of an instant.
    private func cells(
        of standing: PromiseSet.Standing, _ promises: PromiseSet, at instant: Int64,
        _ output: inout DerivationOutput
    ) -> UInt32 {
        var values = DimensionValues()
        let parts = standing.name.split(separator: "~", maxSplits: 1)
        values[.metric] = output.label(String(parts[0]))
        if parts.count == 2 { values[.variant] = output.label(String(parts[1])) }
        if let policy = standing.terms(at: instant)?.terms.policy { values[.policy] = output.label(policy.id) }
        if let attributes = promises.attributes(at: instant) {
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
