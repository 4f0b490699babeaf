import CoreMetrics
import Foundation
import Metrics
import ServiceKit
import Testing

@Suite struct MetricsTests {
    private func text(_ registry: MetricsRegistry) -> String { String(decoding: registry.exposition(), as: UTF8.self) }

    @Test func everyTypeIsWritten() {
        let registry = MetricsRegistry(includesProcess: false)
        registry.describe("events_total", "Events\\accepted\nso far")
        Counter(label: "events", dimensions: [("reason", "a\"b\\c\nd"), ("1st-kind", "x")], factory: registry)
            .increment(by: 3)
        Counter(label: "events", dimensions: [("1st-kind", "x"), ("reason", "a\"b\\c\nd")], factory: registry)
            .increment()
        FloatingPointCounter(label: "cpu_seconds_total", factory: registry).increment(by: 1.5)
        Meter(label: "queue.length", factory: registry).set(7)
        Gauge(label: "ratio", factory: registry).record(0.25)
        let timer = Timer(label: "commit", dimensions: [("service", "t")], factory: registry)
        timer.recordMilliseconds(3)
        timer.recordMilliseconds(20_000)
        #expect(
            text(registry) == """
                # HELP commit_seconds commit seconds
                # TYPE commit_seconds histogram
                commit_seconds_bucket{service="t",le="0.0005"} 0
                commit_seconds_bucket{service="t",le="0.001"} 0
                commit_seconds_bucket{service="t",le="0.0025"} 0
                commit_seconds_bucket{service="t",le="0.005"} 1
                commit_seconds_bucket{service="t",le="0.01"} 1
                commit_seconds_bucket{service="t",le="0.025"} 1
                commit_seconds_bucket{service="t",le="0.05"} 1
                commit_seconds_bucket{service="t",le="0.1"} 1
                commit_seconds_bucket{service="t",le="0.25"} 1
                commit_seconds_bucket{service="t",le="0.5"} 1
                commit_seconds_bucket{service="t",le="1"} 1
                commit_seconds_bucket{service="t",le="2.5"} 1
                commit_seconds_bucket{service="t",le="5"} 1
                commit_seconds_bucket{service="t",le="10"} 1
                commit_seconds_bucket{service="t",le="+Inf"} 2
                commit_seconds_sum{service="t"} 20.003
                commit_seconds_count{service="t"} 2
                # HELP cpu_seconds_total cpu seconds total
                # TYPE cpu_seconds_total counter
                cpu_seconds_total 1.5
                # HELP events_total Events\\\\accepted\\nso far
                # TYPE events_total counter
                events_total{_1st_kind="x",reason="a\\"b\\\\c\\nd"} 4
                # HELP queue_length queue length
                # TYPE queue_length gauge
                queue_length 7
                # HELP ratio ratio
                # TYPE ratio gauge
                ratio 0.25

                """)
    }

    @Test func specialNumbers() {
        let registry = MetricsRegistry(includesProcess: false)
        Meter(label: "a", factory: registry).set(Double.infinity)
        Meter(label: "b", factory: registry).set(-Double.infinity)
        Meter(label: "c", factory: registry).set(Double.nan)
        Meter(label: "d", factory: registry).set(-0.5)
        Meter(label: "e", factory: registry).set(1e300)
        let lines = text(registry).split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines == ["a +Inf", "b -Inf", "c NaN", "d -0.5", "e 1e+300"])
    }

    @Test func countersSaturate() {
        let registry = MetricsRegistry(includesProcess: false)
        let counter = Counter(label: "c", factory: registry)
        counter.increment(by: Int64.max)
        counter.increment(by: 5)
        #expect(text(registry).contains("c_total 9223372036854775807\n"))
    }

    @Test func aNameKeepsItsFirstType() {
        let registry = MetricsRegistry(includesProcess: false)
        Meter(label: "x_total", factory: registry).set(1)
        Counter(label: "x", factory: registry).increment()
        #expect(text(registry).contains("# TYPE x_total gauge\nx_total 1\n"))
        #expect(text(registry).contains("deskbeat_metrics_refused_total 1\n"))
    }

    @Test func seriesAreBounded() {
        let registry = MetricsRegistry(includesProcess: false)
        for index in 0..<MetricsRegistry.maximumSeries + 5 {
            Counter(label: "c", dimensions: [("i", "\(index)")], factory: registry).increment()
        }
        let lines = text(registry).split(separator: "\n").filter { $0.hasPrefix("c_total{") }
        #expect(lines.count == MetricsRegistry.maximumSeries)
        #expect(text(registry).contains("deskbeat_metrics_refused_total 5\n"))
    }

    @Test func destroyedSeriesDisappear() {
        let registry = MetricsRegistry(includesProcess: false)
        let meter = Meter(label: "m", dimensions: [("p", "1")], factory: registry)
        Meter(label: "m", dimensions: [("p", "2")], factory: registry).set(2)
        meter.destroy()
        #expect(text(registry) == "# HELP m m\n# TYPE m gauge\nm{p=\"2\"} 2\n")
    }

    @Test func concurrentIncrementsAllCount() async {
        let registry = MetricsRegistry(includesProcess: false)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        Counter(label: "c", factory: registry).increment()
                        Timer(label: "t", factory: registry).recordNanoseconds(1)
                    }
                }
            }
        }
        #expect(text(registry).contains("c_total 8000\n"))
        #expect(text(registry).contains("t_seconds_count 8000\n"))
    }

    @Test func theProcessIsMeasured() throws {
        let text = text(MetricsRegistry())
        func value(_ name: String) throws -> Double {
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }, "\(name)")
            return try #require(Double(line.dropFirst(name.count + 1)))
        }
        #expect(try value("process_resident_memory_bytes") > 1e6)
        #expect(try value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"))
        #expect(try value("process_cpu_seconds_total") > 0)
        #expect(try value("process_open_fds") >= 3)
        #expect(try value("process_max_fds") > value("process_open_fds"))
        #expect(try value("process_threads") >= 1)
        let start = try value("process_start_time_seconds")
        #expect(start > 1.7e9 && start <= Date().timeIntervalSince1970 + 60)
    }

    static let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// Prometheus' own linter; skipped where it is not installed (Debian package prometheus).
    @Test(.enabled(if: promtool != nil)) func promtoolAccepts() throws {
        let registry = MetricsRegistry()
        Counter(label: "events", dimensions: [("reason", "quote\" slash\\ line\n é")], factory: registry).increment()
        Timer(label: "commit", factory: registry).recordMilliseconds(3)
        Recorder(label: "batch_records", factory: registry).record(17)
        Meter(label: "queue_length", factory: registry).set(0.5)
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.promtool))
        process.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardError = output
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(registry.exposition()))
        try input.fileHandleForWriting.close()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(said)")
        #expect(said.isEmpty, "\(said)")
    }
}
