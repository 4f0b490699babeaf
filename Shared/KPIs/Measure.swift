/// What is accumulated of a measure. Every part is a commutative group, so that contributions can be added, merged and
/// taken back in any order.
public enum MeasureKind: UInt8, Hashable, Sendable {
    /// How many.
    case count
    /// How many, and the sum of their values.
    case sum
    /// How many, the sum of their durations in milliseconds, and their distribution (``DDSketch``).
    case distribution
    /// Changes of a level, in the bucket where they happen; the level is the sum of all changes up to then.
    case levelDelta
    /// A sum over everything, without buckets.
    case gauge
    /// Days of a year (0 to 365), each as often as it was named: which days something is known of.
    case days
    /// Instants since when something has been so that is so now: a gauge that knows the ages of what it counts. The
    /// bucket of a contribution is its instant, in microseconds.
    case instants
    /// How many, and how many of them at each of a fixed number of places (``HourOfWeek``); the value of a contribution
    /// is its place.
    case histogram

    var hasSum: Bool { self == .sum || self == .distribution }
    var isGauge: Bool { self == .gauge || self == .instants }
}

/// Something that entities contribute to. Ids are part of stored records: they never change and are never used again.
public struct Measure: Hashable, Sendable {
    /// Stable within a service.
    public let id: UInt16
    public let kind: MeasureKind
    /// For logs and errors.
    public let name: String

    public init(id: UInt16, _ name: String, _ kind: MeasureKind) {
        self.id = id
        self.kind = kind
        self.name = name
    }
}

/// The smallest buckets in which a contribution is kept; everything longer is rolled up from them. Raw values are part of
/// stored records.
public enum BaseBucket: UInt8, Hashable, Sendable {
    /// No bucket (gauges). The bucket number is 0.
    case none = 0
    /// `HourBucket.packed`.
    case hour = 1
    /// `DayBucket.number`.
    case day = 2
}
