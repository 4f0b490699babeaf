/// One event of an entity, as the state keeps it: 24 bytes.
///
/// What is not here (agent, labels, sequence, …) is in the payload, an interned byte string (see ``EventPayload``); equal
/// payloads are kept once.
public struct TimelineEvent: BitwiseCopyable, Equatable, Sendable {
    /// When it happened: microseconds since 1970-01-01T00:00:00Z.
    public var time: Int64

    /// FNV-1a of source, NUL, id.
    public var identity: UInt64

    /// Id of the payload in the task's payload table.
    public var payload: UInt32

    /// `EventType` of `SupportEvents`.
    public var type: UInt8

    /// The member that the type turns on, as its code: status, author. 0 when it has none.
    public var code: UInt8

    /// A second one: actor, initiator, whether a message is public. 0 when it has none.
    public var detail: UInt8

    /// See ``hasSequence``, ``hasAgent`` and ``isBeforeHorizon``.
    public var flags: UInt8

    public init(
        time: Int64, identity: UInt64, payload: UInt32, type: UInt8, code: UInt8 = 0, detail: UInt8 = 0,
        hasSequence: Bool = false, hasAgent: Bool = false
    ) {
        self.time = time
        self.identity = identity
        self.payload = payload
        self.type = type
        self.code = code
        self.detail = detail
        flags = (hasSequence ? 1 : 0) | (hasAgent ? 2 : 0)
    }

    init(time: Int64, identity: UInt64, payload: UInt32, attributes: UInt32) {
        self.time = time
        self.identity = identity
        self.payload = payload
        type = UInt8(truncatingIfNeeded: attributes)
        code = UInt8(truncatingIfNeeded: attributes >> 8)
        detail = UInt8(truncatingIfNeeded: attributes >> 16)
        flags = UInt8(truncatingIfNeeded: attributes >> 24)
    }

    /// Type, code, detail and flags.
    package var attributes: UInt32 { UInt32(type) | UInt32(code) << 8 | UInt32(detail) << 16 | UInt32(flags) << 24 }

    /// Whether the payload begins with a sequence number.
    public var hasSequence: Bool { flags & 1 != 0 }

    /// Whether the event names an agent.
    public var hasAgent: Bool { flags & 2 != 0 }

    /// Whether it is kept for what it says of the time after it: what is older than it, or lies behind it on its day (UTC), is
    /// not all kept any more (``EntityStageSettings/rolling``).
    public var isBeforeHorizon: Bool { flags & 4 != 0 }

    mutating func setBeforeHorizon() { flags |= 4 }

    static var none: TimelineEvent { TimelineEvent(time: 0, identity: 0, payload: 0, type: 0) }
}
