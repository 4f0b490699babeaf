/// The instants of a window, `start` included and `end` excluded, with the offsets that the local clock shows at them.
public struct WindowBounds: Hashable, Sendable {
    public let start: Micros
    /// Seconds east of UTC at `start`.
    public let startOffset: Int64
    public let end: Micros
    /// Seconds east of UTC at `end`.
    public let endOffset: Int64

    /// Whether the window has no instant at all: a local date that its zone skipped.
    public var isEmpty: Bool { start >= end }

    public func contains(_ instant: Micros) -> Bool { instant >= start && instant < end }
}

extension BusinessZone {
    /// The bounds between two instants.
    public func bounds(from start: Micros, to end: Micros) -> WindowBounds {
        WindowBounds(start: start, startOffset: offset(at: start), end: end, endOffset: offset(at: end))
    }

    /// The instants of a clock hour: those at which the wall clock shows this hour with this offset. That is 30 minutes
    /// or so where a change of half an hour cuts it. An hour that the zone does not have (from other time-zone data) is
    /// taken as 60 minutes at its own offset.
    public func bounds(of hour: HourBucket) -> WindowBounds {
        let nominal = hour.nominalStart
        let nominalEnd = nominal + TimeScale.secondsPerHour
        var start: Int64?
        var end = nominal
        var index = stretch(at: nominal)
        while index < starts.count, starts[index] < nominalEnd {
            if offsets[index] == hour.offset {
                start = start ?? max(nominal, starts[index])
                end = min(nominalEnd, self.end(ofStretch: index))
            }
            index += 1
        }
        guard let start else {
            return bounds(
                from: nominal * TimeScale.microsPerSecond, to: nominalEnd * TimeScale.microsPerSecond)
        }
        let last = end * TimeScale.microsPerSecond
        return WindowBounds(
            start: start * TimeScale.microsPerSecond, startOffset: hour.offset, end: last, endOffset: offset(at: last))
    }

    /// The instants of a calendar window.
    ///
    /// - Parameters:
    ///   - kind: One of hour, day, week, month, quarter, year.
    ///   - bucket: For hours ``HourBucket/packed``, else as ``WindowKind/bucket(ofDay:)`` counts.
    public func bounds(of kind: WindowKind, bucket: Int64) -> WindowBounds {
        if kind == .hour { return bounds(of: HourBucket(packed: bucket)) }
        let bucket = TimeScale.clamp(bucket, TimeScale.firstDay, TimeScale.lastDay - 1)
        return bounds(
            from: startOfDay(kind.firstDay(ofBucket: bucket)), to: startOfDay(kind.firstDay(ofBucket: bucket + 1)))
    }

    /// The bucket of a calendar kind that contains an instant.
    public func bucket(of kind: WindowKind, at instant: Micros) -> Int64 {
        kind == .hour ? hour(at: instant).packed : kind.bucket(ofDay: day(at: instant).number)
    }

    /// The next window of the kind that has instants.
    public func successor(of kind: WindowKind, bucket: Int64) -> Int64 {
        if kind == .hour { return hour(at: bounds(of: kind, bucket: bucket).end).packed }
        let next = TimeScale.clamp(bucket, TimeScale.firstDay, TimeScale.lastDay) + 1
        return kind == .day && bounds(of: kind, bucket: next).isEmpty ? next + 1 : next
    }

    /// The last window of the kind before this one that has instants.
    public func predecessor(of kind: WindowKind, bucket: Int64) -> Int64 {
        if kind == .hour { return hour(at: bounds(of: kind, bucket: bucket).start - 1).packed }
        let previous = TimeScale.clamp(bucket, TimeScale.firstDay, TimeScale.lastDay) - 1
        return kind == .day && bounds(of: kind, bucket: previous).isEmpty ? previous - 1 : previous
    }

    /// The bounds of a rolling window at an instant of the clock. Its last bucket is the one that contains the clock: 24
    /// hours up to the end of the current clock hour, 7 or 30 local dates up to and with today.
    ///
    /// - Precondition: The kind is a rolling one.
    public func bounds(of rolling: WindowKind, at clock: Micros) -> WindowBounds {
        guard let base = rolling.rollingBase else { preconditionFailure("\(rolling.name) is no rolling window") }
        if base.kind == .hour {
            let end = bounds(of: hour(at: clock)).end
            let length = base.count * TimeScale.secondsPerHour * TimeScale.microsPerSecond
            return bounds(from: end - length, to: end)
        }
        let today = day(at: clock).number
        return bounds(from: startOfDay(today - base.count + 1), to: startOfDay(today + 1))
    }
}
