public import BusinessTime

/// The entity side of the series: collects weighted contributions between two commits, by cell, measure and base bucket,
/// and packs one record per cell. What cancels out leaves nothing behind.
///
/// Contributions are written down one behind the other and put together by sorting when they are drained (``DeltaList``): most of
/// those of a backlog differ from each other, and a table would wait for memory twice for each. Belongs to one thread.
public struct DeltaAccumulator: ~Copyable {
    /// Where in time something counts.
    private struct Place: Hashable {
        var bucket: Int64
        var base: BaseBucket
        /// Index into `scopes`.
        var scope: UInt16
    }

    /// More memory than for so many contributions is not kept when it is quiet.
    private static let usualCount = 2_048

    private let kinds: [MeasureKind?]
    private let bins: DurationBins
    private var list = DeltaList()
    private var places: [Place] = []
    private var numbers: [Place: UInt32] = [:]
    /// The last one asked for: contributions of an entity come by their place in time.
    private var last: (place: Place, number: UInt32)?
    private var buffer: [UInt8] = []
    /// Bins of the entry that is being packed.
    private var packed: [(bin: UInt16, count: Int64)] = []
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
        // Not through `self`: where the initialiser of a noncopyable type reads a member before all of them are there, Swift 6.3 releases a
        // register that nothing has set. Two threads that came here first at once died of it.
        let bins = DurationBins.shared
        precondition(bins.uppers.count < DeltaList.binLimit, "a key has no room for so many bins")
        self.bins = bins
        self.rulesVersion = rulesVersion
        var kinds = [MeasureKind?](repeating: nil, count: Int(catalogue.measures.last?.id ?? 0) + 1)
        for measure in catalogue.measures { kinds[Int(measure.id)] = measure.kind }
        self.kinds = kinds
    }

    public var isEmpty: Bool { list.isEmpty }

    /// Notes that an event was seen, whether or not it contributes.
    public mutating func observe(_ eventTime: Micros) { newestEventTime = max(newestEventTime, eventTime) }

    /// Adds a contribution (weight 1) or takes one back (weight -1), in each cell of a set.
    ///
    /// - Parameters:
    ///   - set: The sender's own number of the set; ``drain(cellsOf:_:)`` asks for its cells. Small, since there is a table by it.
    ///   - measure: Id of a measure of the catalogue.
    ///   - base: The smallest bucket in which it is kept; ``KPICatalogue/baseBucket(of:)``.
    ///   - bucket: `HourBucket.packed`, `DayBucket.number`, or for ``BaseBucket/none`` 0, of instants microseconds.
    ///   - value: Unused for counts; else the amount, for distributions milliseconds of at least 0, days 0 to 365,
    ///     for histograms the place.
    ///   - weight: At most 2^31 - 1 either way.
    ///   - instant: The attribution instant, which counts as seen.
    ///   - scope: The windows to count in. Not for levels and gauges, whose windows all follow from one account.
    /// - Throws: ``KPIError``; nothing has been added then.
    public mutating func add(
        set: UInt32, measure: UInt16, base: BaseBucket, bucket: Int64, value: Int64 = 1, weight: Int64,
        at instant: Micros, scope: WindowScope = .all
    ) throws(KPIError) {
        guard Int(measure) < kinds.count, let kind = kinds[Int(measure)] else { throw .unknownMeasure(measure) }
        let (product, overflow) = value.multipliedReportingOverflow(by: weight)
        guard let weight = Int32(exactly: weight) else { throw .overflow(measure: measure) }
        var bin: UInt16 = 0
        var amount: Int64 = 0
        switch kind {
        case .count, .instants: break
        case .histogram:
            guard 0..<Int64(bins.uppers.count) ~= value else { throw .placeOutOfRange(measure: measure) }
            bin = UInt16(value) + 1
        case .levelDelta, .gauge, .sum:
            guard !overflow else { throw .overflow(measure: measure) }
            amount = product
        case .days:
            guard 0..<366 ~= value else { throw .negativeDuration(measure: measure) }
            bin = UInt16(value) + 1
        case .distribution:
            guard value >= 0 else { throw .negativeDuration(measure: measure) }
            guard !overflow else { throw .overflow(measure: measure) }
            bin = bins.bin(of: value) + 1
            amount = product
        }
        let place = Place(bucket: bucket, base: base, scope: scope == .all ? 0 : number(of: scope))
        let key = DeltaList.key(place: number(of: place), measure: measure, bin: bin)
        list.append(set: set, key: key, amount: amount, weight: weight)
        observe(instant)
    }

    /// Hands out one packed record per cell whose contributions do not cancel out, by ascending cell, and starts anew.
    ///
    /// - Parameters:
    ///   - cellsOf: The sender's numbers of the cells of a set, each once. Asked once for each set that was added to.
    ///   - emit: Called with the cell and its record; the bytes are valid during the call only.
    /// - Throws: ``KPIError/overflow(measure:)`` for a total that cannot be held.
    public mutating func drain(
        cellsOf: (_ set: UInt32) -> [UInt32], _ emit: (_ cell: UInt32, _ record: RawSpan) -> Void
    ) throws(KPIError) {
        defer { removeAll() }
        let cells = list.sort(cellsOf: cellsOf)
        for (cell, items) in cells {
            buffer.removeAll(keepingCapacity: true)
            buffer.append(DeltaRecord.version)
            Varint.append(signed: newestEventTime, to: &buffer)
            Varint.append(UInt64(rulesVersion), to: &buffer)
            let header = buffer.count
            var index = items.lowerBound
            while index < items.upperBound { index = try pack(from: index, to: items.upperBound) }
            if buffer.count > header { unsafe emit(cell, buffer.span.bytes) }
        }
    }

    /// Forgets what was collected since the last ``drain(cellsOf:_:)``: the commit was undone.
    public mutating func removeAll() {
        list.removeAll()
        places.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
        last = nil
        scopes.removeLast(scopes.count - 1)
    }

    /// Gives back what an unusually large commit has taken, unless something is being collected.
    public mutating func tidy() {
        guard list.isEmpty, list.capacity > Self.usualCount else { return }
        list = DeltaList()
        places = []
        numbers = [:]
        buffer = []
        packed = []
    }

    private mutating func number(of scope: WindowScope) -> UInt16 {
        if let known = scopes.firstIndex(of: scope) { return UInt16(known) }
        scopes.append(scope)
        return UInt16(scopes.count - 1)
    }

    private mutating func number(of place: Place) -> UInt32 {
        if let last, last.place == place { return last.number }
        let number = numbers[place] ?? UInt32(places.count)
        if Int(number) == places.count {
            places.append(place)
            numbers[place] = number
        }
        last = (place, number)
        return number
    }

    /// Packs what from `start` on has the same place and measure, unless it cancels out.
    ///
    /// - Returns: the index behind it.
    private mutating func pack(from start: Int, to end: Int) throws(KPIError) -> Int {
        let entry = DeltaList.entry(of: list[start])
        let measure = DeltaList.measure(of: entry)
        var index = start
        var weights: Int64 = 0
        var amounts: Int128 = 0
        packed.removeAll(keepingCapacity: true)
        while index < end, DeltaList.entry(of: list[index]) == entry {
            let key = list[index].key
            let bin = DeltaList.bin(of: list[index])
            var count: Int64 = 0
            while index < end, list[index].key == key {
                count += Int64(list[index].weight)
                amounts += Int128(list[index].amount)
                index += 1
            }
            weights += count
            if bin > 0, count != 0 { packed.append((bin - 1, count)) }
        }
        guard let amount = Int64(exactly: amounts) else { throw .overflow(measure: measure) }
        let kind = kinds[Int(measure)] ?? .count
        let count = kind == .levelDelta || kind == .gauge ? amount : weights
        let sum = kind.hasSum ? amount : 0
        if count == 0, sum == 0, packed.isEmpty { return index }
        let place = places[DeltaList.place(of: entry)]
        buffer.append(
            DeltaRecord.shape(place.base, hasSum: kind.hasSum, hasBins: !packed.isEmpty, hasScope: place.scope > 0))
        Varint.append(UInt64(measure), to: &buffer)
        Varint.append(signed: place.bucket, to: &buffer)
        if place.scope > 0 {
            for edge in [scopes[Int(place.scope)].since, scopes[Int(place.scope)].until] {
                Varint.append(signed: edge.instant, to: &buffer)
                Varint.append(signed: edge.offset, to: &buffer)
            }
        }
        Varint.append(signed: count, to: &buffer)
        if kind.hasSum { Varint.append(signed: sum, to: &buffer) }
        if !packed.isEmpty {
            Varint.append(UInt64(packed.count), to: &buffer)
            var previous: UInt16 = 0
            for (bin, count) in packed {
                Varint.append(UInt64(bin - previous), to: &buffer)
                Varint.append(signed: count, to: &buffer)
                previous = bin
            }
        }
        return index
    }
}
