/// A timeline event as the store keeps it, 20 bytes: its attributes stand once with its payload, for all events that have the
/// same ones (``PayloadTable``), and halves keep the compiler from padding it to 24.
struct StoredEvent: BitwiseCopyable, Equatable {
    private var timeLow: UInt32
    private var timeHigh: Int32
    private var identityLow: UInt32
    private var identityHigh: UInt32
    /// Its id in the payload table.
    let payload: UInt32

    init(_ event: TimelineEvent) {
        timeLow = UInt32(truncatingIfNeeded: event.time)
        timeHigh = Int32(truncatingIfNeeded: event.time >> 32)
        identityLow = UInt32(truncatingIfNeeded: event.identity)
        identityHigh = UInt32(truncatingIfNeeded: event.identity >> 32)
        payload = event.payload
    }

    static var none: StoredEvent { StoredEvent(.none) }

    var time: Int64 { Int64(timeHigh) << 32 | Int64(timeLow) }
    var identity: UInt64 { UInt64(identityHigh) << 32 | UInt64(identityLow) }

    /// - Parameter attributes: those that its payload was retained with.
    func event(attributes: UInt32) -> TimelineEvent {
        TimelineEvent(time: time, identity: identity, payload: payload, attributes: attributes)
    }
}
