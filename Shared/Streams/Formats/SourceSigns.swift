/// When sources of events were last heard of. Instants are microseconds since 1970.
///
/// On the wire of the clocks topic `{"since":…,"heard":{"<source>":…},"timely":{"<source>":…}}`.
public struct SourceSigns: Sendable, Hashable, Codable {
    /// From when on nothing has been missed: a source that is not in ``heard`` has been silent since then at least.
    public var since: Int64
    /// By source: when its last event arrived.
    public var heard: [String: Int64]
    /// By source: when its last event arrived that came without much delay.
    public var timely: [String: Int64]

    public init(since: Int64, heard: [String: Int64] = [:], timely: [String: Int64] = [:]) {
        self.since = since
        self.heard = heard
        self.timely = timely
    }

    /// What several tasks know together.
    package mutating func merge(_ other: SourceSigns) {
        since = max(since, other.since)
        heard.merge(other.heard) { max($0, $1) }
        timely.merge(other.timely) { max($0, $1) }
    }
}

/// What the stages before a task have heard of the sources, as far as the task has seen all that came of it.
public struct SourceReport: Sendable, Hashable {
    public var signs: SourceSigns
    /// Whatever arrived before this instant is in ``signs``.
    public var complete: Int64

    public init(signs: SourceSigns, complete: Int64) {
        self.signs = signs
        self.complete = complete
    }
}
