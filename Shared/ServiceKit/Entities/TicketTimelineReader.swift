import BusinessTime
import KPIs
public import Kafka
public import SLA
public import Streams
import SupportEvents

/// One ticket's timeline out of the canonical topic, for commands that explain it: the same packing, order and conflict rule
/// as in the entity stage.
public struct TicketTimelineReader: ~Copyable {
    private let ticket: [UInt8]
    private let decoder = EventDecoder()
    private let payloads = PayloadTable()
    private var events: [TimelineEvent] = []
    private var payload = EventPayload()
    private var encoder = CanonicalEncoder()

    public init(ticket: String) {
        self.ticket = Array(ticket.utf8)
    }

    public var count: Int { events.count }

    /// Takes a record of `support.tickets`; those of other tickets are passed over.
    public mutating func take(_ batch: RecordBatch, _ record: Int) throws(InternalRecordError) {
        decoder.begin()
        decoder.add(start: batch.records[record].valueStart, count: batch.records[record].valueCount)
        decoder.decode(batch.bytes)
        let event = decoder[0]
        guard decoder.rejection(of: event) == nil, event.entityKind == .ticket, decoder.bytes(event.entity) == ticket
        else { return }
        var packed = TimelineIntake.pack(event, decoder, &payload)
        packed.payload = payloads.retain(payload.bytes)
        guard let place = events.firstIndex(where: { $0.identity == packed.identity }) else {
            events.append(packed)
            return
        }
        let subject = (field: EventField.ticketID, id: ticket)
        let held = try TimelineIntake.canonicalEncoding(of: events[place], entity: subject, payloads, &encoder)
        let next = try TimelineIntake.canonicalEncoding(of: packed, entity: subject, payloads, &encoder)
        if CanonicalEncoder.isGreater(next, than: held) { events[place] = packed }
    }

    /// The ticket's events in the timeline's order, without what is voided, and its promises at an instant.
    public borrowing func judged(
        by editions: [RulesEdition], at instant: Int64
    ) throws(InternalRecordError) -> (timeline: [TimelineEvent], promises: PromiseSet?) {
        var timeline = Timeline()
        let classes = EventClasses(
            creations: [EventType.ticketCreated.rawValue], deletions: [EventType.ticketDeleted.rawValue],
            void: EventType.eventVoided.rawValue)
        try timeline.arrange(events, isSorted: false, classes, payloads: payloads)
        let catalogue: KPICatalogue
        do { catalogue = try KPICatalogue([]) } catch { throw InternalRecordError("an empty catalogue is refused") }
        var output = DerivationOutput(
            zone: .utc, catalogue: catalogue, cellSets: CellSets(breakdowns: []), payloads: payloads)
        let ticket = try TicketPromises(timeline.events, until: instant, editions, &output)
        return (timeline.events, ticket?.promises)
    }
}
