import ArgumentParser

/// `deskbeat rules`.
struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "The business rules file: check it before it is used.",
        discussion: """
            Example:
              deskbeat rules check rules.yaml
            """,
        subcommands: [RulesCheckCommand.self])
}
