public import BusinessTime

/// Something about a promise that alerting systems hear of.
public struct SLAFact: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// Share of the target in percent.
        case warning(Double)
        case breached
        /// Offset from due in µs.
        case level(Int64)
        case fulfilled
        case cancelled
    }

    /// Why a fact became true when it did.
    public enum Cause: String, Sendable {
        case time
        case priorityChange = "priority_change"
        case policyChange = "policy_change"
        case rulesChange = "rules_change"
        case lateEvent = "late_event"
    }

    public let cycle: Int
    public let kind: Kind
    /// When it became true.
    public let time: Micros

    public init(cycle: Int, kind: Kind, time: Micros) {
        self.cycle = cycle
        self.kind = kind
        self.time = time
    }

    /// The type's last part.
    public var name: String {
        switch kind {
        case .warning: "warning"
        case .breached: "breached"
        case .level: "level"
        case .fulfilled: "fulfilled"
        case .cancelled: "cancelled"
        }
    }

    /// The fact's part of the alert key.
    public var label: String {
        switch kind {
        case .warning(let percent): percent == percent.rounded() ? "warning-\(Int(percent))" : "warning-\(percent)"
        case .level(let offset): "level-\(offset / 1_000_000)"
        default: name
        }
    }

    /// Whether an alert about it is taken back when it turns out to be wrong.
    public var isRetractable: Bool {
        switch kind {
        case .warning, .breached, .level: true
        case .fulfilled, .cancelled: false
        }
    }

    /// The order of facts of one cycle at one instant.
    private var rank: Double {
        switch kind {
        case .warning(let percent): percent - 1_000
        case .level(let offset): offset < 0 ? -1 : Double(offset + 1)
        case .breached: 0
        case .fulfilled, .cancelled: .infinity
        }
    }

    static func all(of cycle: ClockCycle) -> [SLAFact] {
        guard cycle.target != nil else { return [] }
        var facts = cycle.warned.map { SLAFact(cycle: cycle.number, kind: .warning($0.key), time: $0.value) }
        facts += cycle.escalated.map { SLAFact(cycle: cycle.number, kind: .level($0.key), time: $0.value) }
        if let at = cycle.breachedAt { facts.append(SLAFact(cycle: cycle.number, kind: .breached, time: at)) }
        facts.sort { ($0.time, $0.rank) < ($1.time, $1.rank) }
        switch cycle.visibleEnd {
        case .stopped(let time): facts.append(SLAFact(cycle: cycle.number, kind: .fulfilled, time: time))
        case .cancelled(let time):
            if !facts.isEmpty, cycle.breachedAt == nil {
                facts.append(SLAFact(cycle: cycle.number, kind: .cancelled, time: time))
            }
        case nil: break
        }
        return facts
    }
}
