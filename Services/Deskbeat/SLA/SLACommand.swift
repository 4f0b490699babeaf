import ArgumentParser

/// `deskbeat sla`.
struct SLACommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sla",
        abstract: "Promises to customers: check how they are judged.",
        discussion: """
            Example:
              deskbeat sla check scenarios.json
            """,
        subcommands: [SLACheckCommand.self])
}
