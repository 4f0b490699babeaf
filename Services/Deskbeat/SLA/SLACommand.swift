import ArgumentParser

/// `deskbeat sla`.
struct SLACommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sla",
        abstract: "Promises to customers: how they are judged.",
        discussion: """
            Example:
              deskbeat sla check scenarios.json
              deskbeat sla explain T-91 --rules rules.yaml
              deskbeat sla what-if --rules new.yaml
            """,
        subcommands: [SLACheckCommand.self, SLAExplainCommand.self, SLAWhatIfCommand.self])
}
