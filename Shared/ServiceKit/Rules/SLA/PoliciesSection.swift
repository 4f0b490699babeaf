import BusinessTime
import SLA
import SupportEvents

/// What policies refer to.
struct PolicyContext {
    let calendars: [String: WorkingCalendar]
    /// Those with faults included.
    let calendarNames: [String]
    let rules: Rules
}

/// Reading `policies:`.
extension RulesReader {
    mutating func policies(_ node: RulesNode, _ context: PolicyContext) -> PolicyBook {
        let example = "[{id: default, calendar: always, metrics: {first_response: {target: 1h}}}]"
        var policies: [SLAPolicy] = []
        var ids: Set<String> = []
        for (index, element) in (list(node, "policies", example: example) ?? []).enumerated() {
            let path = "policies[\(index)]"
            guard let policy = policy(element, path, context) else { continue }
            if !ids.insert(policy.id).inserted {
                fault(element, path, "two policies have the id \"\(policy.id)\"", "give each an id of its own")
            }
            if let hiding = policies.first(where: { $0.condition.covers(policy.condition) }) {
                let isCatchAll = hiding.condition.isCatchAll
                let which = isCatchAll ? "every ticket" : "all that \"\(policy.id)\" is for"
                fault(
                    element, path, "\"\(hiding.id)\" applies to \(which), so that \"\(policy.id)\" never does",
                    isCatchAll
                        ? "move \"\(hiding.id)\" to the end, or give it a condition (when)"
                        : "move \"\(policy.id)\" before \"\(hiding.id)\"")
            }
            policies.append(policy)
        }
        if policies.count > 200 { fault(node, "policies", "\(policies.count) policies", "write at most 200") }
        let book = PolicyBook(policies)
        if book.ticketPromises.count > 100 {
            fault(
                node, "policies", "\(book.ticketPromises.count) different promises, variants included",
                "write at most 100; the same variant may stand in many policies")
        }
        return book
    }

    private mutating func policy(_ node: RulesNode, _ path: String, _ context: PolicyContext) -> SLAPolicy? {
        let known = ["id", "when", "calendar", "metrics"]
        guard let entries = mapping(node, path, example: "{id: default, calendar: always, metrics: {…}}") else {
            return nil
        }
        for entry in entries where !known.contains(entry.key) { unknownKey(entry, in: path, known: known) }
        func member(_ name: String) -> RulesNode? { entries.first { $0.key == name }?.value }
        guard let idNode = member("id") else {
            fault(node, path, "the policy has no id", "write for example id: default; alerts name it")
            return nil
        }
        guard let id = text(idNode, "\(path).id", maximumBytes: 100) else { return nil }
        guard let calendarNode = member("calendar") else {
            fault(node, path, "\"\(id)\" names no calendar", "write for example calendar: always")
            return nil
        }
        guard let name = text(calendarNode, "\(path).calendar") else { return nil }
        guard context.calendarNames.contains(name) else {
            let remedy =
                NearestName.to(name, among: context.calendarNames).map { "did you mean \($0)?" }
                ?? "define it under calendars"
            fault(calendarNode, "\(path).calendar", "there is no calendar \"\(name)\"", remedy)
            return nil
        }
        let condition = member("when").map { self.condition($0, "\(path).when", context) } ?? PolicyCondition()
        guard let metrics = member("metrics") else {
            fault(node, path, "\"\(id)\" promises nothing", "write for example metrics: {first_response: {target: 1h}}")
            return nil
        }
        let promises = promises(metrics, "\(path).metrics", context)
        guard let calendar = context.calendars[name] else { return nil }
        return SLAPolicy(id: id, condition: condition, calendarName: name, calendar: calendar, promises: promises)
    }

    private mutating func condition(
        _ node: RulesNode, _ path: String, _ context: PolicyContext
    ) -> PolicyCondition {
        var condition = PolicyCondition()
        let known = ["channel", "priority", "category", "team", "tier", "segment", "tags", "subcategory", "queue"]
        for entry in mapping(node, path, example: "{tier: gold, priority: [urgent, high]}") ?? [] {
            let path = "\(path).\(entry.key)"
            guard known.contains(entry.key) else {
                unknownKey(entry, in: String(path.dropLast(entry.key.count + 1)), known: known)
                continue
            }
            var values: Set<String> = []
            for element in list(entry.value, path, example: "[urgent, high]") ?? [] {
                guard let text = text(element, path, maximumBytes: 100) else { continue }
                let label = LabelFolding.folded(text)
                values.insert(entry.key == "priority" ? context.rules.priorityAliases[label] ?? label : label)
            }
            if values.isEmpty { fault(entry.value, path, "no value is named", "write for example [urgent, high]") }
            if entry.key == "channel" {
                let channels = Channel.allCases.map(\.name)
                for value in values.sorted() where !channels.contains(value) {
                    fault(
                        entry.value, path, "\"\(value)\" is no channel",
                        "write one of \(channels.joined(separator: ", "))")
                }
            }
            if let field = TicketAttributes.Field(rawValue: entry.key) {
                condition.fields[field] = values
            } else {
                condition.tags = values
            }
        }
        return condition
    }

