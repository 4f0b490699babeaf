/// A quantile sketch of durations: DDSketch (Masson, Rim, Lee, VLDB 2019) with relative error 1 %, over a fixed range of
/// bins (0, and 1 ms to 10^12 ms) that are never collapsed. So sketches merge and subtract exactly, in any order.
///
/// Kept as the sorted list of its non-zero bins, or as a row of all bins between the first and the last one where many of them are
/// in use (``DenseBins``). Counts may be negative on the way (a retraction that arrives before what it retracts).
public struct DDSketch: Hashable, Sendable {
    /// As ``SketchEntries``; empty while there is a row.
    private var list: [Int64] = []
    private var row = DenseBins()

    public init() {}

    /// Sum of all counts.
    public var count: Int64 { entries.reduce(0) { $0 &+ DDSketch.count(of: $1) } }

    public var isEmpty: Bool { binCount == 0 }

    /// Number of bins in use.
    public var binCount: Int { row.isEmpty ? list.count : Int(row.used) }

    /// Adds a value, or takes it back with a negative weight.
    ///
    /// - Parameter milliseconds: 0 or more; above 10^12 it counts as 10^12.
    /// - Throws: ``KPIError/negativeDuration(measure:)``, or ``KPIError/overflow(measure:)`` beyond 2^47 values in a bin.
    public mutating func add(milliseconds: Int64, weight: Int64 = 1) throws(KPIError) {
        guard milliseconds >= 0 else { throw .negativeDuration(measure: 0) }
        guard add(bin: DurationBins.shared.bin(of: milliseconds), weight: weight) else { throw .overflow(measure: 0) }
    }

    /// Adds all that another sketch holds.
    public mutating func merge(_ other: DDSketch) throws(KPIError) { try add(other, sign: 1) }

    /// Takes back all that another sketch holds.
    public mutating func subtract(_ other: DDSketch) throws(KPIError) { try add(other, sign: -1) }

    /// The q-quantile in milliseconds: within 1 % of the item of 0-based rank floor(q (n - 1)); nil when there is none.
    public func quantile(_ q: Double) -> Double? {
        let ranked = SketchRanks(count: count, entries: Array(entries))
        return ranked.value(q)
    }

    public static func == (one: DDSketch, other: DDSketch) -> Bool { one.entries.elementsEqual(other.entries) }

    public func hash(into hasher: inout Hasher) {
        for entry in entries { hasher.combine(entry) }
    }

    // MARK: - Bins

    static let countBits: Int64 = 48
    static let largestCount: Int64 = 1 << 47 - 1

    @inline(__always)
    static func bin(of entry: Int64) -> UInt16 { UInt16(truncatingIfNeeded: (entry >> countBits)) }

    @inline(__always)
    static func count(of entry: Int64) -> Int64 { (entry << 16) >> 16 }

    @inline(__always)
    static func entry(_ bin: UInt16, _ count: Int64) -> Int64 {
        Int64(bin) << countBits | (count & (1 << countBits - 1))
    }

    /// The bins in use.
    var entries: SketchEntries { SketchEntries(list: list, row: row) }

    /// False when the bin's count would leave its range; the sketch is unchanged then.
    @inline(__always)
    mutating func add(bin: UInt16, weight: Int64) -> Bool {
        if weight == 0 { return true }
        return !row.isEmpty && row.add(bin: bin, weight: weight) || addToList(bin, weight)
    }

    private mutating func addToList(_ bin: UInt16, _ weight: Int64) -> Bool {
        if !row.isEmpty {
            list = Array(entries)
            row = DenseBins()
        }
        let low = place(of: bin)
        let isPresent = low < list.count && DDSketch.bin(of: list[low]) == bin
        let (sum, overflow) = (isPresent ? DDSketch.count(of: list[low]) : 0).addingReportingOverflow(weight)
        guard !overflow, sum.magnitude <= UInt64(DDSketch.largestCount) else { return false }
        if isPresent {
            if sum == 0 { list.remove(at: low) } else { list[low] = DDSketch.entry(bin, sum) }
        } else {
            list.insert(DDSketch.entry(bin, sum), at: low)
            if list.count >= DenseBins.fewest, let row = DenseBins(list) { (self.row, list) = (row, []) }
        }
        return true
    }

    /// The place of the first entry that is not below a bin. Halves what is left; whether an entry is below goes into the sum as
    /// the sign of a difference, since no processor could foresee the outcome of a branch on it.
    private func place(of bin: UInt16) -> Int {
        let wanted = Int64(bin) << DDSketch.countBits
        let entries = list.span
        var low = 0
        var left = entries.count
        while left > 0 {
            let half = (left &+ 1) >> 1
            // Within bounds: `low + left` never grows. Entries are below 2^59, so the difference is exact.
            let difference = unsafe entries[unchecked: low &+ half &- 1] &- wanted
            low &+= half & Int(truncatingIfNeeded: difference >> 63)
            left &-= half
        }
        return low
    }

    mutating func removeAll() {
        list.removeAll(keepingCapacity: true)
        row = DenseBins()
    }

    private mutating func add(_ other: DDSketch, sign: Int64) throws(KPIError) {
        for entry in other.entries {
            guard add(bin: DDSketch.bin(of: entry), weight: sign * DDSketch.count(of: entry)) else {
                throw .overflow(measure: 0)
            }
        }
    }
}

/// The bins of a sketch that are in use, ascending: the bin in the upper 16 bits, its signed count, which is not zero, in the lower 48.
struct SketchEntries: Sequence, IteratorProtocol {
    private let list: [Int64]
    private let row: DenseBins
    private var place = 0

    fileprivate init(list: [Int64], row: DenseBins) {
        self.list = list
        self.row = row
    }

    @inline(__always)
    mutating func next() -> Int64? {
        if place < list.count {
            place += 1
            return list[place - 1]
        }
        while place < row.counts.count {
            place += 1
            let count = row.counts[place - 1]
            if count != 0 { return DDSketch.entry(row.first + UInt16(place - 1), Int64(count)) }
        }
        return nil
    }
}

/// Reads quantiles off the sorted bins of a sketch.
struct SketchRanks {
    let count: Int64
    let entries: [Int64]

    /// In milliseconds; nil without items. Also answers while some counts are negative.
    func value(_ q: Double) -> Double? {
        guard count > 0, !q.isNaN else { return nil }
        let rank = Int64((min(max(q, 0), 1) * Double(count - 1)).rounded(.down))
        var below: Int64 = 0
        var last: UInt16?
        for entry in entries {
            let weight = DDSketch.count(of: entry)
            below &+= weight
            if weight > 0 { last = DDSketch.bin(of: entry) }
            if below > rank { break }
        }
        return last.map { DurationBins.shared.representatives[Int($0)] }
    }
}
