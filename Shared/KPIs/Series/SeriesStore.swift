public import BusinessTime

/// The series side: the figures of all cells of one input partition, by hour, day, week, month, quarter and year, with
/// what has been published of them.
///
/// Everything kept is a commutative group, so the figures depend on the contributions alone and not on the order or the
/// batches in which they came. Time comes in as arguments; nothing here reads a clock, does I/O or draws a random number.
///
/// One round: any number of ``apply(cell:record:)``, then ``publish(clock:wall:idle:isHeld:limit:emit:)``, then
/// ``writeChangelog(_:)``, then ``commitSucceeded()`` or ``rollBack()``. Belongs to one thread.
public struct SeriesStore: ~Copyable {
    struct Cell {
        /// Index into `plans`.
        let plan: Int
        /// `;channel=email`: the tail of its series ids.
        let suffix: [UInt8]
        /// The cell's dimensions as a JSON object.
        let json: [UInt8]
        let dimensions: [(name: String, value: String)]
        /// Of a detail cell: the cell of which it is a part.
        var owner: UInt32?
        /// Of a detail cell: what it is about.
        var detail: [(name: String, value: String)] = []
        /// Its detail cells.
        var details: [UInt32] = []
        /// Indices of the goals that are about its series.
        var goals: [UInt16] = []
        /// By index of the KPI, as JSON arrays.
        var benchmarks: [Int: [UInt8]] = [:]
    }

    /// Base buckets whose windows have been looked up, by a few bits of the bucket: the windows of the six calendar kinds.
    struct WindowLine {
        var base = BaseBucket.none
        var bucket: Int64 = 0
        var windows: InlineArray<6, UInt32> = .init(repeating: WindowTable.none)
    }

    /// The end of the year 9999: behind it there are no instants, so differences of instants never overflow.
    static let lastInstant: Micros = 253_402_300_799_999_999

    let catalogue: KPICatalogue
    let zone: BusinessZone
    let settings: SeriesSettings

    var cellTable = CellTable()
    var cells: [Cell] = []
    var plans: [SeriesPlan] = []
    var windows: WindowTable
    var slab = BucketSlab()
    var levels = LevelTable()
    var ages = AgeTable()
    /// Goals that wait for their time, with what they wait for. Follows from the states; never stored.
    var waitingGoals: [WaitingGoal.Key: WaitingGoal] = [:]
    /// How many of them have to wait for nothing but the wall clock, as of the last publication.
    var dueGoals = 0
    /// The goals with what they need of the catalogue.
    let goals: [ResolvedGoal]
    /// Minutes since 1970 of the clock at the last look at timed gauges.
    var timedMinute = Int64.min
    /// The month with the clock at the last look at what reads the months that have begun.
    var monthOfClock: WindowBounds?

    /// Whether the last publication ended because of its limit.
    public internal(set) var lastRoundWasFull = false

    /// The latest event time that any sender has seen; decides which windows are history.
    var newest = Micros.min
    var clock = Micros.min
    /// Bounds of the rolling windows at the clock; nil when all of them are to be looked at again.
    var rollingBounds: [WindowBounds?] = [nil, nil, nil]

    var currentQueue = KeyQueue()
    var oldQueue = KeyQueue()
    /// Keys with the wall time of their last update, in that order.
    var cooling = CoolingQueue()
    var undo = UndoLog()
    var adoption = SettingsAdoption()
    /// By calendar kind: for how long windows are kept beyond their history, because later ones rest on them.
    private let reachBack: [Micros]
    /// Nothing is published before the clock is there: the figures are being counted anew.
    var heldUntil = Micros.min

    private var lines = [WindowLine](repeating: WindowLine(), count: 1_024)
    private var bins: [(bin: UInt16, count: Int64)] = []
    var writer: KPIUpdateWriter
    var goalWriter: GoalFactWriter

    private var dropped = LateCounts()
    private var committedDropped = LateCounts()

    struct LateCounts {
        var byKind: InlineArray<10, Int> = .init(repeating: 0)
    }

    /// Windows that a longer history does not bring back.
    struct Lost: Equatable {
        /// They cannot change any more.
        var fixed = LostWindows()
        /// Of these there are no sums either.
        var dropped = LostWindows()
    }

