public import BusinessTime

/// What a KPI is to reach.
///
/// On rolling windows and `now` a goal is a state, which is missed or met; on calendar windows it is a verdict on each
/// window, once that is closed and settled.
public struct Goal: Hashable, Sendable {
    public enum Comparison: String, CaseIterable, Hashable, Sendable {
        case below = "<"
        case atMost = "<="
        case above = ">"
        case atLeast = ">="

        /// Whether smaller values are the better ones.
        public var wantsLess: Bool { self == .below || self == .atMost }

        public func holds(_ value: Double, _ target: Double) -> Bool {
            switch self {
            case .below: value < target
            case .atMost: value <= target
            case .above: value > target
            case .atLeast: value >= target
            }
        }
    }

    /// Which of a KPI's figures is judged.
    public enum Statistic: String, CaseIterable, Hashable, Sendable {
        /// The KPI's own value.
        case value
        case count
        case p50
        case p90
        case p95
        case p99
        /// Of the ages of what a gauge counts.
        case max
    }

    /// What a relative goal is measured against.
    public enum Baseline: Hashable, Sendable {
        /// The window before.
        case previous
        /// A window of the calendar, for example October 2026.
        case window(WindowKind, bucket: Int64)
    }

    /// In the unit in which the KPI is published: seconds, 0 to 1 for a proportion, whole units of a currency.
    public enum Target: Hashable, Sendable {
        case value(Double)
        /// The baseline's figure times 1 + `share`.
        case change(share: Double, Baseline)
        /// The best figure of the last windows, of 1 to ``largestCount`` of them.
        case best(ofLast: Int)

        public static let largestCount = 24
    }

    /// How far beyond its target a figure must be before a missed goal is met again.
    public enum Hysteresis: Hashable, Sendable {
        case value(Double)
        /// A share of the target.
        case share(Double)
    }

    public enum Severity: String, CaseIterable, Hashable, Sendable {
        case critical
        case error
        case warning
        case info
    }

    /// Unique; stands in record keys and in stored state.
    public var name: String
    /// Id of the KPI.
    public var kpi: String
    public var statistic = Statistic.value
    public var window: WindowKind
    /// The series that it is about: each of these dimensions with a value, nil for every value. None: the overall one.
    public var dimensions: [String: String?] = [:]
    public var comparison: Comparison
    public var target: Target
    /// The day number of the local date by which the target is to be reached: what ends before is not judged.
    public var by: Int64?
    public var severity = Severity.warning
    /// With fewer entities than this nothing is judged. Figures that count entities have all the entities there are.
    public var minimumSamples: Int64 = 1
    public var hysteresis = Hysteresis.value(0)
    /// For how long a state must hold before it is told: microseconds.
    public var delay: Micros = 900_000_000
    /// Where it stands, for messages: `rules.yaml:12:5`.
    public var place = ""

    public init(name: String, kpi: String, window: WindowKind, comparison: Comparison, target: Target) {
        self.name = name
        self.kpi = kpi
        self.window = window
        self.comparison = comparison
        self.target = target
    }

    /// FNV-1a over the name, by which stored states know it.
    var code: UInt64 {
        name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Whether it is about the series of a cell.
    func matches(_ cell: [(name: String, value: String)]) -> Bool {
        guard cell.count == dimensions.count else { return false }
        return cell.allSatisfy { dimension in
            guard let wanted = dimensions[dimension.name] else { return false }
            return wanted.map { $0 == dimension.value } ?? true
        }
    }

    /// Why it cannot be judged on a KPI, as a clause with a remedy; nil when it can.
    public func mismatch(with definition: KPIDefinition) -> String? {
        guard definition.id == kpi else { return nil }
        switch definition.formula {
        case .profile, .staffing, .ranking: return "\(kpi) is no single figure; set a goal for another KPI"
        default: break
        }
        switch target {
        case .value: break
        case .change:
            if window == .now { return "what is now has no windows to compare with; write a target" }
        case .best:
            if !window.isCalendar { return "\(window.name) has no windows before it to be better than; write a target" }
        }
        let hasQuantiles =
            switch definition.formula {
            case .duration(_, let quantiles): quantiles
            case .ages: true
            default: false
            }
        let hasAges = definition.formula.measures.first?.kind == .instants && window == .now
        switch statistic {
        case .value: return nil
        case .count: return definition.hasCount ? nil : "\(kpi) has no count; leave statistic out"
        case .p50, .p90: return hasQuantiles || hasAges ? nil : "\(kpi) has no quantiles; leave statistic out"
        case .p95, .p99: return hasQuantiles ? nil : "\(kpi) has no \(statistic.rawValue); leave statistic out"
        case .max: return hasAges ? nil : "\(kpi) has no largest age; leave statistic out"
        }
    }
}
