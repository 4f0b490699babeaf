import BusinessTime
import SupportEvents

extension Rules {
    /// Reads every member of the file's root into `self`; faults stay with the reader.
    mutating func read(_ root: RulesNode, file: String, _ reader: inout RulesReader) {
        guard let entries = reader.mapping(root, "", example: "timezone: Europe/Berlin") else { return }
        for entry in entries { read(entry, file: file, &reader) }
    }

    private mutating func read(_ entry: RulesEntry, file: String, _ reader: inout RulesReader) {
        let (name, node) = (entry.key, entry.value)
        switch name {
        case "timezone":
            if let zone = reader.timeZone(node, name) { timezone = zone }
        case "history":
            readHistory(node, &reader)
        case "kpis":
            kpis = reader.names(node, name, among: RulesNames.kpis, example: "[first_response_time, resolution_time]")
        case "breakdowns":
            readBreakdowns(node, &reader)
        case "windows":
            let read = reader.names(node, name, among: RulesNames.windows, example: "[day, week, month]")
            windows = read?.compactMap { WindowKind(name: $0) }
        case "emit_interval":
            if let value = reader.duration(node, name, upTo: RulesDuration(1, .hours)) { emitInterval = value }
        case "max_future":
            if let value = reader.duration(node, name, upTo: RulesDuration(1, .days)) { maximumFuture = value }
        case "min_sample":
            if let value = reader.integer(node, name, in: 1...1_000_000_000) { minimumSample = value }
        case "priorities":
            if let value = reader.labels(node, name, example: "[urgent, high, normal, low]") { priorities = value }
        case "priority_aliases":
            if let value = reader.aliases(node, name, example: "{p1: urgent}", { $0.label($1, $2) }) {
                priorityAliases = value
            }
        case "status_aliases":
            let read = reader.aliases(node, name, example: "{waiting: pending}") {
                $0.name($1, $2, among: RulesNames.statuses)
            }
            if let read { statusAliases = read }
        case "keep_unknown":
            if let value = reader.members(node, name) { keepUnknown = value }
        case "keep_comments":
            if let value = reader.boolean(node, name) { keepComments = value }
        case "currency", "rates", "margin", "count_free", "count_reactivation":
            reader.revenue(node, name, into: &revenue)
            sections[name] = node
        case _ where RulesReader.contactMembers.contains(name):
            reader.contacts(node, name, into: &contacts)
            sections[name] = node
        case "goals":
            goals = reader.goals(node, file: file)
            sections[name] = node
        case "benchmarks":
            benchmarks = reader.benchmarks(node)
            sections[name] = node
        case "satisfied_from":
            if let value = reader.satisfiedFrom(node, name) { satisfiedFrom = value }
        case "agents":
            let names = AgentNaming.allCases.map(\.rawValue)
            if let read = reader.name(node, name, among: names) { agents = AgentNaming(rawValue: read) ?? .named }
            sections[name] = node
        case "pseudonymize":
            let read = reader.names(
                node, name, among: RulesNames.pseudonymizable, example: "[customer_id, agent_id]", mayBeEmpty: true)
            if let read { pseudonymize = read }
        default:
            guard RulesNames.sections.contains(name) else {
                return reader.unknownKey(entry, in: "", known: RulesNames.members + RulesNames.sections)
            }
            if !node.isNull { sections[name] = node }
        }
    }

    /// One duration for every kind, or durations by kind. A plural stands for a kind and the longer ones of its group (`days`
    /// for weeks too, `months` for quarters and years too); a more precise name wins over it, wherever it stands.
    private mutating func readHistory(_ node: RulesNode, _ reader: inout RulesReader) {
        if node.text != nil {
            guard let value = reader.duration(node, "history") else { return }
            for kind in WindowKind.allCases { history[kind] = value.milliseconds }
            return
        }
        let precise: [(String, [WindowKind])] = [
            ("hours", [.hour]), ("days", [.day, .week]), ("months", [.month, .quarter, .year]),
            ("weeks", [.week]), ("quarters", [.quarter]), ("years", [.year]),
            ("hour", [.hour]), ("day", [.day]), ("week", [.week]), ("month", [.month]), ("quarter", [.quarter]),
            ("year", [.year]),
        ]
        guard let entries = reader.mapping(node, "history", example: "{hours: 8d, days: 400d, months: 10y}") else {
            return
        }
        for entry in entries where !precise.contains(where: { $0.0 == entry.key }) {
            reader.unknownKey(entry, in: "history", known: precise.map(\.0))
        }
        for (name, kinds) in precise {
            for entry in entries where entry.key == name {
                guard let value = reader.duration(entry.value, "history.\(name)") else { continue }
                for kind in kinds { history[kind] = value.milliseconds }
            }
        }
    }

