/// A clock hour as the wall clock shows it: local time less its minutes, together with the offset that held. An hour that
/// is repeated when the clock goes back is two buckets with different offsets.
///
/// A bucket is civil, not an instant, so that day, week, month … follow by calendar arithmetic alone, and a retraction
/// under newer time-zone data hits the bucket that was added to.
public struct HourBucket: Hashable, Sendable {
    /// Both parts in one number, as stored. Buckets with one civil hour are in the order of time.
    public let packed: Int64

    /// Offsets lie within 26 hours; 18 bits hold them by the second.
    private static let offsetBits: Int64 = 18
    private static let offsetZero: Int64 = 1 << 17

    public init(packed: Int64) {
        self.packed = packed
    }

    /// - Parameters:
    ///   - hour: Civil hours since 1970-01-01T00 local; kept within the years 1 to 9999.
    ///   - offset: Seconds east of UTC; kept within 26 hours.
    public init(hour: Int64, offset: Int64) {
        let hour = TimeScale.clamp(hour, TimeScale.firstDay * 24, TimeScale.lastDay * 24 + 23)
        let offset = TimeScale.clamp(offset, -26 * TimeScale.secondsPerHour, 26 * TimeScale.secondsPerHour)
        packed = hour << HourBucket.offsetBits | (HourBucket.offsetZero - offset)
    }

    @inline(__always)
    init(second: Int64, offset: Int64) {
        let hour = TimeScale.floorDivide(second &+ offset, by: TimeScale.secondsPerHour)
        packed = hour << HourBucket.offsetBits | (HourBucket.offsetZero &- offset)
    }

    /// Civil hours since 1970-01-01T00 local.
    public var hour: Int64 { packed >> HourBucket.offsetBits }

    /// Seconds east of UTC.
    public var offset: Int64 { HourBucket.offsetZero - (packed & (2 * HourBucket.offsetZero - 1)) }

    /// Minutes east of UTC, cut towards zero.
    public var offsetMinutes: Int64 { offset / 60 }

    /// The local date to which the hour belongs.
    public var day: DayBucket { DayBucket(number: TimeScale.floorDivide(hour, by: 24)) }

    /// UTC second at which the hour would begin if its offset held throughout. Orders all hours of a zone by time.
    public var nominalStart: Int64 {
        TimeScale.clamp(hour, TimeScale.firstDay * 24, TimeScale.lastDay * 24 + 23) * TimeScale.secondsPerHour - offset
    }
}

/// A local date: days since 1970-01-01.
public struct DayBucket: Hashable, Sendable {
    public let number: Int64

    public init(number: Int64) {
        self.number = number
    }

    @inline(__always)
    init(second: Int64, offset: Int64) {
        number = TimeScale.floorDivide(second &+ offset, by: TimeScale.secondsPerDay)
    }

    public var date: CivilDate { CivilDate(dayNumber: number) }
}
