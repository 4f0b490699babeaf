/// A number that a formula adds up: a measure's part in a window, times a weight.
public struct Term: Hashable, Sendable {
    public enum Part: Hashable, Sendable {
        /// How many contributions.
        case count
        /// The sum of their values.
        case sum
        /// The level at the window's start: the state before whatever happens at that instant.
        case levelAtStart
        /// The level at the window's end, or now while the window is open.
        case levelAtEnd
        /// The change of the level over the twelve months that end with the window.
        case changeOverTwelveMonths
        /// The levels at the starts of these twelve months, added up; only of months that have begun.
        case startsOfTwelveMonths
        /// The levels at the ends of the window's months, added up; only of months that have begun, the last one as of now.
        case monthEnds
    }

    public let measure: Measure
    public let part: Part
    public let weight: Int64

    public init(_ part: Part, of measure: Measure, weight: Int64 = 1) {
        self.measure = measure
        self.part = part
        self.weight = weight
    }

    var isLevel: Bool { part != .count && part != .sum }
}
