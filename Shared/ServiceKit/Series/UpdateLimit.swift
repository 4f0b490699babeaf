/// KPI updates per transaction: as many as are worked out well within the time that a transaction may take.
///
/// The first transactions are small, since what a figure costs is not known yet: one that takes longer than the brokers
/// allow is aborted, and would be tried again and again.
package struct UpdateLimit {
    /// The most, so that a backfill never makes a huge transaction.
    package static let highest = 5_000
    package static let lowest = 32
    private static let first = 256
    /// Of the 10 seconds that a transaction has, for all tasks of a thread.
    private static let slow = Duration.milliseconds(400)

    package private(set) var value = UpdateLimit.first

    package init() {}

    /// Adapts to how long a round took. One that was not full says nothing of one that is.
    package mutating func note(isFull: Bool, took duration: Duration) {
        if duration > UpdateLimit.slow {
            value = max(UpdateLimit.lowest, value / 4)
        } else if isFull, duration < UpdateLimit.slow / 2 {
            value = min(UpdateLimit.highest, value * 2)
        }
    }
}
