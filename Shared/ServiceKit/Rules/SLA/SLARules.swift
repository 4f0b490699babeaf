public import BusinessTime
public import SLA
import SupportEvents

/// The service levels of the rules file: `calendars`, `policies`, `owners` and `links`.
public struct SLARules: Sendable {
    /// A target of an alert's link, with `{ticket_id}`, `{metric}`, `{policy}`, `{team}` to be filled in.
    public struct Link: Sendable, Hashable {
        public let name: String
        public let template: String
    }

    public internal(set) var book = PolicyBook([])
    /// By team, folded: who looks after its promises.
    public internal(set) var owners: [String: String] = [:]
    public internal(set) var links: [Link] = []

    init() {}
}

extension Rules {
    /// The service levels.
    ///
    /// - Parameter zone: The business time zone, in which a calendar is that names none.
    /// - Throws: Every fault of the sections, with line and column.
    public func serviceLevels(zone: BusinessZone, file: String = "rules.yaml") throws(RulesError) -> SLARules {
        var reader = RulesReader()
        let rules = reader.serviceLevels(self, zone: zone)
        guard reader.faults.isEmpty else { throw RulesError(file: file, diagnostics: reader.faults) }
        return rules
    }
}

extension Rules {
    /// The policies of every version, in the order in which they came into force. The oldest one holds from the beginning: what
    /// was there before the first version was published is judged by it.
    ///
    /// - Throws: `RulesError`, or that a time zone is not known here.
    public func editions() throws -> [RulesEdition] {
        var editions: [RulesEdition] = []
        for rules in earlier + [self] {
            let zone = try BusinessZone.load(rules.timezone)
            editions.append(
                RulesEdition(
                    version: rules.version, from: editions.isEmpty ? .min : rules.publishedAt,
                    book: try rules.serviceLevels(zone: zone).book))
        }
        return editions
    }
}

extension RulesReader {
    mutating func serviceLevels(_ rules: Rules, zone: BusinessZone) -> SLARules {
        var levels = SLARules()
        var calendars: [String: WorkingCalendar] = [:]
        if let node = rules.sections["calendars"] {
            for entry in mapping(node, "calendars", example: "{always: {always: true}}") ?? [] {
                calendars[entry.key] = calendar(entry.value, "calendars.\(entry.key)", zone: zone)
            }
        }
        // A calendar with faults of its own is not to be reported as missing too.
        let names = rules.sections["calendars"]?.entries?.map(\.key) ?? []
        if let node = rules.sections["policies"] {
            levels.book = policies(node, PolicyContext(calendars: calendars, calendarNames: names, rules: rules))
        }
        if let node = rules.sections["owners"] {
            for entry in mapping(node, "owners", example: "{billing: billing-oncall}") ?? [] {
                levels.owners[LabelFolding.folded(entry.key)] = text(entry.value, "owners.\(entry.key)")
            }
        }
        if let node = rules.sections["links"] {
            let known = ["ticket", "explain", "runbook"]
            for entry in mapping(node, "links", example: "{ticket: \"https://desk.example/{ticket_id}\"}") ?? [] {
                guard known.contains(entry.key) else {
                    unknownKey(entry, in: "links", known: known)
                    continue
                }
                guard let template = text(entry.value, "links.\(entry.key)", maximumBytes: 1_000) else { continue }
                levels.links.append(SLARules.Link(name: entry.key, template: template))
            }
        }
        return levels
    }
}
