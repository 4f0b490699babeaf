import FoundationEssentials

/// What the audit of one service has said.
struct ServiceAuditResult: Sendable {
    struct Difference: Decodable, Sendable {
        var service: String
        var difference: String
        var key: String
        var member: String
        var published: String
        var recomputed: String
    }

    private struct Summary: Decodable {
        var values: Int
        var events: Int
        var alerts: Int
        var left_out: [String: Int]
    }

    let service: String
    /// JSON lines.
    let output: [UInt8]
    let differences: [Difference]
    let values: Int
    let events: Int
    let alerts: Int
    /// How much was not compared, by the reason.
    let leftOut: [String: Int]

    /// Runs the service's program and reads what it says. Blocks.
    init(_ service: String, _ executable: String, _ arguments: [String]) throws {
        let (data, end) = try ChildProcess.output(ChildCommand(executable: executable, arguments: arguments))
        guard end == .exited(0) || end == .exited(1) else {
            throw InputError("there is no audit of \(service): \(end)")
        }
        let lines = data.split(separator: UInt8(ascii: "\n"))
        guard let last = lines.last, let summary = try? JSONDecoder().decode(Summary.self, from: Data(last)) else {
            throw InputError("the audit of \(service) has ended early: \(String(decoding: data, as: UTF8.self))")
        }
        self.service = service
        output = data
        differences = try lines.dropLast().map { try JSONDecoder().decode(Difference.self, from: Data($0)) }
        values = summary.values
        events = summary.events
        alerts = summary.alerts
        leftOut = summary.left_out
    }
}
