/// How long to wait before a process that has died is started again.
package struct RestartPolicy: Sendable {
    /// A process that ran at least this long was well: the next wait is the first one again. What dies of its settings,
    /// its state or its first record dies sooner; what is killed now and then is back at once.
    package static let healthyAfter = Duration.seconds(2)
    package static let firstDelay = Duration.milliseconds(100)
    package static let longestDelay = Duration.seconds(5)

    private var next = firstDelay

    package init() {}

    /// The wait after a process that ran for `time`: 100 ms, then twice as long each time, 5 s at most.
    package mutating func delay(afterRunning time: Duration) -> Duration {
        if time >= Self.healthyAfter { next = Self.firstDelay }
        defer { next = min(next * 2, Self.longestDelay) }
        return next
    }
}
