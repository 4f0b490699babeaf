import BusinessTime
import Logging
import ServiceKit
import Testing

@Suite struct StageFiguresTests {
    private let registry = MetricsRegistry(includesProcess: false)

    private var exposition: [Substring] {
        String(decoding: registry.exposition(), as: UTF8.self).split(separator: "\n")
    }

    /// Two tasks of one process are one series; each adds what is new since its own last commit.
    @Test func lateDropsOfAllTasksAddUp() {
        var first = SeriesFigures(factory: registry)
        var second = SeriesFigures(factory: registry)
        first.committed { $0 == .day ? 3 : 0 }
        first.committed { $0 == .day ? 5 : 0 }
        second.committed { $0 == .day ? 2 : $0 == .hour ? 1 : 0 }
        #expect(exposition.contains(#"late_dropped_total{window="day"} 7"#))
        #expect(exposition.contains(#"late_dropped_total{window="hour"} 1"#))
        #expect(exposition.contains(#"late_dropped_total{window="week"} 0"#))
    }

    @Test func skewAndRefusedValuesAreCounted() {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var figures = EntityFigures(factory: registry)
        figures.committed(negativeDurations: 2, refusedValues: 0, logger)
        figures.committed(negativeDurations: 2, refusedValues: 4, logger)
        figures.committed(negativeDurations: 3, refusedValues: 4, logger)
        #expect(exposition.contains("negative_durations_total 3"))
        #expect(exposition.contains("refused_dimension_values_total 4"))
    }
}
