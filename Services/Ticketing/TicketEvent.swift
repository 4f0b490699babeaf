import ServiceKit
import SupportEvents

/// How a ticket event's codes are read; `TimelineIntake` says how they are written.
extension TimelineEvent {
    /// Of `status_changed` and `snapshot`.
    var status: TicketStatus { TicketStatus(rawValue: code) ?? .new }

    /// Of `created`; `new` unless it says otherwise.
    var initialStatus: TicketStatus { TicketStatus(rawValue: code) ?? .new }

    /// Of `message`.
    var author: Author { Author(rawValue: code) ?? .system }

    /// Of `message`: private notes are no messages.
    var isPublic: Bool { detail != 0 }

    /// Of `created` and `snapshot`.
    var initiator: Initiator { Initiator(rawValue: detail) ?? .customer }

    /// Of `status_changed`.
    var actor: Participant { Participant(rawValue: detail) ?? (hasAgent ? .agent : .system) }

    /// A snapshot's assignee is taken for the one who changed the status.
    var snapshotActor: Participant { hasAgent ? .agent : .system }
}
