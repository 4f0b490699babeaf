package import Streams
package import SupportEvents

/// What one entity tells another one, such as a call its ticket: the latest statement replaces the one before, and what is no
/// longer stated is taken back. At the receiver it is an item of the timeline, keyed by its origin.
public struct Fact: Sendable {
    /// Below 128. A kind belongs to one kind of sending entity, and never changes its meaning.
    public var kind: UInt8
    /// Microseconds since 1970; orders the receiver's timeline.
    public var time: Int64
    public var code: UInt8
    public var detail: UInt8
    public var payload: EventPayload

    /// Timeline items from here on are facts: their type is this and their kind.
    public static let firstType: UInt8 = 128

    public init(kind: UInt8, time: Int64, code: UInt8 = 0, detail: UInt8 = 0, payload: EventPayload) {
        precondition(kind < Self.firstType, "a fact's kind is below 128")
        self.kind = kind
        self.time = time
        self.code = code
        self.detail = detail
        self.payload = payload
    }

    /// The type of its timeline items.
    public static func type(_ kind: UInt8) -> UInt8 { firstType | kind }
}

/// A fact and the entity that it is meant for.
struct AddressedFact {
    var receiver: EntityKind
    var key: [UInt8]
    var fact: Fact

    var content: UInt64 {
        var bytes = fact.payload.bytes
        bytes.appendSignedVarint(fact.time)
        bytes.append(fact.code)
        bytes.append(fact.detail)
        return Hash128(bytes).high
    }

    var address: StatedFact { StatedFact(receiver: receiver, key: key, kind: fact.kind, content: content) }
}

/// What an entity's state keeps of a fact that it has stated: enough to know whether it still holds, and to take it back.
package struct StatedFact: Equatable {
    var receiver: EntityKind
    var key: [UInt8]
    var kind: UInt8
    /// A hash of what it says. It is compared with the next thing said to the same receiver only.
    var content: UInt64

    func hasSameAddress(as other: StatedFact) -> Bool {
        kind == other.kind && receiver == other.receiver && key == other.key
    }

    /// Stands between an entity's contributions and its facts; no contribution begins with it, because measures are numbered
    /// from 1. Entities without facts have neither.
    static let mark: UInt8 = 3

    /// Marks a kind whose content is a hash of 64 bits; a former version kept twice as many.
    private static let isShort: UInt8 = 0x80

    package func encode(into bytes: inout [UInt8]) {
        bytes.append(kind | Self.isShort)
        bytes.append(receiver.rawValue)
        bytes.appendFixed64(content)
        bytes.appendBytes(key)
    }

    package init(receiver: EntityKind, key: [UInt8], kind: UInt8, content: UInt64) {
        self.receiver = receiver
        self.key = key
        self.kind = kind
        self.content = content
    }

    package init(_ reader: inout BinaryReader) throws(InternalRecordError) {
        let code = try reader.byte()
        kind = code & ~Self.isShort
        guard let receiver = EntityKind(rawValue: try reader.byte()) else {
            throw InternalRecordError("a stated fact for an entity of an unknown kind")
        }
        self.receiver = receiver
        content = try reader.fixed64()
        if code & Self.isShort == 0 { _ = try reader.fixed64() }
        key = try reader.bytes()
    }
}

/// A record of a topic of facts. Key: the receiver's id; value: format, kind of the receiver, kind of the fact, origin, and the
/// fact, or nothing more when it is taken back.
enum FactRecord {
    static let format: UInt8 = 1

    /// Tells the facts of one receiver apart: which entity states it, and which of its facts it is.
    static func origin(kind: UInt8, sender: [UInt8]) -> UInt64 { FNV1a.identity(source: [kind], id: sender) }

    static func encode(_ address: StatedFact, _ fact: Fact?, sender: [UInt8], into value: inout [UInt8]) {
        value.append(format)
        value.append(address.receiver.rawValue)
        value.append(address.kind)
        value.appendFixed64(origin(kind: address.kind, sender: sender))
        guard let fact else { return }
        value.appendSignedVarint(fact.time)
        value.append(fact.code)
        value.append(fact.detail)
        value.append(contentsOf: fact.payload.bytes)
    }

    /// What a record says; its payload is loaded into `payload`. The item is nil for a fact that is taken back.
    static func decode(
        _ bytes: [UInt8], into payload: inout EventPayload
    ) throws(InternalRecordError) -> (receiver: EntityKind, origin: UInt64, item: TimelineEvent?) {
        var reader = BinaryReader(bytes)
        guard try reader.byte() == format else {
            throw InternalRecordError("a fact of an unknown format: written by a newer version")
        }
        guard let receiver = EntityKind(rawValue: try reader.byte()) else {
            throw InternalRecordError("a fact for an entity of an unknown kind: written by a newer version")
        }
        let kind = try reader.byte()
        guard kind < Fact.firstType else { throw InternalRecordError("a fact of a kind out of range") }
        let origin = try reader.fixed64()
        guard !reader.isAtEnd else { return (receiver, origin, nil) }
        let time = try reader.signedVarint()
        let (code, detail) = (try reader.byte(), try reader.byte())
        let rest = reader.rest()
        unsafe payload.load(rest.span.bytes)
        return (
            receiver, origin,
            TimelineEvent(
                time: time, identity: origin, payload: 0, type: Fact.type(kind), code: code, detail: detail)
        )
    }
}

/// Calls `change` for each fact that is no longer stated (without it), and for each that is new or says something else.
func forEachChange(
    from old: [StatedFact], to new: [AddressedFact], _ change: (StatedFact, Fact?) -> Void
) {
    let stated = new.map(\.address)
    for before in old where !stated.contains(where: { $0.hasSameAddress(as: before) }) { change(before, nil) }
    for (address, now) in zip(stated, new) where !old.contains(address) { change(address, now.fact) }
}
