internal import BusinessTime

/// One window of the calendar (or one of the windows that move with the clock), shared by all cells that have figures in
/// it: its instants and texts are computed once.
struct Window {
    let kind: WindowKind
    let bucket: Int64
    /// Of rolling windows: as of the clock.
    var bounds: WindowBounds
    /// `@2026-11-22`; empty for rolling windows and gauges.
    let label: [UInt8]
    /// RFC 3339 with the local offset.
    var startText: [UInt8] = []
    var endText: [UInt8] = []
    /// Bucket of the window before it.
    let predecessor: Int64
    /// The window after it, once known; `WindowTable.none` before.
    var successor = WindowTable.none
    /// Whether the clock has passed its end.
    var isClosed = false
    /// First of the buckets of this window, in no particular order; `BucketSlab.none` when there is none.
    var head = BucketSlab.none
}

/// All windows with figures, and the next one behind each. Ids count up and are never used again, so a stale one finds
/// nothing.
struct WindowTable {
    static let none = UInt32.max
    static let calendarKinds = 6

    private let zone: BusinessZone
    private(set) var windows: [Window] = []
    /// By calendar kind: what orders its windows in time, and their ids.
    private var orders = [[Int64]](repeating: [], count: calendarKinds)
    private(set) var ids = [[UInt32]](repeating: [], count: calendarKinds)
    /// By calendar kind: how many of its windows, from the first on, have been seen to be closed.
    private var closedCounts = [Int](repeating: 0, count: calendarKinds)
    private var moving: [UInt32] = []

    init(_ zone: BusinessZone) {
        self.zone = zone
        for kind in WindowKind.allCases where !kind.isCalendar {
            moving.append(UInt32(windows.count))
            let bounds = BusinessZone.utc.bounds(from: 0, to: 0)
            windows.append(Window(kind: kind, bucket: 0, bounds: bounds, label: [], predecessor: 0))
        }
    }

    subscript(_ id: UInt32) -> Window {
        @inline(__always) _read { yield windows[Int(id)] }
        @inline(__always) _modify { yield &windows[Int(id)] }
    }

    /// The one window of a rolling kind or of `now`.
    func moving(_ kind: WindowKind) -> UInt32 { moving[Int(kind.rawValue) - WindowTable.calendarKinds] }

    /// What puts the windows of a kind into the order of time, without asking the zone.
    private static func order(_ kind: WindowKind, _ bucket: Int64) -> Int64 {
        kind == .hour ? HourBucket(packed: bucket).nominalStart : bucket
    }

