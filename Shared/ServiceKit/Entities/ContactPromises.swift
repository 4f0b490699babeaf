public import SLA
public import Streams
import SupportEvents

/// From a contact's timeline to its promises, as far as time has come: the clock runs from the queueing to the answer, and ends
/// without verdict when the contact does.
public struct ContactPromises {
    public private(set) var promises: PromiseSet
    /// When the next event takes effect that is dated later than the clock.
    public private(set) var nextEvent = Int64.max

    /// - Returns: nil as long as the queueing has not arrived.
    public init?(
        _ timeline: [TimelineEvent], until clock: Int64, _ editions: [RulesEdition], _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        promises = PromiseSet(editions, isCall: true)
        guard let queued = timeline.first(where: { $0.type == EventType.contactQueued.rawValue }) else { return nil }
        var attributes = try output.attributes(of: queued, over: TicketAttributes())
        promises.create(at: queued.time, status: "new", isByCustomer: true, attributes)
        if queued.time > clock {
            nextEvent = queued.time
            return
        }
        for event in try TicketEventOrder.arranged(timeline, output.payloads) {
            if event.time > clock {
                nextEvent = event.time
                break
            }
            switch EventType(rawValue: event.type) {
            case .contactAnswered:
                attributes = try output.attributes(of: event, over: attributes)
                promises.apply(TicketEvent(time: event.time, kind: .answered))
            case .contactTransferred:
                attributes = try output.attributes(of: event, over: attributes)
                promises.change(at: event.time, attributes)
            case .contactEnded, .contactAbandoned: promises.apply(TicketEvent(time: event.time, kind: .removed))
            default: continue
            }
        }
        promises.pass(to: clock)
    }
}
