import SupportEvents

/// How far the clocks of entities may have gone whose source holds them, by what the service has published of its silences.
struct SourceSilences {
    /// What was published of a source last.
    private struct Silence {
        /// Where clocks wait: since the latest silence began, or an earlier one that had not been over by then.
        var since: ClosedRange<Int64>
        /// Nil while it lasts.
        var endedAt: Int64?
    }

    /// The service's clock may be ahead of what it knows of sources: microseconds.
    private static let slack: Int64 = 10_000_000

    /// By 32 bits of the name's hash, as events remember their source.
    private let sources: [Int64: WatchedSource]
    private var silences: [Int64: Silence] = [:]

    init(_ sources: [WatchedSource]) {
        self.sources = Dictionary(
            sources.filter(\.holdsClocks).map { (SourceStates.code(of: $0.name), $0) }, uniquingKeysWith: { $1 })
    }

    /// The keys under which the service publishes them.
    var keys: [String] { sources.values.map { "source/\($0.name)" } }

    /// Takes a `deskbeat.source.stale` or `.fresh`, in their order.
    mutating func take(_ type: String, _ data: JSONValue) {
        guard let code = data["source"]?.string.map({ SourceStates.code(of: $0) }), let source = sources[code] else {
            return
        }
        func instant(_ name: String) -> Int64? { data[name]?.string.flatMap { RFC3339.parse($0) } }
        if type == "deskbeat.source.fresh" {
            silences[code]?.endedAt = instant("fresh_at")
        } else if let since = instant("stale_since") {
            var range = since...since
            if let last = silences[code], let ended = last.endedAt, since <= ended + source.timelyWithin + Self.slack {
                range = min(last.since.lowerBound, since)...since
            }
            silences[code] = Silence(since: range, endedAt: nil)
        }
    }

    /// - Parameters:
    ///   - code: of the source that an entity began with.
    ///   - clock: of the service.
    func clock(ofSource code: Int64, _ clock: ClosedRange<Int64>) -> ClosedRange<Int64> {
        guard let source = sources[code] else { return clock }
        let usual = (clock.lowerBound - Self.slack)...clock.upperBound
        guard let silence = silences[code] else { return usual }
        let lower = min(usual.lowerBound, silence.since.lowerBound)
        guard let ended = silence.endedAt else {
            return lower...max(lower, min(clock.upperBound, silence.since.upperBound + Self.slack))
        }
        // Heard again, it may still be telling what it was silent about.
        return clock.lowerBound > ended + source.timelyWithin + Self.slack ? usual : lower...clock.upperBound
    }
}