    var lost = Lost()
    var committedLost = Lost()

    public init(catalogue: KPICatalogue, zone: BusinessZone, settings: SeriesSettings) {
        self.catalogue = catalogue
        self.zone = zone
        self.settings = settings
        windows = WindowTable(zone)
        reachBack = WindowKind.allCases.filter(\.isCalendar).map { catalogue.reachBack(of: $0) }
        writer = KPIUpdateWriter(catalogue, settings)
        goalWriter = GoalFactWriter(settings)
        goals = ResolvedGoal.resolve(settings.goals, catalogue, zone)
    }

    /// How many figures would still be published without any further input; 0: idle.
    public var dirtyCount: Int { slab.dirtyCount + levels.dirty.count + dueGoals }

    /// Number of cells ever seen.
    public var cellCount: Int { cells.count }

    /// Number of (cell, window) pairs with figures.
    public var bucketCount: Int { slab.count }

    /// The latest event time that any sender has seen.
    public var newestEventTime: Micros { newest }

    /// Changes to windows that were history already (`late_dropped_total`), since the store was made.
    public var lateDropped: Int { WindowKind.allCases.reduce(0) { $0 + lateDropped(in: $1) } }

    /// The same for one kind of window.
    public func lateDropped(in kind: WindowKind) -> Int { dropped.byKind[Int(kind.rawValue)] }

    // MARK: - Contributions

    /// Adds the contributions of one packed record (``DeltaAccumulator/drain(_:)``).
    ///
    /// - Parameters:
    ///   - cell: The record's key: the cell's bytes, or `~` for the overall cell.
    ///   - record: The record's value.
    /// - Throws: ``KPIError``. Part of the record may have been added then: roll back, or drop the store.
    public mutating func apply(cell key: RawSpan, record: RawSpan) throws(KPIError) {
        var reader = RecordReader("repartition record")
        let sender = try DeltaRecord.header(record, &reader)
        guard sender.rulesVersion <= settings.rulesVersion else { throw .laterRules(version: sender.rulesVersion) }
        adoptSettings()
        let cell = try intern(key)
        newest = max(newest, sender.newest)
        var group = BucketGroup()
        while reader.position < record.byteCount {
            let entry = try DeltaRecord.entry(record, &reader)
            guard let measure = catalogue.index(ofMeasure: entry.measure) else { throw .unknownMeasure(entry.measure) }
            bins.removeAll(keepingCapacity: true)
            var bin = 0
            for _ in 0..<entry.binCount {
                let next = try DeltaRecord.bin(record, &reader, after: bin)
                bin = next.bin
                bins.append((UInt16(bin), next.count))
            }
            if entry.bucket != group.bucket || entry.base != group.base {
                group = BucketGroup(base: entry.base, bucket: entry.bucket)
                if entry.base != .none { group.line = line(entry.base, entry.bucket) }
            }
            try apply(entry, measure: UInt16(measure), cell: cell, &group)
        }
    }

    /// The buckets that entries of one base bucket go to, found once.
    private struct BucketGroup {
        var base = BaseBucket.none
        var bucket: Int64 = 0
        var line = 0
        var buckets: InlineArray<10, UInt32> = .init(repeating: BucketSlab.none)
    }

    private mutating func apply(
        _ entry: DeltaRecord.Entry, measure: UInt16, cell: UInt32, _ group: inout BucketGroup
    ) throws(KPIError) {
        let plan = cells[Int(cell)].plan
        for target in plans[plan].targets[Int(measure)] {
            let kind = target.kind
            if kind != .now, entry.base == .none || (kind == .hour && entry.base == .day) { continue }
            let slot = Int(kind.rawValue)
            let window = kind == .now ? windows.moving(.now) : lines[group.line].windows[slot]
            let isLive = isLive(window)
            if !isLive {
                if !target.kpis.isEmpty {
                    dropped.byKind[slot] += 1
                    if window != WindowTable.none { lost.fixed.insert(kind, end: windows[window].bounds.end) }
                }
                guard target.isRestedOn, isKept(window) else {
                    if target.reach > 1 { markAhead(target, cells[Int(cell)].owner ?? cell, after: .min, until: .max) }
                    continue
                }
            }
            if let scope = entry.scope, kind != .now, !scope.contains(kind, bucket: windows[window].bucket) { continue }
            if group.buckets[slot] == BucketSlab.none {
                let bucket = bucket(cell, window)
                touch(bucket)
                group.buckets[slot] = bucket
            }
            let bucket = group.buckets[slot]
            try add(entry, measure, to: bucket, window)
            if catalogue.measures[Int(measure)].kind == .instants {
                let key = AgeTable.Key(cell: cell, measure: measure)
                guard ages.add(entry.bucket, weight: entry.count, to: key) else {
                    throw .overflow(measure: entry.measure)
                }
            }
            if isLive {
                mark(target, measure, bucket, window, cell)
            } else {
                markAhead(target, measure, cells[Int(cell)].owner ?? cell, window)
            }
        }
        if catalogue.measures[Int(measure)].kind == .levelDelta, entry.base != .none {
            noteLevelChange(cell, measure, entry, group.line)
        }
    }

