import Yams

extension RulesNode {
    /// The root of a YAML (or JSON) text whose readers need places; nil when it holds nothing but comments.
    ///
    /// - Parameter maximumNodes: after the expansion of aliases: what bounds an alias bomb.
    public static func compose(
        _ text: String, maximumBytes: Int, maximumNodes: Int
    ) throws(RulesDiagnostic) -> RulesNode? {
        try RulesComposer(maximumBytes: maximumBytes, maximumNodes: maximumNodes).compose(text)
    }
}

/// Turns the text of a rules file into ``RulesNode``, within fixed bounds of size, depth and expansion.
struct RulesComposer {
    var maximumBytes = 1 << 20
    /// Nodes after the expansion of aliases: what bounds an alias bomb.
    var maximumNodes = 100_000
    private static let maximumDepth = 64

    /// The root of the file; nil when it holds nothing but comments.
    func compose(_ text: String) throws(RulesDiagnostic) -> RulesNode? {
        guard text.utf8.count <= maximumBytes else {
            throw RulesDiagnostic(
                line: 1, column: 1, path: "", reason: "the file has \(text.utf8.count) bytes",
                remedy: "it may have at most \(maximumBytes)")
        }
        try Self.refuseCollectionsAsKeys(text)
        let root: Node?
        do {
            root = try Yams.compose(yaml: text, .basic, .default, .utf8)
        } catch let error as YamlError {
            throw Self.diagnostic(error, text)
        } catch {
            throw RulesDiagnostic(line: 1, column: 1, path: "", reason: "not readable as YAML", remedy: "\(error)")
        }
        guard let root else { return nil }
        var budget = maximumNodes
        return try convert(root, depth: 0, budget: &budget)
    }

    private func convert(
        _ node: Node, depth: Int, budget: inout Int
    ) throws(RulesDiagnostic) -> RulesNode {
        let (line, column) = (node.mark?.line ?? 1, node.mark?.column ?? 1)
        budget -= 1
        guard budget >= 0 else {
            throw RulesDiagnostic(
                line: line, column: column, path: "", reason: "the file grows beyond \(maximumNodes) values",
                remedy: "use fewer aliases (*name) of large sections")
        }
        guard depth < Self.maximumDepth else {
            throw RulesDiagnostic(
                line: line, column: column, path: "",
                reason: "lists and mappings are nested deeper than \(Self.maximumDepth)",
                remedy: "check for brackets that are not closed")
        }
        switch node {
        case .scalar(let scalar):
            let plain = scalar.style == .plain || scalar.style == .any
            return RulesNode(content: .scalar(scalar.string, plain: plain), line: line, column: column)
        case .sequence(let sequence):
            var elements: [RulesNode] = []
            for element in sequence { elements.append(try convert(element, depth: depth + 1, budget: &budget)) }
            return RulesNode(content: .sequence(elements), line: line, column: column)
        case .mapping(let mapping):
            var entries: [RulesEntry] = []
            var merged: [RulesEntry] = []
            for (key, value) in mapping {
                let keyLine = key.mark?.line ?? line
                let keyColumn = key.mark?.column ?? column
                guard case .scalar(let name) = key else {
                    throw RulesDiagnostic(
                        line: keyLine, column: keyColumn, path: "", reason: "a key must be text",
                        remedy: "write name: value")
                }
                let converted = try convert(value, depth: depth + 1, budget: &budget)
                if name.string == "<<" && (name.style == .plain || name.style == .any) {
                    merged += try Self.mergeable(converted, keyLine, keyColumn)
                } else {
                    entries.append(RulesEntry(key: name.string, line: keyLine, column: keyColumn, value: converted))
                }
            }
            for entry in merged where !entries.contains(where: { $0.key == entry.key }) { entries.append(entry) }
            return RulesNode(content: .mapping(entries), line: line, column: column)
        case .alias:
            throw RulesDiagnostic(
                line: line, column: column, path: "", reason: "an alias stands where its value is not known yet",
                remedy: "define the anchor (&name) before its first use")
        }
    }

