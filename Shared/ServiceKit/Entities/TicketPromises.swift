public import SLA
public import Streams
import SupportEvents

/// From a ticket's timeline to its promises, as far as time has come.
public struct TicketPromises {
    public private(set) var promises: PromiseSet
    /// When the next event takes effect that is dated later than the clock.
    public private(set) var nextEvent = Int64.max
    private var attributes = TicketAttributes()

    /// - Returns: nil as long as the ticket's creation has not arrived, or lies ahead.
    public init?(
        _ timeline: [TimelineEvent], until clock: Int64, _ editions: [RulesEdition], _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        promises = PromiseSet(editions)
        guard let first = timeline.ticketCreation else { return nil }
        let creation = timeline[first]
        try create(creation, &output)
        if let start = promises.startsAt, start > clock {
            nextEvent = start
            return
        }
        let removal = timeline.ticketRemoval
        for event in try TicketEventOrder.arranged(timeline, output.payloads) {
            if event.time > clock {
                nextEvent = event.time
                break
            }
            if event == removal {
                promises.apply(TicketEvent(time: event.time, kind: .removed))
                break
            }
            if event != creation || event.type == EventType.ticketSnapshot.rawValue { try apply(event, &output) }
        }
        promises.pass(to: clock)
    }

    private mutating func create(_ event: TimelineEvent, _ output: inout DerivationOutput) throws(InternalRecordError) {
        let isSnapshot = event.type == EventType.ticketSnapshot.rawValue
        var time = event.time
        if isSnapshot, let created = try output.number(.createdAt, of: event) { time = created }
        attributes = try output.attributes(of: event, over: TicketAttributes())
        promises.create(
            at: time, status: isSnapshot ? "new" : event.initialStatus.name,
            isByCustomer: event.initiator == .customer, attributes)
    }

    private mutating func apply(_ event: TimelineEvent, _ output: inout DerivationOutput) throws(InternalRecordError) {
        let time = event.time
        switch EventType(rawValue: event.type) {
        case .ticketUpdated:
            attributes = try output.attributes(of: event, over: attributes)
            promises.change(at: time, attributes)
        case .ticketHandedOff:
            attributes = try output.attributes(of: event, over: attributes)
            promises.change(at: time, attributes)
            promises.apply(TicketEvent(time: time, kind: .botHandoff))
        case .ticketSnapshot:
            attributes = try output.attributes(of: event, over: TicketAttributes())
            promises.change(at: time, attributes)
            promises.apply(TicketEvent(time: time, kind: .status(event.status.name)))
        case .ticketStatusChanged:
            promises.apply(TicketEvent(time: time, kind: .status(event.status.name)))
        case .ticketMessage:
            guard let author = TicketEvent.Author(rawValue: event.author.name) else { return }
            promises.apply(TicketEvent(time: time, kind: .message(author, isPublic: event.isPublic)))
        default: return
        }
    }
}
