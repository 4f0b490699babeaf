public import BusinessTime
import Crypto
public import KPIs

/// The business rules of an installation: one YAML file, checked as a whole, with the defaults of everything it leaves out.
///
/// The file is what a support leader edits; `deploy/rules/rules.example.yaml` shows every member.
public struct Rules: Sendable, Equatable {
    /// The business time zone, an IANA name. Windows are cut by its local calendar. Default `UTC`.
    public var timezone = "UTC"
    /// How long a window stays open to changes after its end, by kind of window.
    public var history = History()
    /// The KPI ids to publish; nil: all of them.
    public var kpis: [String]?
    /// The combinations of dimensions to publish beside the overall figure, each sorted, none twice. Default: each of channel,
    /// priority, category, team, tier and segment alone.
    public var breakdowns: [[String]] = ["channel", "priority", "category", "team", "tier", "segment"].map { [$0] }
    /// The kinds of window to publish; nil: all of them.
    public var windows: [WindowKind]?
    /// The least time between two updates of one KPI key, in milliseconds, 0 to an hour. Default 5 s.
    public var emitInterval: Int64 = 5_000
    /// The count below which a figure is marked `small_sample`. Default 30.
    public var minimumSample = 30
    /// Priorities, the most urgent one first, folded as events' labels are. Default urgent, high, normal, low.
    public var priorities = ["urgent", "high", "normal", "low"]
    /// Other spellings of priorities, folded, with what they stand for, folded.
    public var priorityAliases: [String: String] = [:]
    /// Other spellings of statuses, folded, with one of ``RulesNames/statuses``.
    public var statusAliases: [String: String] = [:]
    /// Members of event data that are kept although the contract does not name them.
    public var keepUnknown: [String] = []
    /// Whether the text of survey comments is kept.
    public var keepComments = false
    /// Members (of ``RulesNames/pseudonymizable``) whose values are replaced by a keyed hash at ingest.
    public var pseudonymize: [String] = []
    /// How agents appear in figures.
    public var agents = AgentNaming.named
    /// How far an event's time may lie in the future, in milliseconds, 0 to a day. Default 5 min.
    public var maximumFuture: Int64 = 300_000
    /// From which score on a customer counts as satisfied.
    public var satisfiedFrom = SatisfiedFrom()
    /// How money is counted.
    public var revenue = RevenueRules()
    /// How calls, chats and repeats are counted.
    public var contacts = ContactRules()
    /// What KPIs are to reach.
    public var goals: [Goal] = []
    /// Figures from elsewhere, to be shown beside KPIs.
    public var benchmarks: [Benchmark] = []
    /// The sections that other modules read (``RulesNames/sections``), as they stand in the file.
    public var sections: [String: RulesNode] = [:]
    /// The number under which the file was published; 0 for rules that were not: the built-in ones, and a file that is only
    /// looked at.
    public var version: Int64 = 0
    /// When ``version`` was published, microseconds since 1970. Windows that had ended by then keep what earlier versions say.
    public var publishedAt = Int64.min
    /// The versions before this one, the oldest first, without their own earlier ones; as far as they are kept.
    public var earlier: [Rules] = []
    /// SHA-256 of the file's bytes in lower-case hexadecimal; of no bytes at all for ``default``.
    public private(set) var sha256 = Self.hexadecimal(SHA256.hash(data: [UInt8]()))

    /// How figures name single agents.
    public enum AgentNaming: String, Sendable, CaseIterable {
        case named
        /// By pseudonyms, which ingest puts in the place of their ids.
        case pseudonymous
        /// Not at all.
        case off
    }

    /// The members that ingest replaces: those of `pseudonymize`, and the agents' ids where they are to be pseudonymous.
    public var pseudonymizedMembers: [String] {
        agents == .pseudonymous && !pseudonymize.contains("agent_id") ? pseudonymize + ["agent_id"] : pseudonymize
    }

    /// What holds without a rules file.
    public static let `default` = Rules()

    public init() {}