    // MARK: Promises

    private mutating func promises(
        _ node: RulesNode, _ path: String, _ context: PolicyContext
    ) -> [SLAPromise] {
        var promises: [SLAPromise] = []
        let metrics = SLAMetric.allCases.map(\.rawValue)
        let entries = mapping(node, path, example: "{first_response: {target: 1h}}") ?? []
        if entries.isEmpty {
            fault(node, path, "nothing is promised", "write for example {first_response: {target: 1h}}")
        }
        for entry in entries {
            guard let metric = SLAMetric(rawValue: entry.key) else {
                unknownKey(entry, in: path, known: metrics)
                continue
            }
            let path = "\(path).\(entry.key)"
            for variant in entry.value.elements ?? [entry.value] {
                guard let promise = promise(variant, path, metric, context) else { continue }
                if promises.contains(where: { $0.settings.name == promise.settings.name }) {
                    fault(
                        variant, path, "\"\(promise.settings.name)\" stands twice",
                        "tell the two apart, for example by variant: ola")
                }
                promises.append(promise)
            }
        }
        compareTargets(promises, node, path)
        return promises
    }

    /// A reply that may take longer than the solution is a mistake.
    private mutating func compareTargets(_ promises: [SLAPromise], _ node: RulesNode, _ path: String) {
        for response in promises where response.settings.metric == .firstResponse {
            let resolution = promises.first {
                $0.settings.metric == .resolution && $0.settings.variant == response.settings.variant
            }
            if let resolution { compare(response.settings, resolution.settings, node, path) }
        }
    }

    private mutating func compare(
        _ response: MetricSettings, _ resolution: MetricSettings, _ node: RulesNode, _ path: String
    ) {
        let priorities = Set(response.targetsByPriority.keys).union(resolution.targetsByPriority.keys).map(
            Optional.some)
        for priority in priorities.sorted(by: { ($0 ?? "") < ($1 ?? "") }) + [nil] {
            switch (response.promised(priority), resolution.promised(priority)) {
            case (.duration(let first), .duration(let last)) where first > last: break
            case (.days(let first, _), .days(let last, _)) where first > last: break
            default: continue
            }
            let which = priority.map { " of \($0)" } ?? ""
            fault(
                node, path, "the response target\(which) is longer than the resolution target",
                "let the first response be due before the resolution")
            return
        }
    }

    private mutating func promise(
        _ node: RulesNode, _ path: String, _ metric: SLAMetric, _ context: PolicyContext
    ) -> SLAPromise? {
        guard let entries = mapping(node, path, example: "{target: 1h}") else { return nil }
        var pauses: Set<String>?
        if let entry = entries.first(where: { $0.key == "pause_on" }) {
            pauses = statuses(entry.value, "\(path).pause_on", context)
        }
        var promise = SLAPromise(MetricSettings(metric, pauseOn: pauses))
        var endOfDay = false
        for entry in entries where entry.key == "end_of_day" {
            endOfDay = boolean(entry.value, "\(path).end_of_day") ?? false
        }
        let before = faults.count
        for entry in entries { read(entry, into: &promise, path, endOfDay, context) }
        let settings = promise.settings
        if settings.target == nil, settings.targetsByPriority.isEmpty {
            if faults.count == before { fault(node, path, "no target is named", "write for example target: 1h") }
            return nil
        }
        let startsWithTicket =
            switch metric {
            case .firstResponse, .resolution, .requesterWait, .agentWork:
                settings.start == .created || settings.start == .auto
            case .update: true
            case .nextResponse, .periodicUpdate, .answer: false
            }
        if startsWithTicket, settings.pauseOn.contains("new") {
            fault(
                node, path, "the clock starts with the ticket and is paused in its first status",
                "take new out of pause_on, or choose another start")
        }
        return promise
    }

