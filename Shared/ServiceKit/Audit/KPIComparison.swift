import BusinessTime
import KPIs
import Kafka
import SupportEvents

/// The KPI updates that are on the topic against those that the batch finds, both ways.
struct KPIComparison {
    /// What is known of the clock of one series task: it was there when the reading began, and no further when it ended.
    typealias ClockRange = ClosedRange<Int64>

    let kpis: BatchKPIs
    /// By partition of the cells.
    let clocks: [ClockRange]
    /// No task has seen a later event time.
    let newest: Int64
    /// From when on the rules hold.
    let rulesSince: Int64
    let options: AuditOptions
    /// Whether the alerts topic may have lost old updates by its retention.
    let hasRetired: Bool

    /// By partition of the cells: the latest event time that it has seen for sure.
    private var seenFor: [Int64]
    private var manyValued: Set<String> = []
    private var seen: Set<UInt64> = []
    /// Whether something that was published under earlier rules is the last word on its window.
    private var hasEarlierRules = false
    /// Differences in windows that had ended before the rules came: none if there were earlier ones.
    private var uncertain: [AuditReport.Difference] = []

    init(
        kpis: BatchKPIs, clocks: [ClockRange], newest: Int64, rulesSince: Int64, options: AuditOptions, hasRetired: Bool
    ) {
        self.rulesSince = rulesSince
        self.kpis = kpis
        self.clocks = clocks
        self.newest = newest
        self.options = options
        self.hasRetired = hasRetired
        seenFor = clocks.map { _ in Int64.min }
        var values: [String: Set<String>] = [:]
        for (cell, key) in kpis.table.cellKeys.enumerated() {
            let partition = partition(of: key)
            seenFor[partition] = max(seenFor[partition], kpis.table.newest[cell])
            for (name, value) in CellKey(bytes: key)?.dimensions ?? [] { values[name, default: []].insert(value) }
        }
        manyValued = Set(values.filter { $0.value.count > 1_000 }.keys)
    }

    private func partition(of cell: [UInt8]) -> Int {
        Int(Partitioner.partition(key: cell.isEmpty ? [UInt8(ascii: "~")] : cell, count: Int32(clocks.count)))
    }

    // MARK: Liveness

    private enum Life { case live, over, unsure }

    /// Whether a window can still change.
    private func life(_ definition: KPIDefinition, _ window: BatchWindow, _ partition: Int) -> Life {
        guard window.kind.isCalendar else { return .live }
        var length = kpis.settings.history.length(of: window.kind)
        if window.kind == .hour, let shorter = definition.hourHistory { length = min(length, shorter) }
        let end = window.bounds.end
        func isOver(_ newest: Int64) -> Bool { newest > end && newest - end > length }
        if !isOver(newest) { return .live }
        return isOver(seenFor[partition]) ? .over : .unsure
    }

    private func isWanted(_ kpi: String, _ window: BatchWindow) -> Bool {
        (options.kpis.isEmpty || options.kpis.contains(kpi))
            && (!window.kind.isCalendar || window.bounds.end > options.since)
    }

    private func hash(_ key: String) -> UInt64 { KeyHash.hash(Array(key.utf8)) }

    // MARK: What is published

    /// Compares the latest update of a key.
    mutating func take(_ key: String, _ value: [UInt8], _ report: inout AuditReport) {
        var fault = "no JSON"
        let alert = JSONValue(value)
        var isOfEarlierRules = false
        if let version = alert?["data"]?["rules_version"]?.integer, version < kpis.settings.rulesVersion {
            isOfEarlierRules = true
            hasEarlierRules = true
        }
        guard let alert,
            let update = PublishedUpdate(alert, key: key, kpis.zone, fault: &fault)
        else {
            // A window of another time zone is none of this one's, also where something late has revised it since.
            if isOfEarlierRules || beganUnderEarlierRules(alert, key) {
                hasEarlierRules = true
                return report.skip(.earlierRules)
            }
            report.values += 1
            report.add(.different, key, "update", published: fault, recomputed: "an update of this key")
            return
        }
        guard isWanted(update.kpi, update.window) else { return }
        let partition = partition(of: update.cell)
        guard let index = definition(of: update) else { return report.skip(.notInForce) }
        let definition = kpis.catalogue.definitions[index]
        guard manyValued.isDisjoint(with: update.dimensions.keys) else { return report.skip(.manyValues) }
        guard life(definition, update.window, partition) == .live else { return report.skip(.history) }
        guard
            let figures = kpis.figures(
                definition, cell: kpis.table.cells[update.cell], update.window, clock: clocks[partition], at: update.at)
        else {
            return report.skip(.unknown)
        }
        seen.insert(hash(key))
        if figures.isMoving { return report.skip(.moving) }
        report.values += 1
        if let found = Expectation.members(figures.members).difference(from: update.data, path: "") {
            let difference = AuditReport.Difference(
                kind: .different, key: key, member: found.path, published: found.published,
                recomputed: found.expected)
            if isPastOfRules(update.window) {
                uncertain.append(difference)
            } else {
                report.differences.append(difference)
            }
            return
        }
        checkPlace(update, figures, clocks[partition], key, &report)
    }

