/// A time zone of the IANA database as a table: from an instant to its offset, and from a local date to its instants.
///
/// Right for the years 1970 to 2200; instants and days outside the years 1 to 9999 count as the nearest of them, so no
/// argument traps. Immutable, so it can be shared by all threads; a loop over instants uses a ``ZoneCursor``.
public final class BusinessZone: Sendable {
    /// The name that it was loaded by, for example `Europe/Berlin`.
    public let name: String

    /// Hash (FNV-1a, 64 bit) of the name and of the zone's data. State that was built under one fingerprint has to be
    /// re-derived under another one.
    public let fingerprint: UInt64

    /// UTC seconds at which a stretch with one offset begins, ascending; the first is `Int64.min`.
    let starts: [Int64]
    /// Seconds east of UTC during that stretch; neighbours differ.
    let offsets: [Int64]

    /// Universal time, which needs no file.
    public static let utc = BusinessZone(name: "UTC", fingerprint: Fingerprint.of("UTC".utf8), initialOffset: 0)

    init(name: String, fingerprint: UInt64, initialOffset: Int64, changes: [(second: Int64, offset: Int64)] = []) {
        var starts = [Int64.min]
        var offsets = [initialOffset]
        for change in changes where change.offset != offsets[offsets.count - 1] {
            starts.append(change.second)
            offsets.append(change.offset)
        }
        self.name = name
        self.fingerprint = fingerprint
        self.starts = starts
        self.offsets = offsets
    }

    /// Seconds east of UTC that hold at an instant.
    public func offset(at instant: Micros) -> Int64 {
        offsets[stretch(at: TimeScale.second(of: instant))]
    }

    /// The clock hour that contains an instant.
    public func hour(at instant: Micros) -> HourBucket {
        let second = TimeScale.second(of: instant)
        return HourBucket(second: second, offset: offsets[stretch(at: second)])
    }

    /// The local date that contains an instant.
    public func day(at instant: Micros) -> DayBucket {
        let second = TimeScale.second(of: instant)
        return DayBucket(second: second, offset: offsets[stretch(at: second)])
    }

    /// The first instant of a local date. Where midnight is skipped, that is the first instant that the date has; where
    /// it is repeated, the first of the two; a date that the zone has skipped begins (and ends) where the next one does.
    ///
    /// - Parameter day: Days since 1970-01-01, local.
    public func startOfDay(_ day: Int64) -> Micros {
        let midnight = TimeScale.clamp(day, TimeScale.firstDay + 2, TimeScale.lastDay - 2) * TimeScale.secondsPerDay
        // No zone is more than 26 hours from UTC: earlier stretches have ended before local midnight.
        var index = stretch(at: midnight - 26 * TimeScale.secondsPerHour)
        while index + 1 < starts.count, starts[index + 1] + offsets[index] <= midnight { index += 1 }
        return max(starts[index], midnight - offsets[index]) * TimeScale.microsPerSecond
    }

    /// Index of the stretch that contains a UTC second.
    func stretch(at second: Int64) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= second { low = middle } else { high = middle }
        }
        return low
    }

    /// First second of the stretch behind `index`, or the end of time.
    func end(ofStretch index: Int) -> Int64 { index + 1 < starts.count ? starts[index + 1] : Int64.max }
}

enum Fingerprint {
    static let seed: UInt64 = 0xcbf2_9ce4_8422_2325

    /// FNV-1a, 64 bit.
    static func of(_ bytes: some Sequence<UInt8>, seed: UInt64 = seed) -> UInt64 {
        var hash = seed
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}

/// A reader of one zone that remembers the stretch of its last answer: where instants come roughly in order, an offset
/// costs two comparisons. Belongs to one thread.
public struct ZoneCursor {
    public let zone: BusinessZone
    private var lower: Micros = 0
    private var upper: Micros = 0
    private var offset: Int64 = 0

    public init(_ zone: BusinessZone) {
        self.zone = zone
    }

    /// Seconds east of UTC that hold at an instant.
    @inline(__always)
    public mutating func offset(at instant: Micros) -> Int64 {
        if instant < lower || instant >= upper { seek(instant) }
        return offset
    }

    /// The clock hour that contains an instant.
    public mutating func hour(at instant: Micros) -> HourBucket {
        let offset = offset(at: instant)
        return HourBucket(second: TimeScale.second(of: instant), offset: offset)
    }

    /// The local date that contains an instant.
    public mutating func day(at instant: Micros) -> DayBucket {
        let offset = offset(at: instant)
        return DayBucket(second: TimeScale.second(of: instant), offset: offset)
    }

    private mutating func seek(_ instant: Micros) {
        let index = zone.stretch(at: TimeScale.second(of: instant))
        lower = index == 0 ? Micros.min : ZoneCursor.micros(zone.starts[index])
        upper = ZoneCursor.micros(zone.end(ofStretch: index))
        offset = zone.offsets[index]
    }

    private static func micros(_ second: Int64) -> Micros {
        let (micros, overflow) = second.multipliedReportingOverflow(by: TimeScale.microsPerSecond)
        return overflow ? (second < 0 ? Micros.min : Micros.max) : micros
    }
}
