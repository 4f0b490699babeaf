import CoreMetrics

/// The metrics of one stream thread.
///
/// | name | kind | meaning |
/// | --- | --- | --- |
/// | `deskbeat_stream_lag` | gauge, by topic and partition | offsets between position and high watermark |
/// | `deskbeat_stream_commits_total` | counter | committed transactions |
/// | `deskbeat_stream_commit_seconds` | timer | derivation, writes and end of a transaction |
/// | `deskbeat_stream_records_total` | counter | input records processed |
/// | `deskbeat_stream_restored_records_total` | counter | changelog records read back |
/// | `deskbeat_stream_aborts_total` | counter | aborted transactions |
/// | `deskbeat_stream_rebuilds_total` | counter | handles given up after a fatal error |
/// | `deskbeat_stream_dead_letters_total` | counter, by reason | rejected records, once committed |
///
/// All carry `service`, `stage` and `thread`.
final class StreamMetrics {
    private let dimensions: [(String, String)]
    let commits: Counter
    let commitSeconds: CoreMetrics.Timer
    let records: Counter
    let restored: Counter
    let aborts: Counter
    let rebuilds: Counter
    private var lags: [String: Gauge] = [:]
    private var deadLetters: [String: Counter] = [:]

    init(stage: StageDefinition, thread: Int) {
        dimensions = [("service", stage.service), ("stage", stage.name), ("thread", String(thread))]
        commits = Counter(label: "deskbeat_stream_commits_total", dimensions: dimensions)
        commitSeconds = CoreMetrics.Timer(label: "deskbeat_stream_commit_seconds", dimensions: dimensions)
        records = Counter(label: "deskbeat_stream_records_total", dimensions: dimensions)
        restored = Counter(label: "deskbeat_stream_restored_records_total", dimensions: dimensions)
        aborts = Counter(label: "deskbeat_stream_aborts_total", dimensions: dimensions)
        rebuilds = Counter(label: "deskbeat_stream_rebuilds_total", dimensions: dimensions)
    }

    func lag(_ name: String, topic: String, partition: Int32, _ offsets: Int64) {
        let gauge =
            lags[name]
            ?? Gauge(
                label: "deskbeat_stream_lag",
                dimensions: dimensions + [("topic", topic), ("partition", String(partition))])
        lags[name] = gauge
        gauge.record(offsets)
    }

    /// A partition that is no longer here must not keep its last value.
    func dropLags() {
        for gauge in lags.values { gauge.destroy() }
        lags = [:]
    }

    func deadLettered(_ reasons: [String: Int]) {
        for (reason, count) in reasons {
            let counter =
                deadLetters[reason]
                ?? Counter(label: "deskbeat_stream_dead_letters_total", dimensions: dimensions + [("reason", reason)])
            deadLetters[reason] = counter
            counter.increment(by: count)
        }
    }
}
