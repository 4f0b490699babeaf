internal import BusinessTime

/// Since when the things have been so that a gauge counts, exactly: for each cell and measure the sorted multiset of their
/// instants, cut into hours so that a change rewrites little.
///
/// A multiset is a commutative group: counts may be negative on the way, and what cancels out leaves nothing.
struct AgeTable {
    static let hour: Micros = 3_600_000_000

    struct Item: Equatable {
        /// Microseconds since the hour's beginning.
        let offset: UInt32
        var count: Int32
    }

    /// The instants of one hour (of UTC, so that no zone enters).
    struct Hour: Equatable {
        let number: Int64
        /// Ascending by offset, without zero counts.
        var items: [Item] = []

        func position(of offset: UInt32) -> Int {
            var low = 0
            var high = items.count
            while low < high {
                let middle = (low + high) / 2
                if items[middle].offset < offset { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    struct Key: Hashable {
        let cell: UInt32
        let measure: UInt16
    }

    struct HourKey: Hashable {
        let key: Key
        let hour: Int64
    }

    /// By key the hours, ascending, without empty ones.
    private var table: [Key: [Hour]] = [:]
    /// How the hours were that have changed since the last commit.
    private(set) var undo: [HourKey: Hour?] = [:]

    private static func position(_ hour: Int64, in hours: [Hour]) -> Int {
        var low = 0
        var high = hours.count
        while low < high {
            let middle = (low + high) / 2
            if hours[middle].number < hour { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func hour(_ key: HourKey) -> Hour? {
        guard let hours = table[key.key] else { return nil }
        let position = AgeTable.position(key.hour, in: hours)
        return position < hours.count && hours[position].number == key.hour ? hours[position] : nil
    }

    /// Adds instants, or takes them back. False when a count would leave its range; nothing has changed then.
    mutating func add(_ instant: Micros, weight: Int64, to key: Key) -> Bool {
        guard instant.magnitude < 1 << 60 else { return false }
        let number = instant >= 0 ? instant / AgeTable.hour : (instant + 1) / AgeTable.hour - 1
        let offset = UInt32(truncatingIfNeeded: instant - number * AgeTable.hour)
        let place = HourKey(key: key, hour: number)
        let old = hour(place)
        var hour = old ?? Hour(number: number)
        let index = hour.position(of: offset)
        let known = index < hour.items.count && hour.items[index].offset == offset
        let (sum, overflow) = (known ? Int64(hour.items[index].count) : 0).addingReportingOverflow(weight)
        guard !overflow, let count = Int32(exactly: sum) else { return false }
        if known {
            if count == 0 { hour.items.remove(at: index) } else { hour.items[index].count = count }
        } else if count != 0 {
            hour.items.insert(Item(offset: offset, count: count), at: index)
        }
        if undo[place] == nil { undo[place] = .some(old) }
        replace(place, by: hour.items.isEmpty ? nil : hour)
        return true
    }

    /// Puts what is known of an hour in place of what it holds.
    mutating func replace(_ key: HourKey, by hour: Hour?) {
        var hours: [Hour] = []
        // Taken out, so that the array is changed in place.
        swap(&hours, &table[key.key, default: []])
        let position = AgeTable.position(key.hour, in: hours)
        let isKnown = position < hours.count && hours[position].number == key.hour
        if let hour {
            if isKnown { hours[position] = hour } else { hours.insert(hour, at: position) }
        } else if isKnown {
            hours.remove(at: position)
        }
        table[key.key] = hours.isEmpty ? nil : hours
    }

    mutating func commitSucceeded() { undo.removeAll(keepingCapacity: true) }

    mutating func rollBack() {
        for (key, hour) in undo { replace(key, by: hour) }
        undo.removeAll(keepingCapacity: true)
    }

    // MARK: - Ages

    /// How old things are, in microseconds; the quantiles are the items of rank floor(q (n - 1)).
    struct Ages {
        var count: Int64 = 0
        var sum: Int128 = 0
        var p50: Int64 = 0
        var p90: Int64 = 0
        var p95: Int64 = 0
        var p99: Int64 = 0
        var largest: Int64 = 0
    }

    /// The ages at an instant; nil when there are none. What is yet to begin (the clock of its source is ahead) has no age.
    func ages(_ key: Key, at clock: Micros) -> Ages? {
        guard let hours = table[key] else { return nil }
        var ages = Ages()
        for hour in hours {
            let start = hour.number * AgeTable.hour
            for item in hour.items {
                let age = clock - start - Int64(item.offset)
                if age < 0 { break }
                ages.count += Int64(item.count)
                ages.sum += Int128(age) * Int128(item.count)
            }
        }
        guard ages.count > 0 else { return nil }
        // Quantiles count from the youngest, which is the last.
        let ranks = [0.5, 0.9, 0.95, 0.99].map { Int64(($0 * Double(ages.count - 1)).rounded(.down)) }
        var found: [Int64] = []
        var passed: Int64 = 0
        for hour in hours.reversed() {
            for item in hour.items.reversed() {
                let age = clock - hour.number * AgeTable.hour - Int64(item.offset)
                if age < 0 { continue }
                passed += Int64(item.count)
                while found.count < ranks.count, passed > ranks[found.count] { found.append(age) }
                if item.count > 0 { ages.largest = age }
            }
        }
        // Only while retractions are on their way can the items run out before the ranks.
        while found.count < ranks.count { found.append(ages.largest) }
        (ages.p50, ages.p90, ages.p95, ages.p99) = (found[0], found[1], found[2], found[3])
        return ages
    }
}
