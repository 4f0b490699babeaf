public import BusinessTime

/// What a new generation of a series stage's state begins with: which revision of each figure was published last, and with
/// what content, but no figures. These are counted anew from the beginning; what comes out the same is not published again, and
/// revisions go on where they were.
public enum SeriesSeed {
    /// The seed of one changelog record.
    ///
    /// - Parameter value: nil, a deletion, deletes the seed.
    /// - Returns: the record key by which the cell's partition is computed, and the seed under the same key; nil for a record
    ///   that is not about a window, or of which nothing was ever published.
    /// - Throws: ``KPIError`` for a record that this version cannot read.
    public static func record(
        key: RawSpan, value: RawSpan?
    ) throws(KPIError) -> (partitionKey: [UInt8], value: [UInt8]?)? {
        var reader = RecordReader("changelog key")
        guard try reader.byte(key) == ChangelogFormat.bucketKey else { return nil }
        _ = try reader.byte(key)
        _ = try reader.signed(key)
        var cell: [UInt8] = []
        for index in reader.position..<key.byteCount { cell.append(try byte(key, index)) }
        guard let cellKey = CellKey(bytes: cell) else { throw reader.malformed("no cell") }
        let partitionKey = CellKey.owner(of: cellKey.partitionKey)
        guard let value else { return (partitionKey, nil) }
        guard let seed = try seed(of: value) else { return nil }
        return (partitionKey, seed)
    }

    /// The record that holds publication back until everything that had arrived by `instant` has been counted again.
    public static func hold(until instant: Micros) -> (key: [UInt8], value: [UInt8]) {
        var value = [ChangelogFormat.version]
        Varint.append(signed: instant, to: &value)
        return ([ChangelogFormat.holdKey], value)
    }

    /// Without sums, and with every figure that was published marked as one to be looked at.
    private static func seed(of value: RawSpan) throws(KPIError) -> [UInt8]? {
        var reader = RecordReader("changelog record")
        let version = try reader.byte(value)
        guard version == ChangelogFormat.version else { throw reader.malformed("unknown format version") }
        for _ in 0..<(try reader.narrow(value, as: UInt16.self)) {
            _ = try reader.narrow(value, as: UInt16.self)
            _ = try reader.signed(value)
            _ = try reader.signed(value)
            for _ in 0..<(try reader.narrow(value, as: UInt16.self)) {
                _ = try reader.unsigned(value)
                _ = try reader.signed(value)
            }
        }
        var seed: [UInt8] = [version, 0]
        let count = try reader.narrow(value, as: UInt16.self)
        guard count > 0 else { return nil }
        Varint.append(UInt64(count), to: &seed)
        var wasPublished = false
        for _ in 0..<count {
            Varint.append(try reader.unsigned(value), to: &seed)
            var flags = KPIState.Flags(rawValue: try reader.byte(value))
            let revision = try reader.unsigned(value)
            if revision > 0 {
                wasPublished = true
                flags.insert(.dirty)
            }
            seed.append(flags.rawValue)
            Varint.append(revision, to: &seed)
            for _ in 0..<8 { seed.append(try reader.byte(value)) }
        }
        // What stands behind, such as the states of goals, goes on too.
        while reader.position < value.byteCount { seed.append(try reader.byte(value)) }
        return wasPublished ? seed : nil
    }

    private static func byte(_ span: RawSpan, _ index: Int) throws(KPIError) -> UInt8 {
        var reader = RecordReader("changelog key")
        reader.position = index
        return try reader.byte(span)
    }
}
