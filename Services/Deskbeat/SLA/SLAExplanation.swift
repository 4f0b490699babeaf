import BusinessTime
import SLA
import ServiceKit
import SupportEvents

/// The text of `deskbeat sla explain`.
enum SLAExplanation {
    static func lines(
        _ ticket: String, _ events: [TimelineEvent], _ promises: PromiseSet?, at instant: Int64
    ) -> [String] {
        var lines = ["Ticket \(ticket) as of \(RFC3339.string(instant))", "", "Events"]
        for event in events {
            let type = EventType(rawValue: event.type)?.name ?? "?"
            let note = event.time > instant ? "  (not yet)" : ""
            lines.append("  \(RFC3339.string(event.time))  \(type)\(detail(event))\(note)")
        }
        guard let promises else { return lines + ["", "Nothing is promised before the ticket's creation is known."] }
        for standing in promises.standings(at: instant) {
            lines += ["", "\(standing.name): policies"]
            for tenure in standing.tenures where tenure.from <= instant {
                let policy = tenure.terms?.policy
                let from = tenure.from == .min ? "from the creation on" : "from \(RFC3339.string(tenure.from)) on"
                lines.append("  \(policy.map { "\($0.id), calendar \($0.calendarName)" } ?? "none")  (\(from))")
            }
            for cycle in standing.cycles { lines += [""] + self.lines(standing.name, cycle) }
        }
        return lines
    }

    private static func detail(_ event: TimelineEvent) -> String {
        switch EventType(rawValue: event.type) {
        case .ticketStatusChanged, .ticketSnapshot: ": \(event.status.name)"
        case .ticketMessage: ": \(event.author.name)\(event.isPublic ? "" : ", private")"
        default: ""
        }
    }

    private static func lines(_ name: String, _ cycle: CycleReport) -> [String] {
        var lines = ["\(name), cycle \(cycle.number): \(verdict(cycle))"]
        lines.append("  started   \(RFC3339.string(cycle.start))")
        lines.append("  target    \(seconds(cycle.target)), used \(seconds(cycle.elapsed))")
        if let due = cycle.due { lines.append("  due       \(RFC3339.string(due))") }
        for run in cycle.runs {
            lines.append("  ran       \(RFC3339.string(run.lowerBound)) to \(RFC3339.string(run.upperBound))")
        }
        for fact in cycle.facts {
            lines.append("  \(fact.label.padding(10))\(RFC3339.string(fact.time))")
        }
        return lines
    }

    private static func verdict(_ cycle: CycleReport) -> String {
        let breach = cycle.breachedAt.map { "breached at \(RFC3339.string($0)) (\(cycle.breachCause.rawValue))" }
        switch cycle.state {
        case .stopped: return breach.map { "\($0), fulfilled late" } ?? "met"
        case .cancelled: return breach.map { "\($0), cancelled" } ?? "cancelled"
        case .running, .paused: return breach.map { "\($0), \(cycle.state.rawValue)" } ?? cycle.state.rawValue
        }
    }

    private static func seconds(_ micros: Int64) -> String {
        micros % 1_000_000 == 0 ? "\(micros / 1_000_000) s" : "\(Double(micros) / 1_000_000) s"
    }
}

extension String {
    fileprivate func padding(_ width: Int) -> String {
        count >= width ? self + " " : self + String(repeating: " ", count: width - count)
    }
}
