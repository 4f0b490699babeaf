/// What became of a file.
package struct ReplaySummary: Sendable {
    package var rows = 0
    package var events = 0
    package var rejected = 0
    package var skipped: [String: Int] = [:]
    package var seconds = 0.0

    package init() {}

    package mutating func add(_ batch: ReplayBatch) {
        rows += batch.rows
        events += batch.events.count
        rejected += batch.rejected.count
        skipped.merge(batch.skipped, uniquingKeysWith: +)
    }

    package func text(_ verb: String) -> String {
        var parts = ["\(Humanise.count(events)) events of \(Humanise.count(rows)) rows \(verb)"]
        for (reason, count) in skipped.sorted(by: { $0.key < $1.key }) {
            parts.append("\(Humanise.count(count)) rows skipped (\(reason))")
        }
        if rejected > 0 { parts.append("\(Humanise.count(rejected)) rows rejected") }
        return parts.joined(separator: ", ") + " in \(Humanise.duration(seconds: seconds))"
    }
}

/// Sends the events of an input to a sink, in order, at a pace.
package struct Replay {
    /// A state file is written after so many rows, when all before have been acknowledged.
    private static let checkpointRows = 20_000
    /// So many rejected rows are shown one by one; a dry run shows all.
    private static let shownRejections = 20

    private let input: ReplayInput
    private let sink: any EventSink
    private let stateFile: String?
    private let clock = ContinuousClock()
    private var pace: Pace

    package init(input: ReplayInput, sink: any EventSink, speed: ReplaySpeed, stateFile: String?) {
        self.input = input
        self.sink = sink
        self.stateFile = stateFile
        pace = Pace(speed)
    }

    /// - Parameter done: rows at the beginning that an earlier run has sent.
    package mutating func run(from done: Int) async throws -> ReplaySummary {
        var summary = ReplaySummary()
        var progress = Progress()
        let start = clock.now
        var saved = done
        var row = 0
        var more = true
        while more {
            let portion = try await input.next()
            more = portion.more
            // Portions end at the same rows in every run, and checkpoints at the ends of portions.
            row += portion.batch.rows
            if row <= done { continue }
            report(portion.batch.rejected, after: summary.rejected, progress)
            summary.add(portion.batch)
            if pace.isLimited {
                for event in portion.batch.events {
                    if let due = pace.due(event.time) { try await wait(until: start + due) }
                    try await sink.send([event])
                }
            } else {
                try await sink.send(portion.batch.events)
            }
            progress.show(fraction: portion.fraction, count: summary.events, noun: "events")
            if let stateFile, row - saved >= Self.checkpointRows {
                try await sink.flush()
                try ReplayState(input: input.identity, rows: row, finished: false).save(to: stateFile)
                saved = row
            }
        }
        try await sink.flush()
        if let stateFile { try ReplayState(input: input.identity, rows: row, finished: true).save(to: stateFile) }
        progress.clear()
        summary.seconds = progress.elapsed
        return summary
    }

    private func wait(until due: ContinuousClock.Instant) async throws {
        guard due > clock.now else { return }
        try await Task.sleep(until: due, clock: clock)
    }

    private func report(_ rows: [ReplayBatch.RejectedRow], after shown: Int, _ progress: Progress) {
        guard !rows.isEmpty, shown < Self.shownRejections else { return }
        progress.clear()
        let console = Console.error
        for row in rows.prefix(Self.shownRejections - shown) {
            console.line(console.styled("rejected ", .red) + row.description)
        }
        if shown + rows.count > Self.shownRejections {
            console.line("further rejected rows are counted only; --dry-run shows all")
        }
    }
}
