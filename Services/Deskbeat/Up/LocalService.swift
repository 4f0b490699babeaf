import FoundationEssentials

/// The services that `up` runs, in the order in which they are shown. A further one is a line here.
enum LocalService {
    static let all: [(name: String, executable: String)] = [
        ("ingest", "deskbeat-ingest"),
        ("ticketing", "deskbeat-ticketing"),
        ("sla-monitor", "deskbeat-sla-monitor"),
        ("satisfaction", "deskbeat-satisfaction"),
        ("churn-revenue", "deskbeat-churn-revenue"),
    ]

    /// This program's own file.
    static func ownExecutable() throws(InputError) -> String {
        do {
            return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        } catch {
            throw InputError("/proc/self/exe: \(error)")
        }
    }
}
