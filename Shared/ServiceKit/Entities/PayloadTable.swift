import Streams
import SupportEvents

/// The interned payloads of a task's events, shared by the store that holds the events and the derivation that reads them.
/// Confined to the task's thread.
final class PayloadTable {
    private var table = StringTable(countsReferences: true)
    private var scratch = EventPayload()
    /// Changes when a payload is gone, whose id another one may get: what is remembered by id holds no longer.
    private(set) var epoch: UInt64 = 0

    /// Takes a reference to the payload with these bytes.
    func retain(_ bytes: [UInt8]) -> UInt32 { table.intern(bytes) }

    /// Takes a reference to the payload with these bytes.
    func retain(_ bytes: RawSpan) -> UInt32 { table.intern(bytes) }

    /// Gives a reference back; the last one frees the bytes.
    func release(_ payload: UInt32) {
        if table.release(payload) { epoch &+= 1 }
    }

    /// Loads the event's payload for reading.
    func load(_ event: TimelineEvent, into payload: inout EventPayload) {
        table.withBytes(of: event.payload) { payload.load($0) }
    }

    /// Calls `body` for each field of the event's payload, in ascending order of tags, with the value's bytes where they lie; nil
    /// stands for an explicit null.
    @inline(__always)
    func forEachField(
        of event: TimelineEvent, _ body: (EventPayload.Field, RawSpan?) throws(InternalRecordError) -> Void
    ) throws(InternalRecordError) {
        try table.withBytes(of: event.payload) { (packed) throws(InternalRecordError) in
            var reader = SpanReader()
            if event.hasSequence { _ = try reader.varint(packed) }
            while reader.position < packed.byteCount {
                let tag = try reader.byte(packed)
                guard let field = EventPayload.Field(rawValue: tag & ~EventPayload.null) else {
                    throw InternalRecordError("a payload with the unknown field \(tag)")
                }
                guard tag & EventPayload.null == 0 else {
                    try body(field, nil)
                    continue
                }
                let length = try reader.varint(packed)
                guard length <= UInt64(packed.byteCount - reader.position) else { throw .endsEarly }
                let end = reader.position + Int(length)
                try body(field, packed.extracting(reader.position..<end))
                reader.position = end
            }
        }
    }

    /// Appends `head` and, with its length, the payload.
    func append(_ payload: UInt32, behind head: inout ShortBytes, to bytes: inout [UInt8]) {
        table.withBytes(of: payload) { span in
            head.appendVarint(UInt64(span.byteCount))
            head.append(to: &bytes)
            bytes.append(span)
        }
    }

    /// -1 when the event has none.
    func sequence(of event: TimelineEvent) throws(InternalRecordError) -> Int64 {
        guard event.hasSequence else { return -1 }
        load(event, into: &scratch)
        return try scratch.sequence(of: event)
    }

    /// The identity of the event that a void names.
    func voidedIdentity(of event: TimelineEvent) throws(InternalRecordError) -> UInt64 {
        load(event, into: &scratch)
        var source: [UInt8] = []
        var id: [UInt8] = []
        try scratch.forEachField(of: event) { (field) throws(InternalRecordError) in
            if field.field == .voidsSource { source = Array(scratch.bytes[field.value]) }
            if field.field == .voidsID { id = Array(scratch.bytes[field.value]) }
        }
        return unsafe FNV1a.identity(source: source.span.bytes, id: id.span.bytes)
    }
}
