import Streams
import Testing

@Suite struct ArrivalClockTests {
    @Test func nothingIsKnownAtFirst() {
        let clock = ArrivalClock(positions: [0])
        #expect(clock.clock == nil)
        #expect(!clock.isCaughtUp(wall: 0))
        #expect(!clock.isAtEnd)
    }

    @Test func whileBehindItIsTheTimestampOfTheLastRecord() {
        var clock = ArrivalClock(positions: [0])
        clock.observed(input: 0, end: 10, wall: 1_000)
        clock.processed(input: 0, timestamp: 100, position: 4, wall: 1_000)
        #expect(clock.clock == 100)
        clock.processed(input: 0, timestamp: 90, position: 5, wall: 1_000)
        #expect(clock.clock == 100)
        #expect(!clock.isCaughtUp(wall: 1_000))
    }

    @Test func pastAnEndItIsTheWallTimeAtWhichThatEndWasObserved() {
        var clock = ArrivalClock(positions: [0])
        clock.observed(input: 0, end: 10, wall: 1_000)
        clock.processed(input: 0, timestamp: 100, position: 10, wall: 5_000)
        #expect(clock.clock == 1_000)
        #expect(clock.isAtEnd)
        clock.observed(input: 0, end: 10, wall: 6_000)
        #expect(clock.clock == 6_000)
        clock.observed(input: 0, end: 11, wall: 7_000)
        #expect(clock.clock == 6_000)
        #expect(!clock.isAtEnd)
    }

    /// Markers occupy the last offsets: only the position passes them.
    @Test func controlRecordsCount() {
        var clock = ArrivalClock(positions: [0])
        clock.observed(input: 0, end: 10, wall: 1_000)
        clock.processed(input: 0, timestamp: 100, position: 9, wall: 1_000)
        #expect(clock.clock == 100)
        clock.moved(input: 0, to: 10)
        #expect(clock.clock == 1_000)
    }

    @Test func oneThatAlwaysTrailsTheNewestEndStillPassesOlderOnes() {
        var clock = ArrivalClock(positions: [0])
        for round: Int64 in 1...100 {
            clock.observed(input: 0, end: round * 10, wall: round * 1_000)
            clock.processed(input: 0, timestamp: 1, position: round * 10 - 5, wall: round * 1_000)
        }
        #expect(clock.clock ?? 0 >= 98_000)
    }

    @Test func theTaskHasTheClockOfItsSlowestInput() {
        var clock = ArrivalClock(positions: [0, 0])
        clock.observed(input: 0, end: 0, wall: 9_000)
        #expect(clock.clock == nil)
        clock.observed(input: 1, end: 10, wall: 9_000)
        clock.processed(input: 1, timestamp: 300, position: 5, wall: 9_500)
        #expect(clock.clock == 300)
        clock.moved(input: 1, to: 10)
        #expect(clock.clock == 9_000)
    }

    @Test func aTimestampInTheFutureIsNow() {
        var clock = ArrivalClock(positions: [0])
        clock.processed(input: 0, timestamp: .max, position: 1, wall: 700)
        #expect(clock.clock == 700)
    }

    @Test func caughtUpIsAStatementAboutNow() {
        var clock = ArrivalClock(positions: [3])
        clock.observed(input: 0, end: 3, wall: 1_000)
        #expect(clock.isCaughtUp(wall: 1_000 + ArrivalClock.freshness))
        #expect(!clock.isCaughtUp(wall: 1_001 + ArrivalClock.freshness))
    }

    /// Random looks, records and markers: the clock never goes back, and never passes an arrival that is not processed.
    @Test(arguments: 0..<40)
    func itNeverOvertakesAnUnprocessedArrival(_ seed: UInt64) {
        var random = SplitMix(seed)
        var clock = ArrivalClock(positions: [0])
        var arrivals: [Int64] = []
        var position = 0
        var wall: Int64 = 0
        var last: Int64 = .min
        for _ in 0..<500 {
            wall += Int64(random.next() % 50) + 1
            switch random.next() % 4 {
            case 0, 1: arrivals.append(wall)
            case 2: clock.observed(input: 0, end: Int64(arrivals.count), wall: wall)
            default:
                guard position < arrivals.count else { continue }
                position += 1 + Int(random.next() % UInt64(arrivals.count - position))
                clock.processed(
                    input: 0, timestamp: arrivals[position - 1], position: Int64(position), wall: wall)
            }
            guard let now = clock.clock else { continue }
            #expect(now >= last, "seed \(seed)")
            last = now
            if position < arrivals.count { #expect(now <= arrivals[position], "seed \(seed)") }
        }
    }
}

@Suite struct UpstreamClocksTests {
    private let ingest = [UpstreamClock.ingest(partitions: 2)]
    private let zero = ClockRecord.Task(service: "ingest", stage: "transform", partition: 0)
    private let one = ClockRecord.Task(service: "ingest", stage: "transform", partition: 1)

    private func record(_ clock: Int64, degraded: Bool = false) -> ClockRecord {
        ClockRecord(clock: clock, degraded: degraded)
    }

    @Test func withoutStagesBeforeThereIsNoBound() {
        let clocks = UpstreamClocks([], wall: 0)
        #expect(clocks.reading(wall: 0) == .init(bound: .none, degraded: false))
    }

    @Test func theLowestClockCountsWithItsSlack() {
        var clocks = UpstreamClocks(ingest, wall: 0)
        clocks.reachedEnd()
        clocks.heard(zero, record(100), wall: 0)
        #expect(clocks.reading(wall: 0).bound == .unknown)
        clocks.heard(one, record(90), wall: 0)
        #expect(clocks.reading(wall: 0).bound == .upTo(5_000_090))
        clocks.heard(one, record(80), wall: 0)
        #expect(clocks.reading(wall: 0).bound == .upTo(5_000_090))
    }

