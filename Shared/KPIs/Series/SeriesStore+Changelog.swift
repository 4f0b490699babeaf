internal import BusinessTime

/// Changelog records, one per cell and window, packed:
///
/// ```
/// key    1 (1 byte)  window kind (1 byte)  bucket (signed)  bytes of the cell
/// value  version (1 byte)
///        number of measures, per measure: id  count (signed)  sum (signed)
///                                         number of bins, per bin: distance from the bin before, count (signed)
///        number of KPIs, per KPI: code  flags (1 byte)  revision  fingerprint (8 bytes, little-endian)
///        [number of goals, per goal: hash of its name (8 bytes, little-endian)  flags (1 byte)  ordinal
///                                    pending since (signed)  since (signed)]
///
/// key    2 (1 byte)  measure  hour (signed)  bytes of the cell
/// value  version (1 byte)  number of instants, per instant: distance from the one before  count (signed)
///
/// key    0 (1 byte)
/// value  version (1 byte)  newest event time (signed)  [clock (signed)]
///
/// key    4 (1 byte)
/// value  version (1 byte)  instant before which nothing is published (signed)
///
/// key    3 (1 byte)
/// value  version (1 byte)  hash of what publication depends on  number of measures, per measure: id  kinds of window (bits)
///
/// key    5 (1 byte)
/// value  version (1 byte)  per calendar kind, of windows that can no longer change: first end  last end (signed), then the same of those without sums
/// ```
/// Measures and KPIs are in ascending order, so that equal contents are equal bytes. The emit interval's state is not
/// stored: after a restart a key may be published again before its interval is over.
enum ChangelogFormat {
    static let version: UInt8 = 1
    static let metaKey: UInt8 = 0
    static let bucketKey: UInt8 = 1
    static let hourKey: UInt8 = 2
    static let settingsKey: UInt8 = 3
    static let holdKey: UInt8 = 4
    static let lostKey: UInt8 = 5
}

extension SeriesStore {
    /// Writes every record that has changed since the last commit, once.
    ///
    /// - Parameter emit: Called with key and value; no value deletes the record. The bytes are valid during the call only.
    public mutating func writeChangelog(_ emit: (_ key: RawSpan, _ value: RawSpan?) -> Void) {
        markLevels()
        var key: [UInt8] = []
        var value: [UInt8] = []
        if let present = adoption.unsaved {
            key = [ChangelogFormat.settingsKey]
            value.removeAll(keepingCapacity: true)
            present.encode(to: &value)
            unsafe emit(key.span.bytes, value.span.bytes)
        }
        if lost != committedLost {
            value = [ChangelogFormat.version]
            lost.fixed.encode(to: &value)
            lost.dropped.encode(to: &value)
            unsafe emit([ChangelogFormat.lostKey].span.bytes, value.span.bytes)
        }
        var isChanged = newest != undo.committedNewest
        for entry in undo.entries {
            key.removeAll(keepingCapacity: true)
            key.append(ChangelogFormat.bucketKey)
            key.append(entry.kind.rawValue)
            Varint.append(signed: entry.bucket, to: &key)
            key.append(contentsOf: cellTable.key(of: entry.cell))
            guard let bucket = find(entry) else {
                if entry.copy != nil {
                    isChanged = true
                    unsafe emit(key.span.bytes, nil)
                }
                continue
            }
            value.removeAll(keepingCapacity: true)
            encode(bucket, to: &value)
            if let copy = entry.copy, undo.arena[copy].elementsEqual(value) { continue }
            isChanged = true
            unsafe emit(key.span.bytes, value.span.bytes)
        }
        writeInstants(emit)
        if isChanged {
            value = [ChangelogFormat.version]
            Varint.append(signed: newest, to: &value)
            Varint.append(signed: clock, to: &value)
            unsafe emit([ChangelogFormat.metaKey].span.bytes, value.span.bytes)
        }
    }

