import FoundationEssentials
import Glibc

/// The machine's clocks.
package struct SystemTime: TimeSource {
    private static let origin = ContinuousClock.now

    package init() {}

    package var wall: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    package var monotonic: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - Self.origin).components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
