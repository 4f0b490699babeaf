import Synchronization

/// Token buckets, one per sender: `rate` events per second, with a burst of two seconds.
///
/// A request is admitted while its sender's bucket is not in debt, and then charged for all its events. So a batch that is
/// larger than a burst is not refused for ever: it puts its sender into debt.
package final class RateLimiter: Sendable {
    private struct Bucket {
        /// Millionths of events; negative: debt.
        var level: Int64
        var filled: ContinuousClock.Instant
    }

    /// Events per second; 0: without limit.
    private let rate: Int64
    private let capacity: Int64
    private let buckets = Mutex<[UInt64: Bucket]>([:])
    /// More senders than this, and the fullest buckets are forgotten: they are as good as new ones.
    private static let maximumBuckets = 20_000

    /// - Parameter rate: Events per second, 0 to 100,000,000.
    package init(rate: Int) {
        precondition(rate >= 0 && rate <= 100_000_000)
        self.rate = Int64(rate)
        capacity = Int64(rate) * 2_000_000
    }

    /// How long the sender has to wait, nil when it may send.
    package func wait(_ sender: UInt64, now: ContinuousClock.Instant) -> Duration? {
        guard rate > 0 else { return nil }
        let level = buckets.withLock { refilled($0[sender], now).level }
        guard level <= 0 else { return nil }
        return .microseconds((1 - level) / rate + 1)
    }

    /// Charges the sender for events that are being accepted.
    package func charge(_ sender: UInt64, events: Int, now: ContinuousClock.Instant) {
        guard rate > 0 else { return }
        buckets.withLock { buckets in
            var bucket = refilled(buckets[sender], now)
            bucket.level -= Int64(events) * 1_000_000
            if buckets[sender] == nil, buckets.count >= Self.maximumBuckets {
                buckets = buckets.filter { refilled($0.value, now).level < capacity }
            }
            buckets[sender] = bucket
        }
    }

    private func refilled(_ bucket: Bucket?, _ now: ContinuousClock.Instant) -> Bucket {
        guard let bucket else { return Bucket(level: capacity, filled: now) }
        let (seconds, attoseconds) = max(.zero, now - bucket.filled).components
        let micros = min(seconds, 1_000_000_000) * 1_000_000 + attoseconds / 1_000_000_000_000
        let (gain, overflow) = micros.multipliedReportingOverflow(by: rate)
        let level = overflow ? capacity : min(capacity, bucket.level + min(gain, .max / 2))
        return Bucket(level: level, filled: max(bucket.filled, now))
    }
}
