import Foundation

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
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationReason == .exit, [0, 1].contains(process.terminationStatus) else {
            throw InputError("there is no audit of \(service): exit status \(process.terminationStatus)")
        }
        let lines = data.split(separator: UInt8(ascii: "\n"))
        guard let last = lines.last, let summary = try? JSONDecoder().decode(Summary.self, from: last) else {
            throw InputError("the audit of \(service) has ended early: \(String(decoding: data, as: UTF8.self))")
        }
        self.service = service
        output = Array(data)
        differences = try lines.dropLast().map { try JSONDecoder().decode(Difference.self, from: $0) }
        values = summary.values
        events = summary.events
        alerts = summary.alerts
        leftOut = summary.left_out
    }
}
