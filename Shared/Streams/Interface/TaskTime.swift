/// The time that a task is given. Instants are microseconds since 1970-01-01T00:00:00Z.
public struct TaskTime: Sendable, Hashable {
    /// The clock that timers run on: everything that arrived before it has been seen. While the task is behind, the
    /// timestamp of the last processed record; when it is caught up, the wall clock; never above the clocks of the stages
    /// before, and never backwards.
    public var clock: Int64

    /// The wall clock, for what must not depend on progress (publication intervals, retention).
    public var wall: Int64

    /// Whether the task has passed an end offset of all its inputs.
    public var caughtUp: Bool

    /// Caught up, and without input for 200 ms of wall time: publish what is dirty without waiting for an interval.
    public var idle: Bool

    /// A stage before this one has been silent for more than 5 minutes, so that ``clock`` no longer waits for it.
    public var degraded: Bool

    /// What is known of the sources of events; `nil` as long as nothing is.
    public var sources: SourceReport?

    public init(
        clock: Int64, wall: Int64, caughtUp: Bool, idle: Bool, degraded: Bool, sources: SourceReport? = nil
    ) {
        self.sources = sources
        self.clock = clock
        self.wall = wall
        self.caughtUp = caughtUp
        self.idle = idle
        self.degraded = degraded
    }
}
