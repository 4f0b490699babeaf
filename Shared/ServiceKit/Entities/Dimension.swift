/// What a KPI can be broken down by. The raw values are stable: they stand in state.
public enum Dimension: UInt8, CaseIterable, Sendable {
    case channel = 0
    case priority = 1
    case category = 2
    case subcategory = 3
    case team = 4
    case tier = 5
    case segment = 6
    case queue = 7
    case tag = 8
    case agent = 9
    case status = 10
    case solvedBy = 11
    case unassigned = 12
    case policy = 13
    case metric = 14
    case variant = 15
    /// Of a survey.
    case kind = 16
    /// Of a survey's answers: `1-5`.
    case scale = 17
    case direction = 18
    /// Of a customer's subscriptions.
    case plan = 19
    /// Of a loss.
    case reason = 20
    /// Of a verdict: stated by the source, or inferred.
    case basis = 21
    /// The KPI of a ranking.
    case by = 22

    /// As it stands in series ids and in `data.dimensions`.
    public var name: String {
        switch self {
        case .channel: "channel"
        case .priority: "priority"
        case .category: "category"
        case .subcategory: "subcategory"
        case .team: "team"
        case .tier: "tier"
        case .segment: "segment"
        case .queue: "queue"
        case .tag: "tag"
        case .agent: "agent"
        case .status: "status"
        case .solvedBy: "solved_by"
        case .unassigned: "unassigned"
        case .policy: "policy"
        case .metric: "metric"
        case .variant: "variant"
        case .plan: "plan"
        case .reason: "reason"
        case .by: "by"
        case .kind: "kind"
        case .scale: "scale"
        case .direction: "direction"
        case .basis: "basis"
        }
    }

    public init?(name: String) {
        guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = match
    }

    /// Above every raw value. A literal, so that the loops over it are unrolled.
    static let slots = 32

    var mask: UInt32 { 1 << UInt32(rawValue) }

    /// The breakdowns beside the overall figure when the rules file names none.
    public static var defaultBreakdowns: [[Dimension]] {
        [[.channel], [.priority], [.category], [.team], [.tier], [.segment]]
    }
}

/// The values of one entity in the dimensions that it can be broken down by: ids of labels, 0 for a missing one. A tag list
/// has several values.
public struct DimensionValues: Equatable, Sendable {
    // In place: derivations make and compare them for every entity.
    private var values = InlineArray<32, UInt32>(repeating: 0)  // Dimension.slots
    /// Ids of the tags' labels, ascending, each once.
    public var tags: [UInt32] = []

    public init() {}

    public subscript(dimension: Dimension) -> UInt32 {
        get { values[Int(dimension.rawValue)] }
        set { values[Int(dimension.rawValue)] = newValue }
    }

    public mutating func clear() {
        values = InlineArray(repeating: 0)
        if !tags.isEmpty { tags.removeAll(keepingCapacity: true) }
    }

    /// Clears the dimensions whose bit is not in `mask`.
    mutating func keep(_ mask: UInt32) {
        for index in 0..<Dimension.slots where mask & (1 << UInt32(index)) == 0 { values[index] = 0 }
        if mask & Dimension.tag.mask == 0 { tags = [] }
    }

    public static func == (left: DimensionValues, right: DimensionValues) -> Bool {
        var difference: UInt32 = 0
        for index in 0..<left.values.count { difference |= left.values[index] ^ right.values[index] }
        return difference == 0 && left.tags == right.tags
    }

    /// For look-up tables: values of few small numbers, as labels are, differ in the low bits too.
    package var hash: UInt64 {
        var hash: UInt64 = 0
        // A sum of products that do not wait for each other. Factors that were less irregular would meet in the same sums.
        var factor: UInt64 = 0x9E37_79B9_7F4A_7C15
        for index in 0..<Dimension.slots {
            hash &+= UInt64(values[index]) &* factor
            factor &*= 0x9E37_79B9_7F4A_7C15
        }
        hash ^= hash >> 32
        for tag in tags { hash = (hash ^ UInt64(tag)) &* 0x9E37_79B9_7F4A_7C15 }
        return hash ^ (hash >> 29)
    }
}