    private mutating func add(
        _ entry: DeltaRecord.Entry, _ measure: UInt16, to bucket: UInt32, _ window: UInt32
    ) throws(KPIError) {
        let index = slab.ensureAggregate(of: measure, in: bucket)
        let (count, countOverflow) = slab.aggregates[Int(index)].count.addingReportingOverflow(entry.count)
        let (sum, sumOverflow) = slab.aggregates[Int(index)].sum.addingReportingOverflow(entry.sum)
        guard !countOverflow, !sumOverflow else { throw .overflow(measure: entry.measure) }
        slab.aggregates[Int(index)].count = count
        slab.aggregates[Int(index)].sum = sum
        if !bins.isEmpty {
            let sketch = slab.ensureSketch(of: index)
            for bin in bins where !slab.sketches[sketch].add(bin: bin.bin, weight: bin.count) {
                throw .overflow(measure: entry.measure)
            }
        }
        if catalogue.measures[Int(measure)].kind == .levelDelta { setLevel(bucket, measure, count) }
    }

    /// Marks what a change of a measure in a bucket makes dirty there and in the rolling windows above it.
    private mutating func mark(
        _ target: SeriesPlan.Target, _ measure: UInt16, _ bucket: UInt32, _ window: UInt32, _ cell: UInt32
    ) {
        var place = bucket
        if let owner = cells[Int(cell)].owner {
            place = self.bucket(owner, window)
            touch(place)
        }
        for kpi in target.kpis where isPublished(kpi, window) {
            slab.setDirty(slab.ensureState(of: kpi, in: place), true)
        }
        enqueue(place)
        markAhead(target, measure, slab.buckets[Int(place)].cell, window)
        for rolling in target.rolling
        where rollingBounds[SeriesStore.rollingIndex(rolling.kind)]?.contains(windows[window].bounds.start) ?? true {
            markRolling(cell, rolling)
        }
    }

    /// Marks the windows behind one that reach back to it.
    private mutating func markAhead(_ target: SeriesPlan.Target, _ measure: UInt16, _ cell: UInt32, _ window: UInt32) {
        guard target.reach > 1 else { return }
        let changed = windows[window].bucket
        // With a cell's first week the number of weeks changes that later profiles rest on.
        let isFirstWeek =
            target.kind == .week
            && firstWeek(of: catalogue.measures[Int(measure)], cell: cell, before: changed) == nil
        markAhead(target, cell, after: changed, until: isFirstWeek ? .max : changed + target.reach)
    }

    private mutating func markAhead(
        _ target: SeriesPlan.Target, _ cell: UInt32, after changed: Int64, until end: Int64
    ) {
        for later in windows.ids[Int(target.kind.rawValue)]
        where windows[later].bucket > changed && windows[later].bucket < end && isLive(later) {
            guard let bucket = slab.find(cell: cell, window: later) else { continue }
            for kpi in target.kpis {
                guard let state = slab.state(of: kpi, in: bucket) else { continue }
                touch(bucket)
                slab.setDirty(state, true)
            }
            enqueue(bucket)
        }
    }

    mutating func markRolling(_ cell: UInt32, _ rolling: (kind: WindowKind, kpis: [UInt16])) {
        let bucket = bucket(cell, windows.moving(rolling.kind))
        touch(bucket)
        for kpi in rolling.kpis { slab.setDirty(slab.ensureState(of: kpi, in: bucket), true) }
        enqueue(bucket)
    }

