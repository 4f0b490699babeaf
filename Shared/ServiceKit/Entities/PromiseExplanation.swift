public import SLA
import SupportEvents

/// How the verdicts on one ticket or call came about: its events, the policies of each promise, and when its clocks ran.
public struct PromiseExplanation {
    private let subject: String
    private let id: String
    private let events: [TimelineEvent]
    private let standings: [PromiseSet.Standing]?
    private let instant: Int64

    /// - Parameters:
    ///   - subject: `ticket` or `contact`.
    ///   - events: In the timeline's order.
    ///   - promises: Nil when the creation is not known.
    ///   - instant: As of when, µs since 1970.
    public init(subject: String, id: String, events: [TimelineEvent], promises: PromiseSet?, at instant: Int64) {
        self.subject = subject
        self.id = id
        self.events = events
        self.instant = instant
        standings = promises?.standings(at: instant)
    }

    private static func detail(_ event: TimelineEvent) -> String? {
        switch EventType(rawValue: event.type) {
        case .ticketStatusChanged, .ticketSnapshot: event.status.name
        case .ticketMessage: "\(event.author.name)\(event.isPublic ? "" : ", private")"
        default: nil
        }
    }

    private static func type(_ event: TimelineEvent) -> String { EventType(rawValue: event.type)?.name ?? "?" }

    private static func verdict(_ cycle: CycleReport) -> String {
        let breach = cycle.breachedAt.map { "breached at \(RFC3339.string($0)) (\(cycle.breachCause.rawValue))" }
        switch cycle.state {
        case .stopped: return breach.map { "\($0), fulfilled late" } ?? "met"
        case .cancelled: return breach.map { "\($0), cancelled" } ?? "cancelled"
        case .running, .paused: return breach.map { "\($0), \(cycle.state.rawValue)" } ?? cycle.state.rawValue
        }
    }
}

/// For people.
extension PromiseExplanation {
    public var lines: [String] {
        var lines = ["\(subject.capitalizedFirst) \(id) as of \(RFC3339.string(instant))", "", "Events"]
        for event in events {
            let detail = Self.detail(event).map { ": \($0)" } ?? ""
            let note = event.time > instant ? "  (not yet)" : ""
            lines.append("  \(RFC3339.string(event.time))  \(Self.type(event))\(detail)\(note)")
        }
        guard let standings else { return lines + ["", "Nothing is promised before the creation is known."] }
        for standing in standings {
            lines += ["", "\(standing.name): policies"]
            for tenure in standing.tenures where tenure.from <= instant {
                let policy = tenure.terms.map { "\($0.policy.id), calendar \($0.policy.calendarName)" } ?? "none"
                let from = tenure.from == .min ? "from the creation on" : "from \(RFC3339.string(tenure.from)) on"
                let version = tenure.version > 0 ? ", rules version \(tenure.version)" : ""
                lines.append("  \(policy)  (\(from)\(version))")
            }
            for cycle in standing.cycles { lines += [""] + Self.lines(standing.name, cycle) }
        }
        return lines
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

    private static func seconds(_ micros: Int64) -> String {
        micros % 1_000_000 == 0 ? "\(micros / 1_000_000) s" : "\(Double(micros) / 1_000_000) s"
    }
}

/// For programs: the answer of `GET /v1/sla/tickets/{id}`.
extension PromiseExplanation {
    public var json: [UInt8] {
        var json = JSONText()
        json.object { json in
            json.member("\(subject)_id", id)
            json.member("as_of", RFC3339.string(instant))
            json.array("events") { json in
                for event in events {
                    json.object { json in
                        json.member("time", RFC3339.string(event.time))
                        json.member("type", Self.type(event))
                        if let detail = Self.detail(event) { json.member("detail", detail) }
                    }
                }
            }
            json.array("promises") { json in
                for standing in standings ?? [] { json.object { Self.write(standing, instant, &$0) } }
            }
        }
        return json.bytes
    }

    private static func write(_ standing: PromiseSet.Standing, _ instant: Int64, _ json: inout JSONText) {
        json.member("promise", standing.name)
        json.array("policies") { json in
            for tenure in standing.tenures where tenure.from <= instant {
                json.object { json in
                    json.member("policy", tenure.terms?.policy.id)
                    json.member("calendar", tenure.terms?.policy.calendarName)
                    json.member("from", tenure.from == .min ? nil : RFC3339.string(tenure.from))
                    json.member("rules_version", tenure.version)
                }
            }
        }
        json.array("cycles") { json in
            for cycle in standing.cycles { json.object { write(cycle, &$0) } }
        }
    }

    /// The members of one cycle.
    package static func write(_ cycle: CycleReport, _ json: inout JSONText) {
        json.member("cycle", Int64(cycle.number))
        json.member("state", cycle.state.rawValue)
        json.member("verdict", verdict(cycle))
        json.member("started_at", RFC3339.string(cycle.start))
        json.member("target_seconds", Double(cycle.target) / 1_000_000)
        json.member("elapsed_seconds", Double(cycle.elapsed) / 1_000_000)
        json.member("overdue_seconds", Double(cycle.overdue) / 1_000_000)
        json.member("due_at", cycle.due.map { RFC3339.string($0) })
        json.member("breached_at", cycle.breachedAt.map { RFC3339.string($0) })
        if cycle.breachedAt != nil { json.member("cause", cycle.breachCause.rawValue) }
        json.member("ended_at", cycle.endedAt.map { RFC3339.string($0) })
        json.array("ran") { json in
            for run in cycle.runs {
                json.object { json in
                    json.member("from", RFC3339.string(run.lowerBound))
                    json.member("to", RFC3339.string(run.upperBound))
                }
            }
        }
        json.array("facts") { json in
            for fact in cycle.facts {
                json.object { json in
                    json.member("fact", fact.label)
                    json.member("time", RFC3339.string(fact.time))
                }
            }
        }
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }

    fileprivate func padding(_ width: Int) -> String {
        count >= width ? self + " " : self + String(repeating: " ", count: width - count)
    }
}
