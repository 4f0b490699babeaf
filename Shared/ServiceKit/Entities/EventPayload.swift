public import Streams
import SupportEvents

/// The members of an event beyond those in ``TimelineEvent``, packed into a byte string that is interned: equal payloads are
/// kept once. Layout: if the event has a sequence, a zigzag varint; then the fields in ascending order of their tag, each a
/// tag byte, a length, the value's bytes. A tag with the high bit set is an explicit JSON `null` and has nothing behind it.
public struct EventPayload: Sendable {
    /// Tags are stable: they stand in state.
    public enum Field: UInt8, Sendable {
        case customer = 1
        case agent = 2
        case channel = 3
        case priority = 4
        case category = 5
        case subcategory = 6
        case team = 7
        case tier = 8
        case segment = 9
        case queue = 10
        /// Several values: each a length and its bytes.
        case tags = 11
        case reason = 14
        case into = 15
        case voidsSource = 16
        case voidsID = 17
        /// Zigzag varint, microseconds since 1970.
        case createdAt = 18
        /// Zigzag varint, milliseconds.
        case duration = 19
        /// The ticket that something else is about; a ticket's own id is no field.
        case ticket = 30
        /// This and the next four: a number in millionths, with its text (``append(_:millionths:text:)``).
        case score = 31
        case scaleMinimum = 32
        case scaleMaximum = 33
        case satisfiedFrom = 34
        case sentiment = 35
        case comment = 36
        case subscription = 40
        case purchase = 41
        /// This, `amount` and `margin`: a decimal as it was given, behind a byte that is 1 for one given as a string.
        case mrr = 42
        case amount = 43
        case margin = 44
        /// This and the next two: zigzag varints.
        case interval = 45
        case intervalCount = 46
        case quantity = 47
        case currency = 48
        case plan = 49
        /// This and the next two, of a contact's end: zigzag varints, milliseconds.
        case talk = 50
        case hold = 51
        case wrap = 52
        /// This and the next two, of facts only. Zigzag varint, microseconds since 1970.
        case instant = 53
        /// The contact that a fact comes from.
        case contact = 54
        /// Work on a ticket: for each piece its instant and its milliseconds, zigzag varints.
        case work = 55
        case costType = 56
        /// Of what begins a ticket or a contact, where clocks may wait for its source: ``EventPayload/sourceCode(_:)``.
        case source = 60
    }

    static let null: UInt8 = 0x80

    /// The packed bytes. Reused from event to event.
    public private(set) var bytes: [UInt8] = []

    public init() {}

    // MARK: Writing

    public mutating func begin(sequence: Int64?) {
        bytes.removeAll(keepingCapacity: true)
        if let sequence { bytes.appendSignedVarint(sequence) }
    }

    /// Fields are written in ascending order of their tags.
    public mutating func append(_ field: Field, _ value: borrowing RawSpan) {
        bytes.append(field.rawValue)
        bytes.appendVarint(UInt64(value.byteCount))
        bytes.append(value)
    }

    public mutating func append(_ field: Field, _ value: [UInt8]) {
        bytes.append(field.rawValue)
        bytes.appendBytes(value)
    }

    public mutating func append(_ field: Field, number: Int64) {
        bytes.append(field.rawValue)
        let place = bytes.count
        bytes.append(0)
        bytes.appendSignedVarint(number)
        bytes[place] = UInt8(bytes.count - place - 1)
    }

    /// A zigzag varint and, where that is not the shortest decimal of the number, the text as the source wrote it.
    public mutating func append(_ field: Field, millionths number: Int64, text: [UInt8]) {
        bytes.append(field.rawValue)
        var value: [UInt8] = []
        value.appendSignedVarint(number)
        if Millionths.bytes(number) != text { value.append(contentsOf: text) }
        bytes.appendBytes(value)
    }

    public mutating func appendNull(_ field: Field) {
        bytes.append(field.rawValue | Self.null)
    }

    // MARK: Reading

    /// Takes packed bytes for reading.
    mutating func load(_ packed: borrowing RawSpan) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(packed)
    }

    /// By what a payload remembers a source: 32 bits of a hash.
    static func sourceCode(_ source: [UInt8]) -> Int64 { sourceCode(hash: KeyHash.hash(source)) }
    static func sourceCode(hash: UInt64) -> Int64 { Int64(hash >> 32) }

    /// The sequence of the event whose payload this is, -1 when it has none.
    func sequence(of event: TimelineEvent) throws(InternalRecordError) -> Int64 {
        guard event.hasSequence else { return -1 }
        var reader = BinaryReader(bytes)
        return try reader.signedVarint()
    }
}

/// One field of a payload.
public struct PayloadField: Sendable {
    public var field: EventPayload.Field
    public var isNull: Bool
    /// Where its value stands in ``EventPayload/bytes``.
    public var value: Range<Int>
}

extension EventPayload {
    /// Calls `body` for each field, in ascending order of tags.
    public func forEachField(
        of event: TimelineEvent, _ body: (PayloadField) throws(InternalRecordError) -> Void
    ) throws(InternalRecordError) {
        var reader = BinaryReader(bytes)
        if event.hasSequence { _ = try reader.signedVarint() }
        while !reader.isAtEnd {
            let tag = try reader.byte()
            guard let field = Field(rawValue: tag & ~Self.null) else {
                throw InternalRecordError("a payload with the unknown field \(tag)")
            }
            let isNull = tag & Self.null != 0
            let length = isNull ? 0 : try reader.count()
            let start = reader.position
            try reader.skip(length)
            try body(PayloadField(field: field, isNull: isNull, value: start..<start + length))
        }
    }

    /// The number in a field that was written as one.
    public func number(_ field: PayloadField) throws(InternalRecordError) -> Int64 {
        var reader = BinaryReader(bytes, at: field.value.lowerBound)
        return try reader.signedVarint()
    }

    /// The text of a number in millionths, as its source wrote it.
    func numberText(_ field: PayloadField) throws(InternalRecordError) -> [UInt8] {
        var reader = BinaryReader(bytes, at: field.value.lowerBound)
        let number = try reader.signedVarint()
        if reader.position >= field.value.upperBound { return Millionths.bytes(number) }
        return Array(bytes[reader.position..<field.value.upperBound])
    }

    /// The values of a list field.
    public func values(_ field: PayloadField) throws(InternalRecordError) -> [[UInt8]] {
        var list: [[UInt8]] = []
        var reader = BinaryReader(bytes, at: field.value.lowerBound)
        while reader.position < field.value.upperBound { list.append(try reader.bytes()) }
        return list
    }
}
