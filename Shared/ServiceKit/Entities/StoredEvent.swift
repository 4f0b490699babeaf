/// A timeline event as the store keeps it, 20 bytes: its attributes stand once with its payload, for all events that have the
/// same ones (``PayloadTable``).
struct StoredEvent: BitwiseCopyable, Equatable {
    private let halvedTime: HalvedInt64
    private let halvedIdentity: HalvedInt64
    /// Its id in the payload table.
    let payload: UInt32

    init(_ event: TimelineEvent) {
        halvedTime = HalvedInt64(event.time)
        halvedIdentity = HalvedInt64(Int64(bitPattern: event.identity))
        payload = event.payload
    }

    static var none: StoredEvent { StoredEvent(.none) }

    var time: Int64 { halvedTime.value }
    var identity: UInt64 { UInt64(bitPattern: halvedIdentity.value) }

    /// - Parameter attributes: those that its payload was retained with.
    func event(attributes: UInt32) -> TimelineEvent {
        TimelineEvent(time: time, identity: identity, payload: payload, attributes: attributes)
    }
}
