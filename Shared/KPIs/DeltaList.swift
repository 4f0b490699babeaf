/// Contributions in the order in which they came; sorted, by place in time, measure and bin, and for each cell those that count in it.
///
/// A contribution counts in all cells of a set. It is written down once, and sorted once; then it is handed to the cells of its set, so
/// that those of a cell are in order, too.
struct DeltaList: ~Copyable {
    struct Item {
        /// See ``DeltaList/key(place:measure:bin:)``.
        var key: UInt64
        var amount: Int64
        /// The sender's number of a set of cells.
        var set: UInt32
        var weight: Int32

        static let none = Item(key: 0, amount: 0, set: 0, weight: 0)
    }

    private var items: [Item] = []
    /// Where sorting moves to.
    private var other: [Item] = []
    /// By digit: how many; while items are moved, the next one's place.
    private var digits = [Int](repeating: 0, count: 1 << Self.wideDigit)

    /// By set: how many items, and which part of `members` its cells are.
    private var sets: [(count: Int, members: Range<Int>)] = []
    private var usedSets: [UInt32] = []
    private var members: [UInt32] = []
    /// By cell: how many items; while they are handed out, the next one's place in `order`.
    private var counts: [Int] = []
    private var usedCells: [UInt32] = []
    /// Cell by cell, which items count in it.
    private var order: [UInt32] = []

    var isEmpty: Bool { items.isEmpty }
    var capacity: Int { items.capacity }

    // MARK: Keys

    private static let binBits: UInt64 = 11
    /// Bins of a key are below it.
    static let binLimit = 1 << Int(binBits)
    /// Bits of a digit where many are sorted, so that a bin is one digit, and where few are.
    private static let wideDigit = 11
    private static let narrowDigit = 8

    /// - Parameters:
    ///   - place: number of a place in time.
    ///   - bin: 0 for none, else the bin plus 1; below ``binLimit``.
    static func key(place: UInt32, measure: UInt16, bin: UInt16) -> UInt64 {
        (UInt64(place) << 16 | UInt64(measure)) << binBits | UInt64(bin)
    }

    /// What the items of one entry of a record have in common: the key without the bin.
    static func entry(of item: Item) -> UInt64 { item.key >> binBits }
    static func bin(of item: Item) -> UInt16 { UInt16(item.key & (1 << binBits - 1)) }
    static func measure(of entry: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: entry) }
    static func place(of entry: UInt64) -> Int { Int(entry >> 16) }

    /// - Parameter position: in one of the ranges that ``sort(cellsOf:)`` gives.
    subscript(position: Int) -> Item { items[Int(order[position])] }

    // MARK: Filling

    @inline(__always)
    mutating func append(set: UInt32, key: UInt64, amount: Int64, weight: Int32) {
        if Int(set) >= sets.count {
            let more = max(Int(set) + 1, 2 * sets.count) - sets.count
            sets.append(contentsOf: repeatElement((count: 0, members: 0..<0), count: more))
        }
        if sets[Int(set)].count == 0 { usedSets.append(set) }
        sets[Int(set)].count += 1
        items.append(Item(key: key, amount: amount, set: set, weight: weight))
    }

    mutating func removeAll() {
        for set in usedSets { sets[Int(set)].count = 0 }
        for cell in usedCells { counts[Int(cell)] = 0 }
        usedSets.removeAll(keepingCapacity: true)
        usedCells.removeAll(keepingCapacity: true)
        members.removeAll(keepingCapacity: true)
        items.removeAll(keepingCapacity: true)
    }

    // MARK: Sorting

    /// Sorts everything. Nothing may be added before the next `removeAll`.
    ///
    /// - Parameter cellsOf: Asked once for each set.
    /// - Returns: the cells, ascending, and the positions of what counts in them.
    mutating func sort(cellsOf: (_ set: UInt32) -> [UInt32]) -> [(cell: UInt32, items: Range<Int>)] {
        sort()
        for set in usedSets { look(up: set, cellsOf(set)) }
        usedCells.sort()
        var ranges: [(cell: UInt32, items: Range<Int>)] = []
        ranges.reserveCapacity(usedCells.count)
        var start = 0
        for cell in usedCells {
            let count = counts[Int(cell)]
            ranges.append((cell, start..<start + count))
            counts[Int(cell)] = start
            start += count
        }
        if order.count < start { order = [UInt32](repeating: 0, count: start) }
        Self.handOut(items, sets, members, to: &order, &counts)
        return ranges
    }

    private mutating func look(up set: UInt32, _ cells: [UInt32]) {
        sets[Int(set)].members = members.count..<members.count + cells.count
        members += cells
        for cell in cells {
            if Int(cell) >= counts.count {
                let more = max(Int(cell) + 1, 2 * counts.count) - counts.count
                counts.append(contentsOf: repeatElement(0, count: more))
            }
            if counts[Int(cell)] == 0 { usedCells.append(cell) }
            counts[Int(cell)] += sets[Int(set)].count
        }
    }

    private static func handOut(
        _ items: borrowing [Item], _ sets: borrowing [(count: Int, members: Range<Int>)],
        _ members: borrowing [UInt32], to order: inout [UInt32], _ counts: inout [Int]
    ) {
        var order = order.mutableSpan
        var next = counts.mutableSpan
        for index in items.indices {
            for member in sets[Int(items[index].set)].members {
                let cell = Int(members[member])
                order[next[cell]] = UInt32(index)
                next[cell] += 1
            }
        }
    }

    /// Few are sorted by insertion, more by the digits of their keys that differ.
    private mutating func sort() {
        guard items.count > 32 else { return insertionSort() }
        other.removeAll(keepingCapacity: true)
        other.append(contentsOf: repeatElement(.none, count: items.count))
        var varying: UInt64 = 0
        for item in items { varying |= item.key ^ items[0].key }
        let bits = items.count > 1_500 ? Self.wideDigit : Self.narrowDigit
        while varying != 0 {
            let shift = varying.trailingZeroBitCount
            Self.move(from: items, to: &other, shift, bits, &digits)
            swap(&items, &other)
            varying &= ~UInt64(0) << UInt64(shift + bits)
        }
    }

    private mutating func insertionSort() {
        for next in items.indices.dropFirst() {
            let item = items[next]
            var place = next
            while place > 0, items[place - 1].key > item.key {
                items[place] = items[place - 1]
                place -= 1
            }
            items[place] = item
        }
    }

    /// One pass of a radix sort, by the `bits` of the key from `shift` on. Keeps the order of those that have the same.
    private static func move(
        from: borrowing [Item], to: inout [Item], _ shift: Int, _ bits: Int, _ digits: inout [Int]
    ) {
        let mask: UInt64 = 1 << UInt64(bits) - 1
        for digit in 0...Int(mask) { digits[digit] = 0 }
        for index in from.indices { digits[Int(from[index].key >> UInt64(shift) & mask)] += 1 }
        var place = 0
        for digit in 0...Int(mask) {
            let count = digits[digit]
            digits[digit] = place
            place += count
        }
        for index in from.indices {
            let digit = Int(from[index].key >> UInt64(shift) & mask)
            to[digits[digit]] = from[index]
            digits[digit] += 1
        }
    }
}
