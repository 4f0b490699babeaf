import Kafka
import Streams
import SupportEvents

/// The entities of one partition of a canonical topic, by plain dictionaries: the batch counterpart of `EntityStore` and
/// `Timeline`, and independent of them. Of the state's code it shares the packing of an event and its canonical encoding.
struct BatchTimelines {
    /// An event as the topic has it.
    struct Arrival {
        var event: TimelineEvent
        /// -1 when it has none.
        var sequence: Int64
        /// Wall time of the record, milliseconds.
        var timestamp: Int64
    }

    struct Entity {
        var name: EntityName
        var id: [UInt8]
        /// What the service had processed when the audit began.
        var processed: [Arrival] = []
        /// Wall time of the last of these records, milliseconds; of those that changed nothing, too.
        var lastArrival: Int64 = 0
        /// What came later, in the order of arrival.
        var later: [Arrival] = []
        /// What other entities state to it.
        var statements: [BatchStatement] = []
    }

    private let names: EntityNames
    private let classes: EventClasses
    private let rolling: Set<EntityKind>
    private let keepsSource: Bool
    let payloads: PayloadTable
    private let decoder = EventDecoder()
    private var encoder = CanonicalEncoder()
    private var payload = EventPayload()

    private(set) var entities: [[UInt8]: Entity] = [:]
    private(set) var eventCount = 0
    private(set) var newest = Int64.min

    /// - Parameter keepsSource: as in ``TimelineIntake/pack(_:_:_:keepsSource:)``.
    init(_ settings: EntityStageSettings, keepsSource: Bool, payloads: PayloadTable) {
        self.keepsSource = keepsSource
        names = EntityNames(names: [EntityName(settings.kind, settings.keyField)] + settings.others)
        classes = settings.classes
        rolling = settings.rolling
        self.payloads = payloads
    }

    // MARK: Reading

    /// Takes a record.
    ///
    /// - Parameter isProcessed: Whether the service has processed it for sure.
    mutating func take(_ batch: RecordBatch, _ record: Int, isProcessed: Bool) throws(InternalRecordError) {
        decoder.begin()
        decoder.add(start: batch.records[record].valueStart, count: batch.records[record].valueCount)
        decoder.decode(batch.bytes)
        let decoded = decoder[0]
        guard decoder.rejection(of: decoded) == nil, let name = names.index(of: decoded.entityKind) else { return }
        let id = decoder.bytes(decoded.entity)
        var event = TimelineIntake.pack(decoded, decoder, &payload, keepsSource: keepsSource)
        event.payload = payloads.retain(payload.bytes, of: event)
        let arrival = Arrival(
            event: event, sequence: decoded.sequence, timestamp: batch.records[record].timestamp)
        eventCount += 1
        newest = max(newest, event.time)
        let key = names.prefix(name) + id
        var entity = entities[key] ?? Entity(name: names.names[name], id: id)
        // Out of the dictionary while it changes, so that its arrays are not copied.
        entities[key] = nil
        if isProcessed {
            try add(arrival, to: &entity.processed, of: entity)
            entity.lastArrival = max(entity.lastArrival, arrival.timestamp)
        } else {
            entity.later.append(arrival)
        }
        entities[key] = entity
    }

    /// Takes what other entities state to one of this topic's, or to one that is made of such statements alone.
    mutating func take(_ statements: [BatchStatement], for receiver: BatchReceiver) throws(InternalRecordError) {
        guard let name = names.index(of: receiver.kind) else {
            throw InternalRecordError("a fact for a kind of entity that is not this stage's")
        }
        let key = names.prefix(name) + receiver.id
        entities[key, default: Entity(name: names.names[name], id: receiver.id)].statements += statements
        for statement in statements { newest = max(newest, statement.fact.time) }
    }

    /// Of two events with one identity the one with the greater canonical encoding counts.
    private mutating func add(
        _ arrival: Arrival, to events: inout [Arrival], of entity: borrowing Entity
    ) throws(InternalRecordError) {
        guard let place = events.firstIndex(where: { $0.event.identity == arrival.event.identity }) else {
            if events.count < EntityStore.largestTimeline || rolling.contains(entity.name.kind) {
                events.append(arrival)
            }
            return
        }
        if events[place].event.isSame(as: arrival.event, payloads) { return }
        let held = try encoding(events[place].event, entity)
        if CanonicalEncoder.isGreater(try encoding(arrival.event, entity), than: held) { events[place] = arrival }
    }

