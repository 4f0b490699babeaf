public import CoreMetrics
import Synchronization

/// swift-metrics' backend: keeps every series in memory and writes them in Prometheus' text format.
///
/// Counters get the suffix `_total` and timers `_seconds` when they lack it. Two handles with one name and the same labels are
/// one series; destroying either ends it. A name that is used for two types keeps the first one, and series beyond
/// ``maximumSeries`` are not kept: both are counted in metrics of their own, never fatal.
public final class MetricsRegistry: MetricsFactory, Sendable {
    private struct Family {
        var type: String
        var series: [String: any MetricCell] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var help: [String: String] = [:]
        var seriesCount = 0
        var refused: Int64 = 0
    }

    public static let maximumSeries = 10_000

    /// Seconds.
    private static let timerBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    private static let recorderBounds = [1.0, 5, 10, 50, 100, 500, 1e3, 5e3, 1e4, 5e4, 1e5, 5e5, 1e6]

    private let state = Mutex(State())
    private let includesProcess: Bool

    /// - Parameter includesProcess: Whether the exposition begins with the process's own figures.
    public init(includesProcess: Bool = true) {
        self.includesProcess = includesProcess
    }

    /// Sets the HELP text of a metric; without one it is its name in words.
    public func describe(_ name: String, _ help: String) {
        state.withLock { $0.help[PrometheusText.name(name, allowsColon: true)] = help }
    }

    /// All series as text exposition format 0.0.4, families and series sorted by name.
    public func exposition() -> [UInt8] {
        var text = PrometheusText()
        if includesProcess { ProcessFigures.append(to: &text) }
        let (families, help, refused) = state.withLock { ($0.families, $0.help, $0.refused) }
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text.family(name, type: family.type, help: help[name] ?? Self.words(name))
            for (labels, cell) in family.series.sorted(by: { $0.key < $1.key }) {
                cell.append(name: name, labels: labels, to: &text)
            }
        }
        if refused > 0 {
            let name = "deskbeat_metrics_refused_total"
            text.family(name, type: "counter", help: "Series that were not kept: too many, or a name with two types")
            text.sample(name, "", String(refused))
        }
        return text.bytes
    }

    public static let contentType = PrometheusText.contentType

    private static func words(_ name: String) -> String {
        String(decoding: name.utf8.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        cell(label, "_total", "counter", dimensions) { CounterCell() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        cell(label, "_total", "counter", dimensions) { CounterCell() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        cell(label, "", "gauge", dimensions) { GaugeCell() }
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return cell(label, "", "gauge", dimensions) { GaugeCell() } }
        return cell(label, "", "histogram", dimensions) { HistogramCell(bounds: Self.recorderBounds) }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        cell(label, "_seconds", "histogram", dimensions) { HistogramCell(bounds: Self.timerBounds) }
    }

    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    private func cell<Cell: MetricCell>(
        _ label: String, _ suffix: String, _ type: String, _ dimensions: [(String, String)], make: () -> Cell
    ) -> Cell {
        var name = PrometheusText.name(label, allowsColon: true)
        if !name.hasSuffix(suffix) { name += suffix }
        let labels = PrometheusText.labels(dimensions)
        return state.withLock { state in
            let family = state.families[name] ?? Family(type: type)
            if let known = family.series[labels] as? Cell { return known }
            let isKept = family.type == type && family.series[labels] == nil && state.seriesCount < Self.maximumSeries
            let cell = make()
            guard isKept else {
                state.refused += 1
                return cell
            }
            state.families[name, default: Family(type: type)].series[labels] = cell
            state.seriesCount += 1
            return cell
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                for (labels, cell) in family.series where cell === handler {
                    state.families[name]?.series[labels] = nil
                    state.seriesCount -= 1
                    if family.series.count == 1 { state.families[name] = nil }
                    return
                }
            }
        }
    }
}
