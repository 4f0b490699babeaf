internal import BusinessTime

/// The changes of one level in one cell by hour or by day, in the order of time. Follows from the buckets: never stored,
/// rebuilt as they are restored.
struct LevelChanges {
    let cell: UInt32
    let kind: WindowKind
    let measure: UInt16
    /// The next level of the same cell.
    let next: UInt32
    /// Start of each window with a change.
    var starts: [Micros] = []
    var windows: [UInt32] = []
    var changes: [Int64] = []
    /// Windows from this one on may have another level than was published; `Micros.max` when none.
    var dirtyFrom = Micros.max

    func position(of start: Micros) -> Int {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < start { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The place of a window among those that begin when the one at `position` does: hours of two time zones may begin
    /// together.
    func place(of window: UInt32, from position: Int) -> Int? {
        var place = position
        while place < windows.count, starts[place] == starts[position] {
            if windows[place] == window { return place }
            place += 1
        }
        return nil
    }

    /// The sum of all changes in windows that begin at `start` or later.
    func sum(from start: Micros) -> Int64 {
        var sum: Int64 = 0
        for index in position(of: start)..<changes.count { sum &+= changes[index] }
        return sum
    }
}

/// The levels of all cells.
struct LevelTable {
    static let none = UInt32.max

    var levels: [LevelChanges] = []
    /// By cell the first of its levels.
    private var heads: [UInt32] = []
    /// Levels with `dirtyFrom` set.
    var dirty: [UInt32] = []

    func find(_ cell: UInt32, _ kind: WindowKind, _ measure: UInt16) -> UInt32? {
        var index = Int(cell) < heads.count ? heads[Int(cell)] : LevelTable.none
        while index != LevelTable.none {
            if levels[Int(index)].measure == measure, levels[Int(index)].kind == kind { return index }
            index = levels[Int(index)].next
        }
        return nil
    }

    private mutating func ensure(_ cell: UInt32, _ kind: WindowKind, _ measure: UInt16) -> UInt32 {
        if let known = find(cell, kind, measure) { return known }
        while heads.count <= Int(cell) { heads.append(LevelTable.none) }
        levels.append(LevelChanges(cell: cell, kind: kind, measure: measure, next: heads[Int(cell)]))
        heads[Int(cell)] = UInt32(levels.count - 1)
        return UInt32(levels.count - 1)
    }

    /// Sets the change of a level in a window.
    mutating func set(_ change: Int64, cell: UInt32, measure: UInt16, window: UInt32, _ description: Window) {
        let index = Int(ensure(cell, description.kind, measure))
        let start = description.bounds.start
        let position = levels[index].position(of: start)
        if let place = levels[index].place(of: window, from: position) {
            levels[index].changes[place] = change
        } else {
            levels[index].starts.insert(start, at: position)
            levels[index].windows.insert(window, at: position)
            levels[index].changes.insert(change, at: position)
        }
    }

    mutating func remove(cell: UInt32, measure: UInt16, window: UInt32, _ description: Window) {
        guard let found = find(cell, description.kind, measure) else { return }
        let index = Int(found)
        let position = levels[index].position(of: description.bounds.start)
        guard let place = levels[index].place(of: window, from: position) else { return }
        levels[index].starts.remove(at: place)
        levels[index].windows.remove(at: place)
        levels[index].changes.remove(at: place)
    }

    /// Notes that the levels at the ends of all windows from `start` on have changed.
    mutating func markDirty(_ cell: UInt32, _ kind: WindowKind, _ measure: UInt16, from start: Micros) {
        let index = ensure(cell, kind, measure)
        if levels[Int(index)].dirtyFrom == Micros.max { dirty.append(index) }
        levels[Int(index)].dirtyFrom = min(levels[Int(index)].dirtyFrom, start)
    }

    mutating func clearDirty() {
        for index in dirty { levels[Int(index)].dirtyFrom = Micros.max }
        dirty.removeAll(keepingCapacity: true)
    }
}
