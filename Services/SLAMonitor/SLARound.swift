import BusinessTime
import SLA
import ServiceKit
import SupportEvents

/// One comparison of what holds of a ticket's promises with what has been published of them.
struct SLARound {
    let promises: PromiseSet
    let standings: [PromiseSet.Standing]
    let removal: TimelineEvent?
    /// What was told of instants before this one stands, because nothing is known of it any more.
    var standsBefore = Int64.min
    /// The clock of the comparison before; `.min` when there was none.
    let lastClock: Int64

    /// Publishes the difference: first what is taken back, then what is new, in the order of the instants.
    mutating func publish(
        _ published: inout PublishedFacts, _ writer: inout SLAAlertWriter, _ output: inout DerivationOutput
    ) {
        withdraw(&published, &writer, &output)
        var due: [Finding] = []
        for standing in standings {
            for cycle in standing.cycles {
                // What comes later in a cycle waits for what comes before it.
                for fact in cycle.facts where !published.isLive(fact, standing.name) {
                    let at = tellingTime(of: fact, standing)
                    if at > output.moment.clock {
                        output.deriveAgain(at: at)
                        break
                    }
                    due.append(Finding(standing: standing, cycle: cycle, fact: fact, toldAt: at, place: due.count))
                }
            }
        }
        due.sort { ($0.fact.time, $0.place) < ($1.fact.time, $1.place) }
        for finding in due {
            guard let context = context(finding, output.moment) else { continue }
            let sequence = published.sequence(finding.standing.name, finding.cycle.number)
            let ordinal = published.published(finding.fact, finding.standing.name)
            output.publish(writer.fact(finding.fact, context, ordinal: ordinal, sequence: sequence, output))
        }
    }

    /// Takes back what no longer holds in any form, and nothing else.
    mutating func retract(
        _ published: inout PublishedFacts, _ writer: inout SLAAlertWriter, _ output: inout DerivationOutput
    ) {
        withdraw(&published, &writer, &output, alsoMoved: false)
    }

    private struct Finding {
        let standing: PromiseSet.Standing
        let cycle: CycleReport
        let fact: SLAFact
        /// From when on it may be told.
        let toldAt: Int64
        let place: Int
    }

    // MARK: Taking back

    private mutating func withdraw(
        _ published: inout PublishedFacts, _ writer: inout SLAAlertWriter, _ output: inout DerivationOutput,
        alsoMoved: Bool = true
    ) {
        for (index, entry) in published.entries.enumerated() where entry.isLive && entry.time >= standsBefore {
            let name = published.name(of: entry)
            let standing = standings.first { $0.name == name }
            let cycle = standing?.cycles.first { $0.number == entry.cycle }
            if let fact = cycle?.facts.first(where: { $0.kind == entry.kind }) {
                if !alsoMoved || fact.time == entry.time { continue }
            }
            let wrong = SLAFact(cycle: entry.cycle, kind: entry.kind, time: entry.time)
            if !alsoMoved, !wrong.isRetractable { continue }
            let sequence = published.sequence(name, entry.cycle)
            let ordinal = published.withdrawn(index, isTold: wrong.isRetractable)
            guard wrong.isRetractable else { continue }
            var context = SLAAlertContext(
                promise: name, cycle: cycle, cycleNumber: entry.cycle, terms: standing?.terms(at: entry.time),
                attributes: promises.attributes(at: entry.time) ?? TicketAttributes())
            context.isHistorical = SLAAlertContext.isHistorical(entry.time, output.moment)
            (context.cause, context.reason) = whyWrong(wrong, cycle)
            output.publish(
                writer.retraction(
                    of: wrong, context, publication: entry.publications, ordinal: ordinal, sequence: sequence, output))
        }
    }

    private func whyWrong(_ fact: SLAFact, _ cycle: CycleReport?) -> (SLAFact.Cause, String) {
        if let removal, removal.time <= fact.time {
            return (.lateEvent, removal.type == EventType.ticketMerged.rawValue ? "merged" : "deleted")
        }
        if let changed = cycle?.changedAt, changed >= fact.time { return (cycle?.change ?? .time, "policy_changed") }
        return (.lateEvent, "late_event")
    }

    // MARK: Telling

    private func context(_ finding: Finding, _ moment: Moment) -> SLAAlertContext? {
        let (standing, fact) = (finding.standing, finding.fact)
        guard let terms = standing.terms(at: fact.time) else { return nil }
        var context = SLAAlertContext(
            promise: standing.name, cycle: finding.cycle, cycleNumber: finding.cycle.number, terms: terms,
            attributes: promises.attributes(at: fact.time) ?? TicketAttributes())
        context.cause = cause(of: finding, moment)
        context.isHistorical = SLAAlertContext.isHistorical(finding.toldAt, moment)
        return context
    }

    private func cause(of finding: Finding, _ moment: Moment) -> SLAFact.Cause {
        if finding.fact.kind == .cancelled { return finding.cycle.cutCause ?? .time }
        guard finding.fact.isRetractable else { return .time }
        if finding.fact.kind == .breached, finding.cycle.breachCause != .time { return finding.cycle.breachCause }
        let knownFrom = lastClock == .min ? moment.lastArrival : lastClock
        return finding.toldAt < knownFrom ? .lateEvent : .time
    }

    /// When a fact may be told: delayed, or held until the calendar opens.
    private func tellingTime(of fact: SLAFact, _ standing: PromiseSet.Standing) -> Int64 {
        guard fact.isRetractable, let (terms, _) = standing.terms(at: fact.time) else { return fact.time }
        let at = fact.time + terms.promise.alertDelay
        switch terms.promise.delivery {
        case .atOnce: return at
        case .hold: return terms.policy.calendar.add(0, to: at) ?? at
        }
    }
}
