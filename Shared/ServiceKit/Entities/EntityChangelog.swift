import Streams

/// The records in which an entity's state is kept. Key: one byte for the kind, then for
/// - `settings`: nothing; value: what the contributions were derived with,
/// - `cellSet`: the set's number; value: its cells,
/// - `hold`: nothing; value: the instant before which nothing is published,
/// - `head`: the entity's id; value: what is known of it, with the events behind the last full chunk,
/// - `sources`: nothing; value: which of the watched sources are stale, and since when,
/// - `chunk`: chunk number and the entity's id; value: 32 events in arrival order, with their payloads.
///
/// So most changes of an entity are one record, and of a growing timeline only its end is written again. Events that are too
/// large to stand in the head have a chunk of their own, the last one, which then is no full one.
enum EntityChangelog {
    enum Kind: UInt8 {
        case settings = 1
        case cellSet = 2
        case head = 3
        case chunk = 4
        case sources = 6
        case hold = 7
    }

    static let format: UInt8 = 2
    /// Head records say the entity's lifecycle by their format, from ``format`` on; this one is a residue's.
    private static let residueFormat: UInt8 = 5
    static let eventsPerChunk = 32
    /// Bytes of events in a head, at most.
    static let largestTail = 256 << 10

    static func cellSetKey(_ id: UInt32, into key: inout [UInt8]) {
        key.append(Kind.cellSet.rawValue)
        key.appendVarint(UInt64(id))
    }

    static func headKey(_ entity: EntityStore.Index, _ store: borrowing EntityStore, into key: inout [UInt8]) {
        key.append(Kind.head.rawValue)
        store.appendKey(of: entity, to: &key)
    }

    static func chunkKey(
        _ chunk: Int, _ entity: EntityStore.Index, _ store: borrowing EntityStore, into key: inout [UInt8]
    ) {
        key.append(Kind.chunk.rawValue)
        key.appendVarint(UInt64(chunk))
        store.appendKey(of: entity, to: &key)
    }

    /// The number of chunk records of an entity with so many events.
    ///
    /// - Parameter isSplit: whether the events behind the last full chunk have a chunk of their own.
    static func chunkCount(_ events: Int, isSplit: Bool) -> Int {
        isSplit ? (events + eventsPerChunk - 1) / eventsPerChunk : events / eventsPerChunk
    }

    /// - Parameter tail: the events that stand in the head.
    static func head(
        _ entity: EntityStore.Index, _ store: borrowing EntityStore, tail: ArraySlice<TimelineEvent>,
        into value: inout [UInt8]
    ) {
        let head = store.heads[Int(entity)]
        let isResidue = head.has(EntityHead.residue)
        value.append(isResidue ? residueFormat : format + head.lifecycle.rawValue)
        // A residue's events are dropped when the transaction is over.
        value.appendVarint(isResidue ? 0 : UInt64(head.eventCount))
        value.appendSignedVarint(head.lastArrival)
        // Mostly there is no timer: 0.
        value.appendSignedVarint(.max &- head.nextTimer)
        value.appendVarint(UInt64(head.contributionBytes))
        store.appendContributions(of: entity, to: &value)
        append(tail, store.payloads, to: &value)
    }

    static func isHead(format byte: UInt8) -> Bool {
        byte == residueFormat || byte >= format && EntityLifecycle(rawValue: byte - format) != nil
    }

    /// Of an entity without events and contributions.
    static func head(memory: [UInt8]) -> [UInt8] {
        var contributions: [UInt8] = []
        contributions.appendBytes(memory)
        var value = [format]
        value.appendVarint(0)
        value.appendSignedVarint(0)
        value.appendSignedVarint(0)
        value.appendBytes(contributions)
        value.appendVarint(0)
        return value
    }

    static func chunk(_ events: ArraySlice<TimelineEvent>, _ payloads: PayloadTable, into value: inout [UInt8]) {
        value.append(format)
        append(events, payloads, to: &value)
    }

    private static func append(
        _ events: ArraySlice<TimelineEvent>, _ payloads: PayloadTable, to value: inout [UInt8]
    ) {
        value.appendVarint(UInt64(events.count))
        var time: Int64 = 0
        for event in events {
            var head = ShortBytes()
            head.appendSignedVarint(event.time &- time)
            time = event.time
            head.appendFixed64(event.identity)
            head.appendFixed32(event.attributes)
            payloads.append(event.payload, behind: &head, to: &value)
        }
    }

    /// What a head record says, but for its events, which follow where the reader stands afterwards.
    struct Head {
        var lifecycle: EntityLifecycle
        var isResidue: Bool
        var eventCount: Int
        var lastArrival: Int64
        var nextTimer: Int64
        /// Where in the record the contributions stand.
        var contributions: Range<Int>

        init(_ reader: inout BinaryReader) throws(InternalRecordError) {
            let format = try reader.byte()
            guard EntityChangelog.isHead(format: format) else {
                throw InternalRecordError("an entity's head of an unknown format: written by another version")
            }
            isResidue = format == EntityChangelog.residueFormat
            lifecycle = EntityLifecycle(rawValue: format - EntityChangelog.format) ?? .closed
            let count = try reader.varint()
            guard count <= UInt64(EntityStore.largestTimeline) else {
                throw InternalRecordError("an entity with \(count) events")
            }
            eventCount = Int(count)
            lastArrival = try reader.signedVarint()
            nextTimer = .max &- (try reader.signedVarint())
            let bytes = try reader.count()
            contributions = reader.position..<reader.position + bytes
            try reader.skip(bytes)
        }
    }

    /// Appends the events of a chunk record to `events`; each holds a reference to its payload.
    static func chunk(
        _ value: [UInt8], _ payloads: PayloadTable, to events: inout [TimelineEvent]
    ) throws(InternalRecordError) {
        var reader = BinaryReader(value)
        guard try reader.byte() == format else {
            throw InternalRecordError("a chunk of events of an unknown format: written by another version")
        }
        try Self.events(&reader, payloads, to: &events)
    }

    /// Appends the events at the reader's position to `events`; each holds a reference to its payload.
    static func events(
        _ reader: inout BinaryReader, _ payloads: PayloadTable, to events: inout [TimelineEvent]
    ) throws(InternalRecordError) {
        var time: Int64 = 0
        let count = try reader.count(minimum: 14)
        guard count <= eventsPerChunk else { throw InternalRecordError("a chunk of \(count) events") }
        for _ in 0..<count {
            time &+= try reader.signedVarint()
            var event = TimelineEvent(
                time: time, identity: try reader.fixed64(), payload: 0, attributes: try reader.fixed32())
            event.payload = try reader.withBytes { payloads.retain($0, of: event) }
            events.append(event)
        }
    }
}
