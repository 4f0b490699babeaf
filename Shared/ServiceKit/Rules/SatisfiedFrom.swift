import SupportEvents

/// The bounds of a survey's answers, in millionths.
public struct ScoreScale: Hashable, Sendable {
    public var minimum: Int64
    public var maximum: Int64

    public init(_ minimum: Int64, _ maximum: Int64) {
        self.minimum = minimum
        self.maximum = maximum
    }
}

/// From which score on a customer counts as satisfied, by scale: what the rules say, else the customary table
/// (1-5: 4; 1-7: 6; 1-10 and 0-10: 8; 1-4 and 1-3: 3; 0-1 and 1-2: the top value). Scores are in millionths.
public struct SatisfiedFrom: Equatable, Sendable {
    private static let unit: Int64 = 1_000_000
    private static let customary: [ScoreScale: Int64] = {
        let table: [(Int64, Int64, Int64)] = [
            (1, 5, 4), (1, 7, 6), (1, 10, 8), (0, 10, 8), (1, 4, 3), (1, 3, 3), (0, 1, 1), (1, 2, 2),
        ]
        return Dictionary(uniqueKeysWithValues: table.map { (ScoreScale($0.0 * unit, $0.1 * unit), $0.2 * unit) })
    }()

    /// What the rules file says.
    public private(set) var own: [ScoreScale: Int64] = [:]

    public init(_ own: [ScoreScale: Int64] = [:]) {
        self.own = own
    }

    /// The least score of a satisfied customer; nil for a scale that neither the rules nor the table has.
    public subscript(scale: ScoreScale) -> Int64? { own[scale] ?? Self.customary[scale] }

    /// All scales with a threshold, in ascending order.
    public var scales: [ScoreScale] {
        Set(own.keys).union(Self.customary.keys).sorted { ($0.minimum, $0.maximum) < ($1.minimum, $1.maximum) }
    }

    /// Of the rules' part; 0 without one.
    public var fingerprint: UInt64 {
        own.isEmpty ? 0 : KeyHash.hash(Array(normalised.joined(separator: ",").utf8))
    }

    /// The rules' part as texts in a fixed order.
    var normalised: [String] {
        own.map { "\($0.key.minimum) \($0.key.maximum) \($0.value)" }.sorted()
    }
}

extension RulesReader {
    /// `satisfied_from: {"1-6": 5}`.
    mutating func satisfiedFrom(_ node: RulesNode, _ path: String) -> SatisfiedFrom? {
        let example = "{\"1-6\": 5}"
        guard let entries = mapping(node, path, example: example) else { return nil }
        if entries.count > 100 { fault(node, path, "\(entries.count) scales", "write at most 100") }
        var own: [ScoreScale: Int64] = [:]
        for entry in entries {
            let place = "\(path).\(entry.key)"
            guard let scale = ScoreScale(parsing: entry.key) else {
                fault(
                    line: entry.line, column: entry.column, place, "\"\(entry.key)\" is no scale",
                    "write the lowest and the highest score, for example \(example)")
                continue
            }
            guard let threshold = entry.value.text.flatMap({ Millionths.parse(Array($0.utf8)) }),
                scale.minimum...scale.maximum ~= threshold
            else {
                fault(
                    entry.value, place, "\(entry.value.kind) is no score of that scale",
                    "write the least score of a satisfied customer, for example \(example)")
                continue
            }
            if own[scale] != nil {
                fault(line: entry.line, column: entry.column, place, "the scale stands twice", "keep one of the two")
            }
            own[scale] = threshold
        }
        return SatisfiedFrom(own)
    }
}

extension ScoreScale {
    /// `1-5`, `0-10`, `-2-2`, `0.5-5`.
    init?(parsing text: String) {
        let bytes = Array(text.utf8)
        // A minus at the beginning is the first number's sign.
        guard let dash = bytes.dropFirst().firstIndex(of: UInt8(ascii: "-")),
            let minimum = Millionths.parse(bytes[..<dash]), let maximum = Millionths.parse(bytes[(dash + 1)...]),
            minimum < maximum
        else { return nil }
        self.init(minimum, maximum)
    }

    /// As it stands in series: `1-5`.
    public var name: String { "\(Millionths.text(minimum))-\(Millionths.text(maximum))" }
}
