internal import BusinessTime

/// Where contributions to each measure go, for the cells with one list of dimension names: worked out once, so that
/// applying a contribution only walks small arrays of numbers.
struct SeriesPlan {
    /// One kind of window in which a measure is kept. A class, because a struct's lists would be counted references of their own
    /// each time that it is handed on.
    final class Target: Sendable {
        let kind: WindowKind
        /// Indices of the KPIs that read the measure in these windows.
        let kpis: [UInt16]
        /// How many windows read the measure's figures in one of these.
        let reach: Int64
        /// Whether later windows that can still change rest on the measure's sums in one of these.
        let isRestedOn: Bool
        /// The same for the rolling windows which are made of these.
        let rolling: [(kind: WindowKind, kpis: [UInt16])]

        init(_ draft: Draft) {
            kind = draft.kind
            kpis = draft.kpis
            reach = draft.reach
            isRestedOn = draft.isRestedOn
            rolling = draft.rolling
        }
    }

    /// A target while it is being worked out.
    struct Draft {
        let kind: WindowKind
        var kpis: [UInt16] = []
        var reach: Int64 = 1
        var isRestedOn = false
        var rolling: [(kind: WindowKind, kpis: [UInt16])] = []
    }

    /// By the measure's index in the catalogue.
    let targets: [[Target]]
    /// By window kind: the levels, as indices of measures, that its buckets keep track of even while they do not change.
    let trackedLevels: [[UInt16]]
    /// For the cells' JSON and for look-ups.
    let dimensionNames: [String]
    /// Whether the cells are parts of others, which have the KPIs.
    let isDetail: Bool

    init(_ catalogue: KPICatalogue, dimensionNames: [String], isDetail: Bool) {
        self.dimensionNames = dimensionNames
        self.isDetail = isDetail
        targets = catalogue.measures.map { SeriesPlan.targets(of: $0, catalogue, dimensionNames, isDetail) }
        trackedLevels = WindowKind.allCases.map { kind in
            guard kind.isCalendar else { return [] }
            var tracked: Set<UInt16> = []
            for (index, definition) in catalogue.definitions.enumerated()
            where catalogue.enabledWindows[index].contains(kind) && definition.cells.admits(dimensionNames) {
                for level in definition.levels {
                    catalogue.index(ofMeasure: level.id).map { _ = tracked.insert(UInt16($0)) }
                }
            }
            return tracked.sorted()
        }
    }

    private static func targets(
        of measure: Measure, _ catalogue: KPICatalogue, _ names: [String], _ isDetail: Bool
    ) -> [Target] {
        var targets: [Draft] = []
        func with(_ kind: WindowKind, _ change: (inout Draft) -> Void) {
            let index = targets.firstIndex { $0.kind == kind }
            var target = index.map { targets[$0] } ?? Draft(kind: kind)
            change(&target)
            if let index { targets[index] = target } else { targets.append(target) }
        }
        for (index, definition) in catalogue.definitions.enumerated()
        where definition.measures.contains(measure) && definition.cells.admits(names)
            && definition.formula.isMadeOfDetails == isDetail
        {
            for kind in catalogue.enabledWindows[index].kinds {
                guard let base = kind.rollingBase?.kind else {
                    with(kind) {
                        $0.kpis.append(UInt16(index))
                        $0.reach = max($0.reach, definition.formula.reach)
                        let restsOnMonths = kind == .month && definition.readsMonths && measure.kind == .levelDelta
                        $0.isRestedOn = $0.isRestedOn || $0.reach > 1 || restsOnMonths
                    }
                    continue
                }
                with(base) { target in
                    if let known = target.rolling.firstIndex(where: { $0.kind == kind }) {
                        target.rolling[known].kpis.append(UInt16(index))
                    } else {
                        target.rolling.append((kind, [UInt16(index)]))
                    }
                }
            }
            // The level after everything, from which the level at each window's end is counted back; and whether a profile's
            // series is older than the weeks that are kept of it.
            if measure.kind == .levelDelta || measure.kind == .histogram, catalogue.isEnabled(index) {
                with(.now) { _ in }
            }
        }
        // What is now comes first: the weeks are compared with it.
        func order(_ kind: WindowKind) -> Int { kind == .now ? -1 : Int(kind.rawValue) }
        return targets.sorted { order($0.kind) < order($1.kind) }.map { Target($0) }
    }
}