    /// A change of a level is a change of the level at every later window's end.
    private mutating func noteLevelChange(_ cell: UInt32, _ measure: UInt16, _ entry: DeltaRecord.Entry, _ line: Int) {
        let plan = cells[Int(cell)].plan
        for target in plans[plan].targets[Int(measure)] where target.kind.isCalendar {
            let kind = target.kind
            if kind == .hour, entry.base != .hour { continue }
            let window = lines[line].windows[Int(kind.rawValue)]
            let start = isLive(window) ? windows[window].bounds.start : Micros.min
            if levels.find(cell, kind, measure) != nil { levels.markDirty(cell, kind, measure, from: start) }
        }
    }

    mutating func setLevel(_ bucket: UInt32, _ measure: UInt16, _ change: Int64) {
        let window = slab.buckets[Int(bucket)].window
        guard windows[window].kind.isCalendar else { return }
        levels.set(
            change, cell: slab.buckets[Int(bucket)].cell, measure: measure, window: window, windows[window])
    }

    // MARK: - Look-ups

    mutating func intern(_ key: RawSpan) throws(KPIError) -> UInt32 {
        let cell = cellTable.intern(key)
        if Int(cell) < cells.count { return cell }
        guard let cellKey = CellKey(bytes: Array(cellTable.key(of: cell))) else {
            // The table already numbers the key: keep both in step, the store is not to be used after the error.
            cells.append(Cell(plan: plan(for: [], isDetail: false), suffix: [], json: [], dimensions: []))
            throw .malformed(record: "repartition record", reason: "its key is no cell", at: 0)
        }
        let dimensions = cellKey.dimensions
        var json = [UInt8(ascii: "{")]
        for (name, value) in dimensions {
            if json.count > 1 { json.append(UInt8(ascii: ",")) }
            AlertWriter.appendString(name.utf8, to: &json)
            json.append(UInt8(ascii: ":"))
            AlertWriter.appendString(value.utf8, to: &json)
        }
        json.append(UInt8(ascii: "}"))
        let suffix = cellKey.bytes.isEmpty ? [] : [UInt8(ascii: ";")] + cellKey.bytes
        let detail = cellKey.detail
        var new = Cell(
            plan: plan(for: dimensions.map(\.name), isDetail: detail != nil), suffix: suffix, json: json,
            dimensions: dimensions)
        if let detail {
            new.detail = detail
        } else {
            new.goals = goals.indices.filter { goals[$0].goal.matches(dimensions) }.map { UInt16($0) }
            new.benchmarks = KPIUpdateWriter.benchmarks(settings, catalogue, dimensions)
        }
        cells.append(new)
        if let owner = cellKey.owner {
            let number = try unsafe intern(owner.bytes.span.bytes)
            cells[Int(cell)].owner = number
            cells[Int(number)].details.append(cell)
        }
        return cell
    }

    private mutating func plan(for names: [String], isDetail: Bool) -> Int {
        if let known = plans.firstIndex(where: { $0.dimensionNames == names && $0.isDetail == isDetail }) {
            return known
        }
        plans.append(SeriesPlan(catalogue, dimensionNames: names, isDetail: isDetail))
        return plans.count - 1
    }

    /// The bucket of a cell and window, made if there is none.
    mutating func bucket(_ cell: UInt32, _ window: UInt32) -> UInt32 {
        if let known = slab.find(cell: cell, window: window) { return known }
        let bucket = slab.insert(cell: cell, window: window, head: windows[window].head)
        windows[window].head = bucket
        slab.buckets[Int(bucket)].flags.insert(.touched)
        undo.noteCreation(cell, windows[window].kind, windows[window].bucket)
        for measure in plans[cells[Int(cell)].plan].trackedLevels[Int(windows[window].kind.rawValue)] {
            let aggregate = slab.ensureAggregate(of: measure, in: bucket)
            setLevel(bucket, measure, slab.aggregates[Int(aggregate)].count)
        }
        return bucket
    }

    /// Whether a window can still change.
    @inline(__always)
    func isLive(_ window: UInt32) -> Bool {
        if window == WindowTable.none { return false }
        let kind = windows[window].kind
        return !kind.isCalendar || isLive(kind, end: windows[window].bounds.end)
    }

