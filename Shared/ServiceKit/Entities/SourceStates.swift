import Streams

/// A watched source has fallen silent, or is heard again.
public struct SourceChange: Sendable, Hashable {
    public let source: WatchedSource
    public let isStale: Bool
    /// When: `expectedEvery` after the last sign of it, or when it was heard again; µs.
    public let at: Int64
    /// When it was last heard before; nil when it has not been since ingest was started. µs.
    public let lastHeard: Int64?
    /// Since when it had been stale; of a stale one, `at`.
    public let staleSince: Int64
    /// Of the source's changes: 1, 2, …
    public let sequence: Int64
}

/// What a task knows of the watched sources: which of them are stale, and how far the clocks of their entities may go.
///
/// A function of the reports (``SourceReport``) and of what was stored at the last change.
struct SourceStates {
    private enum Phase: UInt8 {
        /// Heard of within the time that it is expected in.
        case fresh = 0
        case stale = 1
        /// Heard again, but still delivering what it was silent about.
        case returning = 2
    }

    private struct State: Equatable {
        var phase = Phase.fresh
        /// Where clocks wait unless fresh.
        var heldAt: Int64 = 0
        /// The last sign of it when it became stale.
        var lastSign: Int64 = 0
        /// When the last silence became too long.
        var staleSince: Int64 = 0
        /// When it was heard again.
        var returnedAt: Int64 = 0
        var sequence: Int64 = 0
    }

    private static let format: UInt8 = 1

    let sources: [WatchedSource]
    /// By 32 bits of the name's hash, for those that hold clocks.
    private let places: [Int64: Int]
    /// By name; those of sources that are no longer watched stay.
    private var states: [String: State] = [:]
    private var committed: [String: State] = [:]
    /// As the current transaction writes them; nil when it does not.
    private var written: [String: State]?
    /// By place: as far as clocks may go.
    private var bounds: [Int64]
    /// Changes of the current transaction that have not been taken.
    private var changes: [SourceChange] = []

    init(_ sources: [WatchedSource]) {
        self.sources = sources
        var places: [Int64: Int] = [:]
        for (place, source) in sources.enumerated() where source.holdsClocks {
            places[Self.code(of: source.name)] = place
        }
        self.places = places
        bounds = Array(repeating: .max, count: sources.count)
    }

    /// By which events remember their source: 32 bits of a hash.
    static func code(of source: String) -> Int64 { EventPayload.sourceCode(Array(source.utf8)) }

    /// Whether any clock may have to wait.
    var holdClocks: Bool { !places.isEmpty }
    /// Whether there is something that neither the changelog nor the current transaction has.
    var isUnsaved: Bool { states != written ?? committed }

    func place(ofCode code: Int64) -> Int? { places[code] }
    func bound(_ place: Int) -> Int64 { bounds[place] }

    // MARK: Time

    /// - Returns: the places of sources whose clocks may go further than before.
    mutating func advance(_ report: SourceReport?) -> [Int] {
        guard let report else { return [] }
        var moved: [Int] = []
        for (place, source) in sources.enumerated() {
            let bound = advance(source, report)
            guard source.holdsClocks else { continue }
            if bound > bounds[place] || bounds[place] == .max { moved.append(place) }
            bounds[place] = bound
        }
        return moved
    }

    private mutating func advance(_ source: WatchedSource, _ report: SourceReport) -> Int64 {
        var state = states[source.name] ?? State()
        let heard = report.signs.heard[source.name]
        let sign = max(heard ?? .min, report.signs.since)
        let deadline = sign + source.expectedEvery
        if state.phase == .stale, let heard, heard > state.lastSign {
            change(source, &state, isStale: false, at: heard, lastHeard: state.lastSign)
            state.phase = source.holdsClocks ? .returning : .fresh
            state.returnedAt = heard
        }
        if state.phase == .returning {
            let timely = report.signs.timely[source.name] ?? .min
            if timely >= state.returnedAt || report.complete >= state.returnedAt + source.timelyWithin {
                state.phase = .fresh
            }
        }
        if state.phase != .stale, report.complete > deadline {
            // One that falls silent again before it has told everything goes on where it was.
            if state.phase == .fresh { state.heldAt = deadline }
            state.phase = .stale
            state.lastSign = sign
            state.staleSince = deadline
            change(source, &state, isStale: true, at: deadline, lastHeard: heard)
        }
        if states[source.name] != nil || state != State() { states[source.name] = state }
        return state.phase == .fresh ? deadline : state.heldAt
    }

    private mutating func change(
        _ source: WatchedSource, _ state: inout State, isStale: Bool, at instant: Int64, lastHeard: Int64?
    ) {
        state.sequence += 1
        changes.append(
            SourceChange(
                source: source, isStale: isStale, at: instant, lastHeard: lastHeard, staleSince: state.staleSince,
                sequence: state.sequence))
    }

    // MARK: Transactions

    /// What is to be published; each change once in a transaction.
    mutating func takeChanges() -> [SourceChange] {
        defer { changes.removeAll() }
        return changes
    }

    mutating func commitSucceeded() {
        committed = states
        written = nil
        changes.removeAll()
    }

    mutating func rollBack() {
        states = committed
        written = nil
        changes.removeAll()
        // What the next report says is found again.
        for place in bounds.indices { bounds[place] = min(bounds[place], bound(stored: place)) }
    }

    private func bound(stored place: Int) -> Int64 {
        guard let state = states[sources[place].name], state.phase != .fresh else { return .max }
        return state.heldAt
    }

    // MARK: State

    /// Writes what the current transaction keeps.
    mutating func save(into bytes: inout [UInt8]) {
        written = states
        bytes.append(Self.format)
        bytes.appendVarint(UInt64(states.count))
        for (name, state) in states.sorted(by: { $0.key < $1.key }) {
            bytes.appendBytes(name.utf8)
            bytes.append(state.phase.rawValue)
            for number in [state.heldAt, state.lastSign, state.staleSince, state.returnedAt, state.sequence] {
                bytes.appendSignedVarint(number)
            }
        }
    }

    mutating func restore(_ reader: inout BinaryReader) throws(InternalRecordError) {
        guard try reader.byte() == Self.format else {
            throw InternalRecordError("states of sources in an unknown format: written by a newer version")
        }
        states = [:]
        for _ in 0..<(try reader.count()) {
            let name = String(decoding: try reader.bytes(), as: UTF8.self)
            guard let phase = Phase(rawValue: try reader.byte()) else {
                throw InternalRecordError("a state of a source that is unknown: written by a newer version")
            }
            states[name] = State(
                phase: phase, heldAt: try reader.signedVarint(), lastSign: try reader.signedVarint(),
                staleSince: try reader.signedVarint(), returnedAt: try reader.signedVarint(),
                sequence: try reader.signedVarint())
        }
        committed = states
        for place in bounds.indices { bounds[place] = bound(stored: place) }
    }
}
