public import ArgumentParser

extension CommandConfiguration {
    /// The command-line description of a service, with an example, its exit codes and where its settings come from.
    ///
    /// - Parameter subcommands: What the program can do besides.
    public static func service(
        _ command: String, _ abstract: String, example: String, subcommands: [any ParsableCommand.Type] = []
    ) -> CommandConfiguration {
        CommandConfiguration(
            commandName: command, abstract: abstract,
            discussion: """
                Example:
                  \(example)

                A flag goes before its environment variable, which goes before the default. Secrets come from the \
                environment or from files only.
                Exit status: 0 stopped as asked, 1 failed, 64 wrong settings, 78 wrong rules file.
                """,
            subcommands: subcommands)
    }
}