    @inline(__always)
    func isLive(_ kind: WindowKind, end: Micros) -> Bool {
        (newest <= end || newest - end <= settings.history.length(of: kind)) && !lost.fixed.contains(kind, end: end)
    }

    /// Whether a window's sums are kept: it can still change, or others that can rest on it.
    func isKept(_ window: UInt32) -> Bool {
        window != WindowTable.none && isKept(windows[window].kind, end: windows[window].bounds.end)
    }

    func isKept(_ kind: WindowKind, end: Micros) -> Bool {
        (newest <= end || newest - end <= settings.history.length(of: kind) + reachBack[Int(kind.rawValue)])
            && !lost.dropped.contains(kind, end: end)
    }

    /// Notes that a window is not kept any more.
    mutating func lose(_ kind: WindowKind, end: Micros) {
        lost.fixed.insert(kind, end: end)
        lost.dropped.insert(kind, end: end)
    }

    /// Whether a KPI still publishes changes of a window.
    @inline(__always)
    func isPublished(_ kpi: UInt16, _ window: UInt32) -> Bool {
        guard let history = catalogue.definitions[Int(kpi)].hourHistory, windows[window].kind == .hour else {
            return true
        }
        let end = windows[window].bounds.end
        return newest <= end || newest - end <= history
    }

    /// The line with the windows of a base bucket; windows that are no longer kept are left out.
    private mutating func line(_ base: BaseBucket, _ bucket: Int64) -> Int {
        let hash = UInt64(bitPattern: bucket) &* 0x9E37_79B9_7F4A_7C15
        let index = Int(truncatingIfNeeded: hash >> 40) & (lines.count - 1)
        if lines[index].base == base, lines[index].bucket == bucket { return index }
        var line = WindowLine(base: base, bucket: bucket)
        let day = base == .hour ? HourBucket(packed: bucket).day.number : bucket
        for kind in WindowKind.allCases where kind.isCalendar {
            if kind == .hour, base != .hour { continue }
            let number = kind == .hour ? bucket : kind.bucket(ofDay: day)
            let end = zone.bounds(of: kind, bucket: number).end
            if windows.find(kind, number) != nil || isKept(kind, end: end) {
                line.windows[Int(kind.rawValue)] = windows.ensure(kind, number, clock: clock)
            } else {
                lose(kind, end: end)
            }
        }
        lines[index] = line
        return index
    }

    // MARK: - Commit

    /// Everything up to now is durable.
    public mutating func commitSucceeded() {
        for entry in undo.entries {
            if let bucket = find(entry) { slab.buckets[Int(bucket)].flags.remove(.touched) }
        }
        undo.removeAll(newest: newest)
        if adoption.stage == .adopted { adoption = SettingsAdoption(stage: .committed) }
        cooling.commit()
        ages.commitSucceeded()
        committedDropped = dropped
        committedLost = lost
    }

    /// Takes back everything since the last ``commitSucceeded()``: contributions, revisions and what was dropped.
    public mutating func rollBack() {
        windows.reopen(undo.closedWindows)
        if adoption.stage == .adopted { adoption = SettingsAdoption(saved: adoption.saved) }
        // First, because what is restored as dirty waits in a queue only if it is not cooling.
        for key in cooling.rollBack() {
            if let bucket = slab.find(key) { slab.buckets[Int(bucket)].flags.remove(.cooling) }
        }
        for entry in undo.entries { restoreUndone(entry) }
        levels.clearDirty()
        ages.rollBack()
        timedMinute = Int64.min
        monthOfClock = nil
        rollingBounds = [nil, nil, nil]
        newest = undo.committedNewest
        dropped = committedDropped
        lost = committedLost
        undo.removeAll(newest: newest)
        // Windows that had become history are live again.
        for index in lines.indices { lines[index] = WindowLine() }
    }

    func find(_ entry: UndoLog.Entry) -> UInt32? {
        let window = entry.kind.isCalendar ? windows.find(entry.kind, entry.bucket) : windows.moving(entry.kind)
        return window.flatMap { slab.find(cell: entry.cell, window: $0) }
    }
}
