import FoundationEssentials

extension Rules {
    /// Reads the rules file at `path`.
    public static func load(path: String) throws(RulesLoadError) -> Rules { try load(text(path: path), path: path) }

    /// - Parameters:
    ///   - text: The file's content.
    ///   - path: Its name, for messages.
    package static func load(_ text: String, path: String) throws(RulesLoadError) -> Rules {
        do {
            return try Rules(parsing: text, file: path)
        } catch {
            throw .faults(error)
        }
    }

    /// The content of the rules file at `path`, unchecked.
    package static func text(path: String) throws(RulesLoadError) -> String {
        guard let data = PlainFile.read(path, upTo: RulesComposer().maximumBytes + 1) else {
            throw .unreadable(path: path)
        }
        guard let text = String(validating: data, as: UTF8.self) else { throw .notText(path: path) }
        return text
    }
}

/// Why no rules came out of a file.
public enum RulesLoadError: Error, Sendable, CustomStringConvertible {
    case unreadable(path: String)
    case notText(path: String)
    case faults(RulesError)

    public var description: String {
        switch self {
        case .unreadable(let path):
            "rules file \(path) cannot be read; check --rules (DESKBEAT_RULES) and the file's permissions"
        case .notText(let path): "rules file \(path) is not UTF-8 text; save it as UTF-8"
        case .faults(let error): error.description
        }
    }
}
