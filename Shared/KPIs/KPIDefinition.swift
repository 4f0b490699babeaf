public import BusinessTime

/// The unit that an update names.
public enum KPIUnit: String, Hashable, Sendable {
    case count
    case gauge
    case seconds
    case proportion
    /// A mean of something that is no duration: scores, replies per ticket.
    case mean
    case points
    /// Anything over anything that is not a count of entities out of a count of entities.
    case ratio
    /// Minor units of the reporting currency.
    case money
}

/// A set of window kinds.
public struct WindowSet: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    public init(_ kind: WindowKind) {
        rawValue = 1 << UInt16(kind.rawValue)
    }

    public static let hour = WindowSet(.hour)
    public static let day = WindowSet(.day)
    public static let week = WindowSet(.week)
    public static let month = WindowSet(.month)
    public static let quarter = WindowSet(.quarter)
    public static let year = WindowSet(.year)
    public static let rolling: WindowSet = [
        WindowSet(.rolling24Hours), WindowSet(.rolling7Days), WindowSet(.rolling30Days),
    ]
    public static let now = WindowSet(.now)
    public static let calendar: WindowSet = [.hour, .day, .week, .month, .quarter, .year]
    /// All but `now`.
    public static let periods: WindowSet = [.calendar, .rolling]

    public func contains(_ kind: WindowKind) -> Bool { contains(WindowSet(kind)) }

    public var kinds: [WindowKind] { WindowKind.allCases.filter { contains($0) } }
}

/// When the verdicts of a proportion are final.
public struct Maturity: Hashable, Sendable {
    /// Entities of the bucket without a verdict yet; they count in neither term.
    public let pending: Measure
    /// Microseconds from an entity's attribution instant until its verdict can no longer change.
    public let settlesAfter: Micros

    public init(pending: Measure, settlesAfter: Micros) {
        self.pending = pending
        self.settlesAfter = settlesAfter
    }
}

/// How a KPI's figures follow from its measures.
public enum KPIFormula: Hashable, Sendable {
    /// The number of contributions.
    case count(Measure)
    /// The mean in seconds of durations kept in milliseconds, with the quantiles p50, p90, p95, p99 if asked for.
    case duration(Measure, quantiles: Bool)
    /// A count of entities out of a count of entities, with its Wilson 95 % interval.
    case proportion(numerator: Measure, denominator: Measure, maturity: Maturity?)
    /// The sum of the measure's values, kept in units of 1 / `scale`, over their number.
    case mean(Measure, scale: Int64)
    /// The net promoter score with its interval (``NetPromoterScore``).
    case netPromoterScore(promoters: Measure, passives: Measure, detractors: Measure)
    /// The sum of its terms.
    case total([Term])
    /// The sum of its terms over the sum of others; null when that is 0. As money: a quotient, rounded half to even.
    case ratio([Term], over: [Term], terms: TermUnit)
    /// A ratio of two ratios; null when one of them is, or the second one is 0.
    case ratioOfRatios(TermRatio, over: TermRatio)
    /// What a customer is worth (``LifetimeValue``), as money.
    case lifetimeValue(LifetimeValue)
    /// The level at the end of each window: the sum of all changes before it.
    case level(Measure)
    /// The sum of everything, now; with `age` beside where the measure keeps instants.
    case gauge(Measure)
    /// The mean in seconds, with quantiles, of the ages of all that a measure of instants holds, now.
    case ages(Measure)
    /// What happens in each hour of the local week, as the mean of the last weeks.
    case profile(Measure)
    /// How many agents each hour of the local week needs.
    case staffing(StaffingFormula)
    /// The agents of a team by a proportion, over the last months.
    case ranking(RankingFormula)

    /// Over how many windows, the one it is published for included, it reaches back. Beyond one it speaks of closed
    /// windows only.
    package var reach: Int64 {
        switch self {
        case .profile, .staffing: HourOfWeek.weeks
        case .ranking: RankingFormula.months
        default: 1
        }
    }

    /// Whether its figures are made of those of detail cells.
    package var isMadeOfDetails: Bool {
        if case .ranking = self { true } else { false }
    }

    /// The measures that it reads.
    public var measures: [Measure] {
        switch self {
        case .count(let measure), .duration(let measure, _), .mean(let measure, _), .level(let measure),
            .gauge(let measure), .ages(let measure), .profile(let measure):
            [measure]
        case .staffing(let formula): [formula.arrivals, formula.handleTime]
        case .ranking(let formula): [formula.positive, formula.all]
        case .netPromoterScore(let promoters, let passives, let detractors): [promoters, passives, detractors]
        case .total, .ratio, .ratioOfRatios, .lifetimeValue: terms.map(\.measure)
        case .proportion(let numerator, let denominator, let maturity):
            [numerator, denominator] + (maturity.map { [$0.pending] } ?? [])
        }
    }

    var terms: [Term] {
        switch self {
        case .total(let terms): terms
        case .ratio(let numerator, let denominator, _): numerator + denominator
        case .ratioOfRatios(let first, let second): first.above + first.below + second.above + second.below
        case .lifetimeValue(let value): value.terms
        default: []
        }
    }

    /// The `statistic` of an update.
    public var statistic: String {
        switch self {
        case .count: "count"
        case .duration, .mean, .ages: "mean"
        case .profile: "weekly_mean"
        case .staffing: "peak"
        case .proportion, .ranking: "proportion"
        case .netPromoterScore: "net_promoter_score"
        case .total: "total"
        case .ratio, .ratioOfRatios: "ratio"
        case .lifetimeValue: "mean"
        case .level: "level"
        case .gauge: "gauge"
        }
    }
}

