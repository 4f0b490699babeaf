internal import BusinessTime

/// What the records of a changelog were kept with.
struct SavedSeriesSettings: Equatable {
    private static let version: UInt8 = 1

    /// Of what every figure's publication depends on.
    var publication: UInt64
    /// By id of the measure: the kinds of window in which it is kept, a bit each.
    var kinds: [UInt16: UInt16]

    init(_ catalogue: KPICatalogue, _ zone: BusinessZone, _ settings: SeriesSettings) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var text = "\(zone.name) \(settings.minimumSample) \(settings.currency) \(settings.currencyDigits)"
        for goal in settings.goals {
            let dimensions = goal.dimensions.sorted { $0.key < $1.key }
            var rest = goal
            rest.dimensions = [:]
            // Where the goal stands in its file.
            rest.place = ""
            text += " \(rest) \(dimensions)"
        }
        for benchmark in settings.benchmarks { text += " \(benchmark)" }
        for byte in text.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        publication = hash
        kinds = [:]
        for (index, definition) in catalogue.definitions.enumerated() {
            for window in catalogue.enabledWindows[index].kinds {
                let kind = window.rollingBase?.kind ?? window
                guard kind.isCalendar else { continue }
                for measure in definition.measures { kinds[measure.id, default: 0] |= 1 << UInt16(kind.rawValue) }
            }
        }
    }

    init(_ value: RawSpan, _ reader: inout RecordReader) throws(KPIError) {
        guard try reader.byte(value) == Self.version else { throw reader.malformed("unknown format version") }
        publication = try reader.unsigned(value)
        kinds = [:]
        for _ in 0..<(try reader.narrow(value, as: UInt16.self)) {
            let measure = try reader.narrow(value, as: UInt16.self)
            kinds[measure] = try reader.narrow(value, as: UInt16.self)
        }
    }

    func encode(to bytes: inout [UInt8]) {
        bytes.append(Self.version)
        Varint.append(publication, to: &bytes)
        Varint.append(UInt64(kinds.count), to: &bytes)
        for (measure, mask) in kinds.sorted(by: { $0.key < $1.key }) {
            Varint.append(UInt64(measure), to: &bytes)
            Varint.append(UInt64(mask), to: &bytes)
        }
    }

    func holds(_ measure: UInt16, in kind: WindowKind) -> Bool {
        kinds[measure].map { $0 & 1 << UInt16(kind.rawValue) != 0 } ?? false
    }
}

/// Where a store stands with the settings that it was made with.
struct SettingsAdoption {
    enum Stage {
        /// The state is still as it was kept before.
        case pending
        /// Adopted within the open transaction.
        case adopted
        case committed
    }

    var stage = Stage.pending
    /// The windows that are open are to be published again, as soon as the clock has told which they are.
    var republishes = false
    /// Of the changelog; nil when it has none.
    var saved: SavedSeriesSettings?
    /// What the changelog is to hold from this commit on, where that is news.
    var unsaved: SavedSeriesSettings?
}

/// The state under other settings than those that it was kept with: other windows, another time zone.
extension SeriesStore {
    /// Brings the state in line with the settings, once, before anything is added to it: fills kinds of window that are new
    /// from finer ones, and drops what is no longer kept.
    @inline(__always)
    mutating func adoptSettings() {
        if adoption.stage == .pending { adoptChangedSettings() }
    }

    private mutating func adoptChangedSettings() {
        adoption.stage = .adopted
        let present = SavedSeriesSettings(catalogue, zone, settings)
        guard adoption.saved != present else { return }
        adoption.unsaved = present
        guard let saved = adoption.saved else { return }
        if saved.kinds != present.kinds {
            for kind in WindowKind.allCases where kind.isCalendar { fill(kind, saved, present) }
            dropUnkept(saved, present)
        }
        guard saved.publication != present.publication else { return }
        adoption.republishes = true
        // In another time zone other windows have ended by now, and are to be published as closed.
        windows.reopenAll()
    }

