public import BusinessTime

/// The windows that a contribution counts in, where that is not all of them: those whose end lies in a range. So what is
/// derived anew under changed rules leaves the windows alone that had ended before.
public struct WindowScope: Hashable, Sendable {
    /// Windows that end at this instant or earlier are left out.
    public var since: Micros
    /// Windows that end after this instant are left out.
    public var until: Micros

    public init(since: Micros = .min, until: Micros = .max) {
        self.since = since
        self.until = until
    }

    public static let all = WindowScope()

    @inline(__always)
    public func contains(end: Micros) -> Bool { since < end && end <= until }
}
