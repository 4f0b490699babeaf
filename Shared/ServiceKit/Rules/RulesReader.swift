/// Reads values out of ``RulesNode`` and collects every fault on the way, so that an operator sees all of them at once.
///
/// Readers of later sections (`calendars`, `policies`, `goals`, …) use it too. A value that is at fault reads as nil; after
/// all reading, ``faults`` decides.
public struct RulesReader {
    public private(set) var faults: [RulesDiagnostic] = []
    /// What a file has at most in faults before reading stops reporting.
    static let maximumFaults = 50

    public init() {}

    public mutating func fault(_ node: RulesNode, _ path: String, _ reason: String, _ remedy: String) {
        fault(line: node.line, column: node.column, path, reason, remedy)
    }

    public mutating func fault(line: Int, column: Int, _ path: String, _ reason: String, _ remedy: String) {
        guard faults.count < Self.maximumFaults else { return }
        faults.append(RulesDiagnostic(line: line, column: column, path: path, reason: reason, remedy: remedy))
    }

    /// Takes over a fault that another reader has thrown.
    public mutating func add(_ fault: RulesDiagnostic) {
        guard faults.count < Self.maximumFaults else { return }
        faults.append(fault)
    }

    /// A key that does not exist, with the nearest one that does.
    public mutating func unknownKey(_ entry: RulesEntry, in path: String, known: [String]) {
        let full = path.isEmpty ? entry.key : "\(path).\(entry.key)"
        let remedy =
            NearestName.to(entry.key, among: known).map { "did you mean \($0)?" }
            ?? "known here are \(Self.listed(known.sorted()))"
        fault(line: entry.line, column: entry.column, full, "unknown name", remedy)
    }

    /// As many names as a line holds.
    private static func listed(_ names: [String]) -> String {
        let limit = 40
        guard names.count > limit else { return names.joined(separator: ", ") }
        return names.prefix(10).joined(separator: ", ") + " … (\(names.count) names in all)"
    }

    /// The entries of a mapping.
    public mutating func mapping(_ node: RulesNode, _ path: String, example: String) -> [RulesEntry]? {
        if node.isNull { return [] }
        guard let entries = node.entries else {
            fault(node, path, "\(node.kind) where a mapping is expected", "write for example \(example)")
            return nil
        }
        return entries
    }

    /// The elements of a list; a single text is taken as a list of one.
    public mutating func list(_ node: RulesNode, _ path: String, example: String) -> [RulesNode]? {
        if let elements = node.elements { return elements }
        if node.text != nil { return [node] }
        if node.isNull { return [] }
        fault(node, path, "\(node.kind) where a list is expected", "write for example \(example)")
        return nil
    }

    public mutating func text(_ node: RulesNode, _ path: String, maximumBytes: Int = 200) -> String? {
        guard let text = node.text, !text.isEmpty else {
            fault(node, path, "\(node.kind) where text is expected", "write a name")
            return nil
        }
        guard text.utf8.count <= maximumBytes else {
            fault(node, path, "the text has \(text.utf8.count) bytes", "write at most \(maximumBytes)")
            return nil
        }
        return text
    }

    /// One of a closed set of names, compared without case.
    public mutating func name(_ node: RulesNode, _ path: String, among known: [String]) -> String? {
        guard let text = text(node, path) else { return nil }
        let lower = text.lowercased()
        if known.contains(lower) { return lower }
        let remedy =
            NearestName.to(text, among: known).map { "did you mean \($0)?" }
            ?? "write one of \(Self.listed(known))"
        fault(node, path, "\"\(text)\" is unknown", remedy)
        return nil
    }

    public mutating func boolean(_ node: RulesNode, _ path: String) -> Bool? {
        guard case .scalar(let text, plain: true) = node.content else {
            fault(node, path, "\(node.kind) where true or false is expected", "write true or false, without quotes")
            return nil
        }
        switch text {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default:
            fault(node, path, "\(node.kind) is neither true nor false", "write true or false")
            return nil
        }
    }

    public mutating func integer(_ node: RulesNode, _ path: String, in range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let text, plain: true) = node.content, let value = Int(text), range.contains(value) else {
            fault(
                node, path, "\(node.kind) is no whole number in range",
                "write a number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    public mutating func duration(_ node: RulesNode, _ path: String) -> RulesDuration? {
        guard let text = node.text else {
            fault(node, path, "\(node.kind) where a duration is expected", "write for example 90s, 15m, 8h, 5d or 10y")
            return nil
        }
        do {
            return try RulesDuration(parsing: text)
        } catch {
            fault(node, path, error.reason, error.remedy)
            return nil
        }
    }
}
