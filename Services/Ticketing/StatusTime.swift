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
    private(set) var untilSolve: [Int64] = []
    private var sums: [Int64] = []
    private var spans: [Span] = []
    private var spansUntilSolve = 0
    private var status = TicketStatus.new
    private var since: Int64 = 0

    static let unsolved: [TicketStatus] = [.new, .open, .pending, .onHold]
    private static let slots = 1 + (TicketStatus.allCases.map { Int($0.rawValue) }.max() ?? 0)

    mutating func begin(_ status: TicketStatus, at time: Int64) {
        untilSolve.removeAll(keepingCapacity: true)
        sums.removeAll(keepingCapacity: true)
        for _ in 0..<Self.slots { sums.append(0) }
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

    subscript(status: TicketStatus) -> Int64 { untilSolve.isEmpty ? 0 : untilSolve[Int(status.rawValue)] }

    /// Time in which the requester waited for the desk.
    var requesterWait: Int64 { self[.new] + self[.open] + self[.onHold] }

    /// The same, up to the latest solve, one uninterrupted time after the other.
    var requesterWaits: [Span] { spans[..<spansUntilSolve].filter { $0.status != .pending } }
}
