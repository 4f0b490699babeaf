import CoreMetrics
import Synchronization

/// A series' own value, as lines of the text format.
protocol MetricCell: AnyObject, Sendable {
    /// Appends the sample lines of this series.
    ///
    /// - Parameters:
    ///   - name: The family's name.
    ///   - labels: `key="value",…`, already escaped, possibly empty.
    func append(name: String, labels: String, to text: inout PrometheusText)
}

/// A number that only grows, in steps of whole or broken numbers.
final class CounterCell: MetricCell, CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<Int64>(0)
    private let broken = Mutex(0.0)

    /// Saturates: a counter that has reached 2^63 - 1 stays there.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        var current = whole.load(ordering: .relaxed)
        while true {
            let (sum, overflow) = current.addingReportingOverflow(amount)
            let result = whole.weakCompareExchange(
                expected: current, desired: overflow ? .max : sum, ordering: .relaxed)
            if result.exchanged { return }
            current = result.original
        }
    }

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        broken.withLock { $0 += amount }
    }

    func reset() {
        whole.store(0, ordering: .relaxed)
        broken.withLock { $0 = 0 }
    }

    func append(name: String, labels: String, to text: inout PrometheusText) {
        let fraction = broken.withLock { $0 }
        let count = whole.load(ordering: .relaxed)
        if fraction == 0 {
            text.sample(name, labels, String(count))
        } else {
            text.sample(name, labels, PrometheusText.number(Double(count) + fraction))
        }
    }
}

/// A number that goes up and down: meters, and recorders that do not aggregate.
final class GaugeCell: MetricCell, MeterHandler, RecorderHandler {
    private let value = Mutex(0.0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }

    func append(name: String, labels: String, to text: inout PrometheusText) {
        text.sample(name, labels, PrometheusText.number(value.withLock { $0 }))
    }
}

/// A distribution over fixed buckets: timers (in seconds) and recorders that aggregate.
final class HistogramCell: MetricCell, RecorderHandler, TimerHandler {
    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }

    /// Upper bounds, inclusive, ascending; beyond the last one is the bucket `+Inf`.
    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] &+= 1
            state.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func append(name: String, labels: String, to text: inout PrometheusText) {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        let separator = labels.isEmpty ? "" : ","
        var total: UInt64 = 0
        for (bound, count) in zip(bounds, counts) {
            total += count
            text.sample("\(name)_bucket", "\(labels)\(separator)le=\"\(PrometheusText.number(bound))\"", String(total))
        }
        total += counts[bounds.count]
        text.sample("\(name)_bucket", "\(labels)\(separator)le=\"+Inf\"", String(total))
        text.sample("\(name)_sum", labels, PrometheusText.number(sum))
        text.sample("\(name)_count", labels, String(total))
    }
}
