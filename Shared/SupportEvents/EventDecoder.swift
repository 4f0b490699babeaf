import CSimdjson

/// What a decoder accepts and how it reads it.
public struct DecoderOptions: Sendable {
    /// Longest value, in bytes.
    public var maximumBytes = 256 * 1024
    /// How far behind `now` a time may lie, in microseconds.
    public var futureTolerance: Int64 = 300_000_000
    /// Priorities by other names, compared folded. For ingest only: canonical events are already aliased.
    public var priorityAliases: [String: String] = [:]
    /// Statuses by other names, compared folded; the contract's own names cannot be redefined. For ingest only.
    public var statusAliases: [String: TicketStatus] = [:]
    /// Currencies with a rate, the reporting currency included, as upper-case codes. Empty: all are accepted.
    public var currencies: [String] = []
    /// Scales whose satisfied answers are known, in millionths, as of `csat`. With some, a `csat` or `agent_csat` answer to
    /// another scale needs `satisfied_from`. For ingest only. Empty: none does.
    public var satisfiedScales: [(minimum: Int64, maximum: Int64)] = []
    /// Members of `data` that are kept although the contract does not name them.
    public var keepUnknown: [String] = []

    public init() {}
}

/// Attributes of a CloudEvent in binary mode, where they stand beside the data.
public enum CloudEventAttribute: UInt32, CaseIterable, Sendable {
    case specversion = 0
    case id = 1
    case source = 2
    case type = 3
    case time = 4
    case sequence = 5
    case subject = 6

    /// The attribute of a Kafka or HTTP header (`ce_id`, `ce-id`), nil when it means nothing here.
    public init?(header name: String) {
        guard name.utf8.count > 3, let prefix = Optional(name.prefix(3).lowercased()),
            prefix == "ce_" || prefix == "ce-"
        else { return nil }
        switch name.dropFirst(3).lowercased() {
        case "specversion": self = .specversion
        case "id": self = .id
        case "source": self = .source
        case "type": self = .type
        case "time": self = .time
        case "sequence": self = .sequence
        case "subject": self = .subject
        default: return nil
        }
    }
}

/// Decodes batches of event values, many in one byte buffer, into `DecodedEvent`s.
///
///     decoder.begin()
///     decoder.add(start: 0, count: value.count)
///     decoder.decode(bytes, now: now)
///     let event = decoder[0]
///
/// The strings of a batch are copied into an arena of the decoder, so nothing refers to the input when `decode`
/// returns, and everything is gone with the next `decode`. An instance belongs to one thread. Steady state allocates
/// nothing.
///
/// Of several reasons the first counts: size, JSON as a whole, envelope, type, required members, values (in the order of
/// `EventField`), currency, time. What the contract leaves open is decided here:
///
/// - A name that comes twice in an object: the last one counts. Nesting deeper than 1024 is `malformed_json`.
/// - A label is at most 100 bytes as given and folded. An empty label is none: it clears in `support.ticket.updated`.
/// - Numbers as ids and labels are taken as they are written (`1.50`, `1e3`). Tags are labels, and a set.
/// - `null` for an optional member is absent, except in `support.ticket.updated`; for a required one it is missing.
/// - `source` is a string of at most 2048 bytes without NUL; free texts (`reason`, `cost_type`) have at most 1024 bytes.
/// - `sequence` may be written `7.0` or `7e2`; strings hold digits only. At most nine fraction digits in a time.
/// - `created_at` must lie in the same range as `time`. Durations are 0 to 10^9 seconds.
/// - A `channel` of any text that is not in the set is `other`; a deletion for any other reason than spam is `deleted`.
/// - A voided event that names several entities belongs to the first of ticket, contact, survey, feedback, customer,
///   agent, period.
@safe
public final class EventDecoder {
    /// Bytes behind the last value that should be readable; without them the buffer is copied.
    public static let padding = Int(DB_PADDING)

    private let decoder: OpaquePointer
    private var slices: [db_slice] = []
    private var attributes: [db_attribute] = []
    private var attributeBytes: [UInt8] = []
    private var padded: [UInt8] = []
    private var end = 0

    /// Number of events of the last batch.
    public var count: Int { eventCount }
    @usableFromInline var eventCount = 0
    @usableFromInline var events: UnsafePointer<DecodedEvent>?
    @usableFromInline var arena: UnsafePointer<UInt8>?
    @usableFromInline var arenaCount = 0
    private var tags: UnsafePointer<db_text>?
    private var extras: UnsafePointer<db_extra>?

    public init(_ options: DecoderOptions = DecoderOptions()) {
        unsafe decoder = db_decoder_create(options.maximumBytes, options.futureTolerance) {
            bytes, count, out, capacity in
            unsafe LabelFolding.fold(bytes, count, out, capacity)
        }
        for (alias, priority) in options.priorityAliases {
            let (from, to) = (Array(alias.utf8), Array(priority.utf8))
            unsafe db_add_priority_alias(decoder, from, from.count, to, to.count)
        }
        for (alias, status) in options.statusAliases {
            let from = Array(alias.utf8)
            unsafe db_add_status_alias(decoder, from, from.count, status.rawValue)
        }
        for code in options.currencies {
            let bytes = Array(code.uppercased().utf8)
            unsafe db_add_currency(decoder, bytes, bytes.count)
        }
        for scale in options.satisfiedScales {
            unsafe db_add_satisfied_scale(decoder, scale.minimum, scale.maximum)
        }
        for name in options.keepUnknown {
            let bytes = Array(name.utf8)
            unsafe db_keep_unknown(decoder, bytes, bytes.count)
        }
    }

