internal import BusinessTime

/// What a figure is compared with: the window before, a week and a year ago, and its own course.
extension SeriesStore {
    /// A trend rests on so many windows at most.
    static let trendWindows: Int64 = 14
    static let leastTrendWindows = 8

    /// The figures of a KPI in a calendar window, as of now, if anything was counted there.
    func figures(_ kpi: Int, cell: UInt32, _ kind: WindowKind, _ number: Int64) -> Figures? {
        guard let window = windows.find(kind, number), let bucket = slab.find(cell: cell, window: window) else {
            return nil
        }
        let figures = figures(catalogue.definitions[kpi], .bucket(bucket), cell: cell, window: window)
        return figures.isSubstantial ? figures : nil
    }

    /// The figures in the window before, as of now, if anything was counted there.
    func figuresBefore(_ kpi: Int, cell: UInt32, window: UInt32) -> Figures? {
        let definition = catalogue.definitions[kpi]
        let kind = windows[window].kind
        if kind.isCalendar { return figures(kpi, cell: cell, kind, windows[window].predecessor) }
        guard let base = kind.rollingBase, let bounds = rollingBounds[SeriesStore.rollingIndex(kind)] else {
            return nil
        }
        let start: Micros
        if base.kind == .hour {
            start = bounds.start - (bounds.end - bounds.start)
        } else {
            start = zone.startOfDay(zone.day(at: bounds.start).number - base.count)
        }
        let range = windows.range(base.kind, in: zone.bounds(from: start, to: bounds.start))
        let figures = figures(definition, .span(cell: cell, windows: range), cell: cell, window: window)
        return figures.isSubstantial ? figures : nil
    }

    /// The value in the window before.
    func previous(_ kpi: Int, _ cell: UInt32, _ window: UInt32) -> KPIUpdate.Previous? {
        let definition = catalogue.definitions[kpi]
        let kind = windows[window].kind
        if kind == .now || definition.formula.reach > 1 { return nil }
        if case .level(let measure) = definition.formula {
            // Before the first live window nothing is known any more.
            guard isLive(kind, end: windows[window].bounds.start) else { return nil }
            return KPIUpdate.Previous(integer: levelBefore(measure, cell: cell, window: window), value: nil)
        }
        return figuresBefore(kpi, cell: cell, window: window).map(KPIUpdate.Previous.init)
    }

    /// Adds what a figure was a week and a year ago, and its trend.
    func compare(_ update: inout KPIUpdate, _ cell: UInt32, _ window: UInt32) {
        let kind = windows[window].kind
        guard kind.isCalendar, catalogue.definitions[update.kpi].formula.reach == 1 else { return }
        if let number = weekBefore(windows[window]) {
            update.weekAgo = figures(update.kpi, cell: cell, kind, number).map(KPIUpdate.Previous.init)
        }
        if let distance = SeriesStore.windowsPerYear(kind) {
            let number = windows[window].bucket - distance
            update.yearAgo = figures(update.kpi, cell: cell, kind, number).map(KPIUpdate.Previous.init)
        }
        update.trend = trend(update.kpi, cell, window)
    }

    /// The same weekday, or hour of the week; for longer windows that is the one before, or none.
    private func weekBefore(_ window: Window) -> Int64? {
        switch window.kind {
        case .day: return window.bucket - 7
        case .hour:
            let hour = HourBucket(packed: window.bucket)
            let second = (hour.hour - hour.day.number * 24) * 3_600
            return zone.hour(at: zone.instant(ofDay: hour.day.number - 7, second: second)).packed
        default: return nil
        }
    }

    /// 52 weeks for days, so that weekdays are compared with their like.
    private static func windowsPerYear(_ kind: WindowKind) -> Int64? {
        switch kind {
        case .day: 364
        case .week: 52
        case .month: 12
        case .quarter: 4
        default: nil
        }
    }

    /// The course of the last closed windows; nil with too few of them. An hour's course is that of the day, not a trend.
    private func trend(_ kpi: Int, _ cell: UInt32, _ window: UInt32) -> TheilSen? {
        let definition = catalogue.definitions[kpi]
        let kind = windows[window].kind
        if kind == .hour { return nil }
        let last = windows[window].isClosed ? windows[window].bucket : windows[window].predecessor
        var points: [(x: Double, y: Double)] = []
        var gaps: [Double] = []
        for distance in 0..<SeriesStore.trendWindows {
            let x = Double(-distance)
            guard let figures = figures(kpi, cell: cell, kind, last - distance) else {
                gaps.append(x)
                continue
            }
            // What has not settled yet would pull the end of the course down, or up.
            if figures.hasSettled, let value = published(figures, definition) { points.append((x, value)) }
        }
        if case .count = definition.formula, let first = points.last?.x {
            // Nothing came in these windows; before the first one nothing is known.
            points += gaps.filter { $0 > first }.map { ($0, 0) }
        }
        return points.count >= SeriesStore.leastTrendWindows ? TheilSen(points.sorted { $0.x < $1.x }) : nil
    }

    /// The value in the unit in which it is published.
    func published(_ figures: Figures, _ definition: KPIDefinition) -> Double? {
        guard let value = figures.valueAsDouble else { return nil }
        return definition.unit == .money ? value / settings.minorUnits : value
    }
}

extension KPIUpdate.Previous {
    init(_ figures: Figures) {
        self.init(integer: figures.integer, value: figures.value)
    }
}
