internal import BusinessTime

/// The instants of gauges that know their ages, in the changelog: a record per hour of theirs.
extension SeriesStore {
    func writeInstants(_ emit: (_ key: RawSpan, _ value: RawSpan?) -> Void) {
        for (place, before) in ages.undo {
            let hour = ages.hour(place)
            if hour == before { continue }
            var key = [ChangelogFormat.hourKey]
            Varint.append(UInt64(catalogue.measures[Int(place.key.measure)].id), to: &key)
            Varint.append(signed: place.hour, to: &key)
            key.append(contentsOf: cellTable.key(of: place.key.cell))
            guard let hour else {
                unsafe emit(key.span.bytes, nil)
                continue
            }
            var value = [ChangelogFormat.version]
            Varint.append(UInt64(hour.items.count), to: &value)
            var previous: UInt32 = 0
            for item in hour.items {
                Varint.append(UInt64(item.offset - previous), to: &value)
                Varint.append(signed: Int64(item.count), to: &value)
                previous = item.offset
            }
            unsafe emit(key.span.bytes, value.span.bytes)
        }
    }

    /// - Parameter keyReader: Behind the first byte of the key.
    mutating func restoreInstants(
        _ key: RawSpan, _ keyReader: inout RecordReader, _ value: RawSpan?
    ) throws(KPIError) {
        let id = try keyReader.narrow(key, as: UInt16.self)
        guard let measure = catalogue.index(ofMeasure: id) else { throw .unknownMeasure(id) }
        let number = try keyReader.signed(key)
        guard number.magnitude < 1 << 30 else { throw keyReader.malformed("an hour out of range") }
        let cell = try intern(key.extracting(keyReader.position..<key.byteCount))
        let place = AgeTable.HourKey(key: AgeTable.Key(cell: cell, measure: UInt16(measure)), hour: number)
        guard let value else {
            ages.replace(place, by: nil)
            return
        }
        var reader = RecordReader("changelog record")
        guard try reader.byte(value) == ChangelogFormat.version else {
            throw reader.malformed("unknown format version")
        }
        var hour = AgeTable.Hour(number: number)
        var offset: UInt32 = 0
        for _ in 0..<(try reader.narrow(value, as: UInt32.self)) {
            let (next, overflow) = offset.addingReportingOverflow(try reader.narrow(value, as: UInt32.self))
            guard !overflow, Int64(next) < AgeTable.hour, let count = Int32(exactly: try reader.signed(value)) else {
                throw reader.malformed("an instant out of range")
            }
            offset = next
            hour.items.append(AgeTable.Item(offset: offset, count: count))
        }
        guard reader.position == value.byteCount else { throw reader.malformed("bytes behind its end") }
        ages.replace(place, by: hour.items.isEmpty ? nil : hour)
    }
}