    private func position(_ kind: WindowKind, _ bucket: Int64) -> (index: Int, isFound: Bool) {
        let kindIndex = Int(kind.rawValue)
        let order = WindowTable.order(kind, bucket)
        var low = 0
        var high = orders[kindIndex].count
        while low < high {
            let middle = (low + high) / 2
            let other = orders[kindIndex][middle]
            // Two hours can begin at one instant only under different time-zone data.
            if other < order || (other == order && windows[Int(ids[kindIndex][middle])].bucket < bucket) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        let isFound = low < ids[kindIndex].count && windows[Int(ids[kindIndex][low])].bucket == bucket
        return (low, isFound)
    }

    func find(_ kind: WindowKind, _ bucket: Int64) -> UInt32? {
        let (index, isFound) = position(kind, bucket)
        return isFound ? ids[Int(kind.rawValue)][index] : nil
    }

    /// The window of a bucket, made if need be together with the one behind it, so that closing can walk from each
    /// window to the next even if nothing comes for it.
    mutating func ensure(_ kind: WindowKind, _ bucket: Int64, clock: Micros) -> UInt32 {
        if !kind.isCalendar { return moving(kind) }
        let id = insert(kind, bucket, clock)
        if windows[Int(id)].successor == WindowTable.none {
            let next = insert(kind, zone.successor(of: kind, bucket: bucket), clock)
            windows[Int(id)].successor = next
        }
        return id
    }

    private mutating func insert(_ kind: WindowKind, _ bucket: Int64, _ clock: Micros) -> UInt32 {
        let (index, isFound) = position(kind, bucket)
        let kindIndex = Int(kind.rawValue)
        if isFound { return ids[kindIndex][index] }
        let bounds = zone.bounds(of: kind, bucket: bucket)
        var label = [UInt8(ascii: "@")]
        BucketLabel.append(kind, bucket: bucket, to: &label)
        var window = Window(
            kind: kind, bucket: bucket, bounds: bounds, label: label,
            predecessor: zone.predecessor(of: kind, bucket: bucket))
        window.writeBounds()
        let id = UInt32(windows.count)
        if index < closedCounts[kindIndex] {
            closedCounts[kindIndex] += 1
            window.isClosed = bounds.end <= clock
        }
        windows.append(window)
        ids[kindIndex].insert(id, at: index)
        orders[kindIndex].insert(WindowTable.order(kind, bucket), at: index)
        return id
    }

    /// Forgets the first window of a kind, which must have no buckets.
    mutating func removeFirst(_ kind: WindowKind) {
        let kindIndex = Int(kind.rawValue)
        let id = ids[kindIndex].removeFirst()
        orders[kindIndex].removeFirst()
        closedCounts[kindIndex] = max(0, closedCounts[kindIndex] - 1)
        windows[Int(id)].startText = []
        windows[Int(id)].endText = []
    }

    /// Closes the next window of a kind whose end the clock has passed, and gives its id.
    mutating func closeNext(_ kind: WindowKind, clock: Micros) -> UInt32? {
        let kindIndex = Int(kind.rawValue)
        while closedCounts[kindIndex] < ids[kindIndex].count {
            let id = ids[kindIndex][closedCounts[kindIndex]]
            guard windows[Int(id)].bounds.end <= clock else { return nil }
            closedCounts[kindIndex] += 1
            if !windows[Int(id)].isClosed {
                windows[Int(id)].isClosed = true
                return id
            }
        }
        return nil
    }

    /// Notes that windows had been closed before the store started again: nothing is due for them.
    mutating func markClosed(until clock: Micros) {
        for kind in WindowKind.allCases where kind.isCalendar {
            while closeNext(kind, clock: clock) != nil {}
        }
    }

    /// The ids of the windows of a calendar kind that have not been closed.
    func open(_ kind: WindowKind) -> ArraySlice<UInt32> {
        let kindIndex = Int(kind.rawValue)
        return ids[kindIndex][closedCounts[kindIndex]...]
    }

    /// Takes the closing of windows back: they will be closed again.
    mutating func reopen(_ closed: [UInt32]) {
        for id in closed {
            windows[Int(id)].isClosed = false
            closedCounts[Int(windows[Int(id)].kind.rawValue)] = 0
        }
    }

    /// All of them will be closed again.
    mutating func reopenAll() {
        for kind in closedCounts.indices {
            for id in ids[kind].prefix(closedCounts[kind]) { windows[Int(id)].isClosed = false }
            closedCounts[kind] = 0
        }
    }

    /// The ids of the windows of a calendar kind that lie within bounds.
    func range(_ kind: WindowKind, in bounds: WindowBounds) -> ArraySlice<UInt32> {
        let all = ids[Int(kind.rawValue)]
        func first(from instant: Micros) -> Int {
            var low = 0
            var high = all.count
            while low < high {
                let middle = (low + high) / 2
                if windows[Int(all[middle])].bounds.start < instant { low = middle + 1 } else { high = middle }
            }
            return low
        }
        let start = first(from: bounds.start)
        return all[start..<max(start, first(from: bounds.end))]
    }
}

extension Window {
    mutating func writeBounds() {
        startText.removeAll(keepingCapacity: true)
        endText.removeAll(keepingCapacity: true)
        AlertWriter.appendInstant(bounds.start, offset: bounds.startOffset, zulu: false, to: &startText)
        AlertWriter.appendInstant(bounds.end, offset: bounds.endOffset, zulu: false, to: &endText)
    }
}