    /// Whether the window of an update that cannot be taken apart began before the rules in force, and is one of earlier rules.
    private func beganUnderEarlierRules(_ alert: JSONValue?, _ key: String) -> Bool {
        guard let alert, kpis.settings.rulesVersion > 0,
            let start = alert["data"]?["window"]?["start"]?.string.flatMap(AuditInstant.micros), start < rulesSince
        else { return false }
        if kpis.settings.rulesVersion > 1 { return true }
        // Before the first version were the built-in rules, if any: their hours are those of UTC.
        var fault = ""
        return PublishedUpdate(alert, key: key, .utc, fault: &fault) != nil
    }

    /// Whether a window, or a part of it, had ended before the rules in force came.
    private func isPastOfRules(_ window: BatchWindow) -> Bool {
        if window.kind.isCalendar { return window.bounds.end <= rulesSince }
        return window.kind.isRolling && window.bounds.start < rulesSince
    }

    /// The KPI of an update, if the rules in force publish it.
    private func definition(of update: PublishedUpdate) -> Int? {
        let names = update.dimensions.keys.sorted()
        return kpis.catalogue.definitions.indices.first { index in
            kpis.catalogue.definitions[index].id == update.kpi
                && kpis.catalogue.enabledWindows[index].contains(update.window.kind)
                && kpis.catalogue.definitions[index].cells.admits(names)
        }
    }

    /// Whether the window has closed, or moved on, with the clock.
    private func checkPlace(
        _ update: PublishedUpdate, _ figures: BatchFigures, _ clock: ClockRange, _ key: String,
        _ report: inout AuditReport
    ) {
        let window = update.window
        if window.kind.isCalendar {
            let closed = update.isClosed
            if window.bounds.end <= clock.lowerBound, closed != true {
                report.add(.different, key, "window.closed", published: "\(closed ?? false)", recomputed: "true")
            } else if window.bounds.end > clock.upperBound, closed != false {
                report.add(.different, key, "window.closed", published: "\(closed ?? true)", recomputed: "false")
            }
        } else if window.kind.isRolling, figures.isRequired {
            let earliest = kpis.zone.bounds(of: window.kind, at: clock.lowerBound)
            let latest = kpis.zone.bounds(of: window.kind, at: clock.upperBound)
            if window.bounds.end < earliest.end || window.bounds.end > latest.end {
                report.add(
                    .different, key, "window.end", published: UTCTime.text(window.bounds.end),
                    recomputed: UTCTime.text(earliest.end))
            }
        }
    }

    // MARK: What is not

    /// Looks for what should be published and is not; call it when all updates have been taken.
    mutating func findMissing(_ report: inout AuditReport) {
        for cell in kpis.table.cellKeys.indices {
            let key = kpis.table.cellKeys[cell]
            // Detail cells have no figures of their own.
            guard let cellKey = CellKey(bytes: key), cellKey.detail == nil else { continue }
            let names = cellKey.dimensions.map(\.name)
            guard manyValued.isDisjoint(with: names) else { continue }
            for (index, definition) in kpis.catalogue.definitions.enumerated()
            where definition.cells.admits(names) && (options.kpis.isEmpty || options.kpis.contains(definition.id)) {
                for kind in kpis.catalogue.enabledWindows[index].kinds {
                    findMissing(definition, kind, cell, &report)
                }
            }
        }
        if hasEarlierRules {
            report.values -= uncertain.count
            report.skip(.earlierRules, uncertain.count)
        } else {
            report.differences += uncertain
        }
    }

