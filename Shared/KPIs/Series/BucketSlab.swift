/// What one cell has in one window.
struct Bucket {
    var cell: UInt32
    var window: UInt32
    var firstAggregate = BucketSlab.none
    var firstState = BucketSlab.none
    var firstGoal = BucketSlab.none
    /// Neighbours in the list of the window's buckets.
    var next = BucketSlab.none
    var previous = BucketSlab.none
    var flags: Flags = []

    struct Flags: OptionSet {
        let rawValue: UInt8
        /// An undo copy has been taken since the last commit.
        static let touched = Flags(rawValue: 1)
        /// Waits in a queue of publication.
        static let queued = Flags(rawValue: 2)
        /// Published less than an emit interval ago.
        static let cooling = Flags(rawValue: 4)
        /// Its window has closed: to be published without regard to the emit interval.
        static let closeDue = Flags(rawValue: 8)
    }

    var key: UInt64 { UInt64(cell) << 32 | UInt64(window) }
}

/// The sums of one measure in one bucket.
struct Aggregate {
    var count: Int64 = 0
    var sum: Int64 = 0
    var sketch = BucketSlab.none
    var next = BucketSlab.none
    /// Index in the catalogue.
    var measure: UInt16
}

/// What is known of one KPI's publication in one bucket.
struct KPIState {
    /// Of the figures that were published last.
    var fingerprint: UInt64 = 0
    /// 0: never published.
    var revision: UInt32 = 0
    var next = BucketSlab.none
    /// Index in the catalogue.
    var kpi: UInt16
    var flags: Flags = []

    /// Part of changelog records.
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// May differ from what was published.
        static let dirty = Flags(rawValue: 1)
        /// Was published with `closed: true`.
        static let closed = Flags(rawValue: 2)
        /// To be published even if it is empty: the window before it had a value.
        static let forced = Flags(rawValue: 4)
    }
}

/// All buckets of a partition with their sums and publication states: slabs of plain numbers with free lists, found through
/// one open-addressing table on (cell, window).
struct BucketSlab {
    static let none = UInt32.max

    var buckets: [Bucket] = []
    var aggregates: [Aggregate] = []
    var states: [KPIState] = []
    var goals: [GoalState] = []
    var sketches: [DDSketch] = []
    private var freeBuckets: [UInt32] = []
    private var freeAggregates: [UInt32] = []
    private var freeStates: [UInt32] = []
    private var freeGoals: [UInt32] = []
    private var freeSketches: [UInt32] = []
    /// Index of a bucket + 1; 0 is free.
    private var slots = [UInt32](repeating: 0, count: 1_024)
    private(set) var count = 0
    /// Number of states that are dirty.
    private(set) var dirtyCount = 0

    // MARK: - Table

    @inline(__always)
    private func slot(_ key: UInt64) -> Int {
        var hash = key &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 32
        return Int(truncatingIfNeeded: hash &* 0xBF58_476D_1CE4_E5B9 >> 24) & (slots.count - 1)
    }

