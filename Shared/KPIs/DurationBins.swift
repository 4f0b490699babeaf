/// The bins of ``DDSketch``, which are fixed: 0 holds the value 0, and bin b > 0 the milliseconds in
/// (gamma^(b-2), gamma^(b-1)], gamma = (1 + 0.01) / (1 - 0.01), up to 10^12 ms.
///
/// The borders are computed by multiplication alone, so they are the same bits on every machine (a logarithm's last bit
/// is the C library's choice, and a value must be taken out of the very bin that it was put into).
struct DurationBins: Sendable {
    static let shared = DurationBins()
    static let largest: Int64 = 1_000_000_000_000

    /// The largest value of each bin.
    let uppers: [Int64]
    /// For each bit length of a value the first bin that can hold it.
    private let firstBins: [Int]
    /// For each bin the value, in milliseconds, that is off by less than 1 % from all that it holds.
    let representatives: [Double]

    private init() {
        let gamma = 1.01 / 0.99
        var uppers: [Int64] = [0, 1]
        var border = 1.0
        while let last = uppers.last, last < DurationBins.largest {
            border *= gamma
            uppers.append(min(Int64(border), DurationBins.largest))
        }
        var representatives = [0.0]
        for (below, upper) in zip(uppers, uppers.dropFirst()) {
            // The harmonic mean of the smallest and the largest value has the same relative distance from both.
            let low = Double(below + 1)
            let high = Double(upper)
            representatives.append(2 * low * high / (low + high))
        }
        firstBins = (0...64).map { bits in
            let smallest = bits == 0 ? 0 : Int64(clamping: UInt64(1) << UInt64(bits - 1))
            return uppers.firstIndex { $0 >= smallest } ?? uppers.count - 1
        }
        self.uppers = uppers
        self.representatives = representatives
    }

    /// The bin of a value of 0 or more; values above 10^12 ms (31.7 years) count in the last bin.
    @inline(__always)
    func bin(of milliseconds: Int64) -> UInt16 {
        let value = min(milliseconds, DurationBins.largest)
        let bits = 64 - value.leadingZeroBitCount
        var low = firstBins[bits]
        var high = min(firstBins[bits + 1], uppers.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if uppers[middle] < value { low = middle + 1 } else { high = middle }
        }
        return UInt16(truncatingIfNeeded: low)
    }
}
