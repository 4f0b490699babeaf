internal import BusinessTime

/// The KPIs of a service, checked as a whole.
public struct KPICatalogue: Sendable {
    /// A contradiction in a catalogue: an error of the program that defines it, or a KPI name that a rules file invents.
    public enum Mistake: Error, Hashable, Sendable, CustomStringConvertible {
        case duplicateMeasure(UInt16)
        case duplicateCode(UInt16)
        case duplicateName(String)
        case wrongMeasure(kpi: String, measure: String)
        case wrongWindows(kpi: String)
        case unknownName(String)

        public var description: String {
            switch self {
            case .duplicateMeasure(let id): "two measures have the id \(id)"
            case .duplicateCode(let code): "two KPIs have the code \(code)"
            case .duplicateName(let name): "two KPIs have the name '\(name)' in the same window"
            case .wrongMeasure(let kpi, let measure): "KPI '\(kpi)' cannot be computed from the measure '\(measure)'"
            case .wrongWindows(let kpi): "KPI '\(kpi)' has a window in which its formula has no meaning"
            case .unknownName(let name): "there is no KPI named '\(name)'"
            }
        }
    }

    /// Sorted by id; contains those of all KPIs ever defined here, published or not.
    public let measures: [Measure]
    /// All KPIs, in the order given.
    public let definitions: [KPIDefinition]
    /// For each of `definitions` the windows in which it is published: its own, restricted by the rules.
    public let enabledWindows: [WindowSet]

    private let baseBuckets: [BaseBucket?]

    /// - Parameters:
    ///   - definitions: All KPIs of the service.
    ///   - only: Names of the KPIs to publish; nil for all.
    ///   - windows: The windows to publish; `now` is not restricted by it.
    public init(
        _ definitions: [KPIDefinition], only: Set<String>? = nil, windows: WindowSet = .periods
    ) throws(Mistake) {
        if let unknown = (only ?? []).sorted().first(where: { name in !definitions.contains { $0.id == name } }) {
            throw .unknownName(unknown)
        }
        var measures: [UInt16: Measure] = [:]
        var codes: Set<UInt16> = []
        var names: [String: WindowSet] = [:]
        for definition in definitions {
            guard codes.insert(definition.code).inserted else { throw .duplicateCode(definition.code) }
            var name = definition.id
            if case .ranking(let formula) = definition.formula { name += " by \(formula.by)" }
            guard names[name, default: []].isDisjoint(with: definition.windows) else {
                throw .duplicateName(definition.id)
            }
            names[name, default: []].formUnion(definition.windows)
            try KPICatalogue.check(definition)
            for measure in definition.measures {
                guard measures[measure.id] == nil || measures[measure.id] == measure else {
                    throw .duplicateMeasure(measure.id)
                }
                measures[measure.id] = measure
            }
        }
        self.measures = measures.values.sorted { $0.id < $1.id }
        self.definitions = definitions
        let enabledWindows = definitions.map { definition in
            only.map { $0.contains(definition.id) } ?? true ? definition.windows.intersection(windows.union(.now)) : []
        }
        self.enabledWindows = enabledWindows
        baseBuckets = self.measures.map { measure in
            KPICatalogue.baseBucket(
                of: measure,
                in: zip(definitions, enabledWindows).reduce(into: []) { windows, kpi in
                    if kpi.0.measures.contains(measure) { windows.formUnion(kpi.1) }
                })
        }
    }

    /// Whether the KPI with an index in ``definitions`` is published at all.
    public func isEnabled(_ index: Int) -> Bool { !enabledWindows[index].isEmpty }

    /// The base bucket in which contributions to a measure are to be kept; nil when no published KPI reads it.
    ///
    /// - Precondition: The measure belongs to the catalogue.
    public func baseBucket(of measure: Measure) -> BaseBucket? {
        guard let index = measures.firstIndex(of: measure) else {
            preconditionFailure("the measure \(measure.name) is in no definition")
        }
        return baseBuckets[index]
    }

    /// Whether months are published of a KPI, so that levels are known at their ends.
    func keepsMonths(_ definition: KPIDefinition) -> Bool {
        definitions.firstIndex { $0.code == definition.code }.map { enabledWindows[$0].contains(.month) } ?? false
    }

