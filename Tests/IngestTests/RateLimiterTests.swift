import Ingest
import Testing

@Suite struct RateLimiterTests {
    private let start = ContinuousClock.now

    @Test func withoutALimitNobodyWaits() {
        let limiter = RateLimiter(rate: 0)
        limiter.charge(1, events: 1_000_000, now: start)
        #expect(limiter.wait(1, now: start) == nil)
    }

    @Test func aBurstOfTwoSecondsThenTheRate() throws {
        let limiter = RateLimiter(rate: 10)
        for _ in 0..<20 {
            #expect(limiter.wait(1, now: start) == nil)
            limiter.charge(1, events: 1, now: start)
        }
        let wait = try #require(limiter.wait(1, now: start))
        #expect(wait <= .milliseconds(100))
        #expect(limiter.wait(1, now: start + wait) == nil)
        // One event of debt is paid back in a tenth of a second.
        limiter.charge(1, events: 1, now: start)
        #expect(limiter.wait(1, now: start + .milliseconds(100)) != nil)
        #expect(limiter.wait(1, now: start + .milliseconds(101)) == nil)
    }

    @Test func sendersDoNotShareABucket() {
        let limiter = RateLimiter(rate: 1)
        limiter.charge(1, events: 100, now: start)
        #expect(limiter.wait(1, now: start) != nil)
        #expect(limiter.wait(2, now: start) == nil)
    }

    @Test func aBatchBeyondTheBurstIsADebtAndNotARefusalForEver() throws {
        let limiter = RateLimiter(rate: 10)
        #expect(limiter.wait(1, now: start) == nil)
        limiter.charge(1, events: 1_020, now: start)
        let wait = try #require(limiter.wait(1, now: start))
        #expect(wait > .seconds(99) && wait < .seconds(101))
        #expect(limiter.wait(1, now: start + .seconds(99)) != nil)
        #expect(limiter.wait(1, now: start + .seconds(101)) == nil)
    }

    @Test func aLongPauseFillsTheBucketAndNoMore() {
        let limiter = RateLimiter(rate: 100_000_000)
        limiter.charge(1, events: 1, now: start)
        let later = start + .seconds(1_000_000_000)
        #expect(limiter.wait(1, now: later) == nil)
        limiter.charge(1, events: 200_000_000, now: later)
        #expect(limiter.wait(1, now: later) != nil)
    }

    @Test func aClockThatStandsStillOrFallsBackGivesNothing() {
        let limiter = RateLimiter(rate: 1)
        limiter.charge(1, events: 2, now: start)
        #expect(limiter.wait(1, now: start - .seconds(100)) != nil)
        #expect(limiter.wait(1, now: start) != nil)
    }

    @Test func debtsSurviveManySenders() {
        let limiter = RateLimiter(rate: 1)
        limiter.charge(0, events: 1_000, now: start)
        for sender in 1..<50_000 as Range<UInt64> { limiter.charge(sender, events: 0, now: start) }
        #expect(limiter.wait(0, now: start) != nil)
    }
}
