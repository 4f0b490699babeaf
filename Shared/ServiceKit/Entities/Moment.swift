/// What a derivation may know of time. Instants are microseconds since 1970-01-01T00:00:00Z.
public struct Moment: Sendable, Hashable {
    /// The task's clock: everything that arrived before it has been seen.
    public var clock: Int64
    /// The wall clock, for what only tells when something was noticed.
    public var wall: Int64
    /// Whether the task has passed an end offset of all its inputs.
    public var isCaughtUp: Bool
    /// Whether a stage before this one has been silent for so long that ``clock`` no longer waits for it.
    public var isDegraded: Bool
    /// When the entity's last record arrived.
    public var lastArrival: Int64
    /// What the event says that arrived last: its own time.
    public var lastArrivedTime: Int64
    /// Before this instant of the clock nothing is published: the state is being built anew.
    public var heldUntil = Int64.min

    public init(
        clock: Int64, wall: Int64, isCaughtUp: Bool = true, isDegraded: Bool = false, lastArrival: Int64 = 0,
        lastArrivedTime: Int64 = 0
    ) {
        self.clock = clock
        self.wall = wall
        self.isCaughtUp = isCaughtUp
        self.isDegraded = isDegraded
        self.lastArrival = lastArrival
        self.lastArrivedTime = lastArrivedTime
    }

    /// How long after it had happened the last event arrived, µs; 0 for one that is dated later than it arrived.
    public var delay: Int64 { max(0, lastArrival - lastArrivedTime) }
}
