/// A value in the rules file with the place where it stands, so that a reader can point at it.
///
/// Aliases and merge keys are already resolved. Sections that this module does not interpret (`calendars`, `policies`,
/// `goals`, …) are handed to their readers in this form.
public struct RulesNode: Sendable, Equatable {
    public indirect enum Content: Sendable, Equatable {
        /// `plain` is false for quoted and block text, which is never a number, a boolean or null.
        case scalar(String, plain: Bool)
        case sequence([RulesNode])
        case mapping([RulesEntry])
    }

    public let content: Content
    /// From 1.
    public let line: Int
    /// From 1, in Unicode scalars.
    public let column: Int

    public init(content: Content, line: Int, column: Int) {
        self.content = content
        self.line = line
        self.column = column
    }

    /// The text of a scalar, nil for anything else and for null.
    public var text: String? {
        guard case .scalar(let text, _) = content, !isNull else { return nil }
        return text
    }

    /// Whether this is YAML's null: nothing at all, `~` or `null`, unquoted.
    public var isNull: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The entries of a mapping in the file's order, nil for anything else.
    public var entries: [RulesEntry]? {
        guard case .mapping(let entries) = content else { return nil }
        return entries
    }

    /// The elements of a sequence, nil for anything else.
    public var elements: [RulesNode]? {
        guard case .sequence(let elements) = content else { return nil }
        return elements
    }

    /// What a person would call it: `text`, `a list`, `a mapping`, `nothing`.
    public var kind: String {
        switch content {
        case .scalar(let text, _): isNull ? "nothing" : "\"\(text)\""
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// Appends an encoding of the content that is the same for every spelling of it: keys sorted, comments, order of
    /// keys, quoting style of keys and positions left out, every part with its length in front.
    func appendNormalised(to bytes: inout [UInt8]) {
        func append(_ tag: Character, _ text: String) {
            bytes.append(contentsOf: "\(tag)\(text.utf8.count):\(text)".utf8)
        }
        switch content {
        case .scalar(let text, let plain):
            append(plain ? "p" : "q", text)
        case .sequence(let elements):
            bytes.append(contentsOf: "s\(elements.count)".utf8)
            for element in elements { element.appendNormalised(to: &bytes) }
        case .mapping(let entries):
            bytes.append(contentsOf: "m\(entries.count)".utf8)
            for entry in entries.sorted(by: { $0.key < $1.key }) {
                append("k", entry.key)
                entry.value.appendNormalised(to: &bytes)
            }
        }
    }
}

/// One `key: value` of a mapping.
public struct RulesEntry: Sendable, Equatable {
    public let key: String
    /// Where the key stands.
    public let line: Int
    public let column: Int
    public let value: RulesNode

    public init(key: String, line: Int, column: Int, value: RulesNode) {
        self.key = key
        self.line = line
        self.column = column
        self.value = value
    }
}
