import Streams

/// The records in which an entity's state is kept. Key: one byte for the kind, then for
/// - `settings`: nothing; value: what the contributions were derived with,
/// - `cellSet`: the set's number; value: its cells,
/// - `hold`: nothing; value: the instant before which nothing is published,
/// - `head`: the entity's id; value: everything but the events,
/// - `sources`: nothing; value: which of the watched sources are stale, and since when,
/// - `chunk`: chunk number and the entity's id; value: up to 32 events in arrival order, with their payloads.
///
/// Of a growing timeline only the head and the last chunk are written again.
enum EntityChangelog {
    enum Kind: UInt8 {
        case settings = 1
        case cellSet = 2
        case head = 3
        case chunk = 4
        case sources = 6
        case hold = 7
    }

    static let format: UInt8 = 1
    static let eventsPerChunk = 32

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

    static func head(_ entity: EntityStore.Index, _ store: borrowing EntityStore, into value: inout [UInt8]) {
        let head = store.heads[Int(entity)]
        value.append(format)
        value.appendVarint(UInt64(head.eventCount))
        value.appendSignedVarint(head.lastArrival)
        value.appendSignedVarint(head.nextTimer)
        store.appendContributions(of: entity, to: &value)
    }

    static func chunk(
        _ chunk: Int, _ events: ArraySlice<TimelineEvent>, _ payloads: PayloadTable, into value: inout [UInt8]
    ) {
        value.append(format)
        value.appendVarint(UInt64(events.count))
        var time: Int64 = 0
        for event in events {
            value.appendSignedVarint(event.time &- time)
            time = event.time
            value.appendFixed64(event.identity)
            value.append(event.type)
            value.append(event.code)
            value.append(event.detail)
            value.append(event.flags)
            payloads.append(event.payload, to: &value)
        }
    }

    /// What a head record says.
    struct Head {
        var eventCount: Int
        var lastArrival: Int64
        var nextTimer: Int64
        var contributions: [UInt8]

        init(_ reader: inout BinaryReader) throws(InternalRecordError) {
            guard try reader.byte() == EntityChangelog.format else {
                throw InternalRecordError("an entity's head of an unknown format: written by a newer version")
            }
            let count = try reader.varint()
            guard count <= UInt64(EntityStore.largestTimeline) else {
                throw InternalRecordError("an entity with \(count) events")
            }
            eventCount = Int(count)
            lastArrival = try reader.signedVarint()
            nextTimer = try reader.signedVarint()
            contributions = reader.rest()
        }
    }

    /// The events of a chunk record; each holds a reference to its payload.
    static func events(
        _ reader: inout BinaryReader, _ payloads: PayloadTable
    ) throws(InternalRecordError) -> [TimelineEvent] {
        guard try reader.byte() == format else {
            throw InternalRecordError("a chunk of events of an unknown format: written by a newer version")
        }
        var events: [TimelineEvent] = []
        var time: Int64 = 0
        let count = try reader.count(minimum: 14)
        guard count <= eventsPerChunk else { throw InternalRecordError("a chunk of \(count) events") }
        for _ in 0..<count {
            time &+= try reader.signedVarint()
            var event = TimelineEvent(time: time, identity: try reader.fixed64(), payload: 0, type: try reader.byte())
            event.code = try reader.byte()
            event.detail = try reader.byte()
            event.flags = try reader.byte()
            event.payload = payloads.retain(try reader.bytes())
            events.append(event)
        }
        return events
    }
}
