import FoundationEssentials
import Glibc
public import Logging

/// The log handler of every service: one line per event, to standard error.
public struct ServiceLogHandler: LogHandler {
    /// How a line is put together; `auto` is decided before a handler is made.
    public enum Style: Sendable {
        case text(coloured: Bool)
        case json
    }

    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let style: Style
    private let sink: LogSink
    /// The bound of a message and of each metadata value, in bytes.
    static let maximumBytes = 8_192

    public init(
        label: String, style: Style, level: Logger.Level, sink: LogSink,
        metadataProvider: Logger.MetadataProvider? = nil
    ) {
        self.label = label
        self.style = style
        self.sink = sink
        self.logLevel = level
        self.metadataProvider = metadataProvider
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let own = event.metadata { fields.merge(own) { $1 } }
        if let error = event.error { fields["error"] = "\(error)" }
        let time = UTCTime.now()
        let sorted = fields.sorted { $0.key < $1.key }
        switch style {
        case .text(let coloured): sink.write(text(event, sorted, time, coloured))
        case .json: sink.write(json(event, sorted, time))
        }
        if event.level == .critical { sink.flush() }
    }

    private func json(_ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)], _ time: Int64)
        -> [UInt8]
    {
        var json = JSONText()
        let reserved: Set<String> = ["time", "level", "logger", "message"]
        json.object { json in
            json.member("time", UTCTime.text(time))
            json.member("level", event.level.rawValue)
            json.member("logger", label)
            json.member("message", Self.cut(event.message.description))
            for (key, value) in fields {
                Self.append(reserved.contains(key) ? "\(key)_" : key, value, to: &json, depth: 0)
            }
        }
        return json.bytes
    }

    private static func append(_ key: String?, _ value: Logger.MetadataValue, to json: inout JSONText, depth: Int) {
        switch value {
        case .array(let values) where depth < 8:
            json.array(key) { json in for value in values { append(nil, value, to: &json, depth: depth + 1) } }
        case .dictionary(let values) where depth < 8:
            json.object(key) { json in
                for (key, value) in values.sorted(by: { $0.key < $1.key }) {
                    append(key, value, to: &json, depth: depth + 1)
                }
            }
        default:
            if let key { json.member(key, cut(value.description)) } else { json.element(cut(value.description)) }
        }
    }

    private func text(
        _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)], _ time: Int64, _ coloured: Bool
    ) -> [UInt8] {
        func paint(_ code: String, _ text: String) -> String { coloured ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
        let clock = UTCTime.text(time).dropFirst(11)
        let level = event.level.rawValue.uppercased()
        let padding = String(repeating: " ", count: max(0, 8 - level.count))
        var line = "\(paint("2", String(clock))) \(paint(Self.colour(event.level), level))\(padding) "
        line += "\(label): \(Self.printable(event.message.description))"
        for (key, value) in fields { line += " " + paint("2", "\(key)=") + Self.printable(value.description) }
        return Array(line.utf8)
    }

    private static func colour(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "2"
        case .info: "32"
        case .notice: "36"
        case .warning: "33"
        case .error: "31"
        case .critical: "1;31"
        }
    }

    /// Control characters made visible: outside text must not be able to forge lines or drive a terminal.
    private static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in cut(text).unicodeScalars {
            switch scalar {
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\t": result.append(" ")
            default:
                if scalar.properties.generalCategory == .control {
                    result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
                } else {
                    result.append(scalar)
                }
            }
        }
        return String(result)
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > maximumBytes else { return text }
        return String(decoding: text.utf8.prefix(maximumBytes), as: UTF8.self) + "…"
    }
}

/// Starts logging for a process; once, before the first logger is made.
public enum ServiceLogging {
    /// - Parameter sink: Where lines go; flush it before the process ends.
    public static func bootstrap(
        format: LogFormat, level: Logger.Level, environment: [String: String], sink: LogSink = LogSink()
    ) {
        let isTerminal = isatty(STDERR_FILENO) == 1
        let style: ServiceLogHandler.Style =
            switch format {
            case .auto where !isTerminal, .json: .json
            case .auto, .text: .text(coloured: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty)
            }
        LoggingSystem.bootstrap { label in ServiceLogHandler(label: label, style: style, level: level, sink: sink) }
    }
}
