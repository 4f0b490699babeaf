import FoundationEssentials
import Glibc

/// What Linux knows about this process, under the names that Prometheus' own client libraries use
/// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
enum ProcessFigures {
    static func append(to text: inout PrometheusText) {
        func put(_ name: String, _ type: String, _ help: String, _ value: Double?) {
            guard let value else { return }
            text.family(name, type: type, help: help)
            text.sample(name, "", PrometheusText.number(value))
        }
        let stat = statFields()
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        put(
            "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds",
            both(field(stat, 14), field(stat, 15)).map { $0 / ticks })
        put("process_max_fds", "gauge", "Maximum number of open file descriptors", openFileLimit())
        put("process_open_fds", "gauge", "Number of open file descriptors", openFiles())
        put(
            "process_resident_memory_bytes", "gauge", "Resident memory size in bytes",
            field(stat, 24).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) })
        put(
            "process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds",
            both(bootTime(), field(stat, 22).map { $0 / ticks }))
        put("process_threads", "gauge", "Number of threads of the process", field(stat, 20))
        put("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes", field(stat, 23))
    }

    /// The fields of `/proc/self/stat` from the third one on: the second is the command in brackets, which may hold blanks.
    private static func statFields() -> [Substring] {
        guard let stat = read("/proc/self/stat"), let bracket = stat.lastIndex(of: ")") else { return [] }
        return stat[stat.index(after: bracket)...].split(separator: " ")
    }

    /// - Parameter number: As proc(5) counts, from 1.
    private static func field(_ fields: [Substring], _ number: Int) -> Double? {
        fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil
    }

    private static func both(_ a: Double?, _ b: Double?) -> Double? {
        guard let a, let b else { return nil }
        return a + b
    }

    private static func bootTime() -> Double? {
        read("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    }

    private static func openFiles() -> Double? {
        // One of them is the listing's own.
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { Double($0.count - 1) }
    }

    private static func openFileLimit() -> Double? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }

    private static func read(_ path: String) -> String? { PlainFile.text(path, upTo: 1 << 20) }
}
