import Foundation
import Testing

/// The alerting system's view: kcat under `read_committed` sees every breach once, whatever is killed meanwhile.
@Suite(.serialized) struct SLAKillTests {
    /// Nothing is due within the 5 s for which the monitor runs ahead of ingest's clock: no reply that has arrived can come too late.
    private static let rules = """
        calendars: {always: {always: true}}
        policies:
          - id: all
            calendar: always
            metrics: {first_response: {target: 6s, warn: [90%], levels: [2s]}, resolution: {target: 1h}}
        """

    /// By ticket, in the order in which they were read: the last part of `ticket/<id>/first_response/1/<fact>`.
    private struct Seen {
        var facts: [String: [String]] = [:]
        var sequences: [String: [Int]] = [:]
    }

    @Test func everyBreachIsSeenOnceThoughMonitorAndBrokerAreKilled() async throws {
        try await Installation.run(rules: Self.rules) { installation in
            let waves = ["sla-monitor", "broker", "sla-monitor", "ingest", "broker", "sla-monitor"]
            let tickets = 20
            for (wave, victim) in waves.enumerated() {
                try await installation.execute(
                    Installation.binaries.appendingPathComponent("deskbeat").path, ["replay", "-"],
                    input: Self.events(wave, tickets, at: Date()))
                _ = try installation.kill(victim)
            }
            let late = waves.count * tickets / 2
            // Each ticket that nobody answers gets a warning, a breach and a level; the last of these is awaited.
            try await Self.awaitFacts(installation, type: "deskbeat.sla.level", count: late)
            try await installation.deskbeat("wait-idle", "--timeout", "120")
            let seen = try await Self.facts(installation)
            for wave in waves.indices {
                for number in 0..<tickets {
                    let facts = seen.facts["W\(wave)-\(number)"] ?? []
                    #expect(
                        facts == (number % 2 == 0 ? ["warning-90", "breached", "level-2"] : ["fulfilled"]),
                        "W\(wave)-\(number)")
                }
            }
            for (cycle, sequence) in seen.sequences { #expect(sequence == Array(1...sequence.count), "\(cycle)") }
        }
    }

    /// Every second ticket is answered after 2 s.
    private static func events(_ wave: Int, _ tickets: Int, at now: Date) -> String {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        var lines: [String] = []
        func event(_ ticket: String, _ type: String, _ time: Date, _ data: String) {
            lines.append(
                #"{"specversion":"1.0","id":"\#(type)","source":"https://acme.example/desk","type":"support.ticket.\#(type)","#
                    + #""time":"\#(time.formatted(style))","data":{"ticket_id":"\#(ticket)"\#(data)}}"#)
        }
        for number in 0..<tickets {
            event("W\(wave)-\(number)", "created", now, "")
            if number % 2 == 1 {
                event("W\(wave)-\(number)", "message", now.addingTimeInterval(2), #","author":"agent""#)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func topic(_ installation: Installation) -> String {
        (installation.environment["DESKBEAT_TOPIC_PREFIX"] ?? "support.") + "alerts"
    }

    private static func awaitFacts(_ installation: Installation, type: String, count: Int) async throws {
        let broker = try installation.ready().bootstrap_servers
        try await installation.execute(
            "bash",
            [
                "-c",
                """
                exec 3< <(exec kcat -b \(broker) -t \(topic(installation)) -C -q -u -X isolation.level=read_committed)
                reader=$!
                grep -m \(count) -c '"type":"\(type)"' <&3
                kill $reader
                """,
            ])
    }

    private static func facts(_ installation: Installation) async throws -> Seen {
        let broker = try installation.ready().bootstrap_servers
        let lines = try await installation.execute(
            "kcat", ["-b", broker, "-t", topic(installation), "-C", "-e", "-q", "-X", "isolation.level=read_committed"])
        var seen = Seen()
        for line in lines.split(separator: "\n") {
            let event = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let key = (event["subject"] as? String ?? "").split(separator: "/").map(String.init)
            guard key.count == 5, key[0] == "ticket", key[2] == "first_response" else { continue }
            seen.facts[key[1], default: []].append(key[4])
            seen.sequences["\(key[1])/\(key[3])", default: []].append(Int(event["sequence"] as? String ?? "") ?? 0)
        }
        return seen
    }
}
