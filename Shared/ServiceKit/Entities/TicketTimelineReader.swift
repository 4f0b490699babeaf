import BusinessTime
import KPIs
public import Kafka
public import SLA
public import Streams
import SupportEvents

/// Tickets' timelines out of the canonical topic, for commands that explain and compare: the same packing, order and conflict
/// rule as in the entity stage.
public struct TicketTimelineReader: ~Copyable {
    private let only: [UInt8]?
    private let decoder = EventDecoder()
    private let payloads = PayloadTable()
    /// By ticket.
    private var events: [[UInt8]: [TimelineEvent]] = [:]
    private var payload = EventPayload()
    private var encoder = CanonicalEncoder()

    /// - Parameter ticket: The only one to read; nil: all.
    public init(ticket: String? = nil) {
        only = ticket.map { Array($0.utf8) }
    }

    /// The ids of the tickets that have events, in the order of their bytes.
    public var tickets: [[UInt8]] { events.keys.sorted { $0.lexicographicallyPrecedes($1) } }

    /// Takes a record of `support.tickets`; those of other tickets are passed over.
    public mutating func take(_ batch: RecordBatch, _ record: Int) throws(InternalRecordError) {
        decoder.begin()
        decoder.add(start: batch.records[record].valueStart, count: batch.records[record].valueCount)
        decoder.decode(batch.bytes)
        let event = decoder[0]
        guard decoder.rejection(of: event) == nil, event.entityKind == .ticket else { return }
        let ticket = decoder.bytes(event.entity)
        if let only, only != ticket { return }
        var packed = TimelineIntake.pack(event, decoder, &payload)
        packed.payload = payloads.retain(payload.bytes, of: packed)
        guard let place = events[ticket]?.firstIndex(where: { $0.identity == packed.identity }),
            let held = events[ticket]?[place]
        else {
            events[ticket, default: []].append(packed)
            return
        }
        if held.isSame(as: packed, payloads) { return }
        let subject = (field: EventField.ticketID, id: ticket)
        let heldEncoding = try TimelineIntake.canonicalEncoding(of: held, entity: subject, payloads, &encoder)
        let next = try TimelineIntake.canonicalEncoding(of: packed, entity: subject, payloads, &encoder)
        if CanonicalEncoder.isGreater(next, than: heldEncoding) { events[ticket]?[place] = packed }
    }

    /// A ticket's events in the timeline's order, without what is voided, and its promises at an instant.
    public borrowing func judged(
        _ ticket: [UInt8], by editions: [RulesEdition], at instant: Int64
    ) throws(InternalRecordError) -> (timeline: [TimelineEvent], promises: PromiseSet?) {
        var timeline = Timeline()
        let classes = EventClasses(
            creations: [EventType.ticketCreated.rawValue], deletions: [EventType.ticketDeleted.rawValue],
            void: EventType.eventVoided.rawValue)
        try timeline.arrange(events[ticket] ?? [], isSorted: false, classes, payloads: payloads)
        let catalogue: KPICatalogue
        do { catalogue = try KPICatalogue([]) } catch { throw InternalRecordError("an empty catalogue is refused") }
        var output = DerivationOutput(
            zone: .utc, catalogue: catalogue, cellSets: CellSets(breakdowns: []), payloads: payloads)
        let promises = try TicketPromises(timeline.events, until: instant, editions, &output)?.promises
        return (timeline.events, promises)
    }
}