    deinit {
        unsafe db_decoder_destroy(decoder)
    }

    // MARK: Batch

    /// Begins a batch: forgets the values that were added.
    public func begin() {
        slices.removeAll(keepingCapacity: true)
        attributes.removeAll(keepingCapacity: true)
        attributeBytes.removeAll(keepingCapacity: true)
        end = 0
    }

    /// Adds a value in structured mode; `count` -1 stands for a record without value.
    public func add(start: Int, count: Int) {
        precondition(start >= 0 && count >= -1)
        end = max(end, start + max(count, 0))
        slices.append(
            db_slice(offset: Int64(start), length: Int64(count), attribute_first: 0, attribute_count: 0))
    }

    /// Adds a value in binary mode: attributes beside the data, which is the value.
    public func add(start: Int, count: Int, attributes given: [(CloudEventAttribute, [UInt8])]) {
        let first = attributes.count
        for (attribute, value) in given {
            attributes.append(
                db_attribute(
                    name: attribute.rawValue, offset: UInt32(attributeBytes.count), length: UInt32(value.count)))
            attributeBytes.append(contentsOf: value)
        }
        if given.isEmpty {
            // Attributes that are all missing make no structured event of the data.
            attributes.append(db_attribute(name: .max, offset: 0, length: 0))
        }
        add(start: start, count: count)
        slices[slices.count - 1].attribute_first = UInt32(first)
        slices[slices.count - 1].attribute_count = UInt32(attributes.count - first)
    }

    /// Decodes the values that were added since `begin`, at most 1 GiB. Without `now` no time is in the future.
    public func decode(_ bytes: [UInt8], now: Int64? = nil) {
        precondition(end <= bytes.count, "a value lies outside the buffer")
        if end + Self.padding <= bytes.count {
            unsafe bytes.withUnsafeBufferPointer { unsafe decode(in: $0, now: now) }
        } else {
            padded.removeAll(keepingCapacity: true)
            padded.append(contentsOf: bytes)
            padded.append(contentsOf: repeatElement(0, count: Self.padding))
            unsafe padded.withUnsafeBufferPointer { unsafe decode(in: $0, now: now) }
        }
    }

    /// Decodes one value in structured mode.
    public func decode(value: [UInt8], now: Int64? = nil) -> DecodedEvent {
        begin()
        add(start: 0, count: value.count)
        decode(value, now: now)
        return self[0]
    }

    private func decode(in bytes: UnsafeBufferPointer<UInt8>, now: Int64?) {
        if !attributes.isEmpty {
            attributeBytes.append(contentsOf: repeatElement(0, count: Self.padding))
        }
        guard let base = bytes.baseAddress else { preconditionFailure("padding makes the buffer non-empty") }
        let fits = unsafe db_decode(
            decoder, base, slices, slices.count, attributes, attributeBytes, now ?? .max)
        precondition(fits, "a batch may have at most 1 GiB")
        eventCount = slices.count
        // A struct of one member is laid out as that member.
        unsafe events = UnsafeRawPointer(db_events(decoder)).map {
            unsafe $0.assumingMemoryBound(to: DecodedEvent.self)
        }
        unsafe arena = db_arena(decoder, &arenaCount)
        var ignored = 0
        unsafe tags = db_tags(decoder, &ignored)
        unsafe extras = db_extras(decoder, &ignored)
    }

    // MARK: Results

    /// The event of the value that was added as the `index`-th.
    @inlinable
    public subscript(index: Int) -> DecodedEvent {
        // Lends the event where it lies: it is some 600 bytes long.
        _read {
            precondition(index >= 0 && index < eventCount)
            guard let events = unsafe events else { preconditionFailure("no batch") }
            yield unsafe events[index]
        }
    }

    /// Passes the bytes of a string of this batch.
    @inlinable
    @inline(__always)
    public func withText<Result, Failure: Error>(
        _ text: EventText, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let start = Int(text.offset)
        let length = Int(text.count)
        precondition(start + length <= arenaCount, "a string of another batch")
        let buffer = unsafe UnsafeRawBufferPointer(
            start: UnsafeRawPointer(arena).map { unsafe $0 + start }, count: length)
        return try unsafe body(buffer.bytes)
    }

    /// The bytes of a string of this batch.
    public func bytes(_ text: EventText) -> [UInt8] {
        withText(text) { span in unsafe span.withUnsafeBytes { unsafe Array($0) } }
    }

    /// A string of this batch.
    public func string(_ text: EventText) -> String {
        String(decoding: bytes(text), as: UTF8.self)
    }

    /// The `index`-th tag of an event of this batch.
    public func tag(_ index: Int, of event: DecodedEvent) -> EventText {
        precondition(index >= 0 && index < event.tagCount)
        guard let tags = unsafe tags else { preconditionFailure("no tags") }
        return unsafe EventText(tags[Int(event.raw.tag_first) + index])
    }

    /// The `index`-th kept member that the contract does not name: its name and its JSON.
    func extra(_ index: Int, of event: DecodedEvent) -> (name: EventText, json: EventText) {
        precondition(index >= 0 && index < Int(event.raw.extra_count))
        guard let extras = unsafe extras else { preconditionFailure("no kept members") }
        let extra = unsafe extras[Int(event.raw.extra_first) + index]
        return (EventText(extra.name), EventText(extra.json))
    }

    /// Why an event of this batch was refused, nil when it was decoded.
    public func rejection(of event: DecodedEvent) -> Rejection? {
        guard let reason = event.rejection else { return nil }
        return Rejection(reason: reason, pointer: string(event.pointer), offset: event.errorOffset)
    }
}