    private mutating func read(
        _ entry: RulesEntry, into promise: inout SLAPromise, _ path: String, _ endOfDay: Bool, _ context: PolicyContext
    ) {
        let known = [
            "target", "warn", "levels", "severity", "pause_on", "boundary", "truncate", "start", "reopen", "on_change",
            "on_solve", "on_rules_change", "deliver", "alert_delay", "end_of_day", "variant",
        ]
        let name = entry.key
        let node = entry.value
        let full = "\(path).\(name)"
        switch name {
        case "pause_on", "end_of_day": break
        case "variant":
            if let text = text(node, full, maximumBytes: 50) { promise.settings.variant = LabelFolding.folded(text) }
        case "target":
            if let priorities = node.entries {
                for priority in priorities {
                    let label = LabelFolding.folded(priority.key)
                    promise.settings.targetsByPriority[context.rules.priorityAliases[label] ?? label] =
                        target(priority.value, "\(full).\(priority.key)", endOfDay)
                }
            } else {
                promise.settings.target = target(node, full, endOfDay)
            }
        case "warn":
            for share in list(node, full, example: "[50%, 80%]") ?? [] {
                guard let percent = percent(share, full) else { continue }
                if !promise.settings.warnings.contains(percent) { promise.settings.warnings.append(percent) }
            }
        case "levels":
            for level in list(node, full, example: "[-15m, 30m, 2h]") ?? [] {
                guard let offset = offset(level, full) else { continue }
                if !promise.settings.levels.contains(offset) { promise.settings.levels.append(offset) }
            }
        case "severity": severity(node, full, &promise)
        case "boundary": choose(node, full, WorkingCalendar.Boundary.self) { promise.settings.boundary = $0 }
        case "truncate":
            promise.settings.wholeMinutes = self.name(node, full, among: ["none", "minute"]) == "minute"
        case "start": choose(node, full, MetricSettings.Start.self) { promise.settings.start = $0 }
        case "reopen": choose(node, full, MetricSettings.Reopen.self) { promise.settings.reopen = $0 }
        case "on_change": choose(node, full, MetricSettings.OnChange.self) { promise.settings.onChange = $0 }
        case "on_solve": choose(node, full, MetricSettings.OnSolve.self) { promise.settings.onSolve = $0 }
        case "on_rules_change":
            choose(node, full, MetricSettings.OnRulesChange.self) { promise.settings.onRulesChange = $0 }
        case "deliver": choose(node, full, SLAPromise.Delivery.self) { promise.delivery = $0 }
        case "alert_delay": promise.alertDelay = duration(node, full)?.microseconds ?? 0
        default: unknownKey(entry, in: path, known: known)
        }
    }

    private mutating func severity(_ node: RulesNode, _ path: String, _ promise: inout SLAPromise) {
        let kinds = ["warning", "breached", "level"]
        for entry in mapping(node, path, example: "{warning: warning, breached: critical}") ?? [] {
            guard kinds.contains(entry.key) else {
                unknownKey(entry, in: path, known: kinds)
                continue
            }
            choose(entry.value, "\(path).\(entry.key)", SLASeverity.self) { severity in
                switch entry.key {
                case "warning": promise.warningSeverity = severity
                case "breached": promise.breachSeverity = severity
                default: promise.levelSeverity = severity
                }
            }
        }
    }

    private mutating func choose<Choice: RawRepresentable & CaseIterable>(
        _ node: RulesNode, _ path: String, _: Choice.Type, _ take: (Choice) -> Void
    ) where Choice.RawValue == String {
        guard let name = name(node, path, among: Choice.allCases.map(\.rawValue)) else { return }
        Choice(rawValue: name).map(take)
    }

    private mutating func statuses(_ node: RulesNode, _ path: String, _ context: PolicyContext) -> Set<String> {
        var statuses: Set<String> = []
        for element in list(node, path, example: "[pending]") ?? [] {
            let text = element.text.map { LabelFolding.folded($0) }
            if let known = text.flatMap({ $0 == "hold" ? "on_hold" : context.rules.statusAliases[$0] }) {
                statuses.insert(known)
            } else if let status = name(element, path, among: RulesNames.statuses) {
                statuses.insert(status)
            }
        }
        return statuses
    }

    // MARK: Durations

    /// `15m`: clock time; `5d`: working days.
    private mutating func target(_ node: RulesNode, _ path: String, _ endOfDay: Bool) -> SLATarget? {
        guard let duration = duration(node, path) else { return nil }
        let ten = RulesDuration(10, .years)
        guard duration.count > 0, duration.milliseconds <= ten.milliseconds else {
            fault(node, path, "\(duration) is no target", "write more than 0s and at most \(ten)")
            return nil
        }
        switch duration.unit {
        case .days: return .days(Int(duration.count), endOfDay: endOfDay)
        case .weeks, .years:
            fault(node, path, "\(duration) is not clear", "write working days, for example 5d, or hours")
            return nil
        case .milliseconds, .seconds, .minutes, .hours: return .duration(duration.microseconds)
        }
    }

    private mutating func percent(_ node: RulesNode, _ path: String) -> Double? {
        var text = node.text ?? ""
        if text.hasSuffix("%") { text.removeLast() }
        guard let percent = Double(text), percent > 0, percent <= 100 else {
            fault(node, path, "\(node.kind) is no share of the target", "write for example 80%")
            return nil
        }
        return percent
    }

    /// `30m` after due, `-15m` before it; µs.
    private mutating func offset(_ node: RulesNode, _ path: String) -> Int64? {
        let text = node.text ?? ""
        let sign: Int64 = text.hasPrefix("-") ? -1 : 1
        let digits = text.drop { $0 == "-" || $0 == "+" }
        guard let duration = try? RulesDuration(parsing: String(digits)), text.count - digits.count <= 1,
            duration.unit != .years, duration.unit != .weeks, duration.unit != .days
        else {
            fault(node, path, "\(node.kind) is no offset from the due time", "write for example 30m, 2h or -15m")
            return nil
        }
        return sign * duration.microseconds
    }
}
