internal import BusinessTime

/// The packed record that carries one cell's contributions from an entity task to the series task.
///
/// ```
/// version (1 byte)  newest event time of the sender (signed)
/// then per base bucket and measure:
///   shape (1 byte: bits 0-1 base bucket, bit 2 has a sum, bit 3 has bins)
///   measure  bucket (signed)  count (signed)  [sum (signed)]
///   [number of bins, then per bin: distance from the bin before, count (signed)]
/// ```
/// Numbers are varints; signed ones are zigzag-encoded.
enum DeltaRecord {
    static let version: UInt8 = 1

    static func shape(_ base: BaseBucket, hasSum: Bool, hasBins: Bool) -> UInt8 {
        base.rawValue | (hasSum ? 4 : 0) | (hasBins ? 8 : 0)
    }

    /// One entry without its bins, which follow in the record.
    struct Entry {
        let base: BaseBucket
        let measure: UInt16
        let bucket: Int64
        let count: Int64
        let sum: Int64
        let binCount: Int
    }

    /// Reads version and newest event time.
    static func header(_ bytes: RawSpan, _ reader: inout RecordReader) throws(KPIError) -> Micros {
        guard try reader.byte(bytes) == version else { throw reader.malformed("unknown format version") }
        return try instant(bytes, &reader)
    }

    /// An event time; behind the year 9999 there is none.
    static func instant(_ bytes: RawSpan, _ reader: inout RecordReader) throws(KPIError) -> Micros {
        let instant = try reader.signed(bytes)
        guard instant <= SeriesStore.lastInstant else { throw reader.malformed("an event time behind the year 9999") }
        return instant
    }

    @inline(__always)
    static func entry(_ bytes: RawSpan, _ reader: inout RecordReader) throws(KPIError) -> Entry {
        let shape = try reader.byte(bytes)
        guard shape < 16, let base = BaseBucket(rawValue: shape & 3) else { throw reader.malformed("unknown shape") }
        let measure = try reader.narrow(bytes, as: UInt16.self)
        let bucket = try reader.signed(bytes)
        let count = try reader.signed(bytes)
        let sum = shape & 4 != 0 ? try reader.signed(bytes) : 0
        let binCount = shape & 8 != 0 ? try reader.narrow(bytes, as: Int.self) : 0
        return Entry(base: base, measure: measure, bucket: bucket, count: count, sum: sum, binCount: binCount)
    }

    /// Reads the next bin of an entry; `previous` is 0 at first.
    @inline(__always)
    static func bin(
        _ bytes: RawSpan, _ reader: inout RecordReader, after previous: Int
    ) throws(KPIError) -> (bin: Int, count: Int64) {
        let distance = try reader.narrow(bytes, as: UInt16.self)
        let bin = previous + Int(distance)
        guard bin < DurationBins.shared.uppers.count else { throw reader.malformed("a bin beyond the last one") }
        return (bin, try reader.signed(bytes))
    }
}
