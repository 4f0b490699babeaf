import FoundationEssentials

/// Secrets in files: never on a command line, never in a log.
public enum SecretFile {
    /// The file's first line without its end; nil when it cannot be read, is empty, or is no text. At most 64 KiB are read.
    public static func firstLine(_ path: String) -> String? {
        guard let text = PlainFile.text(path, upTo: 65_536) else { return nil }
        let line = text.prefix { !$0.isNewline }
        return line.isEmpty ? nil : String(line)
    }

    /// Replaces each `KAFKA_…_FILE` by the variable without `_FILE`, holding the first line of that file: how container
    /// platforms pass secrets.
    public static func resolving(
        _ environment: [String: String]
    ) -> (environment: [String: String], faults: [SettingsFault]) {
        var resolved = environment
        var faults: [SettingsFault] = []
        for (name, path) in environment where name.hasPrefix("KAFKA_") && name.hasSuffix("_FILE") && !path.isEmpty {
            let target = String(name.dropLast("_FILE".count))
            resolved[name] = nil
            if environment[target] != nil {
                faults.append(
                    SettingsFault(setting: name, reason: "\(target) is set too", remedy: "set only one of the two"))
            } else if let secret = firstLine(path) {
                resolved[target] = secret
            } else {
                faults.append(
                    SettingsFault(
                        setting: name, reason: "the file \(path) cannot be read",
                        remedy: "check the path and its permissions"))
            }
        }
        return (resolved, faults.sorted { $0.setting < $1.setting })
    }
}
