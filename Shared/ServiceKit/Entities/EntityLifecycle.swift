import SupportEvents

/// What is still expected of an entity.
public enum EntityLifecycle: UInt8, Sendable {
    case open = 0
    /// Nothing that has to come: after ``EntityLimits/silence`` without an event only its residue is kept.
    case closed = 1
    /// What it begins with has not come; after the same time its events are dead letters (`orphan_expired`).
    case orphan = 2
}

extension EntityHead {
    var lifecycle: EntityLifecycle { has(Self.closed) ? .closed : has(Self.orphan) ? .orphan : .open }
}

extension Array where Element == TimelineEvent {
    /// Of a ticket's timeline: closed once solved, closed or removed.
    public var ticketLifecycle: EntityLifecycle {
        if ticketRemoval != nil { return .closed }
        guard let creation = ticketCreation else { return .orphan }
        let last = last {
            $0.type == EventType.ticketStatusChanged.rawValue || $0.type == EventType.ticketSnapshot.rawValue
        }
        let status = last?.status ?? self[creation].initialStatus
        return status == .solved || status == .closed ? .closed : .open
    }

    /// Of a contact's timeline: closed once ended or abandoned, also where it was never queued.
    public var contactLifecycle: EntityLifecycle {
        let isOver = contains {
            $0.type == EventType.contactEnded.rawValue || $0.type == EventType.contactAbandoned.rawValue
        }
        if isOver { return .closed }
        return contains { $0.type == EventType.contactQueued.rawValue } ? .open : .orphan
    }
}
