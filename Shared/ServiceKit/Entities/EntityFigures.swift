package import CoreMetrics
package import Logging

/// What an entity stage counts.
///
/// | name | meaning |
/// | --- | --- |
/// | `negative_durations_total` | durations below zero (skewed clocks) that derivations left out; each derivation counts anew |
/// | `refused_dimension_values_total` | look-ups of values beyond the limit of their dimension, which count in `~other` |
package struct EntityFigures {
    private let negative: Counter
    private let refused: Counter
    private var negativeCounted = 0
    private var refusedCounted = 0

    /// - Parameter factory: nil: the process's own metrics.
    package init(factory: (any MetricsFactory)? = nil) {
        let factory = factory ?? MetricsSystem.factory
        negative = Counter(label: "negative_durations_total", factory: factory)
        refused = Counter(label: "refused_dimension_values_total", factory: factory)
    }

    /// Adds what has been found since the last call. The first refused value is also a warning.
    package mutating func committed(negativeDurations: Int, refusedValues: Int, _ logger: Logger) {
        if negativeDurations > negativeCounted { negative.increment(by: negativeDurations - negativeCounted) }
        negativeCounted = negativeDurations
        guard refusedValues > refusedCounted else { return }
        if refusedCounted == 0 {
            logger.warning(
                "a dimension has more values than are kept apart; further ones count in the overall series and in ~other"
            )
        }
        refused.increment(by: refusedValues - refusedCounted)
        refusedCounted = refusedValues
    }
}