    @inline(__always)
    func find(_ key: UInt64) -> UInt32? {
        var slot = slot(key)
        while slots[slot] != 0 {
            if buckets[Int(slots[slot] - 1)].key == key { return slots[slot] - 1 }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    @inline(__always)
    func find(cell: UInt32, window: UInt32) -> UInt32? { find(UInt64(cell) << 32 | UInt64(window)) }

    /// Adds an empty bucket in front of its window's list, whose head is `head`.
    ///
    /// - Precondition: There is none for the cell and window yet.
    mutating func insert(cell: UInt32, window: UInt32, head: UInt32) -> UInt32 {
        if (count + 1) * 2 > slots.count { grow() }
        var bucket = Bucket(cell: cell, window: window)
        bucket.next = head
        let index: UInt32
        if let free = freeBuckets.popLast() {
            index = free
            buckets[Int(index)] = bucket
        } else {
            index = UInt32(buckets.count)
            buckets.append(bucket)
        }
        if head != BucketSlab.none { buckets[Int(head)].previous = index }
        place(index)
        count += 1
        return index
    }

    private mutating func place(_ index: UInt32) {
        var slot = slot(buckets[Int(index)].key)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = index + 1
    }

    private mutating func grow() {
        let occupied = slots.filter { $0 != 0 }
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for index in occupied { place(index - 1) }
    }

    /// Removes a bucket with all that it holds. Gives the new head of its window's list.
    mutating func remove(_ index: UInt32, head: UInt32) -> UInt32 {
        clear(index)
        let bucket = buckets[Int(index)]
        if bucket.next != BucketSlab.none { buckets[Int(bucket.next)].previous = bucket.previous }
        if bucket.previous != BucketSlab.none { buckets[Int(bucket.previous)].next = bucket.next }
        vacate(bucket.key)
        freeBuckets.append(index)
        count -= 1
        return head == index ? bucket.next : head
    }

    /// Deletion by moving later entries of the probe sequence forward: no tombstones pile up.
    private mutating func vacate(_ key: UInt64) {
        let mask = slots.count - 1
        var hole = slot(key)
        while buckets[Int(slots[hole] - 1)].key != key { hole = (hole + 1) & mask }
        var probe = (hole + 1) & mask
        while slots[probe] != 0 {
            let home = slot(buckets[Int(slots[probe] - 1)].key)
            if (probe - home) & mask >= (probe - hole) & mask {
                slots[hole] = slots[probe]
                hole = probe
            }
            probe = (probe + 1) & mask
        }
        slots[hole] = 0
    }

    // MARK: - Contents

    /// Empties a bucket.
    mutating func clear(_ index: UInt32) {
        var aggregate = buckets[Int(index)].firstAggregate
        while aggregate != BucketSlab.none {
            let next = aggregates[Int(aggregate)].next
            let sketch = aggregates[Int(aggregate)].sketch
            if sketch != BucketSlab.none {
                sketches[Int(sketch)].removeAll()
                freeSketches.append(sketch)
            }
            freeAggregates.append(aggregate)
            aggregate = next
        }
        var state = buckets[Int(index)].firstState
        while state != BucketSlab.none {
            setDirty(state, false)
            freeStates.append(state)
            state = states[Int(state)].next
        }
        var goal = buckets[Int(index)].firstGoal
        while goal != BucketSlab.none {
            freeGoals.append(goal)
            goal = goals[Int(goal)].next
        }
        buckets[Int(index)].firstAggregate = BucketSlab.none
        buckets[Int(index)].firstState = BucketSlab.none
        buckets[Int(index)].firstGoal = BucketSlab.none
    }

    @inline(__always)
    func aggregate(of measure: UInt16, in bucket: UInt32) -> UInt32? {
        var index = buckets[Int(bucket)].firstAggregate
        while index != BucketSlab.none {
            if aggregates[Int(index)].measure == measure { return index }
            index = aggregates[Int(index)].next
        }
        return nil
    }

    @inline(__always)
    mutating func ensureAggregate(of measure: UInt16, in bucket: UInt32) -> UInt32 {
        if let known = aggregate(of: measure, in: bucket) { return known }
        var aggregate = Aggregate(measure: measure)
        aggregate.next = buckets[Int(bucket)].firstAggregate
        let index: UInt32
        if let free = freeAggregates.popLast() {
            index = free
            aggregates[Int(index)] = aggregate
        } else {
            index = UInt32(aggregates.count)
            aggregates.append(aggregate)
        }
        buckets[Int(bucket)].firstAggregate = index
        return index
    }

    /// Removes a measure's sums from a bucket that has them.
    mutating func removeAggregate(of measure: UInt16, in bucket: UInt32) {
        guard let index = aggregate(of: measure, in: bucket) else { return }
        let removed = aggregates[Int(index)]
        if buckets[Int(bucket)].firstAggregate == index {
            buckets[Int(bucket)].firstAggregate = removed.next
        } else {
            var before = buckets[Int(bucket)].firstAggregate
            while aggregates[Int(before)].next != index { before = aggregates[Int(before)].next }
            aggregates[Int(before)].next = removed.next
        }
        if removed.sketch != BucketSlab.none {
            sketches[Int(removed.sketch)].removeAll()
            freeSketches.append(removed.sketch)
        }
        freeAggregates.append(index)
    }

    mutating func ensureSketch(of aggregate: UInt32) -> Int {
        let known = aggregates[Int(aggregate)].sketch
        if known != BucketSlab.none { return Int(known) }
        let index: UInt32
        if let free = freeSketches.popLast() {
            index = free
        } else {
            index = UInt32(sketches.count)
            sketches.append(DDSketch())
        }
        aggregates[Int(aggregate)].sketch = index
        return Int(index)
    }

    @inline(__always)
    func state(of kpi: UInt16, in bucket: UInt32) -> UInt32? {
        var index = buckets[Int(bucket)].firstState
        while index != BucketSlab.none {
            if states[Int(index)].kpi == kpi { return index }
            index = states[Int(index)].next
        }
        return nil
    }

    @inline(__always)
    mutating func ensureState(of kpi: UInt16, in bucket: UInt32) -> UInt32 {
        if let known = state(of: kpi, in: bucket) { return known }
        var state = KPIState(kpi: kpi)
        state.next = buckets[Int(bucket)].firstState
        let index: UInt32
        if let free = freeStates.popLast() {
            index = free
            states[Int(index)] = state
        } else {
            index = UInt32(states.count)
            states.append(state)
        }
        buckets[Int(bucket)].firstState = index
        return index
    }

    func goal(_ goal: UInt16, in bucket: UInt32) -> UInt32? {
        var index = buckets[Int(bucket)].firstGoal
        while index != BucketSlab.none {
            if goals[Int(index)].goal == goal { return index }
            index = goals[Int(index)].next
        }
        return nil
    }

    mutating func ensureGoal(_ goal: UInt16, in bucket: UInt32) -> UInt32 {
        if let known = self.goal(goal, in: bucket) { return known }
        var state = GoalState(goal: goal)
        state.next = buckets[Int(bucket)].firstGoal
        let index: UInt32
        if let free = freeGoals.popLast() {
            index = free
            goals[Int(index)] = state
        } else {
            index = UInt32(goals.count)
            goals.append(state)
        }
        buckets[Int(bucket)].firstGoal = index
        return index
    }

    @inline(__always)
    mutating func setDirty(_ state: UInt32, _ isDirty: Bool) {
        if states[Int(state)].flags.contains(.dirty) == isDirty { return }
        if isDirty {
            states[Int(state)].flags.insert(.dirty)
            dirtyCount += 1
        } else {
            states[Int(state)].flags.remove(.dirty)
            dirtyCount -= 1
        }
    }

    func isDirty(_ bucket: UInt32) -> Bool {
        var state = buckets[Int(bucket)].firstState
        while state != BucketSlab.none {
            if states[Int(state)].flags.contains(.dirty) { return true }
            state = states[Int(state)].next
        }
        return false
    }
}
