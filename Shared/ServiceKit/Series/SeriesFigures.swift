package import BusinessTime
package import CoreMetrics

/// What a series stage counts: `late_dropped_total`, by window kind, the changes to windows that were history already.
package struct SeriesFigures {
    private let counters: [Counter]
    private var counted = WindowKind.allCases.map { _ in 0 }

    /// - Parameter factory: nil: the process's own metrics.
    package init(factory: (any MetricsFactory)? = nil) {
        let factory = factory ?? MetricsSystem.factory
        counters = WindowKind.allCases.map {
            Counter(label: "late_dropped_total", dimensions: [("window", $0.name)], factory: factory)
        }
    }

    /// Adds what has been committed since the last call; what an aborted transaction dropped comes again.
    package mutating func committed(_ dropped: (WindowKind) -> Int) {
        for (index, kind) in WindowKind.allCases.enumerated() {
            let count = dropped(kind)
            if count > counted[index] { counters[index].increment(by: count - counted[index]) }
            counted[index] = count
        }
    }
}
