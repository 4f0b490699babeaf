/// A line on standard error that is rewritten in place: a bar where the total is known. Silent in a pipe.
package struct Progress {
    private let console = Console.error
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var shown: ContinuousClock.Instant?

    package init() { start = clock.now }

    /// Seconds since the start.
    package var elapsed: Double { Self.seconds(clock.now - start) }

    /// Shows at most ten times a second.
    /// - Parameters:
    ///   - fraction: of the input, 0 to 1, nil when its size is not known.
    ///   - count: what has been done so far.
    package mutating func show(fraction: Double?, count: Int, noun: String) {
        guard console.isTerminal else { return }
        let now = clock.now
        if let shown, now - shown < .milliseconds(100) { return }
        shown = now
        console.write(
            Array("\r\u{1B}[K\(Self.text(fraction: fraction, count: count, noun: noun, elapsed: elapsed))".utf8))
    }

    /// Removes the line.
    package func clear() { if shown != nil { console.write(Array("\r\u{1B}[K".utf8)) } }

    package static func text(fraction: Double?, count: Int, noun: String, elapsed: Double) -> String {
        let rate = elapsed > 0.5 ? "  \(Humanise.count(Int(Double(count) / elapsed)))/s" : ""
        let done = "\(Humanise.count(count)) \(noun)\(rate)"
        guard let fraction else { return done }
        let share = min(max(fraction, 0), 1)
        let filled = Int(share * 24)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
        let left =
            share > 0.02 && elapsed > 0.5 ? "  \(Humanise.duration(seconds: elapsed / share - elapsed)) left" : ""
        return "\(bar) \(Int(share * 100)) %  \(done)\(left)"
    }

    private static func seconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
