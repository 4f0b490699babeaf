import CoreMetrics
import Logging

/// What an entity stage counts.
///
/// | name | meaning |
/// | --- | --- |
/// | `negative_durations_total` | durations below zero (skewed clocks) that derivations left out; each derivation counts anew |
/// | `refused_dimension_values_total` | look-ups of values beyond the limit of their dimension, which count in `~other` |
struct EntityFigures {
    private let negative = Counter(label: "negative_durations_total")
    private let refused = Counter(label: "refused_dimension_values_total")
    private var negativeCounted = 0
    private var refusedCounted = 0

    /// Adds what has been found since the last call. The first refused value is also a warning.
    mutating func committed(negativeDurations: Int, refusedValues: Int, _ logger: Logger) {
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