    /// The entries behind a merge key (`<<: *defaults` or `<<: [*a, *b]`, the earlier one winning).
    private static func mergeable(
        _ node: RulesNode, _ line: Int, _ column: Int
    ) throws(RulesDiagnostic) -> [RulesEntry] {
        if let entries = node.entries { return entries }
        guard let elements = node.elements, elements.allSatisfy({ $0.entries != nil }) else {
            throw RulesDiagnostic(
                line: line, column: column, path: "<<", reason: "\(node.kind) cannot be merged",
                remedy: "write an alias of a mapping, for example <<: *defaults")
        }
        return elements.flatMap { $0.entries ?? [] }
    }

    private static func diagnostic(_ error: YamlError, _ text: String) -> RulesDiagnostic {
        let syntax = "check quotes, brackets, colons and indentation there"
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let reason = [context?.text, problem].compactMap { $0 }.joined(separator: ": ")
            let line = text.split(separator: "\n", maxSplits: mark.line, omittingEmptySubsequences: false).dropFirst(
                mark.line - 1)
            let isTab = line.first?.unicodeScalars.dropFirst(mark.column - 1).first == "\t"
            let remedy = isTab ? "indent with spaces, not with tabs" : syntax
            return RulesDiagnostic(line: mark.line, column: mark.column, path: "", reason: reason, remedy: remedy)
        case .duplicatedKeysInMapping(let duplicates, let context):
            return RulesDiagnostic(
                line: context.mark.line, column: context.mark.column, path: duplicates.first ?? "",
                reason: "the key stands twice in one mapping", remedy: "keep one of the two")
        case .reader(let problem, let offset, _, let yaml):
            let before = yaml.prefix(offset ?? 0).split(separator: "\n", omittingEmptySubsequences: false)
            return RulesDiagnostic(
                line: max(1, before.count), column: (before.last?.unicodeScalars.count ?? 0) + 1, path: "",
                reason: problem,
                remedy: "save the file as UTF-8 text without control characters")
        default:
            return RulesDiagnostic(line: 1, column: 1, path: "", reason: "not readable as YAML", remedy: syntax)
        }
    }

    /// Refuses lists, mappings and aliases as *keys* in a file that has anchors.
    ///
    /// The YAML library hashes every key to find duplicates, and walks a whole expanded alias to do so: 30 short lines of
    /// nested aliases under a `?` would keep it busy for years before our own bound could act. No rules file needs
    /// such keys. The scan looks at characters, not at tokens, so it may refuse quoted text of that shape too - but only
    /// in a file with anchors.
    private static func refuseCollectionsAsKeys(_ text: String) throws(RulesDiagnostic) {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "&")), bytes.contains(UInt8(ascii: "*")) else { return }
        var line = 1
        var lineStart = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            var isKey = false
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                lineStart = index + 1
            case UInt8(ascii: "?"):
                isKey =
                    (index == 0 || separators.contains(bytes[index - 1]))
                    && (index + 1 == bytes.count || blanks.contains(bytes[index + 1]))
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                isKey = colonFollows(bytes, index + 1)
            case UInt8(ascii: "*") where index == 0 || separators.contains(bytes[index - 1]):
                var end = index + 1
                while end < bytes.count, isAnchorCharacter(bytes[end]) { end += 1 }
                isKey = colonFollows(bytes, end)
            default: break
            }
            if isKey {
                throw RulesDiagnostic(
                    line: line, column: index - lineStart + 1, path: "",
                    reason: "a list, a mapping or an alias cannot be a key",
                    remedy: "write name: value")
            }
            index += 1
        }
    }

    private static let blanks = Set(" \t\r\n".utf8)
    private static let separators = Set(" \t\r\n[{,:-?".utf8)

    private static func isAnchorCharacter(_ byte: UInt8) -> Bool {
        !blanks.contains(byte) && !Set(":,]}[{?%@`".utf8).contains(byte)
    }

    /// Whether the next thing after `start` that is neither blank nor a comment is a colon.
    private static func colonFollows(_ bytes: [UInt8], _ start: Int) -> Bool {
        var index = start
        while index < bytes.count {
            if blanks.contains(bytes[index]) {
                index += 1
            } else if bytes[index] == UInt8(ascii: "#") {
                while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
            } else {
                return bytes[index] == UInt8(ascii: ":")
            }
        }
        return false
    }
}
