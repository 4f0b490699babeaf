import Streams

/// A helpdesk, ingest and the monitor in simulated time: each may be down for a while, and what piles up meanwhile is handed on
/// when it is back.
struct Outage {
    /// Minutes in which it is down.
    var source: Range<Double> = 0..<0
    var ingest: Range<Double> = 0..<0
    var monitor: Range<Double> = 0..<0
    /// Records that the monitor takes in one step.
    var batch = 50

    private static let step = 1.0 / 6

    /// Runs until `end`, in steps of 10 s. `events` happen at their own times.
    func run(_ monitor: Monitor, _ events: [Event], until end: Double) throws {
        var waiting = events.sorted { $0.at < $1.at }[...]
        var inbound: [Event] = []
        var canonical: [(event: Event, arrived: Double)] = []
        var position = 0
        var upstream = UpstreamClocks([.ingest(partitions: 1)], wall: Monitor.instant(0))
        upstream.reachedEnd()
        var clock = TaskClock(positions: [0], clock: 0, hasUpstream: true)
        var wasDown = false
        var now = 0.0
        while now <= end {
            let wall = Monitor.instant(now)
            if !source.contains(now) {
                while let next = waiting.first, next.at <= now {
                    inbound.append(next)
                    waiting.removeFirst()
                }
            }
            let isIngestUp = !ingest.contains(now)
            if isIngestUp {
                canonical += inbound.map { ($0, now) }
                inbound = []
            }
            if self.monitor.contains(now) {
                wasDown = true
            } else {
                if wasDown {
                    // The state is what was committed; the clocks are heard of again.
                    try monitor.restart()
                    upstream = UpstreamClocks([.ingest(partitions: 1)], wall: wall)
                    upstream.reachedEnd()
                    clock = TaskClock(positions: [Int64(position)], clock: clock.time(wall: 0).clock, hasUpstream: true)
                    wasDown = false
                }
                if isIngestUp {
                    upstream.heard(
                        ClockRecord.Task(service: "ingest", stage: "transform", partition: 0),
                        ClockRecord(clock: wall, degraded: false), wall: wall)
                }
                clock.observed(upstream.reading(wall: wall), thenEnds: [Int64(canonical.count)], wall: wall)
                let records = canonical[position..<min(canonical.count, position + batch)]
                position += records.count
                if let last = records.last {
                    clock.processed(
                        input: 0, timestamp: Monitor.instant(last.arrived), position: Int64(position), wall: wall)
                }
                try monitor.step(Array(records), clock.time(wall: wall))
            }
            now += Self.step
        }
    }
}
