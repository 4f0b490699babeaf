import ArgumentParser
import FoundationEssentials

/// `deskbeat sample`.
struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Print the events of a made-up day, to try Deskbeat with.",
        discussion: """
            A few hundred tickets of the last 24 hours with replies, solves and reopens, one event a line. The same seed within the \
            same minute gives the same events.

            Example:
              deskbeat sample | deskbeat replay -
            """)

    @Option(help: "How many tickets.")
    var tickets = 400

    @Option(help: "Over how many hours before now.")
    var hours = 24

    @Option(help: "Another seed gives another day.")
    var seed: UInt64 = 1

    func validate() throws {
        guard (1...10_000_000).contains(tickets) else { throw ValidationError("--tickets is 1 to 10000000.") }
        guard (1...87_600).contains(hours) else { throw ValidationError("--hours is 1 to 87600.") }
    }

    func run() {
        let minute = Int64(Date().timeIntervalSince1970 / 60)
        var helpdesk = SampleHelpdesk(now: minute * 60_000_000, seed: seed)
        var lines: [UInt8] = []
        for event in helpdesk.events(tickets: tickets, hours: hours) {
            lines += event.json
            lines.append(UInt8(ascii: "\n"))
            if lines.count > 65_536 {
                Console.output.write(lines)
                lines.removeAll(keepingCapacity: true)
            }
        }
        Console.output.write(lines)
    }
}
