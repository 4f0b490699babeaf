/// How a stream thread answers errors after which its handles are useless: it builds new ones after a pause, but the
/// third such error in 5 minutes ends the process. Times are milliseconds of a monotonic clock.
package struct FatalBackoff: Sendable {
    package enum Action: Sendable, Equatable {
        /// Wait for this many milliseconds, then begin again.
        case rebuild(after: Int64)
        case exit
    }

    package static let window: Int64 = 300_000
    package static let limit = 3
    package static let pauses: [Int64] = [1_000, 5_000]

    private var times: [Int64] = []

    package init() {}

    package mutating func failed(now: Int64) -> Action {
        times.removeAll { now - $0 >= Self.window }
        times.append(now)
        guard times.count < Self.limit else { return .exit }
        return .rebuild(after: Self.pauses[times.count - 1])
    }
}
