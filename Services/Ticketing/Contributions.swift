import KPIs
import ServiceKit

/// What tickets, contacts and their links add in the same way.
extension DerivationOutput {
    /// Adds the time between two instants, in milliseconds rounded half to even. A negative one (clock skew at the source) is
    /// counted and left out: a value that looks real would be worse than none.
    mutating func addDuration(
        _ measure: Measure, from start: Int64, to end: Int64, cells: UInt32, at instant: Int64? = nil
    ) {
        guard let milliseconds = Self.milliseconds(from: start, to: end), end >= start else {
            countNegativeDuration()
            return
        }
        add(measure, at: instant ?? end, value: milliseconds, cells: cells)
    }

    /// The same for a time that is known in milliseconds.
    mutating func addMilliseconds(_ measure: Measure, _ milliseconds: Int64, at instant: Int64, cells: UInt32) {
        guard milliseconds >= 0 else {
            countNegativeDuration()
            return
        }
        add(measure, at: instant, value: milliseconds, cells: cells)
    }

    /// Adds a verdict that the passing of time can still change until it settles.
    mutating func addVerdict(
        _ verdict: Bool, at time: Int64, settles: Int64, _ measures: VerdictMeasures, cells: UInt32, clock: Int64
    ) {
        if settles > clock {
            add(measures.pending, at: time, cells: cells)
            deriveAgain(at: settles)
            return
        }
        add(measures.all, at: time, cells: cells)
        if verdict { add(measures.positive, at: time, cells: cells) }
    }
}
