/// One setting that is at fault: which, why, and what to write instead.
public struct SettingsFault: Sendable, Equatable, CustomStringConvertible {
    /// The flag and its variable, as the operator knows them: `--threads (DESKBEAT_THREADS)`.
    public let setting: String
    public let reason: String
    public let remedy: String

    public init(setting: String, reason: String, remedy: String) {
        self.setting = setting
        self.reason = reason
        self.remedy = remedy
    }

    public var description: String { "\(setting): \(reason); \(remedy)" }
}

/// All settings that are at fault.
public struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    public let faults: [SettingsFault]

    public init(faults: [SettingsFault]) {
        precondition(!faults.isEmpty, "a settings error names at least one fault")
        self.faults = faults
    }

    public var description: String { faults.map(\.description).joined(separator: "\n") }
}

/// Resolves settings from flag, environment and default, in that order, and collects every fault on the way. An empty
/// variable counts as none, because compose files and unit files pass empty ones for what is not set.
public struct SettingsReader {
    public let environment: [String: String]
    public private(set) var faults: [SettingsFault] = []

    public init(environment: [String: String]) {
        self.environment = environment
    }

    /// - Throws: When any setting read so far was at fault.
    public func check() throws(SettingsError) {
        guard faults.isEmpty else { throw SettingsError(faults: faults) }
    }

    public mutating func fault(_ flag: String, _ variable: String?, _ reason: String, _ remedy: String) {
        let setting = variable.map { "\(flag) (\($0))" } ?? flag
        faults.append(SettingsFault(setting: setting, reason: reason, remedy: remedy))
    }

    mutating func fault(_ fault: SettingsFault) { faults.append(fault) }

    /// The flag's value, else the variable's.
    public func text(_ value: String?, _ variable: String) -> String? {
        [value, environment[variable]].compactMap { $0 }.first { !$0.isEmpty }
    }

    public mutating func integer(
        _ value: Int?, _ flag: String, _ variable: String, default fallback: Int, in range: ClosedRange<Int>
    ) -> Int {
        var number = value
        if number == nil, let text = text(nil, variable) {
            number = Int(text)
            if number == nil {
                fault(
                    flag, variable, "\"\(text)\" is no whole number",
                    "write a number from \(range.lowerBound) to \(range.upperBound)")
                return fallback
            }
        }
        guard let number else { return fallback }
        guard range.contains(number) else {
            fault(
                flag, variable, "\(number) is out of range",
                "write a number from \(range.lowerBound) to \(range.upperBound)")
            return fallback
        }
        return number
    }

    public mutating func choice(
        _ value: String?, _ flag: String, _ variable: String, default fallback: String, among names: [String]
    ) -> String {
        guard let text = text(value, variable) else { return fallback }
        if names.contains(text.lowercased()) { return text.lowercased() }
        let remedy =
            NearestName.to(text, among: names).map { "did you mean \($0)?" }
            ?? "write one of \(names.joined(separator: ", "))"
        fault(flag, variable, "\"\(text)\" is unknown", remedy)
        return fallback
    }

    public mutating func duration(
        _ value: String?, _ flag: String, _ variable: String, default fallback: RulesDuration,
        in range: ClosedRange<Int64>
    ) -> RulesDuration {
        guard let text = text(value, variable) else { return fallback }
        do {
            let duration = try RulesDuration(parsing: text)
            if range.contains(duration.milliseconds) { return duration }
            let bounds = "\(range.lowerBound)ms to \(range.upperBound / 1_000)s"
            fault(flag, variable, "\(text) is out of range", "write a duration from \(bounds)")
        } catch {
            fault(flag, variable, error.reason, error.remedy)
        }
        return fallback
    }

    /// A name that is made of what Kafka allows in topics and groups: letters, digits, dot, hyphen, underscore.
    public mutating func kafkaName(
        _ value: String?, _ flag: String, _ variable: String, default fallback: String, maximumBytes: Int
    ) -> String {
        guard let text = text(value, variable) else { return fallback }
        let allowed = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || Set("._-".utf8).contains(byte)
        }
        guard allowed, text.utf8.count <= maximumBytes else {
            fault(
                flag, variable, "\"\(text)\" cannot be part of a Kafka name",
                "write at most \(maximumBytes) letters, digits, dots, hyphens and underscores")
            return fallback
        }
        return text
    }
}