    /// Sums of measures that are no longer kept in a kind of window: nobody will keep them up to date.
    private mutating func dropUnkept(_ saved: SavedSeriesSettings, _ present: SavedSeriesSettings) {
        for kind in WindowKind.allCases where kind.isCalendar {
            let gone = catalogue.measures.indices.filter {
                saved.holds(catalogue.measures[$0].id, in: kind) && !present.holds(catalogue.measures[$0].id, in: kind)
            }
            guard !gone.isEmpty else { continue }
            for window in windows.ids[Int(kind.rawValue)] {
                var bucket = windows[window].head
                while bucket != BucketSlab.none {
                    for measure in gone where slab.aggregate(of: UInt16(measure), in: bucket) != nil {
                        touch(bucket)
                        if catalogue.measures[measure].kind == .levelDelta {
                            levels.remove(
                                cell: slab.buckets[Int(bucket)].cell, measure: UInt16(measure), window: window,
                                windows[window])
                        }
                        slab.removeAggregate(of: UInt16(measure), in: bucket)
                    }
                    bucket = slab.buckets[Int(bucket)].next
                }
            }
        }
    }

    /// Adds up a kind of window that is new for some measures from the coarsest kind of which it is made. Windows that reach
    /// back behind the history of that kind come out short; a rebuild has all of it.
    private mutating func fill(_ kind: WindowKind, _ saved: SavedSeriesSettings, _ present: SavedSeriesSettings) {
        for measure in catalogue.measures.indices {
            let id = catalogue.measures[measure].id
            guard present.holds(id, in: kind), !saved.holds(id, in: kind),
                let source = kind.parts.first(where: { saved.holds(id, in: $0) })
            else { continue }
            for window in windows.ids[Int(source.rawValue)] {
                let number = windows[window].bucket
                let day = source == .hour ? HourBucket(packed: number).day.number : source.firstDay(ofBucket: number)
                let target = windows.ensure(kind, kind.bucket(ofDay: day), clock: clock)
                guard isLive(target) else { continue }
                var bucket = windows[window].head
                while bucket != BucketSlab.none {
                    if let aggregate = slab.aggregate(of: UInt16(measure), in: bucket) {
                        add(aggregate, UInt16(measure), toCellOf: bucket, target)
                    }
                    bucket = slab.buckets[Int(bucket)].next
                }
            }
        }
    }

    private mutating func add(_ aggregate: UInt32, _ measure: UInt16, toCellOf part: UInt32, _ window: UInt32) {
        let cell = slab.buckets[Int(part)].cell
        let plan = cells[Int(cell)].plan
        guard let target = plans[plan].targets[Int(measure)].first(where: { $0.kind == windows[window].kind }) else {
            return
        }
        let bucket = bucket(cell, window)
        touch(bucket)
        let sum = slab.ensureAggregate(of: measure, in: bucket)
        let source = slab.aggregates[Int(aggregate)]
        slab.aggregates[Int(sum)].count &+= source.count
        slab.aggregates[Int(sum)].sum &+= source.sum
        if source.sketch != BucketSlab.none {
            let entries = slab.sketches[Int(source.sketch)].entries
            let sketch = slab.ensureSketch(of: sum)
            for entry in entries {
                _ = slab.sketches[sketch].add(bin: DDSketch.bin(of: entry), weight: DDSketch.count(of: entry))
            }
        }
        if catalogue.measures[Int(measure)].kind == .levelDelta {
            setLevel(bucket, measure, slab.aggregates[Int(sum)].count)
        }
        for kpi in target.kpis where isPublished(kpi, window) {
            slab.setDirty(slab.ensureState(of: kpi, in: bucket), true)
        }
        enqueue(bucket)
    }

    /// Publishes the figures of open windows once more where the settings have changed how, even if they are what they were.
    mutating func republishOpen() {
        guard adoption.republishes else { return }
        adoption.republishes = false
        var open = WindowKind.allCases.filter { !$0.isCalendar }.map { windows.moving($0) }
        for kind in WindowKind.allCases where kind.isCalendar {
            open += windows.ids[Int(kind.rawValue)].filter { !windows[$0].isClosed }
        }
        for window in open {
            var bucket = windows[window].head
            while bucket != BucketSlab.none {
                touch(bucket)
                var state = slab.buckets[Int(bucket)].firstState
                while state != BucketSlab.none {
                    if slab.states[Int(state)].revision > 0 { slab.states[Int(state)].fingerprint = 0 }
                    slab.setDirty(state, true)
                    state = slab.states[Int(state)].next
                }
                enqueue(bucket)
                bucket = slab.buckets[Int(bucket)].next
            }
        }
    }
}

extension WindowKind {
    /// The kinds of which windows of this one are made, coarsest first.
    fileprivate var parts: [WindowKind] {
        switch self {
        case .year: [.quarter, .month, .day, .hour]
        case .quarter: [.month, .day, .hour]
        case .month, .week: [.day, .hour]
        case .day: [.hour]
        default: []
        }
    }
}
