import BusinessTime
import CoreMetrics

/// What a series stage counts: `late_dropped_total`, by window kind, the changes to windows that were history already.
struct SeriesFigures {
    private let counters = WindowKind.allCases.map {
        Counter(label: "late_dropped_total", dimensions: [("window", $0.name)])
    }
    private var counted = WindowKind.allCases.map { _ in 0 }

    /// Adds what has been committed since the last call; what an aborted transaction dropped comes again.
    mutating func committed(_ dropped: (WindowKind) -> Int) {
        for (index, kind) in WindowKind.allCases.enumerated() {
            let count = dropped(kind)
            if count > counted[index] { counters[index].increment(by: count - counted[index]) }
            counted[index] = count
        }
    }
}
