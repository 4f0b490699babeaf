/// What an event says, as a value with strings of its own: type, time, sequence and the named members of `data`.
///
/// The state of an entity rebuilds it from stored fields when two events of one identity differ, to compare their
/// canonical encodings; ingest changes it where ids are pseudonymised.
public struct EventContent: Equatable, Sendable {
    /// A member's value as it stands in the canonical encoding.
    public enum Value: Equatable, Sendable {
        /// Cleared (`support.ticket.updated`).
        case null
        /// Ids, labels and texts; normalised where the contract says so.
        case text([UInt8])
        /// Tags: folded, sorted by bytes, each once.
        case texts([[UInt8]])
        case bool(Bool)
        case integer(Int64)
        /// A number as it was given.
        case number([UInt8])
        /// Two numbers as they were given (`scale`).
        case range([UInt8], [UInt8])
        /// A duration in milliseconds, written in seconds.
        case milliseconds(Int64)
        /// An instant in microseconds since 1970.
        case time(Int64)
        /// `voids`.
        case reference(source: [UInt8], id: [UInt8])
    }

    public var type: EventType
    /// Microseconds since 1970.
    public var time: Int64
    /// -1 when absent.
    public var sequence: Int64
    private var values: [EventField: Value] = [:]

    public init(type: EventType, time: Int64, sequence: Int64 = -1) {
        self.type = type
        self.time = time
        self.sequence = sequence
    }

    /// The value of a member, nil when it is absent.
    public subscript(field: EventField) -> Value? {
        get { values[field] }
        set { values[field] = newValue }
    }

    /// Sets a member of a closed set.
    public mutating func set(_ field: EventField, _ value: some ClosedSet) {
        self[field] = .text(Array(value.name.utf8))
    }

    /// The content of an event of a decoder's batch, which must have been decoded without rejection.
    public init(_ event: DecodedEvent, in decoder: EventDecoder) {
        self.init(type: event.type, time: event.time, sequence: event.sequence)
        for field in Schema.shared.fields[Int(event.type.rawValue)] {
            switch event.presence(of: field) {
            case .absent: break
            case .null: self[field] = .null
            case .value: self[field] = Self.value(of: field, event, decoder)
            }
        }
    }

    private static func value(of field: EventField, _ event: DecodedEvent, _ decoder: EventDecoder) -> Value {
        switch event.form(of: field) {
        case .text(let text): .text(decoder.bytes(text))
        case .name(let name): .text(Array(name.utf8))
        case .tags: .texts((0..<event.tagCount).map { decoder.bytes(decoder.tag($0, of: event)) })
        case .bool(let bool): .bool(bool)
        case .integer(let integer): .integer(integer)
        case .number(let text): .number(decoder.bytes(text))
        case .range(let low, let high): .range(decoder.bytes(low), decoder.bytes(high))
        case .milliseconds(let milliseconds): .milliseconds(milliseconds)
        case .time(let time): .time(time)
        case .reference(let source, let id): .reference(source: decoder.bytes(source), id: decoder.bytes(id))
        }
    }
}
