import Streams
import SupportEvents

/// The interned payloads of a task's events, shared by the store that holds the events and the derivation that reads them.
/// Confined to the task's thread.
///
/// A long payload is kept in two parts where it begins with what is its own, a sequence or a customer: what follows, such as the
/// attributes of a new ticket, comes again and again and is kept once.
package final class PayloadTable {
    private var table = StringTable(countsReferences: true)
    /// Of payloads in two parts: the id in `table` of what follows, 4 bytes, and what is their own.
    private var beginnings = StringTable(countsReferences: true)
    /// Marks the ids of payloads in two parts.
    private static let inTwoParts: UInt32 = 1 << 31
    /// A shorter second part takes less memory where it is than with an entry of its own.
    private static let leastShared = 16
    private var part: [UInt8] = []
    private var whole: [UInt8] = []
    private var scratch = EventPayload()
    /// Changes when a payload is gone, whose id another one may get: what is remembered by id holds no longer.
    package private(set) var epoch: UInt64 = 0

    package init() {}

    /// Takes a reference to the payload with these bytes.
    ///
    /// - Parameter hasSequence: of the event whose payload it is.
    package func retain(_ bytes: [UInt8], hasSequence: Bool) -> UInt32 {
        unsafe retain(bytes.span.bytes, hasSequence: hasSequence)
    }

    /// Takes a reference to the payload with these bytes.
    ///
    /// - Parameter hasSequence: of the event whose payload it is.
    package func retain(_ bytes: RawSpan, hasSequence: Bool) -> UInt32 {
        let own = Self.ownBytes(of: bytes, hasSequence)
        guard own > 0 else { return table.intern(bytes) }
        let shared = table.intern(bytes.extracting(own..<bytes.byteCount))
        part.removeAll(keepingCapacity: true)
        for shift: UInt32 in 0..<4 { part.append(UInt8(truncatingIfNeeded: shared >> (shift * 8))) }
        part.append(bytes.extracting(0..<own))
        let count = beginnings.count
        let id = beginnings.intern(part)
        // It holds one reference to the second part, however many there are to itself.
        if beginnings.count == count { table.release(shared) }
        return id | Self.inTwoParts
    }

    /// How many bytes at its beginning are the payload's own; 0 where what follows is as well, or too little to be worth it.
    private static func ownBytes(of bytes: RawSpan, _ hasSequence: Bool) -> Int {
        var reader = SpanReader()
        do throws(InternalRecordError) {
            if hasSequence { _ = try reader.varint(bytes) }
            var own = reader.position
            while reader.position < bytes.byteCount {
                let tag = try reader.byte(bytes)
                guard let field = EventPayload.Field(rawValue: tag & ~EventPayload.null),
                    isShared(field) || field == .customer
                else { return 0 }
                if tag & EventPayload.null == 0 {
                    let length = try reader.varint(bytes)
                    guard length <= UInt64(bytes.byteCount - reader.position) else { return 0 }
                    reader.position += Int(length)
                }
                if field == .customer { own = reader.position }
            }
            return bytes.byteCount - own >= leastShared ? own : 0
        } catch {
            // It is kept in one piece; whoever reads it finds out.
            return 0
        }
    }

    private static func isShared(_ field: EventPayload.Field) -> Bool {
        switch field {
        case .agent, .channel, .priority, .category, .subcategory, .team, .tier, .segment, .queue, .tags, .source: true
        default: false
        }
    }

    private func secondPart(_ beginning: RawSpan) -> UInt32 {
        unsafe beginning.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self).littleEndian
    }

    /// Gives a reference back; the last one frees the bytes.
    package func release(_ payload: UInt32) {
        guard payload & Self.inTwoParts != 0 else {
            if table.release(payload) { epoch &+= 1 }
            return
        }
        let id = payload & ~Self.inTwoParts
        let shared = beginnings.withBytes(of: id) { secondPart($0) }
        guard beginnings.release(id) else { return }
        table.release(shared)
        epoch &+= 1
    }

    /// Gives memory back that much of which is unused; takes a while.
    package func tidy() {
        table.tidy()
        beginnings.tidy()
    }

    /// Byte strings that the table holds: payloads, and the parts of those in two.
    package var count: Int { table.count + beginnings.count }

    private func withBytes<Result, Failure: Error>(
        of payload: UInt32, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard payload & Self.inTwoParts != 0 else { return try table.withBytes(of: payload, body) }
        // Taken out for the time of the call: `body` may read another payload.
        var bytes: [UInt8] = []
        swap(&bytes, &whole)
        defer { swap(&bytes, &whole) }
        bytes.removeAll(keepingCapacity: true)
        let shared = beginnings.withBytes(of: payload & ~Self.inTwoParts) { beginning in
            bytes.append(beginning.extracting(4..<beginning.byteCount))
            return secondPart(beginning)
        }
        table.withBytes(of: shared) { bytes.append($0) }
        return try unsafe body(bytes.span.bytes)
    }

    /// Loads the event's payload for reading.
    package func load(_ event: TimelineEvent, into payload: inout EventPayload) {
        withBytes(of: event.payload) { payload.load($0) }
    }

    /// Calls `body` for each field of the event's payload, in ascending order of tags, with the value's bytes where they lie; nil
    /// stands for an explicit null.
    @inline(__always)
    func forEachField(
        of event: TimelineEvent, _ body: (EventPayload.Field, RawSpan?) throws(InternalRecordError) -> Void
    ) throws(InternalRecordError) {
        try withBytes(of: event.payload) { (packed) throws(InternalRecordError) in
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
        withBytes(of: payload) { span in
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
