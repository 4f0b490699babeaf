/// Suggests what somebody may have meant by a name that does not exist.
public enum NearestName {
    /// The candidate with the fewest typing errors (insertion, deletion, replacement, swap of neighbours) against
    /// `name`, compared without case and with `-` taken as `_`; nil when even the best is wrong in more than a third.
    public static func to(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = folded(name)
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let distance = distance(wanted, folded(candidate))
            guard distance <= max(1, max(wanted.count, candidate.utf8.count) / 3) else { continue }
            if let found = best, (found.distance, found.name) <= (distance, candidate) { continue }
            best = (distance, candidate)
        }
        return best?.name
    }

    private static func folded(_ name: String) -> [UInt8] {
        Array(name.lowercased().utf8.prefix(100)).map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    /// Optimal string alignment distance (Levenshtein with swaps of neighbours).
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in b.indices {
                var cost = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
