import ArgumentParser

/// `deskbeat sla check`.
struct SLACheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Run scenario files against the SLA engine and print what differs.",
        discussion: """
            A scenario file (format sla-scenarios/1, see docs/sla.md) holds calendars, promises, the events of a ticket and what is \
            expected at which instant. The last line is the summary. Exit status 1 when something differs.

            Example:
              deskbeat sla check our-policies.json
            """)

    @Argument(help: "Scenario files; - reads standard input.", completion: .file(extensions: ["json", "yaml"]))
    var files: [String]

    func validate() throws {
        if files.isEmpty { throw ValidationError("name a scenario file, for example scenarios.json") }
    }

    func run() async throws {
        let files = files
        let outcome = try await BlockingWork("sla-check").run {
            var outcome = ScenarioOutcome()
            for file in files {
                let text = try SLACheckCommand.read(file)
                do {
                    outcome.add(try ScenarioFile(text))
                } catch let error as ScenarioError {
                    throw InputError("\(file): \(error)")
                }
            }
            return outcome
        }
        let console = Console.output
        for difference in outcome.differences { console.line(difference) }
        console.line(outcome.summary)
        if !outcome.differences.isEmpty { throw ExitCode.failure }
    }

    private static func read(_ file: String) throws(InputError) -> String {
        let source = try ByteSource(path: file)
        var bytes: [UInt8] = []
        while try source.read(into: &bytes) {
            guard bytes.count <= ScenarioFile.maximumBytes else {
                throw InputError("\(source.name): larger than \(ScenarioFile.maximumBytes >> 20) MiB")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw InputError("\(source.name): is not UTF-8 text")
        }
        return text
    }
}
