import HTTPTypes
package import Metrics
import SupportEvents

/// What the HTTP front counts.
package struct IntakeFigures: Sendable {
    private let accepted: Counter
    private let rejected: [RejectionReason: Counter]
    /// By status.
    private let answers: [Int: Counter]

    /// - Parameter factory: nil: the process's own metrics.
    package init(factory: (any MetricsFactory)? = nil) {
        let factory = factory ?? MetricsSystem.factory
        accepted = Counter(label: "ingest_http_events_accepted_total", factory: factory)
        rejected = Dictionary(
            uniqueKeysWithValues: RejectionReason.allCases.map {
                let dimensions = [("reason", $0.identifier)]
                return (
                    $0, Counter(label: "ingest_http_events_rejected_total", dimensions: dimensions, factory: factory)
                )
            })
        answers = Dictionary(
            uniqueKeysWithValues: [202, 400, 401, 413, 415, 429, 503].map {
                ($0, Counter(label: "ingest_http_requests_total", dimensions: [("status", "\($0)")], factory: factory))
            })
    }

    func accepted(_ count: Int) { accepted.increment(by: count) }

    func rejected(_ faults: [EventFault]) {
        for fault in faults { rejected[fault.reason]?.increment() }
    }

    func answered(_ status: HTTPResponse.Status) { answers[status.code]?.increment() }
}
