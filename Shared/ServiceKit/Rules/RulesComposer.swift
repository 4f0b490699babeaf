import YAML

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
        var composition = Composition(text, maximumNodes: maximumNodes)
        return try composition.document()
    }

    /// What an anchor stands for, with what its expansion costs.
    private struct Anchored {
        var node: RulesNode
        var nodes: Int
        /// Levels of lists and mappings, itself included; 1 for a scalar.
        var height: Int
    }

    /// One pass over the events of a text.
    private struct Composition: ~Copyable {
        private let text: String
        private let maximumNodes: Int
        private var parser: YAMLParser
        private var nodes = 0
        private var anchors: [String: Anchored] = [:]

        init(_ text: String, maximumNodes: Int) {
            self.text = text
            self.maximumNodes = maximumNodes
            parser = YAMLParser(text)
        }

        mutating func document() throws(RulesDiagnostic) -> RulesNode? {
            guard try next() != nil, let first = try next() else { return nil }
            let root = try value(first, depth: 0).node
            _ = try next()
            if let further = try next() {
                throw fault(
                    further, "a single document is expected, and another one begins here",
                    "keep one of them in this file")
            }
            return root
        }

        private mutating func next() throws(RulesDiagnostic) -> YAMLEvent? {
            do throws(YAMLError) {
                return try parser.next()
            } catch {
                throw diagnostic(error)
            }
        }

        /// The value that begins with `event`.
        private mutating func value(_ event: YAMLEvent, depth: Int) throws(RulesDiagnostic) -> Anchored {
            if case .alias(let name) = event.kind { return try expanded(name, event, depth) }
            nodes += 1
            try check(event, depth: depth, height: 1)
            var made = Anchored(
                node: RulesNode(content: .sequence([]), line: event.line, column: event.column), nodes: 1, height: 1)
            switch event.kind {
            case .scalar(let text, let isPlain):
                made.node = RulesNode(
                    content: .scalar(text, plain: isPlain), line: event.line, column: event.column)
            case .sequenceStart: try sequence(&made, depth)
            default: try mapping(&made, depth)
            }
            if let anchor = event.anchor { anchors[anchor] = made }
            return made
        }

        private func check(_ event: YAMLEvent, depth: Int, height: Int) throws(RulesDiagnostic) {
            guard nodes <= maximumNodes else {
                throw fault(
                    event, "the file grows beyond \(maximumNodes) values",
                    "use fewer aliases (*name) of large sections")
            }
            guard depth + height <= RulesComposer.maximumDepth else {
                throw fault(
                    event, "lists and mappings are nested deeper than \(RulesComposer.maximumDepth)",
                    "check for brackets that are not closed")
            }
        }

        /// The value of an alias; it shares its storage with the anchor's, and counts as if it were written there.
        private mutating func expanded(
            _ name: String, _ event: YAMLEvent, _ depth: Int
        ) throws(RulesDiagnostic) -> Anchored {
            guard let anchored = anchors[name] else {
                throw fault(
                    event, "found undefined alias *\(name)", "define the anchor (&\(name)) before its first use")
            }
            nodes += anchored.nodes
            try check(event, depth: depth, height: anchored.height)
            return anchored
        }

        private mutating func sequence(_ made: inout Anchored, _ depth: Int) throws(RulesDiagnostic) {
            var elements: [RulesNode] = []
            while let event = try next(), event.kind != .sequenceEnd {
                elements.append(Self.counted(try value(event, depth: depth + 1), in: &made))
            }
            made.node = RulesNode(content: .sequence(elements), line: made.node.line, column: made.node.column)
        }

        private mutating func mapping(_ made: inout Anchored, _ depth: Int) throws(RulesDiagnostic) {
            var entries: [RulesEntry] = []
            var merged: [RulesEntry] = []
            var names: Set<String> = []
            while let key = try next(), key.kind != .mappingEnd {
                guard case .scalar(let name, let isPlain) = key.kind else {
                    throw fault(key, "a key must be text, not a list, a mapping or an alias", "write name: value")
                }
                if let anchor = key.anchor {
                    let node = RulesNode(
                        content: .scalar(name, plain: isPlain), line: key.line, column: key.column)
                    anchors[anchor] = Anchored(node: node, nodes: 1, height: 1)
                }
                guard names.insert(name).inserted else {
                    throw RulesDiagnostic(
                        line: key.line, column: key.column, path: name,
                        reason: "the key stands twice in one mapping", remedy: "keep one of the two")
                }
                guard let event = try next() else { break }
                let node = Self.counted(try value(event, depth: depth + 1), in: &made)
                if name == "<<" && isPlain {
                    merged += try mergeable(node, key)
                } else {
                    entries.append(RulesEntry(key: name, line: key.line, column: key.column, value: node))
                }
            }
            for entry in merged where !names.contains(entry.key) {
                names.insert(entry.key)
                entries.append(entry)
            }
            made.node = RulesNode(content: .mapping(entries), line: made.node.line, column: made.node.column)
        }

        private static func counted(_ part: Anchored, in whole: inout Anchored) -> RulesNode {
            whole.nodes += part.nodes
            whole.height = max(whole.height, part.height + 1)
            return part.node
        }

        /// The entries behind a merge key (`<<: *defaults` or `<<: [*a, *b]`, the earlier one winning).
        private func mergeable(_ node: RulesNode, _ key: YAMLEvent) throws(RulesDiagnostic) -> [RulesEntry] {
            if let entries = node.entries { return entries }
            guard let elements = node.elements, elements.allSatisfy({ $0.entries != nil }) else {
                throw RulesDiagnostic(
                    line: key.line, column: key.column, path: "<<", reason: "\(node.kind) cannot be merged",
                    remedy: "write an alias of a mapping, for example <<: *defaults")
            }
            return elements.flatMap { $0.entries ?? [] }
        }

        private func fault(_ event: YAMLEvent, _ reason: String, _ remedy: String) -> RulesDiagnostic {
            RulesDiagnostic(line: event.line, column: event.column, path: "", reason: reason, remedy: remedy)
        }

        private func diagnostic(_ error: YAMLError) -> RulesDiagnostic {
            var remedy = "check quotes, brackets, colons and indentation there"
            if error.isEncoding {
                remedy = "save the file as UTF-8 text without control characters"
            } else {
                let lines = text.split(separator: "\n", maxSplits: error.line, omittingEmptySubsequences: false)
                let place = lines.dropFirst(error.line - 1).first?.unicodeScalars.dropFirst(error.column - 1)
                if place?.first == "\t" { remedy = "indent with spaces, not with tabs" }
            }
            return RulesDiagnostic(
                line: error.line, column: error.column, path: "", reason: error.reason, remedy: remedy)
        }
    }
}