    private mutating func encoding(
        _ event: TimelineEvent, _ entity: borrowing Entity
    ) throws(InternalRecordError) -> [UInt8] {
        try TimelineIntake.canonicalEncoding(
            of: event, entity: (field: entity.name.keyField, id: entity.id), payloads, &encoder)
    }

    // MARK: States

    /// Whether the service may have kept nothing but a residue of an entity when more came for it.
    static func mayHaveExpired(_ entity: Entity) -> Bool {
        let times = (entity.processed + entity.later).map(\.timestamp)
        return zip(times, times.dropFirst()).contains { $1 - $0 >= EntityLimits.silence }
    }

    /// An entity as it was after some of its events.
    struct State {
        /// In the timeline's order, without voided events and voids.
        var timeline: [TimelineEvent]
        /// Wall time of the last record, milliseconds, and the event that arrived with it.
        var lastArrival: Int64
        var lastArrivedTime: Int64
    }

    /// The states that the service may have been in: after what it had processed for sure, and after each later event or
    /// change of what others state.
    mutating func states(of entity: Entity) throws(InternalRecordError) -> [State] {
        var events = entity.processed
        var last = entity.lastArrival
        let before = items(entity.statements.filter(\.holdsBefore))
        let after = items(entity.statements.filter(\.holdsAfter))
        var states = [try state(events, before, last)]
        if entity.statements.contains(where: { $0.holdsBefore != $0.holdsAfter }) {
            states.append(try state(events, after, last))
        }
        for arrival in entity.later {
            try add(arrival, to: &events, of: entity)
            last = max(last, arrival.timestamp)
            states.append(try state(events, after, last))
        }
        return states
    }

    private func state(
        _ events: [Arrival], _ items: [Arrival], _ lastArrival: Int64
    ) throws(InternalRecordError) -> State {
        State(
            timeline: try timeline(of: events + items), lastArrival: lastArrival,
            lastArrivedTime: events.last?.event.time ?? 0)
    }

    /// Facts as the items of a timeline that they are at their receiver.
    private func items(_ statements: [BatchStatement]) -> [Arrival] {
        statements.map { statement in
            let fact = statement.fact
            var event = TimelineEvent(
                time: fact.time, identity: statement.origin, payload: 0, type: Fact.type(fact.kind), code: fact.code,
                detail: fact.detail)
            event.payload = payloads.retain(fact.payload.bytes, of: event)
            return Arrival(event: event, sequence: -1, timestamp: 0)
        }
    }

    private func rank(_ type: UInt8) -> Int {
        classes.creations.contains(type) ? 0 : classes.deletions.contains(type) ? 2 : 1
    }

    private func timeline(of arrivals: [Arrival]) throws(InternalRecordError) -> [TimelineEvent] {
        let ordered = arrivals.sorted { left, right in
            (left.event.time, left.sequence, rank(left.event.type), left.event.identity)
                < (right.event.time, right.sequence, rank(right.event.type), right.event.identity)
        }.map(\.event)
        guard ordered.contains(where: { $0.type == classes.void }) else { return ordered }
        var named: [Int: UInt64] = [:]
        for (index, event) in ordered.enumerated() where event.type == classes.void {
            named[index] = try payloads.voidedIdentity(of: event)
        }
        var effective: [Int: Bool] = [:]
        /// A void has an effect unless one that has an effect names it; the last one of a circle is asked first.
        func hasEffect(_ void: Int) -> Bool {
            if let known = effective[void] { return known }
            effective[void] = true
            let verdict = !isVoided(void)
            effective[void] = verdict
            return verdict
        }
        func isVoided(_ index: Int) -> Bool {
            ordered.indices.contains { named[$0] == ordered[index].identity && $0 != index && hasEffect($0) }
        }
        for index in ordered.indices.reversed() where named[index] != nil { _ = hasEffect(index) }
        return ordered.indices.filter { named[$0] == nil && !isVoided($0) }.map { ordered[$0] }
    }
}
