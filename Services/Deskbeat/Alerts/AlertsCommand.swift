import ArgumentParser
import FoundationEssentials
import Kafka

/// `deskbeat alerts`.
struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts",
        abstract: "Show SLA facts, goals and other alerts.",
        discussion: """
            Prints the records of support.alerts other than KPI updates, under read_committed: a line each on a terminal, JSON \
            lines in a pipe.

            Examples:
              deskbeat alerts --follow
              deskbeat alerts --all | jq -r .type | sort | uniq -c
            """)

    @Flag(name: .shortAndLong, help: "Go on with what comes.")
    var follow = false

    @Flag(help: "KPI updates too.")
    var all = false

    @Flag(help: "JSON lines on a terminal as well.")
    var json = false

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        let printer = AlertPrinter(all: all, asJSON: json || !Console.output.isTerminal)
        let follow = follow
        try await AlertTopic.read(cluster) { reader in
            if follow {
                try reader.follow(printer.print)
            } else {
                try reader.readToEnd(printer.print)
            }
        }
    }
}

private struct AlertPrinter: Sendable {
    let all: Bool
    let asJSON: Bool

    func print(_ batch: RecordBatch, _ index: Int) {
        guard let value = batch.value(index) else { return }
        let type = batch.header("ce_type", of: index)
        if !all, type == "deskbeat.kpi.updated" { return }
        let console = Console.output
        guard !asJSON, let line = AlertLine(value) else {
            console.write(value + [UInt8(ascii: "\n")])
            return
        }
        console.line(line.text(console))
    }
}

/// One alert as a line for people.
package struct AlertLine: Decodable {
    private struct Content: Decodable {
        var severity: String?
        var state: String?
        var summary: String?
        var historical: Bool?
    }

    private var type: String
    private var time: String
    private var subject: String?
    private var data: Content

    /// Nil when the bytes are no CloudEvent of ours.
    package init?(_ value: [UInt8]) {
        guard let line = try? JSONDecoder().decode(AlertLine.self, from: Data(value)) else { return nil }
        self = line
    }

    package func text(_ console: Console) -> String {
        let style: Console.Style =
            switch (data.state, data.severity) {
            case ("resolved", _): .green
            case (_, "critical"), (_, "error"): .red
            case (_, "warning"): .yellow
            default: .cyan
            }
        let kind = type.hasPrefix("deskbeat.") ? String(type.dropFirst("deskbeat.".count)) : type
        var words = [console.styled(time, .dim), console.styled(kind, style)]
        if let severity = data.severity { words.append(severity) }
        words.append(data.summary ?? subject ?? "")
        if data.historical == true { words.append(console.styled("(historical)", .dim)) }
        return words.joined(separator: "  ")
    }
}
