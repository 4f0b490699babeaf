import ArgumentParser

/// The operator's command line.
@main
struct Deskbeat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deskbeat",
        abstract: "Live KPIs and SLA alerts from a helpdesk's events.",
        subcommands: [UpCommand.self, ReplayCommand.self, LaunchCommand.self])
}
