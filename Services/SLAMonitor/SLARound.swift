import BusinessTime
import SLA
import ServiceKit
import SupportEvents

/// One comparison of what holds of a ticket's promises with what has been published of them.
struct SLARound {
    let promises: PromiseSet
    let removal: TimelineEvent?
    /// The clock of the comparison before; `.min` when there was none.
    let lastClock: Int64

    /// Publishes the difference: first what is taken back, then what is new, in the order of the instants.
    mutating func publish(
        _ standings: [PromiseSet.Standing], _ published: inout PublishedFacts, _ writer: inout SLAAlertWriter,
        _ output: inout DerivationOutput
    ) {
        withdraw(standings, &published, &writer, &output)
        var due: [(standing: PromiseSet.Standing, cycle: CycleReport, fact: SLAFact)] = []
        for standing in standings {
            for cycle in standing.cycles {
                // What comes later in a cycle waits for what comes before it.
                for fact in cycle.facts {
                    if let index = published.index(of: fact, standing.name), published.entries[index].isLive {
                        continue
                    }
                    let at = tellingTime(of: fact, standing.name)
                    if at > output.moment.clock {
                        output.deriveAgain(at: at)
                        break
                    }
                    due.append((standing, cycle, fact))
                }
            }
        }
        due.sort {
            ($0.fact.time, $0.standing.name, $0.cycle.number) < ($1.fact.time, $1.standing.name, $1.cycle.number)
        }
        for (standing, cycle, fact) in due {
            guard let context = context(standing.name, cycle, fact, output.moment) else { continue }
            let sequence = published.sequence(standing.name, cycle.number)
            let ordinal = published.published(fact, standing.name)
            output.publish(writer.fact(fact, context, ordinal: ordinal, sequence: sequence, output))
        }
    }

    private mutating func withdraw(
        _ standings: [PromiseSet.Standing], _ published: inout PublishedFacts, _ writer: inout SLAAlertWriter,
        _ output: inout DerivationOutput
    ) {
        for (index, entry) in published.entries.enumerated() where entry.isLive {
            let cycle = standings.first { $0.name == entry.promise }?.cycles.first { $0.number == entry.cycle }
            if let fact = cycle?.facts.first(where: { $0.kind == entry.kind }), fact.time == entry.time { continue }
            let wrong = SLAFact(cycle: entry.cycle, kind: entry.kind, time: entry.time)
            let sequence = published.sequence(entry.promise, entry.cycle)
            let ordinal = published.withdrawn(index, isTold: wrong.isRetractable)
            guard wrong.isRetractable else { continue }
            var context = SLAAlertContext(
                promise: entry.promise, cycle: cycle, cycleNumber: entry.cycle,
                policy: promises.promise(named: entry.promise, at: entry.time),
                attributes: promises.era(at: entry.time)?.attributes ?? TicketAttributes())
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

    private func context(
        _ promise: String, _ cycle: CycleReport, _ fact: SLAFact, _ moment: Moment
    ) -> SLAAlertContext? {
        guard let policy = promises.promise(named: promise, at: fact.time) else { return nil }
        var context = SLAAlertContext(
            promise: promise, cycle: cycle, cycleNumber: cycle.number, policy: policy,
            attributes: promises.era(at: fact.time)?.attributes ?? TicketAttributes())
        context.cause = cause(of: fact, cycle, moment)
        return context
    }

    private func cause(of fact: SLAFact, _ cycle: CycleReport, _ moment: Moment) -> SLAFact.Cause {
        guard fact.isRetractable else { return .time }
        let knownFrom = lastClock == .min ? moment.lastArrival : lastClock
        if fact.kind == .breached, cycle.breachCause != .time { return cycle.breachCause }
        return fact.time < knownFrom ? .lateEvent : .time
    }

    /// When a fact may be told: delayed, or held until the calendar opens.
    private func tellingTime(of fact: SLAFact, _ promise: String) -> Int64 {
        guard fact.isRetractable, let (policy, settings) = promises.promise(named: promise, at: fact.time) else {
            return fact.time
        }
        let at = fact.time + settings.alertDelay
        switch settings.delivery {
        case .atOnce: return at
        case .hold: return policy.calendar.add(0, to: at, boundary: .nextOpen) ?? at
        }
    }
}