    /// Reads a rules file.
    ///
    /// - Parameters:
    ///   - text: The file's content. Nothing, or nothing but comments, is ``default``.
    ///   - file: The file's name for messages.
    /// - Throws: Every fault of the file, with line and column.
    public init(parsing text: String, file: String = "rules.yaml") throws(RulesError) {
        let root: RulesNode?
        do {
            root = try RulesComposer().compose(text)
        } catch {
            throw RulesError(file: file, diagnostics: [error])
        }
        var reader = RulesReader()
        if let root { read(root, file: file, &reader) }
        if reader.faults.isEmpty, let zone = try? BusinessZone.load(timezone) {
            _ = reader.serviceLevels(self, zone: zone)
            _ = reader.businessCalendars(self, zone: zone)
            _ = reader.staffing(self)
            _ = reader.sources(self)
        }
        guard reader.faults.isEmpty else { throw RulesError(file: file, diagnostics: reader.faults) }
        sha256 = Self.hexadecimal(SHA256.hash(data: Array(text.utf8)))
    }

    /// 64 bits of the SHA-256 of what the rules mean: the same for every spelling of the same rules (comments, order of keys,
    /// explicit defaults), another one for other rules. State that was derived under another fingerprint is derived anew.
    public var fingerprint: UInt64 {
        SHA256.hash(data: normalised).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The content in one fixed spelling; every part with its length in front, so that no two contents share one.
    private var normalised: [UInt8] {
        var bytes = Array("deskbeat-rules-1\n".utf8)
        func append(_ name: String, _ values: [String]) {
            bytes.append(contentsOf: "\(name) \(values.count)".utf8)
            for value in values { bytes.append(contentsOf: " \(value.utf8.count):\(value)".utf8) }
            bytes.append(UInt8(ascii: "\n"))
        }
        func pairs(_ aliases: [String: String]) -> [String] {
            aliases.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
        }
        append("timezone", [timezone])
        append("history", WindowKind.allCases.map { String(history[$0]) })
        append("kpis", kpis.map { ["some"] + $0.sorted() } ?? ["all"])
        append("breakdowns", breakdowns.map { $0.joined(separator: "+") }.sorted())
        append("windows", windows.map { ["some"] + $0.map(\.name).sorted() } ?? ["all"])
        append("scalars", [String(emitInterval), String(minimumSample), String(maximumFuture), String(keepComments)])
        append("priorities", priorities)
        append("priority_aliases", pairs(priorityAliases))
        append("status_aliases", pairs(statusAliases))
        append("keep_unknown", keepUnknown.sorted())
        append("pseudonymize", pseudonymize.sorted())
        if revenue != RevenueRules() { append("revenue", revenue.normalised) }
        if !satisfiedFrom.own.isEmpty { append("satisfied_from", satisfiedFrom.normalised) }
        for (name, node) in sections.sorted(by: { $0.key < $1.key }) {
            append("section", [name])
            node.appendNormalised(to: &bytes)
        }
        return bytes
    }

    static func hexadecimal(_ digest: SHA256Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

extension Rules {
    /// How long, after its end, a window may still change: milliseconds by kind of window.
    public struct History: Sendable, Equatable {
        /// By raw value of the calendar kinds, hour to year.
        private var milliseconds: [Int64]

        /// 8 days for hours, 400 days for days and weeks, 10 years for months and longer.
        public init() {
            let days = RulesDuration(400, .days).milliseconds
            let years = RulesDuration(10, .years).milliseconds
            milliseconds = [RulesDuration(8, .days).milliseconds, days, days, years, years, years]
        }

        /// A rolling window has the history of the calendar kind that it is made of. What is `now` has none of its own; it reads
        /// as hours and is not set.
        public subscript(_ kind: WindowKind) -> Int64 {
            get { milliseconds[Self.index(kind)] }
            set { if kind.isCalendar { milliseconds[Self.index(kind)] = newValue } }
        }

        private static func index(_ kind: WindowKind) -> Int {
            kind.isCalendar ? Int(kind.rawValue) : kind.rollingBase.map { Int($0.kind.rawValue) } ?? 0
        }
    }
}
