import Foundation

extension RulesReader {
    /// An IANA time zone that this machine's time-zone data knows.
    public mutating func timeZone(_ node: RulesNode, _ path: String) -> String? {
        guard let name = text(node, path, maximumBytes: 100) else { return nil }
        if TimeZoneFiles.contains(name) { return name }
        let remedy =
            NearestName.to(name, among: TimeZoneFiles.names()).map { "did you mean \($0)?" }
            ?? "write an IANA name, for example Europe/Berlin or UTC"
        fault(node, path, "\"\(name)\" is no known time zone", remedy)
        return nil
    }
}

/// The installed time-zone database (Debian's tzdata).
enum TimeZoneFiles {
    static let directory = "/usr/share/zoneinfo"

    /// Whether a file in the TZif format (RFC 8536) has that name.
    static func contains(_ name: String) -> Bool {
        let isName = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || Set("_+-/".utf8).contains(byte)
        }
        guard isName, !name.isEmpty, !name.hasPrefix("/"), !name.contains("//") else { return false }
        guard let file = FileHandle(forReadingAtPath: "\(directory)/\(name)") else { return false }
        defer { try? file.close() }
        return (try? file.read(upToCount: 4)) == Data("TZif".utf8)
    }

    /// Every name and alias in the database's compact source; empty where it is not installed.
    static func names() -> [String] {
        guard let source = try? String(contentsOfFile: "\(directory)/tzdata.zi", encoding: .utf8) else { return [] }
        return source.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", maxSplits: 3)
            if words.count >= 3, words[0] == "Z" { return String(words[1]) }
            if words.count >= 3, words[0] == "L" { return String(words[2]) }
            return nil
        }
    }
}
