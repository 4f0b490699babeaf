/// The counts of a sketch that uses many of the bins between its first and its last one: a row with a place for each of them, found
/// without a search.
struct DenseBins: Sendable {
    /// From the bin `first` on.
    private(set) var counts: [Int32] = []
    private(set) var first: UInt16 = 0
    /// How many counts are not zero.
    private(set) var used: UInt16 = 0

    /// With fewer bins a sorted list is as quick.
    static let fewest = 32
    /// In a row of so many places for each bin in use, a count takes one and a half times the bytes of a list's.
    private static let sparsest = 3
    /// Above so many places for each bin in use the row is given up: twice as many, so that not every bin changes it.
    private static let tooSparse = 6

    init() {}

    /// Nil for bins that are far apart, and for counts beyond 32 bits.
    ///
    /// - Parameter entries: As ``SketchEntries``.
    init?(_ entries: [Int64]) {
        guard let start = entries.first, let end = entries.last else { return nil }
        let span = Int(DDSketch.bin(of: end) - DDSketch.bin(of: start)) + 1
        guard span <= entries.count * DenseBins.sparsest else { return nil }
        first = DDSketch.bin(of: start)
        used = UInt16(entries.count)
        counts = [Int32](repeating: 0, count: span)
        for entry in entries {
            guard let count = Int32(exactly: DDSketch.count(of: entry)) else { return nil }
            counts[Int(DDSketch.bin(of: entry) - first)] = count
        }
    }

    @inline(__always)
    var isEmpty: Bool { counts.isEmpty }

    /// False when a list suits better; no count is changed then.
    @inline(__always)
    mutating func add(bin: UInt16, weight: Int64) -> Bool {
        var place = Int(bin) - Int(first)
        if place < 0 || place >= counts.count {
            guard makePlace(for: bin) else { return false }
            place = Int(bin) - Int(first)
        }
        let before = counts[place]
        let (sum, overflow) = Int64(before).addingReportingOverflow(weight)
        guard !overflow, let count = Int32(exactly: sum) else { return false }
        if before == 0 {
            used += 1
        } else if count == 0 {
            guard counts.count <= Int(used - 1) * DenseBins.tooSparse else { return false }
            used -= 1
        }
        counts[place] = count
        return true
    }

    /// Makes the row longer.
    private mutating func makePlace(for bin: UInt16) -> Bool {
        let low = min(bin, first)
        let span = Int(max(bin, first + UInt16(counts.count - 1)) - low) + 1
        guard span <= Int(used + 1) * DenseBins.tooSparse else { return false }
        let zeros = repeatElement(Int32(0), count: span - counts.count)
        if bin < first { counts.insert(contentsOf: zeros, at: 0) } else { counts.append(contentsOf: zeros) }
        first = low
        return true
    }
}
