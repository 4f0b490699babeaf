/// The facts about promises that are on the topic against those that the batch finds.
///
/// What is told and can be taken back (warnings, breaches, levels) must stand there exactly once more than it was taken
/// back; what cannot (fulfilments, cancellations) at least once.
package struct FactComparison {
    /// Keys without ordinals.
    private var expected: Set<String> = []
    private var moving: Set<String> = []
    private var published: [String: Int] = [:]

    mutating func expect(_ key: String) { expected.insert(Self.withoutOrdinal(key).key) }

    /// Facts that hold in some of the states that the service may be in, and not in others.
    mutating func skip(_ key: String) { moving.insert(Self.withoutOrdinal(key).key) }

    mutating func take(_ fact: AlertStream.Fact) {
        guard fact.type.hasPrefix("deskbeat.sla.") else { return }
        let (key, isRetraction) = Self.withoutOrdinal(fact.key)
        published[key, default: 0] += isRetraction ? -1 : 1
    }

    func compare(_ report: inout AuditReport) {
        for key in expected.union(published.keys).sorted() {
            if moving.contains(key) {
                report.skip(.moving)
                continue
            }
            report.values += 1
            let count = published[key] ?? 0
            let isExpected = expected.contains(key)
            if Self.isRetractable(key) {
                if count != (isExpected ? 1 : 0) {
                    report.add(
                        isExpected ? (count == 0 ? .missing : .different) : .extra, key, "fact",
                        published: "\(count) times", recomputed: isExpected ? "holds" : "does not hold")
                }
            } else if isExpected, count < 1 {
                report.add(.missing, key, "fact", published: "0 times", recomputed: "holds")
            }
        }
    }

    private static func isRetractable(_ key: String) -> Bool {
        let label = key.split(separator: "/").last ?? ""
        return label == "breached" || label.hasPrefix("warning-") || label.hasPrefix("level-")
    }

    /// `…/retracted-level--600-2` is the second retraction of `…/level--600`.
    package static func withoutOrdinal(_ key: String) -> (key: String, isRetraction: Bool) {
        var parts = key.split(separator: "/", omittingEmptySubsequences: false)
        guard var label = parts.popLast() else { return (key, false) }
        let isRetraction = label.hasPrefix("retracted-")
        if isRetraction { label = label.dropFirst("retracted-".count) }
        for kind in ["warning-", "level-"] where label.hasPrefix(kind) {
            let number = label.dropFirst(kind.count)
            let sign = number.prefix { $0 == "-" }
            let digits = number.dropFirst(sign.count).prefix { $0 != "-" }
            label = Substring(kind + sign + digits)
        }
        for fact in ["breached", "fulfilled", "cancelled"] where label.hasPrefix(fact) { label = Substring(fact) }
        return ((parts + [label]).joined(separator: "/"), isRetraction)
    }
}
