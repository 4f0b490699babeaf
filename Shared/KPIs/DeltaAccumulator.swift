public import BusinessTime

/// The entity side of the series: collects weighted contributions between two commits, by cell, measure and base bucket,
/// and packs one record per cell. What cancels out leaves nothing behind.
///
/// Adding allocates nothing once the table has reached the size of a commit. Belongs to one thread.
public struct DeltaAccumulator: ~Copyable {
    private struct Entry {
        var bucket: Int64
        var count: Int64
        var sum: Int64
        var cell: UInt32
        var measure: UInt16
        /// 0: count and sum; else a bin of the sketch, plus 1.
        var bin: UInt16
        var base: BaseBucket
        var hasSum: Bool
        /// Index into `scopes`.
        var scope: UInt16
    }

    private static let fewestSlots = 1_024
    /// More memory than for so many is not kept when it is quiet.
    private static let usualEntries = 2_048

    private let kinds: [MeasureKind?]
    private let bins = DurationBins.shared
    private var entries: [Entry] = []
    /// Index into `entries` + 1; 0 is free. The count is a power of two.
    private var slots = [UInt32](repeating: 0, count: Self.fewestSlots)
    private var buffer: [UInt8] = []
    /// The first is ``WindowScope/all``; more only while entities are derived under changed rules.
    private var scopes = [WindowScope.all]
    private let rulesVersion: Int64

    /// The latest event time that this sender has seen; it travels with every record and decides, on the series side,
    /// which windows have become history. Never falls.
    public private(set) var newestEventTime = Micros.min

    /// - Parameters:
    ///   - catalogue: Says what is kept of each measure.
    ///   - rulesVersion: Under which the contributions are derived. The series side takes them when it knows that version.
    public init(_ catalogue: KPICatalogue, rulesVersion: Int64 = 0) {
        self.rulesVersion = rulesVersion
        var kinds = [MeasureKind?](repeating: nil, count: Int(catalogue.measures.last?.id ?? 0) + 1)
        for measure in catalogue.measures { kinds[Int(measure.id)] = measure.kind }
        self.kinds = kinds
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// Number of distinct numbers that are being collected.
    public var count: Int { entries.count }

    /// Notes that an event was seen, whether or not it contributes.
    public mutating func observe(_ eventTime: Micros) { newestEventTime = max(newestEventTime, eventTime) }

    /// Adds a contribution (weight 1) or takes one back (weight -1).
    ///
    /// - Parameters:
    ///   - cell: The sender's own number of the cell; ``drain(_:)`` gives it back.
    ///   - measure: Id of a measure of the catalogue.
    ///   - base: The smallest bucket in which it is kept; ``KPICatalogue/baseBucket(of:)``.
    ///   - bucket: `HourBucket.packed`, `DayBucket.number`, or for ``BaseBucket/none`` 0, of instants microseconds.
    ///   - value: Unused for counts; else the amount, for distributions milliseconds of at least 0, days 0 to 365,
    ///     for histograms the place.
    ///   - instant: The attribution instant, which counts as seen.
    ///   - scope: The windows to count in. Not for levels and gauges, whose windows all follow from one account.
    /// - Throws: ``KPIError``; nothing has been added then.
    public mutating func add(
        cell: UInt32, measure: UInt16, base: BaseBucket, bucket: Int64, value: Int64 = 1, weight: Int64,
        at instant: Micros, scope: WindowScope = .all
    ) throws(KPIError) {
        guard Int(measure) < kinds.count, let kind = kinds[Int(measure)] else { throw .unknownMeasure(measure) }
        let (product, overflow) = value.multipliedReportingOverflow(by: weight)
        let scope = scope == .all ? 0 : number(of: scope)
        let main = entry(cell, measure, base, bucket, bin: 0, hasSum: kind.hasSum, scope)
        switch kind {
        case .count:
            try add(count: weight, sum: 0, to: main)
        case .instants:
            try add(count: weight, sum: 0, to: main)
        case .histogram:
            guard 0..<Int64(bins.uppers.count) ~= value else { throw .placeOutOfRange(measure: measure) }
            let bin = entry(cell, measure, base, bucket, bin: UInt16(value) + 1, hasSum: false, scope)
            guard !entries[bin].count.addingReportingOverflow(weight).overflow else {
                throw .overflow(measure: measure)
            }
            try add(count: weight, sum: 0, to: main)
            entries[bin].count += weight
        case .levelDelta, .gauge:
            guard !overflow else { throw .overflow(measure: measure) }
            try add(count: product, sum: 0, to: main)
        case .sum:
            guard !overflow else { throw .overflow(measure: measure) }
            try add(count: weight, sum: product, to: main)
        case .days:
            guard 0..<366 ~= value else { throw .negativeDuration(measure: measure) }
            let bin = entry(cell, measure, base, bucket, bin: UInt16(value) + 1, hasSum: false, scope)
            try add(count: weight, sum: 0, to: main)
            entries[bin].count += weight
        case .distribution:
            guard value >= 0 else { throw .negativeDuration(measure: measure) }
            guard !overflow else { throw .overflow(measure: measure) }
            let bin = entry(cell, measure, base, bucket, bin: bins.bin(of: value) + 1, hasSum: false, scope)
            guard !entries[bin].count.addingReportingOverflow(weight).overflow else {
                throw .overflow(measure: measure)
            }
            try add(count: weight, sum: product, to: main)
            entries[bin].count += weight
        }
        observe(instant)
    }

    /// Hands out one packed record per cell whose contributions do not cancel out, and starts anew.
    ///
    /// - Parameter emit: Called with the cell and its record; the bytes are valid during the call only.
    public mutating func drain(_ emit: (_ cell: UInt32, _ record: RawSpan) -> Void) {
        entries.sort(by: DeltaAccumulator.precedes)
        var index = 0
        while index < entries.count {
            let cell = entries[index].cell
            buffer.removeAll(keepingCapacity: true)
            buffer.append(DeltaRecord.version)
            Varint.append(signed: newestEventTime, to: &buffer)
            Varint.append(UInt64(rulesVersion), to: &buffer)
            let header = buffer.count
            while index < entries.count, entries[index].cell == cell { index = pack(from: index) }
            if buffer.count > header { unsafe emit(cell, buffer.span.bytes) }
        }
        removeAll()
    }

    /// Forgets what was collected since the last ``drain(_:)``: the commit was undone.
    public mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        for index in slots.indices { slots[index] = 0 }
        scopes.removeLast(scopes.count - 1)
    }

