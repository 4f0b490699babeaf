/// A piece of a YAML text, in the order of the text.
public struct YAMLEvent: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case documentStart, documentEnd
        /// `isPlain` is false for quoted, block and explicitly tagged text, which is never a number, a boolean or null.
        case scalar(String, isPlain: Bool)
        /// Refers to the value that has this anchor.
        case alias(String)
        case sequenceStart, sequenceEnd
        case mappingStart, mappingEnd
    }

    public let kind: Kind
    /// The name by which aliases refer to this value.
    public let anchor: String?
    /// Where it begins, from 1.
    public let line: Int
    /// From 1, in Unicode scalars.
    public let column: Int
}

/// Why a text is no YAML, and where.
public struct YAMLError: Error, Sendable, Equatable {
    /// The text itself cannot be read: bad UTF-8, control characters.
    public let isEncoding: Bool
    public let reason: String
    /// From 1.
    public let line: Int
    /// From 1, in Unicode scalars.
    public let column: Int
}
