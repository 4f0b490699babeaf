import Foundation
import Testing

/// The names that operators are given - alert rules and docs/operations.md - against what a running suite exposes.
@Suite(.serialized) struct MetricsTests {
    private static let prefixes = ["deskbeat_", "ingest_", "kafka_", "process_", "late_", "refused_", "negative_"]

    /// Words that look like metrics, without the suffixes that a histogram adds.
    private static func names(in text: String) -> Set<String> {
        let words = text.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) && $0 != "_" }.map { String($0) }
        return Set(
            words.filter { word in prefixes.contains { word.hasPrefix($0) } && !word.hasSuffix("_") }
                .map { $0.hasSuffix("_bucket") ? String($0.dropLast("_bucket".count)) : $0 })
    }

    private static let event =
        #"{"specversion":"1.0","id":"m-1","source":"helpdesk","type":"support.ticket.created","#
        + #""time":"2026-01-05T09:00:00Z","data":{"ticket_id":"M-1","created_at":"2026-01-05T09:00:00Z"}}"#

    @Test func everyNameInRulesAndDocsIsExposed() async throws {
        let root = OrderAndKillTests.root
        let rules = try String(
            contentsOf: root.appendingPathComponent("deploy/prometheus/alerts.yml"), encoding: .utf8)
        let page = try String(contentsOf: root.appendingPathComponent("docs/operations.md"), encoding: .utf8)
        let expressions = rules.split(separator: "\n").filter { !$0.contains("#") && !$0.contains("summary:") }
        let promised = Self.names(in: expressions.joined(separator: "\n"))
            .union(
                Self.names(
                    in: page.split(separator: "`").enumerated().filter { $0.offset % 2 == 1 }
                        .map { String($0.element) }.joined(separator: " ")))
        #expect(promised.count > 15)
        try await Installation.run { installation in
            // Reasons have a counter from their first record on.
            try await installation.execute(
                "kcat",
                [
                    "-P", "-b", try installation.ready().bootstrap_servers, "-t",
                    (installation.environment["DESKBEAT_TOPIC_PREFIX"] ?? "support.") + "inbound",
                ],
                input: "no event\n")
            let sent = try await installation.deskbeat("sample", "--tickets", "20")
            try await installation.execute(
                Installation.binaries.appendingPathComponent("deskbeat").path, ["replay", "-"], input: sent)
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            let ingest = try #require(try installation.ready().http["ingest"])
            try await installation.execute("curl", ["-s", "-d", "{}", ingest + "/v1/events"])
            try await installation.execute(
                "curl",
                [
                    "-sf", "-H", "content-type: application/cloudevents+json", "-d", Self.event,
                    ingest + "/v1/events",
                ])
            var exposed: Set<String> = []
            for address in try installation.ready().http.values {
                let text = try await installation.execute("curl", ["-sf", address + "/metrics"])
                for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
                    exposed.insert(String(line.split(separator: " ")[2]))
                }
            }
            #expect(promised.subtracting(exposed).sorted() == [])
        }
    }
}
