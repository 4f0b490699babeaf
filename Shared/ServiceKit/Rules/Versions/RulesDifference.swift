/// What changes from one rules file to another: each setting by its path, and what follows from that.
package struct RulesDifference: Sendable, Equatable {
    /// One setting that differs.
    package struct Change: Sendable, Equatable {
        /// `policies[gold].metrics.resolution.target`.
        package var path: String
        /// Short YAML; nil: not there.
        package var before: String?
        package var after: String?

        package init(path: String, before: String?, after: String?) {
            self.path = path
            self.before = before
            self.after = after
        }
    }

    /// In the order of the paths.
    package private(set) var changes: [Change] = []
    /// What the change does, a sentence each, in a fixed order.
    package private(set) var consequences: [String] = []

    package init(from old: RulesNode?, to new: RulesNode?) {
        let (before, after) = (Self.settings(old), Self.settings(new))
        for path in Set(before.keys).union(after.keys).sorted() where before[path] != after[path] {
            changes.append(Change(path: path, before: before[path], after: after[path]))
        }
        var members: [String] = []
        for change in changes {
            let member = String(change.path.prefix { $0 != "." && $0 != "[" })
            if members.last != member { members.append(member) }
        }
        for effect in Self.effects where !effect.members.isDisjoint(with: members) {
            let named = members.filter(effect.members.contains).joined(separator: ", ")
            consequences.append("\(named): \(effect.text)")
        }
        let policies = Self.changedPolicies(changes)
        if !policies.isEmpty { consequences.append("policies changed: \(policies.joined(separator: ", "))") }
        let (ids, later) = (Self.policies(old), Self.policies(new))
        let kept = later.filter(ids.contains)
        if kept != ids.filter(later.contains) {
            consequences.append("policies: their order has changed, and the first one that matches wins")
        }
    }

    // MARK: Consequences

    private static let effects: [(members: Set<String>, text: String)] = [
        (
            ["timezone"],
            "every KPI is derived again in the windows that are open then, which also get their new bounds; windows that "
                + "have ended keep theirs, and levels (backlog, customers, MRR) are derived again as a whole"
        ),
        (
            ["breakdowns", "kpis", "windows", "agents"],
            "all services derive every entity again; what is new begins in the windows that are open then "
                + "(`deskbeat rebuild SERVICE` for all of history)"
        ),
        (["satisfied_from"], "satisfaction's KPIs are derived again in the windows that are open then"),
        (
            [
                "currency", "rates", "margin", "count_free", "count_reactivation", "repeat_scope", "repeat_window",
                "business_calendar", "business_calendar_by", "service_level", "short_abandon", "staffing", "shrinkage",
            ], "the KPIs that depend on it are derived again in the windows that are open then"
        ),
        (
            ["calendars", "policies"],
            "the SLA monitor judges running tickets again (on_rules_change); closed cycles never change"
        ),
        (
            ["history", "emit_interval", "min_sample", "goals", "benchmarks"],
            "what is published from then on; nothing is derived again"
        ),
        (["owners", "links", "sources"], "what alerts say from then on"),
        (
            [
                "priorities", "priority_aliases", "status_aliases", "keep_unknown", "keep_comments", "pseudonymize",
                "max_future", "mappings",
            ], "ingest takes events so from then on; stored events stay as they are"
        ),
    ]

    private static func changedPolicies(_ changes: [Change]) -> [String] {
        var names: [String] = []
        for change in changes where change.path.hasPrefix("policies[") {
            let name = String(change.path.dropFirst("policies[".count).prefix { $0 != "]" })
            if names.last != name { names.append(name) }
        }
        return names
    }

    private static func policies(_ root: RulesNode?) -> [String] {
        let section = root?.entries?.first { $0.key == "policies" }?.value
        return section?.elements?.compactMap { id(of: $0) } ?? []
    }

    private static func id(of node: RulesNode) -> String? {
        node.entries?.first { $0.key == "id" || $0.key == "name" || $0.key == "variant" }?.value.text
    }

    // MARK: Settings

    private static func settings(_ root: RulesNode?) -> [String: String] {
        var settings: [String: String] = [:]
        if let root { collect(root, "", into: &settings) }
        return settings
    }

    /// Mappings by their keys, lists of named things by their names; every other list is one value.
    private static func collect(_ node: RulesNode, _ path: String, into settings: inout [String: String]) {
        if let entries = node.entries, !entries.isEmpty {
            for entry in entries {
                collect(entry.value, path.isEmpty ? entry.key : "\(path).\(entry.key)", into: &settings)
            }
        } else if let elements = node.elements, !elements.isEmpty, elements.allSatisfy({ $0.entries != nil }) {
            for (index, element) in elements.enumerated() {
                collect(element, "\(path)[\(id(of: element) ?? String(index))]", into: &settings)
            }
        } else {
            settings[path] = node.short
        }
    }
}

extension RulesNode {
    /// The value in one line of YAML's flow style.
    fileprivate var short: String {
        switch content {
        case .scalar(let text, let plain): plain ? (text.isEmpty ? "~" : text) : "\"\(text)\""
        case .sequence(let elements): "[\(elements.map(\.short).joined(separator: ", "))]"
        case .mapping(let entries): "{\(entries.map { "\($0.key): \($0.value.short)" }.joined(separator: ", "))}"
        }
    }
}

extension Rules {
    /// The tree of a rules file, for comparison.
    package static func tree(_ text: String) throws(RulesDiagnostic) -> RulesNode? { try RulesComposer().compose(text) }
}
