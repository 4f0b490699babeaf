internal import BusinessTime

/// Between which instants the windows of each calendar kind ended that have been given up: something came for them when they were history, or they have
/// been dropped with their sums and the revisions that were published of them.
///
/// Rules with a longer history do not bring these back: they would be counted from what comes late alone, and revisions would be given twice. Nothing has
/// been lost outside of the range, so a backfill from before it finds its windows. A rebuild has all of them.
struct LostWindows: Equatable {
    private static let kindCount = 6

    private var first = [Micros](repeating: .max, count: kindCount)
    private var last = [Micros](repeating: .min, count: kindCount)

    @inline(__always)
    func contains(_ kind: WindowKind, end: Micros) -> Bool {
        end <= last[Int(kind.rawValue)] && end >= first[Int(kind.rawValue)]
    }

    /// - Precondition: The kind is a calendar one.
    mutating func insert(_ kind: WindowKind, end: Micros) {
        let index = Int(kind.rawValue)
        if end < first[index] { first[index] = end }
        if end > last[index] { last[index] = end }
    }

    func encode(to bytes: inout [UInt8]) {
        for index in 0..<Self.kindCount {
            Varint.append(signed: first[index], to: &bytes)
            Varint.append(signed: last[index], to: &bytes)
        }
    }

    init() {}

    init(_ value: RawSpan, _ reader: inout RecordReader) throws(KPIError) {
        for index in 0..<Self.kindCount {
            first[index] = try reader.signed(value)
            last[index] = try reader.signed(value)
        }
    }
}
