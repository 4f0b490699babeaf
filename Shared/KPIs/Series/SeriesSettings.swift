public import BusinessTime

/// For how long after its end a window can still change, by the newest event time of its partition.
public struct SeriesHistory: Hashable, Sendable {
    private static let microsPerDay: Micros = 86_400_000_000

    /// Microseconds from a window's end to the newest event time.
    public var hours: Micros
    /// For days and weeks.
    public var days: Micros
    /// For months, quarters and years.
    public var months: Micros

    /// 8 days for hours, 400 days for days and weeks, 10 years (3,653 days) for months and longer.
    public static let standard = SeriesHistory(hours: 8, days: 400, months: 3_653)

    /// Everything stays live: for tests of order-freedom over long logs.
    public static let unlimited = SeriesHistory(hours: 4_000_000, days: 4_000_000, months: 4_000_000)

    /// - Parameters: Days; each counts as 86,400 s, at most 4,000,000.
    public init(hours: Int64, days: Int64, months: Int64) {
        func micros(_ days: Int64) -> Micros { min(max(days, 0), 4_000_000) * SeriesHistory.microsPerDay }
        self.hours = micros(hours)
        self.days = micros(days)
        self.months = micros(months)
    }

    package func length(of kind: WindowKind) -> Micros {
        switch kind {
        case .hour: hours
        case .day, .week: days
        default: months
        }
    }
}

/// What a series stage publishes with.
public struct SeriesSettings: Sendable {
    /// CloudEvents `source`, such as `deskbeat/ticketing`.
    public var source: String
    /// CloudEvents `dataschema` of `deskbeat.kpi.updated`.
    public var dataSchema: String
    /// Generation of the state; raised by a rebuild, so that ids never repeat.
    public var generation: UInt32
    /// Version of the rules file, as published in every update.
    public var rulesVersion: Int64
    /// Shortest wall time between two updates of one key, in microseconds.
    public var emitInterval: Micros
    /// Fewer than this many entities make `small_sample: true`.
    public var minimumSample: Int64
    public var history: SeriesHistory
    /// The reporting currency, which money is published in, and the decimal places of its amounts.
    public var currency = "EUR"
    public var currencyDigits = 2
    /// Those of KPIs that the catalogue does not have, and those that do not fit theirs (``Goal/mismatch(with:)``), are
    /// passed over.
    public var goals: [Goal] = []
    public var benchmarks: [Benchmark] = []

    /// How many minor units a unit of the currency has.
    var minorUnits: Double { (0..<currencyDigits).reduce(1.0) { units, _ in units * 10 } }

    public init(
        source: String, dataSchema: String, generation: UInt32 = 1, rulesVersion: Int64 = 1,
        emitInterval: Micros = 5_000_000, minimumSample: Int64 = 30, history: SeriesHistory = .standard
    ) {
        self.source = source
        self.dataSchema = dataSchema
        self.generation = generation
        self.rulesVersion = rulesVersion
        self.emitInterval = emitInterval
        self.minimumSample = minimumSample
        self.history = history
    }
}