/// One sum of terms over another.
public struct TermRatio: Hashable, Sendable {
    public let above: [Term]
    public let below: [Term]

    public init(_ above: [Term], over below: [Term]) {
        self.above = above
        self.below = below
    }
}

/// What the terms of a ratio are.
public enum TermUnit: Hashable, Sendable {
    case count
    /// Minor units.
    case money
}

/// A count that is published beside a KPI's value, such as `open` beside `first_response_time`.
public struct CompanionCount: Hashable, Sendable {
    /// The member's name in `data`.
    public let name: String
    public let measure: Measure
    /// The sum of the measure's values, minor units, instead of their number.
    public let isMoney: Bool

    public init(_ name: String, _ measure: Measure, isMoney: Bool = false) {
        self.name = name
        self.measure = measure
        self.isMoney = isMoney
    }
}

/// A member of `data` that is the same in every update of a KPI, such as what it is counted over.
public struct FixedMember: Hashable, Sendable {
    public let name: String
    /// Its value.
    public let json: String

    public init(_ name: String, json: String) {
        self.name = name
        self.json = json
    }
}

/// A word in an update's `flags` that says something about its value.
public struct ValueFlag: Hashable, Sendable {
    public let name: String
    /// It stands while the value is below this one; never beside `null`.
    public let below: Double

    public init(_ name: String, below: Double) {
        self.name = name
        self.below = below
    }
}

/// What must be known before a KPI has a value.
public enum Requirement: Hashable, Sendable {
    /// Something of every day of the window: a measure of kind `days`.
    case everyDay(Measure)
    /// Nothing of this level, at the window's end.
    case nothing(Measure)

    var measure: Measure {
        switch self {
        case .everyDay(let measure), .nothing(let measure): measure
        }
    }
}

/// The cells for which a KPI is published, by the names of their dimensions (sorted; none: the overall cell).
public enum CellFilter: Hashable, Sendable {
    case all
    case only([[String]])
    case except([[String]])

    package func admits(_ names: [String]) -> Bool {
        switch self {
        case .all: true
        case .only(let lists): lists.contains(names)
        case .except(let lists): !lists.contains(names)
        }
    }
}

/// A KPI as data.
public struct KPIDefinition: Hashable, Sendable {
    /// Stable number in stored records; never changed, never used again within a service.
    public let code: UInt16
    /// The name in series ids.
    public let id: String
    public let unit: KPIUnit
    public let formula: KPIFormula
    /// The windows in which it is published.
    public let windows: WindowSet
    public let cells: CellFilter
    public let companions: [CompanionCount]
    /// Publishes `rate_per_day` beside a count.
    public let ratePerDay: Bool
    /// Where hour windows are published for a shorter time than they are kept: microseconds from their end to the newest
    /// event time.
    public let hourHistory: Micros?
    public let flags: [ValueFlag]
    public let fixed: [FixedMember]
    /// What `count` says, where it is not said by the formula.
    public let countedBy: [Term]
    /// Where there is nothing of which `count` could be the number it is null.
    public let hasCount: Bool
    /// As long as this level is not 0, every window up to now is published, also when nothing happened in it.
    public let carriedBy: Measure?
    /// Without one of these the value is null.
    public let requirements: [Requirement]
    /// Days that are complete: a window is settled when it has all of its own among them.
    public let settledBy: Measure?
    /// A gauge that is published each minute while it is not 0, because what it counts means something else by then.
    public let isTimed: Bool

    public init(
        code: UInt16, id: String, unit: KPIUnit, formula: KPIFormula, windows: WindowSet, cells: CellFilter = .all,
        companions: [CompanionCount] = [], ratePerDay: Bool = false, hourHistory: Micros? = nil,
        flags: [ValueFlag] = [],
        countedBy: [Term] = [], hasCount: Bool = true, carriedBy: Measure? = nil, fixed: [FixedMember] = [],
        requirements: [Requirement] = [], settledBy: Measure? = nil, everyMinute: Bool = false
    ) {
        self.code = code
        self.id = id
        self.unit = unit
        self.formula = formula
        self.windows = windows
        self.cells = cells
        self.companions = companions
        self.ratePerDay = ratePerDay
        self.hourHistory = hourHistory
        self.flags = flags
        self.countedBy = countedBy
        self.hasCount = hasCount
        self.fixed = fixed
        self.carriedBy = carriedBy
        self.requirements = requirements
        self.settledBy = settledBy
        isTimed = everyMinute || formula.measures.contains { $0.kind == .instants }
    }

    /// Whether it means something else in a window that is open when another month has begun.
    var readsMonths: Bool {
        if case .lifetimeValue = formula { true } else { false }
    }

    /// All measures that it reads, companions included.
    public var measures: [Measure] {
        formula.measures + companions.map(\.measure) + countedBy.map(\.measure) + (carriedBy.map { [$0] } ?? [])
            + requirements.map(\.measure) + (settledBy.map { [$0] } ?? [])
    }

    /// The levels that it reads at the ends of windows.
    var levels: [Measure] {
        (formula.terms + countedBy).filter(\.isLevel).map(\.measure) + (carriedBy.map { [$0] } ?? [])
            + requirements.compactMap { if case .nothing(let level) = $0 { level } else { nil } }
    }
}
