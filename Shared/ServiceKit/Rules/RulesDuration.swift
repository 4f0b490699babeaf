/// A length of time as rules files and settings write it: digits and one unit, as `90s`, `15m`, `8h`, `5d`, `2w`, `10y`.
///
/// The number and the unit are kept, because some readers give a unit a meaning of their own (a policy's `5d` is five
/// working days).
public struct RulesDuration: Sendable, Hashable, CustomStringConvertible {
    public enum Unit: String, Sendable, CaseIterable {
        case milliseconds = "ms"
        case seconds = "s"
        case minutes = "m"
        case hours = "h"
        case days = "d"
        case weeks = "w"
        case years = "y"

        /// A day is 24 hours and a year 365.25 days (the Julian year).
        public var milliseconds: Int64 {
            switch self {
            case .milliseconds: 1
            case .seconds: 1_000
            case .minutes: 60_000
            case .hours: 3_600_000
            case .days: 86_400_000
            case .weeks: 604_800_000
            case .years: 31_557_600_000
            }
        }
    }

    /// Never negative.
    public let count: Int64
    public let unit: Unit

    /// At most 1,000 years.
    public static let longest = 1_000 * Unit.years.milliseconds

    /// - Precondition: `count` is not negative and the product at most ``longest``.
    public init(_ count: Int64, _ unit: Unit) {
        precondition(count >= 0 && count <= Self.longest / unit.milliseconds)
        self.count = count
        self.unit = unit
    }

    /// What is wrong with a text that should be a duration, as a clause.
    public struct ParseError: Error, Sendable, Equatable {
        public let reason: String
        public let remedy: String
    }

    public init(parsing text: String) throws(ParseError) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = text.dropFirst(digits.count).drop { $0 == " " }
        guard !digits.isEmpty else {
            throw ParseError(
                reason: "\"\(text)\" is no duration",
                remedy: "write digits and a unit, for example 90s, 15m, 8h, 5d or 10y")
        }
        guard !suffix.isEmpty else {
            throw ParseError(
                reason: "\"\(text)\" has no unit", remedy: "write for example \(digits)s, \(digits)m or \(digits)d")
        }
        guard let unit = Unit(rawValue: String(suffix)) ?? Self.spelledOut(suffix) else {
            throw ParseError(
                reason: "\"\(suffix)\" is no unit of time",
                remedy: "write one of ms, s (seconds), m (minutes), h (hours), d (days), w (weeks) or y (years)")
        }
        guard let count = Int64(digits), count <= Self.longest / unit.milliseconds else {
            throw ParseError(reason: "\"\(text)\" is longer than 1000 years", remedy: "write at most 1000y")
        }
        self.init(count, unit)
    }

    private static func spelledOut(_ suffix: Substring) -> Unit? {
        switch suffix.lowercased() {
        case "sec", "secs", "second", "seconds": .seconds
        case "min", "mins", "minute", "minutes": .minutes
        case "hour", "hours": .hours
        case "day", "days": .days
        case "week", "weeks": .weeks
        case "year", "years": .years
        default: nil
        }
    }

    public var milliseconds: Int64 { count * unit.milliseconds }
    public var microseconds: Int64 { milliseconds * 1_000 }
    public var duration: Duration { .milliseconds(milliseconds) }
    public var description: String { "\(count)\(unit.rawValue)" }
}