    private mutating func readBreakdowns(_ node: RulesNode, _ reader: inout RulesReader) {
        let example = "[priority, [team, priority]]"
        guard let elements = reader.list(node, "breakdowns", example: example) else { return }
        let usual = Rules().breakdowns
        var read: [[String]] = []
        // A list of further ones (combinations, tags, queues) adds to the usual ones; whoever names one of these names all.
        var isWhole = elements.isEmpty
        for (index, element) in elements.enumerated() {
            let path = "breakdowns[\(index)]"
            guard let dimensions = reader.list(element, path, example: example) else { continue }
            if dimensions.count == 1, dimensions[0].text?.lowercased() == "overall" {
                isWhole = true
                continue
            }
            var names: [String] = []
            for dimension in dimensions {
                if ["agent", "agent_id", "agents"].contains(dimension.text?.lowercased()) {
                    reader.fault(
                        dimension, path, "agents are no breakdown",
                        "leave it out: the agent KPIs are published by agent, see the setting agents")
                    continue
                }
                guard let name = reader.name(dimension, path, among: RulesNames.dimensions) else { continue }
                if names.contains(name) {
                    reader.fault(dimension, path, "\(name) stands twice", "name each dimension once")
                }
                names.append(name)
            }
            if names.count > 4 {
                reader.fault(element, path, "\(names.count) dimensions in one breakdown", "combine at most 4")
            }
            names.sort()
            if usual.contains(names) { isWhole = true }
            if !names.isEmpty, !read.contains(names) { read.append(names) }
        }
        if read.count > 32 {
            reader.fault(
                node, "breakdowns", "\(read.count) breakdowns", "ask for at most 32: each one multiplies the series")
        }
        breakdowns = isWhole ? read : usual + read
    }
}

extension RulesReader {
    fileprivate mutating func duration(_ node: RulesNode, _ path: String, upTo limit: RulesDuration) -> Int64? {
        guard let value = duration(node, path) else { return nil }
        guard value.milliseconds <= limit.milliseconds else {
            fault(node, path, "\(value) is too long", "write at most \(limit)")
            return nil
        }
        return value.milliseconds
    }

    /// A list of names out of a closed set, without repetition.
    fileprivate mutating func names(
        _ node: RulesNode, _ path: String, among known: [String], example: String, mayBeEmpty: Bool = false
    ) -> [String]? {
        guard let elements = list(node, path, example: example) else { return nil }
        var names: [String] = []
        for (index, element) in elements.enumerated() {
            guard let name = name(element, "\(path)[\(index)]", among: known) else { continue }
            if !names.contains(name) { names.append(name) }
        }
        if elements.isEmpty, !mayBeEmpty {
            fault(node, path, "the list is empty", "write for example \(example), or leave \(path) out")
        }
        return names
    }

    /// A free label: at most 100 bytes, folded as events' labels are.
    fileprivate mutating func label(_ node: RulesNode, _ path: String) -> String? {
        text(node, path, maximumBytes: 100).map { LabelFolding.folded($0) }
    }

    fileprivate mutating func labels(_ node: RulesNode, _ path: String, example: String) -> [String]? {
        guard let elements = list(node, path, example: example) else { return nil }
        var labels: [String] = []
        for (index, element) in elements.enumerated() {
            guard let label = label(element, "\(path)[\(index)]") else { continue }
            if labels.contains(label) {
                fault(element, "\(path)[\(index)]", "\"\(label)\" stands twice", "name each once")
            }
            labels.append(label)
        }
        return labels
    }

    fileprivate mutating func aliases(
        _ node: RulesNode, _ path: String, example: String,
        _ value: (inout RulesReader, RulesNode, String) -> String?
    ) -> [String: String]? {
        guard let entries = mapping(node, path, example: example) else { return nil }
        if entries.count > 1_000 { fault(node, path, "\(entries.count) aliases", "write at most 1000") }
        var aliases: [String: String] = [:]
        for entry in entries {
            let key = LabelFolding.folded(entry.key)
            guard let target = value(&self, entry.value, "\(path).\(entry.key)") else { continue }
            if let other = aliases[key], other != target {
                fault(
                    line: entry.line, column: entry.column, "\(path).\(entry.key)",
                    "\"\(key)\" already stands for \(other)", "aliases are compared without case: keep one")
            }
            aliases[key] = target
        }
        for entry in entries {
            // One step only: an alias of an alias would depend on the order of look-ups.
            if let target = aliases[LabelFolding.folded(entry.key)], let next = aliases[target], next != target {
                fault(
                    entry.value, "\(path).\(entry.key)", "\"\(target)\" is itself an alias of \(next)", "write \(next)")
            }
        }
        return aliases
    }

    /// Names of JSON members.
    fileprivate mutating func members(_ node: RulesNode, _ path: String) -> [String]? {
        guard let elements = list(node, path, example: "[order_number]") else { return nil }
        var members: [String] = []
        for (index, element) in elements.enumerated() {
            guard let member = text(element, "\(path)[\(index)]", maximumBytes: 100) else { continue }
            if !members.contains(member) { members.append(member) }
        }
        if members.count > 100 { fault(node, path, "\(members.count) members", "keep at most 100") }
        return members
    }
}
