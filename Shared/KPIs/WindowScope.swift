public import BusinessTime

/// The windows that a contribution counts in, where that is not all of them: those whose end lies in a range. So what is
/// derived anew under changed rules leaves the windows alone that had ended before.
///
/// Like base buckets, scopes are civil: the end of a day or of anything longer is compared by the local clock. So a
/// retraction under another time zone hits exactly the windows that were added to.
public struct WindowScope: Hashable, Sendable {
    /// A bound: an instant, with the offset of the time zone that held then.
    public struct Edge: Hashable, Sendable {
        public let instant: Micros
        /// Seconds east of UTC.
        public let offset: Int64

        public static let first = Edge(.min, offset: 0)
        public static let last = Edge(.max, offset: 0)

        /// - Parameter offset: seconds east of UTC; kept within 26 hours.
        public init(_ instant: Micros, offset: Int64) {
            self.instant = instant
            self.offset = min(max(offset, -93_600), 93_600)
        }

        /// The edge at an instant by the local clock of `zone`.
        public init(_ instant: Micros, in zone: BusinessZone) {
            self.init(instant, offset: instant == .min || instant == .max ? 0 : zone.offset(at: instant))
        }

        /// Whole seconds of local time since 1970-01-01T00 local, rounded down: ends of days are whole seconds.
        var civil: Int64 {
            if instant == .min || instant == .max { return instant }
            return Self.seconds(instant) + offset
        }

        /// The same instant, with a local time no later than that of `other`. Where a version of the rules brings a time zone further
        /// west, days that had ended are open again.
        public func civilAtMost(_ other: Edge) -> Edge {
            guard instant != .min, other.instant != .min, civil > other.civil else { return self }
            return instant == .max ? other : Edge(instant, offset: other.civil - Self.seconds(instant))
        }

        private static func seconds(_ instant: Micros) -> Int64 {
            instant >= 0 ? instant / 1_000_000 : (instant + 1) / 1_000_000 - 1
        }
    }

    /// Windows that had ended by then are left out.
    public var since: Edge
    /// Windows that had not ended by then are left out.
    public var until: Edge

    public init(since: Edge = .first, until: Edge = .last) {
        self.since = since
        self.until = until
    }

    public static let all = WindowScope()

    /// - Parameters:
    ///   - kind: a kind of calendar window.
    ///   - bucket: its packed bucket.
    public func contains(_ kind: WindowKind, bucket: Int64) -> Bool {
        guard kind != .hour else {
            // Told from other hours of one name by its offset, so that its end is an instant in every time zone.
            let (seconds, _) = HourBucket(packed: bucket).nominalStart.addingReportingOverflow(3_600)
            let (end, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
            return !overflow && since.instant < end && end <= until.instant
        }
        let (end, overflow) = kind.firstDay(ofBucket: bucket + 1).multipliedReportingOverflow(by: 86_400)
        return !overflow && since.civil < end && end <= until.civil
    }
}
