import ArgumentParser
import Kafka
import ServiceKit

/// `deskbeat rules show`.
struct RulesShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print the rules file that is in force; its version, SHA-256 and time go to standard error.",
        discussion: """
            Example:
              deskbeat rules show > rules.yaml
            """)

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        guard let newest = try await PublishedRules(cluster).newest() else {
            Console.error.line("no version has been published: the built-in rules hold (rules_version 0)")
            return
        }
        Console.error.line(
            "version \(newest.version) (\(newest.file)), published \(UTCTime.text(newest.publishedAt)); SHA-256 \(newest.sha256)"
        )
        Console.output.write(Array(newest.text.utf8))
    }
}