    /// Gives back what an unusually large commit has taken, unless something is being collected.
    public mutating func tidy() {
        guard entries.isEmpty, entries.capacity > Self.usualEntries else { return }
        entries = []
        slots = [UInt32](repeating: 0, count: Self.fewestSlots)
        buffer = []
    }

    private mutating func number(of scope: WindowScope) -> UInt16 {
        if let known = scopes.firstIndex(of: scope) { return UInt16(known) }
        scopes.append(scope)
        return UInt16(scopes.count - 1)
    }

    // MARK: - Packing

    private static func precedes(_ left: Entry, _ right: Entry) -> Bool {
        if left.cell != right.cell { return left.cell < right.cell }
        if left.base != right.base { return left.base.rawValue < right.base.rawValue }
        if left.bucket != right.bucket { return left.bucket < right.bucket }
        if left.measure != right.measure { return left.measure < right.measure }
        if left.scope != right.scope { return left.scope < right.scope }
        return left.bin < right.bin
    }

    /// Packs the main entry at `start` with its bins, unless all of them are zero. Gives the index behind them.
    private mutating func pack(from start: Int) -> Int {
        let main = entries[start]
        var end = start + 1
        var bins = 0
        while end < entries.count, entries[end].bin != 0, entries[end].measure == main.measure,
            entries[end].bucket == main.bucket, entries[end].base == main.base, entries[end].cell == main.cell,
            entries[end].scope == main.scope
        {
            if entries[end].count != 0 { bins += 1 }
            end += 1
        }
        if main.count == 0, main.sum == 0, bins == 0 { return end }
        buffer.append(
            DeltaRecord.shape(main.base, hasSum: main.hasSum, hasBins: bins > 0, hasScope: main.scope > 0))
        Varint.append(UInt64(main.measure), to: &buffer)
        Varint.append(signed: main.bucket, to: &buffer)
        if main.scope > 0 {
            for edge in [scopes[Int(main.scope)].since, scopes[Int(main.scope)].until] {
                Varint.append(signed: edge.instant, to: &buffer)
                Varint.append(signed: edge.offset, to: &buffer)
            }
        }
        Varint.append(signed: main.count, to: &buffer)
        if main.hasSum { Varint.append(signed: main.sum, to: &buffer) }
        if bins > 0 {
            Varint.append(UInt64(bins), to: &buffer)
            var previous: UInt16 = 0
            for entry in entries[(start + 1)..<end] where entry.count != 0 {
                Varint.append(UInt64(entry.bin - 1 - previous), to: &buffer)
                Varint.append(signed: entry.count, to: &buffer)
                previous = entry.bin - 1
            }
        }
        return end
    }

    // MARK: - Table

    @inline(__always)
    private mutating func add(count: Int64, sum: Int64, to index: Int) throws(KPIError) {
        let (newCount, countOverflow) = entries[index].count.addingReportingOverflow(count)
        let (newSum, sumOverflow) = entries[index].sum.addingReportingOverflow(sum)
        guard !countOverflow, !sumOverflow else { throw .overflow(measure: entries[index].measure) }
        entries[index].count = newCount
        entries[index].sum = newSum
    }

    private mutating func entry(
        _ cell: UInt32, _ measure: UInt16, _ base: BaseBucket, _ bucket: Int64, bin: UInt16, hasSum: Bool,
        _ scope: UInt16
    ) -> Int {
        let mask = slots.count - 1
        var slot = DeltaAccumulator.hash(cell, measure, base, bucket, bin, scope) & mask
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            let found = entries[index]
            if found.bucket == bucket, found.cell == cell, found.measure == measure, found.bin == bin,
                found.base == base, found.scope == scope
            {
                return index
            }
            slot = (slot + 1) & mask
        }
        entries.append(
            Entry(
                bucket: bucket, count: 0, sum: 0, cell: cell, measure: measure, bin: bin, base: base, hasSum: hasSum,
                scope: scope))
        slots[slot] = UInt32(entries.count)
        if entries.count * 2 > slots.count { grow() }
        return entries.count - 1
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        let mask = slots.count - 1
        for (index, entry) in entries.enumerated() {
            var slot =
                DeltaAccumulator.hash(
                    entry.cell, entry.measure, entry.base, entry.bucket, entry.bin, entry.scope) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(index + 1)
        }
    }

    @inline(__always)
    private static func hash(
        _ cell: UInt32, _ measure: UInt16, _ base: BaseBucket, _ bucket: Int64, _ bin: UInt16, _ scope: UInt16
    ) -> Int {
        let words = UInt64(cell) << 32 | UInt64(measure) << 16 | UInt64(bin)
        var hash = (words ^ UInt64(bitPattern: bucket) &* 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
        hash ^= hash >> 29 ^ UInt64(base.rawValue) ^ UInt64(scope) << 8
        return Int(truncatingIfNeeded: (hash &* 0x94D0_49BB_1331_11EB) >> 20)
    }
}
