package import Metrics
import SupportEvents

/// What the transform stage counts. Work that is done again after an aborted transaction counts again.
package struct TransformFigures: Sendable {
    private let forwarded: [Counter]
    private let rejected: [Counter?]

    /// - Parameter factory: nil: the process's own metrics.
    package init(factory: (any MetricsFactory)? = nil) {
        let factory = factory ?? MetricsSystem.factory
        forwarded = TransformTask.topics.map {
            Counter(label: "ingest_events_forwarded_total", dimensions: [("topic", $0)], factory: factory)
        }
        var rejected = [Counter?](repeating: nil, count: 256)
        for reason in RejectionReason.allCases {
            rejected[Int(reason.rawValue)] = Counter(
                label: "ingest_records_rejected_total", dimensions: [("reason", reason.identifier)], factory: factory)
        }
        self.rejected = rejected
    }

    func forwarded(_ output: Int) { forwarded[output].increment() }
    func rejected(_ reason: RejectionReason) { rejected[Int(reason.rawValue)]?.increment() }
}
