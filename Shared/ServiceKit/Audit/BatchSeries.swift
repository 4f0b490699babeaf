import BusinessTime
import KPIs

/// All contributions to one measure in one cell, one by one: the batch counterpart of `SeriesStore`'s buckets.
struct BatchSeries {
    struct Item {
        /// `HourBucket.packed`, `DayBucket.number`, or 0 without a bucket.
        var bucket: Int64
        var value: Int64
    }

    let base: BaseBucket
    private(set) var items: [Item] = []
    /// `sums[i]`: the values of the items before the i-th.
    private var sums: [Int64] = []
    /// Buckets whose content is not the same in all states that the service may be in.
    private var moving: Set<Int64> = []
    private var movingDays: [Int64] = []

    init(base: BaseBucket) { self.base = base }

    mutating func add(_ item: Item) { items.append(item) }

    mutating func addMoving(_ bucket: Int64) { moving.insert(bucket) }

    /// Everything has been added.
    mutating func finish() {
        items.sort { $0.bucket < $1.bucket }
        sums = [0]
        sums.reserveCapacity(items.count + 1)
        for item in items { sums.append(sums[sums.count - 1] &+ item.value) }
        movingDays = moving.map(day).sorted()
    }

    private func day(_ bucket: Int64) -> Int64 {
        switch base {
        case .hour: HourBucket(packed: bucket).day.number
        case .day: bucket
        case .none: 0
        }
    }

    /// Items of a window.
    struct Slice {
        var range: Range<Int>
        /// What it says can differ from what the service says, for events or timers of just now.
        var isMoving: Bool
    }

    /// The first item of a day or a later one.
    private func first(ofDay day: Int64) -> Int {
        var low = 0
        var high = items.count
        while low < high {
            let middle = (low + high) / 2
            if self.day(items[middle].bucket) < day { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func first(ofBucket bucket: Int64) -> Int {
        var low = 0
        var high = items.count
        while low < high {
            let middle = (low + high) / 2
            if items[middle].bucket < bucket { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func moves(from day: Int64, to end: Int64) -> Bool { movingDays.contains { $0 >= day && $0 < end } }

    func slice(_ window: BatchWindow, _ zone: BusinessZone) -> Slice {
        switch window.kind {
        case .now: return Slice(range: items.indices, isMoving: !moving.isEmpty)
        case .hour:
            guard base == .hour else { return Slice(range: 0..<0, isMoving: false) }
            let start = first(ofBucket: window.number)
            return Slice(range: start..<first(ofBucket: window.number + 1), isMoving: moving.contains(window.number))
        case .rolling24Hours:
            guard base == .hour else { return Slice(range: 0..<0, isMoving: false) }
            // Hours are in the order of time.
            func isInside(_ bucket: Int64) -> Bool {
                window.bounds.contains(zone.bounds(of: HourBucket(packed: bucket)).start)
            }
            let around = zone.day(at: window.bounds.start).number - 1...zone.day(at: window.bounds.end).number + 1
            let near = first(ofDay: around.lowerBound)..<first(ofDay: around.upperBound + 1)
            let start = near.first { isInside(items[$0].bucket) } ?? near.lowerBound
            let end = near.last { isInside(items[$0].bucket) }.map { $0 + 1 } ?? start
            return Slice(range: start..<end, isMoving: moving.contains(where: isInside))
        case .rolling7Days, .rolling30Days, .day, .week, .month, .quarter, .year:
            return slice(ofDays: window.days(zone))
        }
    }

    /// The items of some days; their buckets are days or hours.
    func slice(ofDays days: Range<Int64>) -> Slice {
        Slice(
            range: first(ofDay: days.lowerBound)..<first(ofDay: days.upperBound),
            isMoving: moves(from: days.lowerBound, to: days.upperBound))
    }

    /// The day of the first item; nil without any.
    var firstDay: Int64? { items.first.map { day($0.bucket) } }

    /// Whether something of just now touches a day before this one.
    func moves(before day: Int64) -> Bool { moves(from: .min, to: day) }

    /// The sum of everything before a day.
    func level(beforeDay day: Int64) -> (value: Int64, isMoving: Bool) {
        (sums[first(ofDay: day)], moves(from: .min, to: day))
    }

    /// The sum of everything up to the end of an hour.
    func level(throughHour hour: Int64) -> (value: Int64, isMoving: Bool) {
        (sums[first(ofBucket: hour + 1)], moving.contains { $0 <= hour })
    }

    func sum(_ slice: Slice) -> Int64 { sums[slice.range.upperBound] &- sums[slice.range.lowerBound] }

    /// The buckets that hold something, each once.
    var buckets: Set<Int64> { Set(items.map(\.bucket)) }
}

/// A window, whichever its kind.
struct BatchWindow: Hashable {
    var kind: WindowKind
    /// As `WindowKind.bucket(ofDay:)` counts, for hours `HourBucket.packed`; 0 for what moves.
    var number: Int64
    var bounds: WindowBounds

    init(_ kind: WindowKind, _ number: Int64, _ zone: BusinessZone) {
        self.kind = kind
        self.number = number
        bounds = zone.bounds(of: kind, bucket: number)
    }

    /// One that moves.
    init(_ kind: WindowKind, bounds: WindowBounds) {
        self.kind = kind
        number = 0
        self.bounds = bounds
    }

    /// The local dates of a window from a day on.
    func days(_ zone: BusinessZone) -> Range<Int64> {
        if kind.isCalendar {
            let first = kind.firstDay(ofBucket: number)
            return first..<max(first, kind.firstDay(ofBucket: number + 1))
        }
        let first = zone.day(at: bounds.start).number
        return first..<max(first, zone.day(at: bounds.end).number)
    }
}

/// The series of all cells.
struct BatchTable {
    private(set) var cells: [[UInt8]: Int] = [:]
    private(set) var cellKeys: [[UInt8]] = []
    /// By cell, then by measure.
    private(set) var series: [[UInt16: BatchSeries]] = []
    /// By cell: the latest event time that its partition has seen for sure.
    private(set) var newest: [Int64] = []
    /// By cell: those of its detail cells (`CellKey.detail`).
    private(set) var details: [[Int]] = []
    private(set) var count = 0

    mutating func cell(_ key: [UInt8]) -> Int {
        if let known = cells[key] { return known }
        cells[key] = cellKeys.count
        cellKeys.append(key)
        series.append([:])
        newest.append(.min)
        details.append([])
        let index = cellKeys.count - 1
        let owner = CellKey.owner(of: key)
        if owner.count < key.count { details[cell(owner)].append(index) }
        return index
    }

    mutating func add(_ contribution: Contribution, cell: Int, isMoving: Bool) {
        var one = series[cell].removeValue(forKey: contribution.measure) ?? BatchSeries(base: contribution.base)
        if isMoving {
            one.addMoving(contribution.bucket)
        } else {
            one.add(BatchSeries.Item(bucket: contribution.bucket, value: contribution.value))
            count += 1
        }
        series[cell][contribution.measure] = one
    }

    mutating func saw(_ instant: Int64, cell: Int) { newest[cell] = max(newest[cell], instant) }

    mutating func finish() {
        for cell in series.indices {
            for measure in series[cell].keys { series[cell][measure]?.finish() }
        }
    }
}
