import ArgumentParser
import Kafka
import ServiceKit

/// `deskbeat rules apply`.
struct RulesApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Check a rules file and publish it as the next version, which every service takes within a second.",
        discussion: """
            Does nothing when the file is the newest version already, byte for byte. A file that `deskbeat rules check` refuses is \
            refused here too. What the change does: deskbeat rules diff FILE.

            Example:
              deskbeat rules apply rules.yaml
            """)

    @Argument(help: "The rules file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        let outcome = try await PublishedRules(cluster).apply(file)
        switch outcome {
        case .unchanged(let record):
            Console.output.line("\(file) is version \(record.version) already; SHA-256 \(record.sha256)")
        case .published(let record):
            Console.output.line("\(file) is now version \(record.version); SHA-256 \(record.sha256)")
        }
    }
}
