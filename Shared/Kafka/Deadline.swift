/// A moment on the monotonic clock that all calls of one operation share, so that five calls in a row cannot take five
/// time-outs.
public struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant?

    private init(_ instant: ContinuousClock.Instant?) {
        self.instant = instant
    }

    /// No limit.
    public static let never = Deadline(nil)

    /// This much time from now; a negative duration is already over.
    public static func after(_ duration: Duration) -> Deadline {
        Deadline(ContinuousClock.now.advanced(by: duration))
    }

    /// The earlier of this one and `duration` from now.
    public func limited(to duration: Duration) -> Deadline {
        let other = ContinuousClock.now.advanced(by: duration)
        guard let instant else { return Deadline(other) }
        return Deadline(min(instant, other))
    }

    /// What is left, at least zero; nil without a limit.
    public var remaining: Duration? {
        guard let instant else { return nil }
        return max(.zero, instant - ContinuousClock.now)
    }

    public var isExpired: Bool { remaining == .zero }

    /// What is left as librdkafka takes it: milliseconds rounded up, -1 without a limit.
    var milliseconds: Int32 {
        guard let remaining else { return -1 }
        return remaining.clampedMilliseconds
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, between 0 and `Int32.max`.
    var clampedMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let attosecondsPerMillisecond: Int64 = 1_000_000_000_000_000
        let (fromSeconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        let fraction = (attoseconds + attosecondsPerMillisecond - 1) / attosecondsPerMillisecond
        guard !overflow, fromSeconds <= Int64(Int32.max) - fraction else { return Int32.max }
        return Int32(fromSeconds + fraction)
    }
}
