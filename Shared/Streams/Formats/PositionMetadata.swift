import FoundationEssentials

/// The metadata of a stage's committed offset: compact JSON, for example `{"dirty":0,"clock":1763795211000000}`.
///
/// A stage is idle up to an offset when its committed position has reached that offset and ``dirty`` is 0. Positions count
/// control records, so that an idle stage's position equals the high watermark.
///
/// Unknown members are ignored when reading, so that older tools can read newer services.
public struct PositionMetadata: Sendable, Hashable {
    /// What the task would still derive or publish without further input.
    public var dirty: Int

    /// The task's clock at the commit, microseconds since 1970; 0 before the first.
    public var clock: Int64

    /// The clock had run on without a stage that was silent for too long.
    public var isDegraded: Bool

    /// The partition was given up in good order: no record behind this offset has been touched.
    public var isClean: Bool

    /// What is being tried behind this offset after an unclean start.
    public var attempt: Attempt?

    /// Identity of the stream thread that committed.
    public var owner: String?

    /// Version of the stage's settings that the task works by.
    public var settings: Int64?

    /// Records that are being processed in one transaction of their own, because a process may have died of one of them.
    public struct Attempt: Sendable, Hashable {
        /// How often the first of these records is being tried, from 1.
        public var number: Int

        /// Number of records in the transaction, at least 1.
        public var span: Int

        public init(number: Int, span: Int) {
            self.number = number
            self.span = span
        }
    }

    public init(
        dirty: Int, clock: Int64, isDegraded: Bool = false, isClean: Bool = false, attempt: Attempt? = nil,
        owner: String? = nil, settings: Int64? = nil
    ) {
        self.dirty = dirty
        self.clock = clock
        self.isDegraded = isDegraded
        self.isClean = isClean
        self.attempt = attempt
        self.owner = owner
        self.settings = settings
    }

    /// Reads the metadata of a committed offset; `nil` when it is empty or not of a Deskbeat stage.
    public init?(parsing text: String) {
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(text.utf8)) else { return nil }
        self.init(
            dirty: wire.dirty, clock: wire.clock, isDegraded: wire.degraded ?? false, isClean: wire.clean ?? false,
            owner: wire.owner, settings: wire.settings)
        if let number = wire.try, number > 0 {
            attempt = Attempt(number: number, span: max(1, wire.span ?? 1))
        }
    }

    /// The text to commit.
    public func encoded() -> String {
        var text = "{\"dirty\":\(dirty),\"clock\":\(clock)"
        if isDegraded { text += ",\"degraded\":true" }
        if isClean { text += ",\"clean\":true" }
        if let attempt { text += ",\"try\":\(attempt.number),\"span\":\(attempt.span)" }
        if let settings { text += ",\"settings\":\(settings)" }
        if let owner { text += ",\"owner\":\(jsonString(owner))" }
        return text + "}"
    }

    private struct Wire: Decodable {
        var dirty: Int
        var clock: Int64
        var degraded: Bool?
        var clean: Bool?
        var `try`: Int?
        var span: Int?
        var owner: String?
        var settings: Int64?
    }
}

/// A JSON string literal.
func jsonString(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": literal += "\\\""
        case "\\": literal += "\\\\"
        case _ where scalar.value < 0x20:
            let digits = String(scalar.value, radix: 16)
            literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: literal.unicodeScalars.append(scalar)
        }
    }
    return literal + "\""
}
