import ArgumentParser
import Kafka
import ServiceKit

/// `deskbeat rules diff`.
struct RulesDiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show what a rules file would change, setting by setting, and what follows from it.",
        discussion: """
            Compares the file with the newest published version; without a file, the newest version with the built-in rules. Exit \
            status 0, whether or not something differs. Nothing is published.

            Examples:
              deskbeat rules diff rules.yaml
              deskbeat rules diff
            """)

    @Argument(help: "The rules file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String?

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        let newest = try await PublishedRules(cluster).newest()
        guard let file else {
            guard let newest else {
                Console.output.line("no version has been published: the built-in rules hold")
                return
            }
            try show(nil, newest.text, "from the built-in rules to version \(newest.version)")
            return
        }
        let text = try await BlockingWork("rules-diff").run {
            let text = try Rules.text(path: file)
            _ = try Rules.load(text, path: file)
            return text
        }
        if let newest, newest.text == text {
            Console.output.line("\(file) is version \(newest.version), byte for byte")
            return
        }
        try show(
            newest?.text, text,
            "from \(newest.map { "version \($0.version)" } ?? "the built-in rules") to \(file)")
    }

    private func show(_ old: String?, _ new: String, _ title: String) throws {
        let difference = RulesDifference(from: try old.flatMap { try Rules.tree($0) }, to: try Rules.tree(new))
        let console = Console.output
        console.line(console.styled(title, .bold))
        guard !difference.changes.isEmpty else {
            console.line("nothing but comments, order or spelling differs")
            return
        }
        for change in difference.changes {
            switch (change.before, change.after) {
            case (nil, let after?): console.line(console.styled("+ \(change.path): \(after)", .green))
            case (let before?, nil): console.line(console.styled("- \(change.path): \(before)", .red))
            case (let before, let after):
                console.line(console.styled("~ \(change.path): \(before ?? "") -> \(after ?? "")", .yellow))
            }
        }
        for consequence in difference.consequences { console.line("  \(consequence)") }
    }
}
