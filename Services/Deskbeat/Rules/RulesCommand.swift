import ArgumentParser

/// `deskbeat rules`.
struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "The business rules: check a file, see what it would change, publish it as the next version.",
        discussion: """
            Examples:
              deskbeat rules check rules.yaml
              deskbeat rules diff rules.yaml
              deskbeat rules apply rules.yaml
            """,
        subcommands: [
            RulesCheckCommand.self, RulesDiffCommand.self, RulesApplyCommand.self, RulesShowCommand.self,
        ])
}
