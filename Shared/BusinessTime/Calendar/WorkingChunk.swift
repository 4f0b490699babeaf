/// The windows of a run of local dates as instants, with the working time before each: what a calendar needs in order to answer
/// with a binary search.
///
/// A chunk covers the instants from the start of its first date to the start of the date behind its last; a window over that
/// edge is divided.
struct WorkingChunk: Sendable {
    /// Dates per chunk.
    static let days: Int64 = 1024

    /// First instant, and the first one of the next chunk.
    let range: Range<Micros>
    private var opens: [Micros] = []
    private var closes: [Micros] = []
    /// Working time before each window.
    private var before: [Int64] = []
    private(set) var total: Int64 = 0
    /// The dates that have windows of their own, ascending.
    private(set) var workingDays: [Int64] = []

    init(_ number: Int64, _ schedule: WorkingSchedule, _ zone: BusinessZone) {
        let first = number * Self.days
        let last = first + Self.days
        range = zone.instant(ofDay: first, second: 0)..<zone.instant(ofDay: last, second: 0)
        // The night before the first date may run into it.
        for day in first - 1..<last {
            if day >= first, !schedule.own(day).isEmpty { workingDays.append(day) }
            for hours in schedule.hours(ofDay: day) {
                let from = max(zone.instant(ofDay: day, second: hours.opens * 60), range.lowerBound)
                let to = min(zone.instant(ofDay: day, second: hours.closes * 60), range.upperBound)
                guard from < to else { continue }
                opens.append(from)
                closes.append(to)
                before.append(total)
                total += to - from
            }
        }
    }

    /// The first window for which `isAt` holds; it does not hold for any before that one, and holds for all behind it.
    private func first(_ isAt: (Int) -> Bool) -> Int {
        var low = 0
        var high = opens.count
        while low < high {
            let middle = (low + high) / 2
            if isAt(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Working time from the chunk's start to an instant.
    func worked(until instant: Micros) -> Int64 {
        let window = first { closes[$0] > instant }
        guard window < opens.count else { return total }
        return before[window] + max(0, instant - opens[window])
    }

    /// The instant not before `start` by which `amount` has been worked since the chunk's start; nil when that is in a later one.
    ///
    /// - Parameter isLate: Whether an amount that is reached at a closing counts as reached at the opening that follows.
    func instant(worked amount: Int64, from start: Micros, isLate: Bool) -> Micros? {
        let window = first {
            closes[$0] > start && (isLate ? before[$0] + length($0) > amount : before[$0] + length($0) >= amount)
        }
        guard window < opens.count else { return nil }
        return opens[window] + max(0, amount - before[window])
    }

    /// The last instant before `end` from which on no more than `amount` has been worked since the chunk's start; nil when that
    /// is in an earlier one.
    func lastInstant(worked amount: Int64, until end: Micros) -> Micros? {
        let window = first { before[$0] > amount || opens[$0] >= end } - 1
        guard window >= 0, amount >= 0 else { return nil }
        return opens[window] + (amount - before[window])
    }

    private func length(_ window: Int) -> Int64 { closes[window] - opens[window] }
}
