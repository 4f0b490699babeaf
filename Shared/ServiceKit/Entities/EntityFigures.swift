package import CoreMetrics
package import Logging

/// What an entity stage counts.
///
/// | name | meaning |
/// | --- | --- |
/// | `negative_durations_total` | durations below zero (skewed clocks) that derivations left out; each derivation counts anew |
/// | `refused_facts_total` | facts for entities that hold as many as one may have; they have no effect |
/// | `refused_dimension_values_total` | look-ups of values beyond the limit of their dimension, which count in `~other` |
package struct EntityFigures {
    private let negative: Counter
    private let refused: Counter
    private let facts: Counter
    private var factsCounted = 0
    private var negativeCounted = 0
    private var refusedCounted = 0

    /// - Parameter factory: nil: the process's own metrics.
    package init(factory: (any MetricsFactory)? = nil) {
        let factory = factory ?? MetricsSystem.factory
        negative = Counter(label: "negative_durations_total", factory: factory)
        facts = Counter(label: "refused_facts_total", factory: factory)
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

    /// Adds the facts refused since the last call. The first one is also a warning.
    package mutating func committed(refusedFacts: Int, _ logger: Logger) {
        guard refusedFacts > factsCounted else { return }
        if factsCounted == 0 {
            logger.warning(
                "an entity is told more than 4096 facts, such as a customer with that many tickets; further ones are left out"
            )
        }
        facts.increment(by: refusedFacts - factsCounted)
        factsCounted = refusedFacts
    }
}
