/// Contributions to cells in the order in which they came, and their order by cell, place in time, measure and bin. What a sort
/// moves stays in the processor's caches: first everything goes to its cell, then each cell is sorted by itself.
struct DeltaList: ~Copyable {
    struct Item {
        /// See ``DeltaList/key(place:measure:bin:)``.
        var key: UInt64
        var amount: Int64
        var cell: UInt32
        var weight: Int32

        static let none = Item(key: 0, amount: 0, cell: 0, weight: 0)
    }

    private var items: [Item] = []
    /// Where sorting moves to.
    private var other: [Item] = []
    /// By cell: how many items; while they are moved, the next one's place.
    private var counts: [Int] = []
    /// The cells with items.
    private var cells: [UInt32] = []
    /// By digit: how many; while items are moved, the next one's place.
    private var digits = [Int](repeating: 0, count: 1 << Self.wideDigit)

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
    func entry(of index: Int) -> UInt64 { items[index].key >> Self.binBits }
    func bin(of index: Int) -> UInt16 { UInt16(items[index].key & (1 << Self.binBits - 1)) }
    static func measure(of entry: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: entry) }
    static func place(of entry: UInt64) -> Int { Int(entry >> 16) }

    subscript(index: Int) -> Item { items[index] }

    // MARK: Filling

    @inline(__always)
    mutating func append(cell: UInt32, key: UInt64, amount: Int64, weight: Int32) {
        if Int(cell) >= counts.count {
            counts.append(contentsOf: repeatElement(0, count: max(Int(cell) + 1, 2 * counts.count) - counts.count))
        }
        if counts[Int(cell)] == 0 { cells.append(cell) }
        counts[Int(cell)] += 1
        items.append(Item(key: key, amount: amount, cell: cell, weight: weight))
    }

    mutating func removeAll() {
        for cell in cells { counts[Int(cell)] = 0 }
        cells.removeAll(keepingCapacity: true)
        items.removeAll(keepingCapacity: true)
    }

    // MARK: Sorting

    /// Sorts everything. Nothing may be added before the next `removeAll`.
    ///
    /// - Returns: the cells, ascending, and where their items are.
    mutating func sort() -> [(cell: UInt32, items: Range<Int>)] {
        cells.sort()
        other.removeAll(keepingCapacity: true)
        other.append(contentsOf: repeatElement(.none, count: items.count))
        var ranges: [(cell: UInt32, items: Range<Int>)] = []
        ranges.reserveCapacity(cells.count)
        var start = 0
        for cell in cells {
            let count = counts[Int(cell)]
            ranges.append((cell, start..<start + count))
            counts[Int(cell)] = start
            start += count
        }
        for item in items {
            other[counts[Int(item.cell)]] = item
            counts[Int(item.cell)] += 1
        }
        swap(&items, &other)
        for range in ranges { sort(range.items) }
        return ranges
    }

    /// Few are sorted by insertion, more by the digits of their keys that differ.
    private mutating func sort(_ range: Range<Int>) {
        guard range.count > 32 else { return insertionSort(range) }
        var varying: UInt64 = 0
        for index in range { varying |= items[index].key ^ items[range.lowerBound].key }
        let bits = range.count > 1_500 ? Self.wideDigit : Self.narrowDigit
        var isMoved = false
        while varying != 0 {
            let shift = varying.trailingZeroBitCount
            if isMoved {
                Self.move(range, from: other, to: &items, shift, bits, &digits)
            } else {
                Self.move(range, from: items, to: &other, shift, bits, &digits)
            }
            isMoved.toggle()
            varying &= ~UInt64(0) << UInt64(shift + bits)
        }
        if isMoved { for index in range { items[index] = other[index] } }
    }

    private mutating func insertionSort(_ range: Range<Int>) {
        for next in range.dropFirst() {
            let item = items[next]
            var place = next
            while place > range.lowerBound, items[place - 1].key > item.key {
                items[place] = items[place - 1]
                place -= 1
            }
            items[place] = item
        }
    }

    /// One pass of a radix sort, by the `bits` of the key from `shift` on. Keeps the order of those that have the same.
    private static func move(
        _ range: Range<Int>, from: borrowing [Item], to: inout [Item], _ shift: Int, _ bits: Int,
        _ digits: inout [Int]
    ) {
        let mask: UInt64 = 1 << UInt64(bits) - 1
        for digit in 0...Int(mask) { digits[digit] = 0 }
        for index in range { digits[Int(from[index].key >> UInt64(shift) & mask)] += 1 }
        var place = range.lowerBound
        for digit in 0...Int(mask) {
            let count = digits[digit]
            digits[digit] = place
            place += count
        }
        for index in range {
            let digit = Int(from[index].key >> UInt64(shift) & mask)
            to[digits[digit]] = from[index]
            digits[digit] += 1
        }
    }
}
