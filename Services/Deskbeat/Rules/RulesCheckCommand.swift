import ArgumentParser
import ServiceKit

/// `deskbeat rules check`.
struct RulesCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "Read a rules file as the services do, and print every fault with its place and what to write instead.",
        discussion: """
            Exit status 1 when the file would be refused. Each fault is a line: file:line:column: member: reason; remedy.

            Example:
              deskbeat rules check deploy/rules/rules.example.yaml
            """)

    @Argument(help: "The rules file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    func run() async throws {
        let file = file
        let summary = try await BlockingWork("rules-check").run { try Self.summary(of: file) }
        Console.output.line(summary)
    }

    /// What a valid file says, in a line.
    ///
    /// - Throws: `RulesLoadError`, with every fault.
    static func summary(of file: String) throws -> String {
        let rules = try Rules.load(path: file)
        let policies = rules.sections["policies"]?.elements?.count ?? 0
        let calendars = rules.sections["calendars"]?.entries?.count ?? 0
        return "\(file) is valid: time zone \(rules.timezone), \(rules.breakdowns.count) breakdowns, "
            + "\(calendars) calendars, \(policies) policies; SHA-256 \(rules.sha256)"
    }
}