    private mutating func findMissing(
        _ definition: KPIDefinition, _ kind: WindowKind, _ cell: Int, _ report: inout AuditReport
    ) {
        let key = kpis.table.cellKeys[cell]
        let partition = partition(of: key)
        let clock = clocks[partition]
        if kind == .now || kind.isRolling {
            let bounds =
                kind == .now ? kpis.zone.bounds(from: 0, to: 0) : kpis.zone.bounds(of: kind, at: clock.lowerBound)
            if kind.isRolling, bounds != kpis.zone.bounds(of: kind, at: clock.upperBound) { return }
            note(missing: definition, BatchWindow(kind, bounds: bounds), cell, isForced: false, &report)
            return
        }
        // In the order of time, so that a window is known to have to follow the one before when its turn comes.
        var waiting = windows(of: definition, kind, cell).sorted()[...]
        var follower: Int64?
        while let number = [waiting.first, follower].compactMap({ $0 }).min() {
            let isForced = number == follower
            if number == waiting.first { waiting.removeFirst() }
            follower = nil
            let window = BatchWindow(kind, number, kpis.zone)
            guard life(definition, window, partition) == .live else { continue }
            guard note(missing: definition, window, cell, isForced: isForced, &report) else { continue }
            let next = BatchWindow(kind, kpis.zone.successor(of: kind, bucket: number), kpis.zone)
            if next.bounds.end <= clock.lowerBound
                || (definition.carriedBy != nil && next.bounds.start <= clock.lowerBound)
            {
                follower = next.number
            }
        }
    }

    /// The windows in which something was counted.
    private func windows(of definition: KPIDefinition, _ kind: WindowKind, _ cell: Int) -> Set<Int64> {
        var numbers: Set<Int64> = []
        for measure in definition.measures {
            for cell in definition.formula.isMadeOfDetails ? kpis.table.details[cell] : [cell] {
                guard let series = kpis.table.series[cell][measure.id] else { continue }
                for bucket in series.buckets {
                    switch (series.base, kind) {
                    case (.hour, .hour): numbers.insert(bucket)
                    case (.hour, _): numbers.insert(kind.bucket(ofDay: HourBucket(packed: bucket).day.number))
                    case (.day, .hour), (.none, _): continue
                    case (.day, _): numbers.insert(kind.bucket(ofDay: bucket))
                    }
                }
            }
        }
        return numbers
    }

    /// Reports a window that is not published although it has to be. Returns whether the next one has to follow it.
    @discardableResult
    private mutating func note(
        missing definition: KPIDefinition, _ window: BatchWindow, _ cell: Int, isForced: Bool,
        _ report: inout AuditReport
    ) -> Bool {
        guard isWanted(definition.id, window) else { return false }
        let label = window.kind.isCalendar ? "@" + BucketLabel.text(window.kind, bucket: window.number) : ""
        let key = PublishedUpdate.key(definition.id, window.kind, kpis.table.cellKeys[cell]) + label
        let isPublished = seen.contains(hash(key))
        // Levels are carried forward by readers: nothing follows from a window that is there.
        if isPublished, case .level = definition.formula { return false }
        guard
            let figures = kpis.figures(
                definition, cell: cell, window, clock: clocks[partition(of: kpis.table.cellKeys[cell])], at: nil)
        else { return false }
        if isPublished { return figures.hasValue }
        if figures.isMoving {
            report.skip(.moving)
        } else if figures.isRequired || isForced {
            if hasRetired, window.bounds.end < newest - Self.retention {
                report.skip(.retired)
            } else {
                report.values += 1
                let value = figures.value.difference(from: nil, path: "")?.expected ?? ""
                let difference = AuditReport.Difference(
                    kind: .missing, key: key, member: "value", published: "nothing", recomputed: value)
                if isPastOfRules(window) { uncertain.append(difference) } else { report.differences.append(difference) }
            }
        }
        return figures.hasValue
    }

    /// Updates stay on the topic for 400 days; 390 to be on the safe side.
    private static let retention: Int64 = 390 * 86_400_000_000
}
