import Streams
import SupportEvents

/// The order of a ticket's or a contact's events as promises take them: where time and sequence tell nothing, what stops a clock comes before
/// what pauses it, then what resumes it, what starts it, changes of attributes, and removals.
enum TicketEventOrder {
    /// - Parameter timeline: In the timeline's order.
    static func arranged(
        _ timeline: [TimelineEvent], _ payloads: PayloadTable
    ) throws(InternalRecordError) -> [TimelineEvent] {
        var events = timeline
        var first = 0
        while first < events.count {
            var end = first + 1
            while end < events.count, try isTied(events[first], events[end], payloads) { end += 1 }
            if end - first > 1 {
                // Stable, so that the identities decide the rest.
                let ranked = events[first..<end].enumerated().sorted {
                    (rank($0.element), $0.offset) < (rank($1.element), $1.offset)
                }
                events.replaceSubrange(first..<end, with: ranked.map(\.element))
            }
            first = end
        }
        return events
    }

    private static func isTied(
        _ left: TimelineEvent, _ right: TimelineEvent, _ payloads: PayloadTable
    ) throws(InternalRecordError) -> Bool {
        guard left.time == right.time else { return false }
        if !left.hasSequence, !right.hasSequence { return true }
        return try payloads.sequence(of: left) == payloads.sequence(of: right)
    }

    private static func rank(_ event: TimelineEvent) -> Int {
        switch EventType(rawValue: event.type) {
        case .ticketMessage where event.isPublic && event.author == .agent: 0
        case .ticketStatusChanged, .ticketSnapshot:
            switch event.status {
            case .solved, .closed: 0
            case .pending, .onHold: 1
            case .new, .open: 2
            }
        case .ticketMessage, .ticketHandedOff: 3
        case .contactAnswered: 0
        case .ticketMerged, .ticketDeleted, .contactEnded, .contactAbandoned: 5
        default: 4
        }
    }
}
