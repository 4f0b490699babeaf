import Foundation
import Subprocess
import Testing

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Two instances of the monitor: each answers for its own tickets, and knows the address of the other one for the rest.
@Suite(.serialized) struct SLALookupTests {
    private static let rules = """
        calendars: {always: {always: true}}
        policies:
          - {id: all, calendar: always, metrics: {first_response: {target: 1h}}}
        """

    private static let tickets = 24

    /// A line of the log.
    private struct Listening: Decodable {
        var http: String
    }

    @Test func whoHasATicketElsewhereSaysWhere() async throws {
        try await Installation.run(rules: Self.rules) { installation in
            try await Self.withSecondMonitor(of: installation) { second in
                let first = try #require(try installation.ready().http["sla-monitor"])
                let program = Installation.binaries.appendingPathComponent("deskbeat").path
                try await installation.execute(program, ["replay", "-"], input: Self.events())
                try await installation.deskbeat("wait-idle", "--timeout", "240")
                var owners: Set<String> = []
                for number in 0..<Self.tickets {
                    for asked in [first, second] {
                        let answer = try await Self.get(installation, asked, "T-\(number)")
                        guard answer.status == 421 else {
                            #expect(answer.status == 200 && answer.body["ticket_id"] as? String == "T-\(number)")
                            owners.insert(asked)
                            continue
                        }
                        let owner = try #require(answer.body["owner"] as? String, "\(answer)")
                        #expect("http://\(owner)" == (asked == first ? second : first))
                        let there = try await Self.get(installation, "http://\(owner)", "T-\(number)")
                        #expect(there.status == 200 && there.body["ticket_id"] as? String == "T-\(number)")
                    }
                }
                #expect(owners == [first, second], "each has some")
                let atRisk = try await Self.atRisk(installation, first) + Self.atRisk(installation, second)
                #expect(Set(atRisk) == Set((0..<Self.tickets).map { "T-\($0)" }) && atRisk.count == Self.tickets)
            }
        }
    }

    private static func events() -> String {
        let now = Date().formatted(.iso8601)
        return (0..<tickets).map { number in
            #"{"specversion":"1.0","id":"c\#(number)","source":"https://acme.example/desk","type":"support.ticket.created","#
                + #""time":"\#(now)","data":{"ticket_id":"T-\#(number)"}}"# + "\n"
        }.joined()
    }

    private static func get(
        _ installation: Installation, _ address: String, _ ticket: String
    ) async throws -> (status: Int, body: [String: Any]) {
        // A hand-over of partitions may still be under way: 503.
        let text = try await installation.execute(
            "curl",
            ["-sS", "--retry", "30", "-w", "\n%{http_code}", "\(address)/v1/sla/tickets/\(ticket)"])
        let lines = text.split(separator: "\n")
        let body = try JSONSerialization.jsonObject(with: Data(lines.dropLast().joined().utf8)) as? [String: Any]
        return (Int(lines.last ?? "") ?? 0, body ?? [:])
    }

    private static func atRisk(_ installation: Installation, _ address: String) async throws -> [String] {
        let text = try await installation.execute("curl", ["-sS", "--retry", "30", "\(address)/v1/sla/at-risk"])
        let answer = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
        #expect(answer["complete"] as? Bool == false)
        return (answer["at_risk"] as? [[String: Any]] ?? []).compactMap { $0["ticket_id"] as? String }
    }

    /// Gives `body` the address of a further instance, when that is ready.
    private static func withSecondMonitor(
        of installation: Installation, _ body: @Sendable (String) async throws -> Void
    ) async throws {
        let arguments = [
            "--instance", "second", "--http", "127.0.0.1:0", "--log-format", "json",
            "--bootstrap-servers", try installation.ready().bootstrap_servers, "--partitions", "4",
        ]
        let variables = installation.environment.compactMap { key, value in
            Environment.Key(rawValue: key).map { ($0, value) }
        }
        let result = try await Subprocess.run(
            .path(FilePath(Installation.binaries.appendingPathComponent("deskbeat-sla-monitor").path)),
            arguments: Arguments(arguments), environment: .custom(Dictionary(uniqueKeysWithValues: variables)),
            input: .none, output: .discarded, error: .sequence
        ) { execution in
            let log = ProcessLog(awaiting: "\"listening\"")
            let output = execution.standardError
            let reading = Task {
                defer { log.end() }
                for try await line in output.strings() { log.add(line) }
            }
            let line = try #require(await log.awaited(), "the second monitor: \(log.tail)")
            let http = try JSONDecoder().decode(Listening.self, from: Data(line.utf8)).http
            var failure: (any Error)?
            do {
                try await installation.execute(
                    "curl", ["-sSf", "--retry", "120", "--retry-delay", "1", "--retry-all-errors", "\(http)/readyz"])
                try await body(http)
            } catch { failure = error }
            try execution.send(signal: .terminate)
            try await reading.value
            if let failure { throw failure }
        }
        #expect(result.terminationStatus == .exited(0))
    }
}