    /// For how long, microseconds, windows of a calendar kind are still needed when they can no longer change: figures of later
    /// windows are made of theirs.
    func reachBack(of kind: WindowKind) -> Int64 {
        let day: Int64 = 86_400_000_000
        return zip(definitions, enabledWindows).reduce(0) { most, kpi in
            if kind == .month, kpi.0.readsMonths, !kpi.1.isEmpty { return max(most, 366 * day) }
            guard kpi.1.contains(kind), kpi.0.formula.reach > 1 else { return most }
            return max(most, (kpi.0.formula.reach - 1) * (kind == .week ? 7 : 31) * day)
        }
    }

    /// Position of a measure in ``measures``.
    func index(ofMeasure id: UInt16) -> Int? {
        var low = 0
        var high = measures.count
        while low < high {
            let middle = (low + high) / 2
            if measures[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < measures.count && measures[low].id == id ? low : nil
    }

    private static func baseBucket(of measure: Measure, in windows: WindowSet) -> BaseBucket? {
        if windows.isEmpty { return nil }
        if measure.kind.isGauge { return BaseBucket.none }
        if windows.contains(.hour) || windows.contains(.rolling24Hours) { return .hour }
        return .day
    }

    private static func check(_ definition: KPIDefinition) throws(Mistake) {
        let allowed: WindowSet
        let kinds: [MeasureKind]
        switch definition.formula {
        case .count:
            allowed = .periods
            kinds = [.count, .sum, .distribution]
        case .duration(_, let quantiles):
            allowed = .periods
            kinds = quantiles ? [.distribution] : [.sum, .distribution]
        case .proportion:
            allowed = .periods
            kinds = [.count, .sum, .distribution]
        case .mean:
            allowed = .periods
            kinds = [.sum, .distribution]
        case .netPromoterScore:
            allowed = .periods
            kinds = [.count, .sum, .distribution]
        case .total, .ratio, .ratioOfRatios:
            let levels = definition.formula.terms.filter(\.isLevel)
            if levels.isEmpty {
                allowed = .periods
            } else if levels.count == definition.formula.terms.count, levels.allSatisfy({ $0.part == .levelAtEnd }) {
                allowed = .calendar.subtracting(.hour).union(.now)
            } else {
                allowed = .calendar.subtracting(.hour)
            }
            for term in definition.formula.terms where term.isLevel != (term.measure.kind == .levelDelta) {
                throw .wrongMeasure(kpi: definition.id, measure: term.measure.name)
            }
            kinds = [.count, .sum, .distribution, .levelDelta]
        case .lifetimeValue:
            allowed = [.month, .quarter, .year]
            kinds = [.sum, .levelDelta]
        case .level:
            allowed = [.hour, .day]
            kinds = [.levelDelta]
        case .gauge:
            allowed = .now
            kinds = [.gauge, .levelDelta, .instants]
        case .ages:
            allowed = .now
            kinds = [.instants]
        case .profile:
            allowed = .week
            kinds = [.histogram]
        case .staffing(let formula):
            allowed = .week
            guard formula.arrivals.kind == .histogram, formula.handleTime.kind.hasSum else {
                throw .wrongMeasure(kpi: definition.id, measure: formula.arrivals.name)
            }
            kinds = [.histogram, .sum, .distribution]
        case .ranking:
            allowed = .month
            kinds = [.count]
        }
        guard !definition.windows.isEmpty, allowed.isSuperset(of: definition.windows) else {
            throw .wrongWindows(kpi: definition.id)
        }
        for measure in definition.formula.measures where !kinds.contains(measure.kind) {
            throw .wrongMeasure(kpi: definition.id, measure: measure.name)
        }
        for requirement in definition.requirements {
            let kind: MeasureKind = if case .everyDay = requirement { .days } else { .levelDelta }
            guard requirement.measure.kind == kind else {
                throw .wrongMeasure(kpi: definition.id, measure: requirement.measure.name)
            }
        }
        if let measure = definition.settledBy, measure.kind != .days {
            throw .wrongMeasure(kpi: definition.id, measure: measure.name)
        }
        let isGauge = if case .gauge = definition.formula { true } else { false }
        for companion in definition.companions
        where companion.measure.kind == .levelDelta || companion.measure.kind.isGauge != isGauge
            || (companion.isMoney && !companion.measure.kind.hasSum)
        {
            throw .wrongMeasure(kpi: definition.id, measure: companion.measure.name)
        }
    }
}
