public import SupportEvents

/// How calls, chats and repeats are counted: `service_level`, `denominator`, `short_abandon`, `repeat_window`, `repeat_scope`.
public struct ContactRules: Sendable, Equatable {
    /// What the service level is a share of.
    public enum Denominator: String, Sendable, CaseIterable {
        /// Offered contacts but for those abandoned within the threshold.
        case net
        case offered
        case answered
    }

    /// Which later contacts are repeats.
    public enum RepeatScope: String, Sendable, CaseIterable {
        /// Those of the same category; a missing one matches only a missing one.
        case category
        /// All of the customer.
        case customer
    }

    /// Within which wait an answer is in time: microseconds. Default 20 s.
    public var answerWithin: Int64 = 20_000_000
    /// The same for single channels.
    public var answerWithinByChannel: [String: Int64] = [:]
    /// The share that is aimed at, in millionths. Default 0.8.
    public var serviceLevelTarget: Int64 = 800_000
    public var denominator = Denominator.net
    /// Whoever hangs up after a shorter wait than this counts neither as offered nor as abandoned: microseconds. Default 5 s.
    public var shortAbandon: Int64 = 5_000_000
    /// How long after it a further contact shows that the first one resolved nothing: microseconds. Default 7 x 24 h.
    public var repeatWindow: Int64 = 604_800_000_000
    public var repeatScope = RepeatScope.category

    public init() {}

    /// The threshold of a channel, microseconds.
    public func answerWithin(_ channel: Channel?) -> Int64 {
        channel.flatMap { answerWithinByChannel[$0.name] } ?? answerWithin
    }

    /// 0 for the defaults.
    public var fingerprint: UInt64 {
        self == ContactRules() ? 0 : KeyHash.hash(Array(normalised.joined(separator: ",").utf8))
    }

    private var normalised: [String] {
        [
            "\(answerWithin)", "\(serviceLevelTarget)", denominator.rawValue, "\(shortAbandon)", "\(repeatWindow)",
            repeatScope.rawValue,
        ] + answerWithinByChannel.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    }

    /// What updates of `service_level` say of these rules: JSON.
    public var serviceLevelJSON: String {
        let seconds = Millionths.text(answerWithin)
        let channels = answerWithinByChannel.sorted { $0.key < $1.key }
            .map { "\"\($0.key)\":\(Millionths.text($0.value))" }.joined(separator: ",")
        let byChannel = channels.isEmpty ? "" : ",\"within_seconds_by_channel\":{\(channels)}"
        return "{\"denominator\":\"\(denominator.rawValue)\",\"within_seconds\":\(seconds)\(byChannel),"
            + "\"target\":\(Millionths.text(serviceLevelTarget))}"
    }
}

extension RulesReader {
    static let contactMembers = ["service_level", "denominator", "short_abandon", "repeat_window", "repeat_scope"]

    mutating func contacts(_ node: RulesNode, _ name: String, into rules: inout ContactRules) {
        switch name {
        case "service_level": serviceLevel(node, name, &rules)
        case "denominator": denominator(node, name, &rules)
        case "short_abandon":
            if let value = threshold(node, name) { rules.shortAbandon = value }
        case "repeat_window":
            guard let value = duration(node, name)?.microseconds else { return }
            if 1...31_557_600_000_000 ~= value {
                rules.repeatWindow = value
            } else {
                fault(node, name, "\(node.kind) is no window in which a contact can repeat", "write 1ms to 1y")
            }
        default:
            if let scope = self.name(node, name, among: ContactRules.RepeatScope.allCases.map(\.rawValue)) {
                rules.repeatScope = ContactRules.RepeatScope(rawValue: scope) ?? .category
            }
        }
    }

    /// `20s`, or `{within: 20s, target: 0.8, denominator: net, by_channel: {chat: 60s}}`.
    private mutating func serviceLevel(_ node: RulesNode, _ path: String, _ rules: inout ContactRules) {
        let example = "{within: 20s, target: 0.8, denominator: net}"
        if node.text != nil {
            if let value = threshold(node, path) { rules.answerWithin = value }
            return
        }
        for entry in mapping(node, path, example: example) ?? [] {
            let place = "\(path).\(entry.key)"
            switch entry.key {
            case "within": if let value = threshold(entry.value, place) { rules.answerWithin = value }
            case "target": if let value = share(entry.value, place) { rules.serviceLevelTarget = value }
            case "denominator": denominator(entry.value, place, &rules)
            case "by_channel":
                for channel in mapping(entry.value, place, example: "{chat: 60s}") ?? [] {
                    guard Channel.allCases.contains(where: { $0.name == channel.key }) else {
                        unknownKey(channel, in: place, known: Channel.allCases.map(\.name))
                        continue
                    }
                    if let value = threshold(channel.value, "\(place).\(channel.key)") {
                        rules.answerWithinByChannel[channel.key] = value
                    }
                }
            default: unknownKey(entry, in: path, known: ["within", "target", "denominator", "by_channel"])
            }
        }
    }

    private mutating func denominator(_ node: RulesNode, _ path: String, _ rules: inout ContactRules) {
        guard let name = name(node, path, among: ContactRules.Denominator.allCases.map(\.rawValue)) else { return }
        rules.denominator = ContactRules.Denominator(rawValue: name) ?? .net
    }

    /// A wait: at most a day.
    private mutating func threshold(_ node: RulesNode, _ path: String) -> Int64? {
        guard let value = duration(node, path) else { return nil }
        guard value.milliseconds <= 86_400_000 else {
            fault(node, path, "\(value) is too long a wait", "write at most 1d")
            return nil
        }
        return value.microseconds
    }

    /// `0.8` or `80 %`, in millionths.
    private mutating func share(_ node: RulesNode, _ path: String) -> Int64? {
        let text = node.text ?? ""
        let isPercent = text.hasSuffix("%")
        let digits = text.prefix { $0 != "%" && $0 != " " }
        let value = Millionths.parse(Array(digits.utf8)).map { isPercent ? $0 / 100 : $0 }
        guard let value, 0...1_000_000 ~= value else {
            fault(node, path, "\(node.kind) is no share", "write for example 0.8 or 80%")
            return nil
        }
        return value
    }
}
