/// A source of events that is expected to speak up regularly.
public struct WatchedSource: Sendable, Hashable {
    /// `source` of its events.
    public let name: String
    /// After how much silence it counts as stale: µs, 10 s to 30 days.
    public let expectedEvery: Int64
    /// Whether the SLA clocks of its tickets and calls wait while it is.
    public let holdsClocks: Bool

    public init(name: String, expectedEvery: Int64, holdsClocks: Bool) {
        self.name = name
        self.expectedEvery = expectedEvery
        self.holdsClocks = holdsClocks
    }

    /// Up to which delay (µs) an event of this source is no sign of a backlog that is still being delivered.
    public var timelyWithin: Int64 { max(300_000_000, expectedEvery) }
}

extension Rules {
    /// The sources that are watched, by name.
    ///
    /// - Throws: Every fault of the section, with line and column.
    public func watchedSources(file: String = "rules.yaml") throws(RulesError) -> [WatchedSource] {
        var reader = RulesReader()
        let sources = reader.sources(self)
        guard reader.faults.isEmpty else { throw RulesError(file: file, diagnostics: reader.faults) }
        return sources
    }
}

/// Reading `sources:`.
extension RulesReader {
    /// All of them stand in each clock record of ingest.
    private static let mostSources = 50

    mutating func sources(_ rules: Rules) -> [WatchedSource] {
        guard let node = rules.sections["sources"] else { return [] }
        let example = "{\"https://acme.example/helpdesk\": {expected_every: 10m, hold_when_stale: true}}"
        guard let entries = mapping(node, "sources", example: example) else { return [] }
        if entries.count > Self.mostSources {
            fault(node, "sources", "\(entries.count) sources", "watch at most \(Self.mostSources)")
        }
        var sources: [WatchedSource] = []
        for entry in entries {
            if let source = source(entry, "sources.\(entry.key)") { sources.append(source) }
        }
        return sources.sorted { $0.name < $1.name }
    }

    private mutating func source(_ entry: RulesEntry, _ path: String) -> WatchedSource? {
        let known = ["expected_every", "hold_when_stale"]
        guard 1...200 ~= entry.key.utf8.count else {
            fault(
                line: entry.line, column: entry.column, path, "the name has \(entry.key.utf8.count) bytes",
                "write the source of its events, 1 to 200 bytes")
            return nil
        }
        guard let members = mapping(entry.value, path, example: "{expected_every: 10m}") else { return nil }
        for member in members where !known.contains(member.key) { unknownKey(member, in: path, known: known) }
        func member(_ name: String) -> RulesNode? { members.first { $0.key == name }?.value }
        guard let every = member("expected_every") else {
            let isHeld = member("hold_when_stale") != nil
            fault(
                line: entry.line, column: entry.column, path,
                isHeld ? "hold_when_stale says nothing without expected_every" : "nothing is expected of the source",
                "write for example expected_every: 10m, the longest silence that is in order")
            return nil
        }
        guard let duration = duration(every, "\(path).expected_every") else { return nil }
        guard 10_000...RulesDuration(30, .days).milliseconds ~= duration.milliseconds else {
            fault(every, "\(path).expected_every", "\(duration) is out of range", "write 10s to 30d")
            return nil
        }
        var holds = false
        if let node = member("hold_when_stale") {
            guard let value = boolean(node, "\(path).hold_when_stale") else { return nil }
            holds = value
        }
        return WatchedSource(name: entry.key, expectedEvery: duration.milliseconds * 1_000, holdsClocks: holds)
    }
}