    /// Takes one changelog record, in any order over the keys; the last record of a key counts.
    ///
    /// - Parameters:
    ///   - key: As written by ``writeChangelog(_:)``.
    ///   - value: The record's value; nil deletes.
    /// - Throws: ``KPIError`` for a record that this version cannot read.
    public mutating func restore(key: RawSpan, value: RawSpan?) throws(KPIError) {
        var reader = RecordReader("changelog key")
        switch try reader.byte(key) {
        case ChangelogFormat.metaKey:
            guard let value else { return }
            var reader = RecordReader("changelog record")
            try checkVersion(value, &reader)
            newest = try DeltaRecord.instant(value, &reader)
            if reader.position < value.byteCount { clock = min(try reader.signed(value), SeriesStore.lastInstant) }
            windows.markClosed(until: clock)
            undo.removeAll(newest: newest)
        case ChangelogFormat.holdKey:
            guard let value else { return }
            var reader = RecordReader("changelog record")
            try checkVersion(value, &reader)
            heldUntil = try reader.signed(value)
        case ChangelogFormat.lostKey:
            guard let value else { return }
            var reader = RecordReader("changelog record")
            try checkVersion(value, &reader)
            lost.fixed = try LostWindows(value, &reader)
            lost.dropped = try LostWindows(value, &reader)
            committedLost = lost
        case ChangelogFormat.settingsKey:
            guard let value else { return }
            var reader = RecordReader("changelog record")
            adoption.saved = try SavedSeriesSettings(value, &reader)
        case ChangelogFormat.bucketKey:
            guard let kind = WindowKind(rawValue: try reader.byte(key)) else {
                throw reader.malformed("unknown window kind")
            }
            let number = try reader.signed(key)
            let cell = try intern(key.extracting(reader.position..<key.byteCount))
            let window = windows.ensure(kind, number, clock: clock)
            windows.markClosed(until: clock)
            if let value {
                try replace(bucket(cell, window), by: value)
            } else if let bucket = slab.find(cell: cell, window: window) {
                remove(bucket)
            }
            commitSucceeded()
        case ChangelogFormat.hourKey: try restoreInstants(key, &reader, value)
        default:
            throw reader.malformed("unknown key")
        }
    }

    // MARK: - Buckets

    /// Takes an undo copy of a bucket before its first change since the last commit.
    @inline(__always)
    mutating func touch(_ bucket: UInt32) {
        if !slab.buckets[Int(bucket)].flags.contains(.touched) { copyForUndo(bucket) }
    }

    private mutating func copyForUndo(_ bucket: UInt32) {
        slab.buckets[Int(bucket)].flags.insert(.touched)
        let start = undo.arena.count
        // Taken out, so that the store can be read while the arena grows.
        var arena: [UInt8] = []
        swap(&arena, &undo.arena)
        encode(bucket, to: &arena)
        swap(&arena, &undo.arena)
        let window = slab.buckets[Int(bucket)].window
        undo.noteCopy(slab.buckets[Int(bucket)].cell, windows[window].kind, windows[window].bucket, from: start)
    }

    mutating func restoreUndone(_ entry: UndoLog.Entry) {
        guard let copy = entry.copy else {
            if let bucket = find(entry) { remove(bucket) }
            return
        }
        let window = windows.ensure(entry.kind, entry.bucket, clock: clock)
        let bucket = bucket(entry.cell, window)
        let bytes = Array(undo.arena[copy])
        do {
            try unsafe replace(bucket, by: bytes.span.bytes)
        } catch {
            preconditionFailure("an undo copy cannot be read back: \(error)")
        }
        slab.buckets[Int(bucket)].flags.remove(.touched)
    }

    /// Removes a bucket from its window and from the levels.
    mutating func remove(_ bucket: UInt32) {
        removeLevels(of: bucket)
        let window = slab.buckets[Int(bucket)].window
        windows[window].head = slab.remove(bucket, head: windows[window].head)
    }

    private mutating func removeLevels(of bucket: UInt32) {
        let window = slab.buckets[Int(bucket)].window
        guard windows[window].kind.isCalendar else { return }
        var index = slab.buckets[Int(bucket)].firstAggregate
        while index != BucketSlab.none {
            let measure = slab.aggregates[Int(index)].measure
            if catalogue.measures[Int(measure)].kind == .levelDelta {
                levels.remove(
                    cell: slab.buckets[Int(bucket)].cell, measure: measure, window: window, windows[window])
            }
            index = slab.aggregates[Int(index)].next
        }
    }

    // MARK: - Encoding

    func encode(_ bucket: UInt32, to output: inout [UInt8]) {
        output.append(ChangelogFormat.version)
        encodeAggregates(of: bucket, to: &output)
        encodeStates(of: bucket, to: &output)
        if slab.buckets[Int(bucket)].firstGoal != BucketSlab.none { encodeGoals(of: bucket, to: &output) }
    }

    private func encodeAggregates(of bucket: UInt32, to output: inout [UInt8]) {
        var count: UInt64 = 0
        var index = slab.buckets[Int(bucket)].firstAggregate
        while index != BucketSlab.none {
            count += 1
            index = slab.aggregates[Int(index)].next
        }
        Varint.append(count, to: &output)
        // Lists are short: the next in ascending order is searched for, which needs no memory.
        var last = -1
        for _ in 0..<count {
            var best = BucketSlab.none
            index = slab.buckets[Int(bucket)].firstAggregate
            while index != BucketSlab.none {
                let measure = Int(slab.aggregates[Int(index)].measure)
                if measure > last, best == BucketSlab.none || measure < slab.aggregates[Int(best)].measure {
                    best = index
                }
                index = slab.aggregates[Int(index)].next
            }
            last = Int(slab.aggregates[Int(best)].measure)
            encode(slab.aggregates[Int(best)], to: &output)
        }
    }

