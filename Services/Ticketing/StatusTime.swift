import SupportEvents

/// How long a ticket has been in each status. Solved and closed time is nobody's.
struct StatusTime {
    /// An uninterrupted time in an unsolved status.
    struct Span {
        let status: TicketStatus
        let start: Int64
        let end: Int64
    }

    /// As far as the latest solve; index: raw value of the status. Microseconds; negative where clocks are skewed.
    private(set) var untilSolve = Sums(repeating: 0)
    private var sums = Sums(repeating: 0)
    private var spans: [Span] = []
    private var spansUntilSolve = 0
    private var status = TicketStatus.new
    private var since: Int64 = 0

    static let unsolved: [TicketStatus] = [.new, .open, .pending, .onHold]
    /// Index: raw value of a status. In place: made anew for every ticket that is derived.
    typealias Sums = InlineArray<8, Int64>

    mutating func begin(_ status: TicketStatus, at time: Int64) {
        untilSolve = Sums(repeating: 0)
        sums = Sums(repeating: 0)
        spans.removeAll(keepingCapacity: true)
        spansUntilSolve = 0
        self.status = status
        since = time
    }

    mutating func change(to next: TicketStatus, at time: Int64) {
        sums[Int(status.rawValue)] += time - since
        if Self.unsolved.contains(status) { spans.append(Span(status: status, start: since, end: time)) }
        status = next
        since = time
    }

    /// The ticket has just been solved.
    mutating func solved() {
        untilSolve = sums
        spansUntilSolve = spans.count
    }

    subscript(status: TicketStatus) -> Int64 { untilSolve[Int(status.rawValue)] }

    /// Time in which the requester waited for the desk.
    var requesterWait: Int64 { self[.new] + self[.open] + self[.onHold] }

    /// The same, up to the latest solve, one uninterrupted time after the other.
    var requesterWaits: [Span] { spans[..<spansUntilSolve].filter { $0.status != .pending } }
}
