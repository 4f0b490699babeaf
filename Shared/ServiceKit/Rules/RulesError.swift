/// One fault in a business rules file: where it is, what is wrong, and what to write instead.
public struct RulesDiagnostic: Error, Sendable, Equatable, CustomStringConvertible {
    /// Line of the fault, from 1.
    public let line: Int
    /// Column of the fault, from 1, counted in Unicode scalars.
    public let column: Int
    /// The member that is at fault, as `history.hours`; empty for a fault of the file itself.
    public let path: String
    /// What is wrong, as a clause without a full stop.
    public let reason: String
    /// What to write instead, as a clause without a full stop.
    public let remedy: String

    public init(line: Int, column: Int, path: String, reason: String, remedy: String) {
        self.line = line
        self.column = column
        self.path = path
        self.reason = reason
        self.remedy = remedy
    }

    public var description: String {
        let subject = path.isEmpty ? "" : "\(path): "
        return "\(line):\(column): \(subject)\(reason); \(remedy)"
    }
}

/// Why a business rules file was refused: every fault that was found in it, in the file's order.
public struct RulesError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file's name as the operator gave it.
    public let file: String
    /// Never empty.
    public let diagnostics: [RulesDiagnostic]

    public init(file: String, diagnostics: [RulesDiagnostic]) {
        precondition(!diagnostics.isEmpty, "a rules error names at least one fault")
        self.file = file
        self.diagnostics = diagnostics.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
    }

    /// One line per fault, as `rules.yaml:3:10: history.hours: …`, which editors and terminals turn into links.
    public var description: String {
        diagnostics.map { "\(file):\($0)" }.joined(separator: "\n")
    }
}
