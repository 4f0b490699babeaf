import ServiceKit
import Streams
import SupportEvents

/// Notes when the watched sources were last heard of in one partition of the inbound topic: from the records' timestamps
/// alone, so that records which come a second time change nothing.
struct SourceWatch {
    private let sources: [WatchedSource]
    /// By hash of the name.
    private let places: [UInt64: Int]
    /// By place.
    private var heard: [Int64]
    private var timely: [Int64]
    private var since: Int64?

    init(_ sources: [WatchedSource]) {
        self.sources = sources
        var places: [UInt64: Int] = [:]
        for (place, source) in sources.enumerated() { places[KeyHash.hash(Array(source.name.utf8))] = place }
        self.places = places
        heard = Array(repeating: .min, count: sources.count)
        timely = heard
    }

    var isEmpty: Bool { sources.isEmpty }

    /// The first call says from when on nothing is missed.
    mutating func begin(at wall: Int64) {
        if since == nil { since = wall }
    }

    /// - Parameter arrival: When the event's record was written, µs.
    mutating func heard(_ event: DecodedEvent, arrival: Int64) {
        guard let place = places[event.source.hash] else { return }
        heard[place] = max(heard[place], arrival)
        if arrival - event.time <= sources[place].timelyWithin { timely[place] = max(timely[place], arrival) }
    }

    /// Nil when nothing is watched.
    var signs: SourceSigns? {
        guard let since, !sources.isEmpty else { return nil }
        var signs = SourceSigns(since: since)
        for (place, source) in sources.enumerated() {
            if heard[place] != .min { signs.heard[source.name] = heard[place] }
            if timely[place] != .min { signs.timely[source.name] = timely[place] }
        }
        return signs
    }
}