    @Test func historyIsNoNews() {
        var clocks = UpstreamClocks(ingest, wall: 0)
        clocks.heard(zero, record(100), wall: 0)
        clocks.heard(one, record(90), wall: 0)
        #expect(clocks.reading(wall: 0).bound == .unknown)
        clocks.reachedEnd()
        #expect(clocks.reading(wall: 0).bound == .upTo(5_000_090))
    }

    @Test func aSilentIngestHoldsTheClockForFiveMinutes() {
        var clocks = UpstreamClocks(ingest, wall: 0)
        clocks.reachedEnd()
        clocks.heard(zero, record(100), wall: 0)
        clocks.heard(one, record(100), wall: 0)
        clocks.heard(one, record(400_000_000), wall: 299_000_000)
        #expect(clocks.reading(wall: 300_000_000) == .init(bound: .upTo(5_000_100), degraded: false))
        #expect(clocks.reading(wall: 300_000_001) == .init(bound: .upTo(405_000_000), degraded: true))
        clocks.heard(zero, record(200), wall: 301_000_000)
        #expect(clocks.reading(wall: 301_000_000) == .init(bound: .upTo(5_000_200), degraded: false))
        #expect(clocks.reading(wall: 900_000_000) == .init(bound: .none, degraded: true))
    }

    @Test func anIngestThatNeverSpokeCountsFromTheStart() {
        var clocks = UpstreamClocks(ingest, wall: 1_000)
        clocks.reachedEnd()
        #expect(clocks.reading(wall: 300_001_000).bound == .unknown)
        #expect(clocks.reading(wall: 300_001_001) == .init(bound: .none, degraded: true))
    }

    @Test func stagesOfTheSameServiceAreWaitedForForEver() {
        var clocks = UpstreamClocks([UpstreamClock(service: "s", stage: "e", partitions: 1)], wall: 0)
        clocks.reachedEnd()
        #expect(clocks.reading(wall: .max / 2).bound == .unknown)
        clocks.heard(.init(service: "s", stage: "e", partition: 0), record(5, degraded: true), wall: 0)
        #expect(clocks.reading(wall: .max / 2) == .init(bound: .upTo(5), degraded: true))
    }

    @Test func strangersDoNotCount() {
        var clocks = UpstreamClocks(ingest, wall: 0)
        clocks.reachedEnd()
        clocks.heard(.init(service: "other", stage: "x", partition: 0), record(1), wall: 0)
        #expect(clocks.reading(wall: 0).bound == .unknown)
    }
}

@Suite struct TaskClockTests {
    @Test func aReadingHoldsOnceTheEndsSeenAfterItArePassed() {
        var clock = TaskClock(positions: [0], clock: 0, hasUpstream: true)
        clock.observed(.init(bound: .upTo(700), degraded: false), thenEnds: [5], wall: 1_000)
        clock.processed(input: 0, timestamp: 900, position: 4, wall: 1_100)
        #expect(clock.time(wall: 1_100).clock == 0)
        clock.moved(input: 0, to: 5)
        #expect(clock.time(wall: 1_100).clock == 700)
    }

    @Test func itIsTheLowerOfBoundAndArrival() {
        var clock = TaskClock(positions: [0], clock: 0, hasUpstream: true)
        clock.observed(.init(bound: .upTo(5_000), degraded: false), thenEnds: [0], wall: 1_000)
        #expect(clock.time(wall: 1_000).clock == 1_000)
        clock.observed(.init(bound: .upTo(1_500), degraded: false), thenEnds: [0], wall: 2_000)
        #expect(clock.time(wall: 2_000).clock == 1_500)
        // A source that is back with an older clock holds, it does not pull.
        clock.observed(.init(bound: .upTo(300), degraded: false), thenEnds: [0], wall: 3_000)
        #expect(clock.time(wall: 3_000).clock == 1_500)
        clock.observed(.init(bound: .none, degraded: true), thenEnds: [0], wall: 4_000)
        let time = clock.time(wall: 4_000)
        #expect(time.clock == 4_000)
        #expect(time.degraded)
    }

    @Test func itStartsWhereTheLastCommitWas() {
        var clock = TaskClock(positions: [0], clock: 5_000, hasUpstream: false)
        clock.observed(.init(bound: .none, degraded: false), thenEnds: [9], wall: 10_000)
        clock.processed(input: 0, timestamp: 3_000, position: 1, wall: 10_000)
        #expect(clock.time(wall: 10_000).clock == 5_000)
    }

    @Test func idleIsCaughtUpAndQuietFor200Milliseconds() {
        var clock = TaskClock(positions: [0], clock: 0, hasUpstream: false)
        clock.observed(.init(bound: .none, degraded: false), thenEnds: [1], wall: 1_000_000)
        #expect(!clock.time(wall: 1_000_000).idle)
        clock.processed(input: 0, timestamp: 1, position: 1, wall: 1_000_000)
        #expect(clock.time(wall: 1_000_000).caughtUp)
        #expect(!clock.time(wall: 1_199_999).idle)
        #expect(clock.time(wall: 1_200_000).idle)
        clock.observed(.init(bound: .none, degraded: false), thenEnds: [2], wall: 1_300_000)
        #expect(!clock.time(wall: 1_300_000).idle)
    }
}

/// A small generator with a seed that can be printed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
