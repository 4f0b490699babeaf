import Streams
import SupportEvents

/// The payloads of a task's events with the events' attributes, shared by the store that holds the events and the derivation that
/// reads them. Confined to the task's thread.
///
/// A payload that comes again and again is kept once. What is one event's own has a run to itself: the content of a fact, and
/// where a long payload begins with a sequence or a customer, that beginning. What follows it, such as the attributes of a new
/// ticket, is kept once again.
package final class PayloadTable {
    /// Payloads in one piece, tagged with the attributes of their events, and second parts.
    private var table = StringTable(countsReferences: true)
    private var own = SegmentedPool<UInt8>(filler: 0)
    /// Runs of `own`.
    private var ownCount = 0
    /// Marks the ids that are handles of `own`.
    private static let isOwn: UInt32 = 1 << 31
    /// A shorter second part takes less memory where it is than with an entry of its own, and shorter facts are often the same.
    private static let leastShared = 16
    private static let leastOwnFact = 8
    private var run: [UInt8] = []
    private var whole: [UInt8] = []
    private var scratch = EventPayload()
    /// Changes when a payload is gone, whose id another one may get: what is remembered by id holds no longer.
    package private(set) var epoch: UInt64 = 0

    package init() {}

    /// What a run of `own` holds: how many bytes are the event's own and whether another part follows them, the event's attributes,
    /// the id in `table` of that other part if there is one, and its own bytes.
    private enum Run {
        static let mostBytes = 127
        static let hasSecond: UInt8 = 128
        static let attributes = 1
        static let second = 5

        static func header(_ first: UInt8) -> Int { first & hasSecond == 0 ? 5 : 9 }
        static func count(_ first: UInt8) -> Int { header(first) + Int(first & ~hasSecond) }
    }

    /// Takes a reference to the payload with these bytes.
    package func retain(_ bytes: [UInt8], of event: TimelineEvent) -> UInt32 {
        unsafe retain(bytes.span.bytes, of: event)
    }

    /// Takes a reference to the payload with these bytes.
    ///
    /// - Parameter event: Whose payload it is; its attributes are kept with it.
    package func retain(_ bytes: RawSpan, of event: TimelineEvent) -> UInt32 {
        let count = Self.ownBytes(of: bytes, event)
        guard count > 0 else { return table.intern(bytes, tag: event.attributes) }
        run.removeAll(keepingCapacity: true)
        let hasSecond = count < bytes.byteCount
        run.append(UInt8(count) | (hasSecond ? Run.hasSecond : 0))
        run.appendFixed32(event.attributes)
        if hasSecond { run.appendFixed32(table.intern(bytes.extracting(count..<bytes.byteCount))) }
        run.append(bytes.extracting(0..<count))
        let handle = own.allocate(run.count)
        precondition(handle & Self.isOwn == 0, "a payload table holds at most 2 GiB of what is events' own")
        own.write(run, to: handle)
        ownCount += 1
        return handle | Self.isOwn
    }

    /// How many bytes at its beginning are kept for this event alone. 0: none, all of it is kept once for all events
    /// that have the same.
    private static func ownBytes(of bytes: RawSpan, _ event: TimelineEvent) -> Int {
        if event.type >= Fact.firstType {
            return leastOwnFact...Run.mostBytes ~= bytes.byteCount ? bytes.byteCount : 0
        }
        var reader = SpanReader()
        do throws(InternalRecordError) {
            if event.hasSequence { _ = try reader.varint(bytes) }
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
            return bytes.byteCount - own >= leastShared && own <= Run.mostBytes ? own : 0
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

    @inline(__always)
    private func withRun<Result, Failure: Error>(
        of payload: UInt32, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let handle = payload & ~Self.isOwn
        return try own.withBytes(of: handle, count: Run.count(own[handle, 0]), body)
    }

    @inline(__always)
    private func word(_ run: RawSpan, at offset: Int) -> UInt32 {
        unsafe run.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian
    }

    /// `StringTable.none` where there is none.
    @inline(__always)
    private func second(_ run: RawSpan) -> UInt32 {
        run.byte(at: 0) & Run.hasSecond == 0 ? StringTable.none : word(run, at: Run.second)
    }

    /// The attributes of the event that this payload was retained for.
    @inline(__always)
    package func attributes(of payload: UInt32) -> UInt32 {
        if payload & Self.isOwn == 0 { return table.tag(of: payload) }
        return withRun(of: payload) { word($0, at: Run.attributes) }
    }

    /// Whether two payloads that are held have the same bytes, and their events the same attributes.
    package func areEqual(_ left: UInt32, _ right: UInt32) -> Bool {
        if left == right { return true }
        // Whether one has a run to itself follows from its bytes and attributes; one that has none is there once.
        guard left & right & Self.isOwn != 0 else { return false }
        return withRun(of: left) { first in
            withRun(of: right) { second in
                guard first.byteCount == second.byteCount else { return false }
                for index in 0..<first.byteCount where first.byte(at: index) != second.byte(at: index) { return false }
                return true
            }
        }
    }

    /// Gives a reference back; the last one frees the bytes.
    package func release(_ payload: UInt32) {
        guard payload & Self.isOwn != 0 else {
            if table.release(payload) { epoch &+= 1 }
            return
        }
        let (second, count) = withRun(of: payload) { run in (self.second(run), run.byteCount) }
        own.release(payload & ~Self.isOwn, capacity: SegmentedPool<UInt8>.capacity(for: count))
        ownCount -= 1
        table.release(second)
        epoch &+= 1
    }

    /// Gives memory back that much of which is unused; takes a while.
    package func tidy() {
        table.tidy()
    }

    /// Byte strings that the table holds: payloads, and the parts of those in two.
    package var count: Int { table.count + ownCount }

    private func withBytes<Result, Failure: Error>(
        of payload: UInt32, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard payload & Self.isOwn != 0 else { return try table.withBytes(of: payload, body) }
        // Taken out for the time of the call: `body` may read another payload.
        var bytes: [UInt8] = []
        swap(&bytes, &whole)
        defer { swap(&bytes, &whole) }
        bytes.removeAll(keepingCapacity: true)
        let second = withRun(of: payload) { run in
            bytes.append(run.extracting(Run.header(run.byte(at: 0))..<run.byteCount))
            return self.second(run)
        }
        if second != StringTable.none { table.withBytes(of: second) { bytes.append($0) } }
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

extension TimelineEvent {
    /// Whether another event with the same identity says the same.
    func isSame(as other: TimelineEvent, _ payloads: PayloadTable) -> Bool {
        time == other.time && identity == other.identity && attributes == other.attributes
            && payloads.areEqual(payload, other.payload)
    }
}
