internal import BusinessTime

/// The packed record that carries one cell's contributions from an entity task to the series task.
///
/// ```
/// version (1 byte)  newest event time of the sender (signed)  version of the sender's rules (from record version 2 on)
/// then per base bucket and measure:
///   shape (1 byte: bits 0-1 base bucket, bit 2 has a sum, bit 3 has bins, bit 4 has a scope)
///   measure  bucket (signed)  [since, its offset, until, its offset (signed)]  count (signed)  [sum (signed)]
///   [number of bins, then per bin: distance from the bin before, count (signed)]
/// ```
/// Numbers are varints; signed ones are zigzag-encoded.
enum DeltaRecord {
    static let version: UInt8 = 2

    static func shape(_ base: BaseBucket, hasSum: Bool, hasBins: Bool, hasScope: Bool) -> UInt8 {
        base.rawValue | (hasSum ? 4 : 0) | (hasBins ? 8 : 0) | (hasScope ? 16 : 0)
    }

    /// One entry without its bins, which follow in the record.
    struct Entry {
        let base: BaseBucket
        let measure: UInt16
        let bucket: Int64
        let count: Int64
        let sum: Int64
        let binCount: Int
        /// nil: all windows.
        let scope: WindowScope?
    }

    /// Reads version, newest event time and version of the rules.
    static func header(
        _ bytes: RawSpan, _ reader: inout RecordReader
    ) throws(KPIError) -> (newest: Micros, rulesVersion: Int64) {
        let found = try reader.byte(bytes)
        guard 1...version ~= found else { throw reader.malformed("unknown format version") }
        let newest = try instant(bytes, &reader)
        return (newest, found == 1 ? 0 : try reader.narrow(bytes, as: Int64.self))
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
        guard shape < 32, let base = BaseBucket(rawValue: shape & 3) else { throw reader.malformed("unknown shape") }
        let measure = try reader.narrow(bytes, as: UInt16.self)
        let bucket = try reader.signed(bytes)
        let scope =
            shape & 16 == 0
            ? nil
            : WindowScope(
                since: .init(try reader.signed(bytes), offset: try reader.signed(bytes)),
                until: .init(try reader.signed(bytes), offset: try reader.signed(bytes)))
        let count = try reader.signed(bytes)
        let sum = shape & 4 != 0 ? try reader.signed(bytes) : 0
        let binCount = shape & 8 != 0 ? try reader.narrow(bytes, as: Int.self) : 0
        return Entry(
            base: base, measure: measure, bucket: bucket, count: count, sum: sum, binCount: binCount, scope: scope)
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
