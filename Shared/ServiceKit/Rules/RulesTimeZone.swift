public import BusinessTime
import FoundationEssentials

extension Rules {
    /// The business time zone, loaded.
    ///
    /// - Throws: When the zone's data has disappeared since the file was read.
    public func zone() throws(BusinessZoneError) -> BusinessZone {
        try BusinessZone.load(timezone)
    }
}

extension RulesReader {
    /// An IANA time zone that this machine's time-zone data knows.
    public mutating func timeZone(_ node: RulesNode, _ path: String) -> String? {
        guard let name = text(node, path, maximumBytes: 100) else { return nil }
        do {
            return try BusinessZone.load(name).name
        } catch .malformed {
            fault(node, path, "the data of time zone \"\(name)\" cannot be read", "install the package tzdata anew")
        } catch {
            let remedy =
                NearestName.to(name, among: Self.knownZones()).map { "did you mean \($0)?" }
                ?? "write an IANA name, for example Europe/Berlin or UTC"
            fault(node, path, "\"\(name)\" is no known time zone", remedy)
        }
        return nil
    }

    /// Every name and alias in the compact source that Debian's tzdata installs; empty where there is none.
    private static func knownZones() -> [String] {
        guard let source = try? String(contentsOfFile: "/usr/share/zoneinfo/tzdata.zi", encoding: .utf8) else {
            return []
        }
        return source.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", maxSplits: 3)
            if words.count >= 3, words[0] == "Z" { return String(words[1]) }
            if words.count >= 3, words[0] == "L" { return String(words[2]) }
            return nil
        }
    }
}
