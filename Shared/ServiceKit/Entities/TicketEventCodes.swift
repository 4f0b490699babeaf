public import SupportEvents

/// How a ticket event's codes are read; `TimelineIntake` says how they are written.
extension TimelineEvent {
    /// Of `status_changed` and `snapshot`.
    public var status: TicketStatus { TicketStatus(rawValue: code) ?? .new }

    /// Of `created`; `new` unless it says otherwise.
    public var initialStatus: TicketStatus { TicketStatus(rawValue: code) ?? .new }

    /// Of `message`.
    public var author: Author { Author(rawValue: code) ?? .system }

    /// Of `message`: private notes are no messages.
    public var isPublic: Bool { detail != 0 }

    /// Of `created` and `snapshot`.
    public var initiator: Initiator { Initiator(rawValue: detail) ?? .customer }

    /// Of `status_changed`.
    public var actor: Participant { Participant(rawValue: detail) ?? (hasAgent ? .agent : .system) }

    /// A snapshot's assignee is taken for the one who changed the status.
    public var snapshotActor: Participant { hasAgent ? .agent : .system }
}

extension Array where Element == TimelineEvent {
    /// The event that a ticket begins with: the first `created`; without one, the first snapshot.
    public var ticketCreation: Int? {
        firstIndex { $0.type == EventType.ticketCreated.rawValue }
            ?? firstIndex { $0.type == EventType.ticketSnapshot.rawValue }
    }

    /// The event that took the ticket out of everything: the last of deletion, merge and restoration decides, and the first
    /// removal since the last restoration is the one that did it.
    public var ticketRemoval: TimelineEvent? {
        var removal: TimelineEvent?
        for event in reversed() {
            switch EventType(rawValue: event.type) {
            case .ticketDeleted, .ticketMerged: removal = event
            case .ticketRestored: return removal
            default: continue
            }
        }
        return removal
    }
}