    private func encode(_ aggregate: Aggregate, to output: inout [UInt8]) {
        Varint.append(UInt64(catalogue.measures[Int(aggregate.measure)].id), to: &output)
        Varint.append(signed: aggregate.count, to: &output)
        Varint.append(signed: aggregate.sum, to: &output)
        guard aggregate.sketch != BucketSlab.none else {
            output.append(0)
            return
        }
        let index = Int(aggregate.sketch)
        Varint.append(UInt64(slab.sketches[index].binCount), to: &output)
        var previous: UInt16 = 0
        for entry in slab.sketches[index].entries {
            let bin = DDSketch.bin(of: entry)
            Varint.append(UInt64(bin - previous), to: &output)
            Varint.append(signed: DDSketch.count(of: entry), to: &output)
            previous = bin
        }
    }

    private func encodeStates(of bucket: UInt32, to output: inout [UInt8]) {
        var count: UInt64 = 0
        var index = slab.buckets[Int(bucket)].firstState
        while index != BucketSlab.none {
            count += 1
            index = slab.states[Int(index)].next
        }
        Varint.append(count, to: &output)
        var last = -1
        for _ in 0..<count {
            var best = BucketSlab.none
            index = slab.buckets[Int(bucket)].firstState
            while index != BucketSlab.none {
                let kpi = Int(slab.states[Int(index)].kpi)
                if kpi > last, best == BucketSlab.none || kpi < slab.states[Int(best)].kpi { best = index }
                index = slab.states[Int(index)].next
            }
            let state = slab.states[Int(best)]
            last = Int(state.kpi)
            Varint.append(UInt64(catalogue.definitions[last].code), to: &output)
            output.append(state.flags.rawValue)
            Varint.append(UInt64(state.revision), to: &output)
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                output.append(UInt8(truncatingIfNeeded: state.fingerprint >> shift))
            }
        }
    }

    // MARK: - Decoding

    private func checkVersion(_ value: RawSpan, _ reader: inout RecordReader) throws(KPIError) {
        guard try reader.byte(value) == ChangelogFormat.version else {
            throw reader.malformed("unknown format version")
        }
    }

    /// Puts what a record says into a bucket, in place of what it holds.
    private mutating func replace(_ bucket: UInt32, by value: RawSpan) throws(KPIError) {
        removeLevels(of: bucket)
        slab.clear(bucket)
        var reader = RecordReader("changelog record")
        try checkVersion(value, &reader)
        for _ in 0..<(try reader.narrow(value, as: UInt16.self)) {
            try decodeAggregate(of: bucket, value, &reader)
        }
        for _ in 0..<(try reader.narrow(value, as: UInt16.self)) {
            try decodeState(of: bucket, value, &reader)
        }
        if reader.position < value.byteCount { try decodeGoals(of: bucket, value, &reader) }
        guard reader.position == value.byteCount else { throw reader.malformed("bytes behind its end") }
        enqueue(bucket)
    }

    private mutating func decodeAggregate(
        of bucket: UInt32, _ value: RawSpan, _ reader: inout RecordReader
    ) throws(KPIError) {
        let id = try reader.narrow(value, as: UInt16.self)
        guard let measure = catalogue.index(ofMeasure: id) else { throw .unknownMeasure(id) }
        let index = slab.ensureAggregate(of: UInt16(measure), in: bucket)
        slab.aggregates[Int(index)].count = try reader.signed(value)
        slab.aggregates[Int(index)].sum = try reader.signed(value)
        var bin = 0
        for _ in 0..<(try reader.narrow(value, as: UInt16.self)) {
            let next = try DeltaRecord.bin(value, &reader, after: bin)
            bin = next.bin
            let sketch = slab.ensureSketch(of: index)
            guard slab.sketches[sketch].add(bin: UInt16(bin), weight: next.count) else { throw .overflow(measure: id) }
        }
        if catalogue.measures[measure].kind == .levelDelta {
            setLevel(bucket, UInt16(measure), slab.aggregates[Int(index)].count)
        }
    }

    private mutating func decodeState(
        of bucket: UInt32, _ value: RawSpan, _ reader: inout RecordReader
    ) throws(KPIError) {
        let code = try reader.narrow(value, as: UInt16.self)
        guard let kpi = catalogue.definitions.firstIndex(where: { $0.code == code }) else { throw .unknownKPI(code) }
        let flags = KPIState.Flags(rawValue: try reader.byte(value))
        let index = slab.ensureState(of: UInt16(kpi), in: bucket)
        slab.states[Int(index)].flags = flags.subtracting(.dirty)
        slab.states[Int(index)].revision = try reader.narrow(value, as: UInt32.self)
        var fingerprint: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            fingerprint |= UInt64(try reader.byte(value)) << shift
        }
        slab.states[Int(index)].fingerprint = fingerprint
        slab.setDirty(index, flags.contains(.dirty))
    }
}
