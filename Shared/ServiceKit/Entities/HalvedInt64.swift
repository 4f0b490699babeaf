/// A number in two halves: where there are very many, 64 bits in one piece would have each structure padded to a multiple of 8.
struct HalvedInt64: BitwiseCopyable, Equatable {
    private var low: UInt32
    private var high: Int32

    init(_ value: Int64) {
        low = UInt32(truncatingIfNeeded: value)
        high = Int32(truncatingIfNeeded: value >> 32)
    }

    var value: Int64 { Int64(high) << 32 | Int64(low) }
}
