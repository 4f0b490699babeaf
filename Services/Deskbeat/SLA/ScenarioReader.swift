import BusinessTime
import SLA
import ServiceKit
import SupportEvents

/// From the nodes of a scenario file to scenarios.
struct ScenarioReader {
    let calendars: [String: WorkingCalendar]

    private static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    private static let second: Int64 = 1_000_000

    // MARK: Calendars

    static func calendar(_ node: RulesNode) throws(ScenarioError) -> WorkingCalendar {
        let zone = try zone(node.member("tz") ?? node.member("timezone"))
        if let always = node.member("always"), try always.flag("\"always\"") { return WorkingCalendar(alwaysIn: zone) }
        var week = Array(repeating: [WorkingCalendar.Hours](), count: 7)
        for (name, windows) in try node.require("week").entries("\"week\"") {
            guard let day = days.firstIndex(of: name) else {
                throw ScenarioError(windows, "there is no day '\(name)'; write mon, tue, wed, thu, fri, sat or sun")
            }
            week[day] = try hours(windows)
        }
        var exceptions: [Int64: [WorkingCalendar.Hours]] = [:]
        if let holidays = node.member("holidays") {
            for holiday in try holidays.elements("\"holidays\"") {
                exceptions[try date(holiday, holiday.text("a holiday"))] = []
            }
        }
        if let special = node.member("special") {
            for (name, windows) in try special.entries("\"special\"") {
                exceptions[try date(windows, name)] = try hours(windows)
            }
        }
        guard let calendar = WorkingCalendar(zone: zone, week: week, exceptions: exceptions) else {
            throw ScenarioError(node, "the calendar has an empty week, or windows of one day overlap")
        }
        return calendar
    }

    private static func zone(_ node: RulesNode?) throws(ScenarioError) -> BusinessZone {
        guard let node else { return .utc }
        do { return try BusinessZone.load(try node.text("the time zone")) } catch let error as ScenarioError {
            throw error
        } catch {
            throw ScenarioError(node, "\(error)")
        }
    }

    private static func date(_ node: RulesNode, _ text: String) throws(ScenarioError) -> Int64 {
        let parts = text.split(separator: "-").map { Int($0) ?? 0 }
        guard parts.count == 3, let date = CivilDate(year: parts[0], month: parts[1], day: parts[2]) else {
            throw ScenarioError(node, "'\(text)' is no date such as 2026-12-25")
        }
        return date.dayNumber
    }

    private static func hours(_ node: RulesNode) throws(ScenarioError) -> [WorkingCalendar.Hours] {
        var list: [WorkingCalendar.Hours] = []
        for window in try node.elements("the windows of a day") {
            var edges: [String] = []
            if let elements = window.elements {
                for edge in elements { edges.append(try edge.text("a time of day")) }
            } else {
                edges = try window.text("a window").split(separator: "-").map(String.init)
            }
            guard edges.count == 2, let opens = minute(edges[0]), let closes = minute(edges[1]),
                let hours = WorkingCalendar.Hours(opens: opens, closes: closes)
            else { throw ScenarioError(window, "a window is written [\"09:00\", \"17:00\"]") }
            list.append(hours)
        }
        return list
    }

    private static func minute(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let hour = Int64(parts[0]), let minute = Int64(parts[1]), 0...24 ~= hour,
            0...59 ~= minute, hour * 60 + minute <= 1440
        else { return nil }
        return hour * 60 + minute
    }

    private func calendar(named node: RulesNode) throws(ScenarioError) -> WorkingCalendar {
        let name = try node.text("\"calendar\"")
        guard let calendar = calendars[name] else { throw ScenarioError(node, "there is no calendar '\(name)'") }
        return calendar
    }

    // MARK: Scenarios

    func scenario(_ node: RulesNode) throws(ScenarioError) -> Scenario {
        let id = try node.require("id").text("\"id\"")
        var metrics: [MetricSettings] = []
        for metric in try node.require("metrics").elements("\"metrics\"") {
            let settings = try settings(metric)
            guard !metrics.contains(where: { $0.name == settings.name }) else {
                throw ScenarioError(metric, "'\(settings.name)' stands twice; tell the two apart by \"variant\"")
            }
            metrics.append(settings)
        }
        var events: [Scenario.Event] = []
        for event in try node.require("events").elements("\"events\"") { events.append(try self.event(event)) }
        var checks: [Scenario.Check] = []
        for check in try node.require("checks").elements("\"checks\"") {
            checks.append(try self.check(check, metrics))
        }
        var emits: [String]?
        if let node = node.member("emits") {
            var list: [String] = []
            for line in try node.elements("\"emits\"") { list.append(try line.text("an alert")) }
            emits = list
        }
        return Scenario(
            id: id, calendar: try calendar(named: node.require("calendar")), metrics: metrics, events: events,
            checks: checks, emits: emits)
    }

    private func check(
        _ node: RulesNode, _ metrics: [MetricSettings]
    ) throws(ScenarioError) -> Scenario.Check {
        var name = try node.require("metric").text("\"metric\"")
        if let variant = node.member("variant") { name += "~\(try variant.text("\"variant\""))" }
        guard let metric = metrics.firstIndex(where: { $0.name == name }) else {
            throw ScenarioError(node, "this scenario has no metric '\(name)'")
        }
        var expected: [(key: String, value: RulesNode)] = []
        for (key, value) in try node.entries("a check") {
            switch key {
            case "at", "metric", "variant", "note": continue
            case "warn_at", "levels": _ = try value.entries("\"\(key)\"")
            case "state", "due", "breached_at", "met_at", "elapsed_s", "overdue_s", "longest_s", "misses", "instances":
                if !value.isNull { _ = try value.text("\"\(key)\"") }
            default: throw ScenarioError(value, "a check cannot expect '\(key)'")
            }
            expected.append((key, value))
        }
        if expected.isEmpty { throw ScenarioError(node, "this check expects nothing") }
        return Scenario.Check(at: try node.require("at").instant("\"at\""), metric: metric, expected: expected)
    }

    private func settings(_ node: RulesNode) throws(ScenarioError) -> MetricSettings {
        var pauses: Set<String>?
        if let node = node.member("pause_on") {
            var statuses: Set<String> = []
            for status in try node.elements("\"pause_on\"") { statuses.insert(try self.status(status)) }
            pauses = statuses
        }
        var settings = MetricSettings(try node.require("metric").choice("\"metric\"", SLAMetric.self), pauseOn: pauses)
        var days: Int64?
        var endOfDay = false
        for (key, value) in try node.entries("a metric") {
            switch key {
            case "metric", "pause_on", "note": break
            case "variant": settings.variant = value.isNull ? nil : try value.text("\"variant\"")
            case "target_s": settings.target = .duration(try value.target("\"target_s\""))
            case "target_days":
                days = try value.whole("\"target_days\"")
                guard 1...10_000 ~= days ?? 0 else { throw ScenarioError(value, "\"target_days\" must be 1 to 10,000") }
            case "end_of_day": endOfDay = try value.flag("\"end_of_day\"")
            case "targets_by_priority":
                for (priority, target) in try value.entries("\"targets_by_priority\"") {
                    settings.targetsByPriority[LabelFolding.folded(priority)] =
                        .duration(try target.target("a target"))
                }
            case "warn_pct":
                for share in try value.elements("\"warn_pct\"") {
                    guard let percent = Double(try share.text("a share")), percent > 0, percent <= 100 else {
                        throw ScenarioError(share, "a share is a percentage above 0 and up to 100")
                    }
                    settings.warnings.append(percent)
                }
            case "levels_s":
                for level in try value.elements("\"levels_s\"") {
                    settings.levels.append(try level.whole("a level") * Self.second)
                }
            case "boundary":
                settings.boundary = try value.choice("\"boundary\"", WorkingCalendar.Boundary.self)
            case "truncate":
                let text = value.isNull ? "none" : try value.text("\"truncate\"")
                guard ["none", "minute"].contains(text) else {
                    throw ScenarioError(value, "\"truncate\" must be none or minute, not '\(text)'")
                }
                settings.wholeMinutes = text == "minute"
            case "start": settings.start = try value.choice("\"start\"", MetricSettings.Start.self)
            case "reopen": settings.reopen = try value.choice("\"reopen\"", MetricSettings.Reopen.self)
            case "on_change": settings.onChange = try value.choice("\"on_change\"", MetricSettings.OnChange.self)
            case "on_solve": settings.onSolve = try value.choice("\"on_solve\"", MetricSettings.OnSolve.self)
            default: throw ScenarioError(value, "a metric has no setting '\(key)'")
            }
        }
        if let days { settings.target = .days(Int(days), endOfDay: endOfDay) }
        return settings
    }

    // MARK: Events

    private func event(_ node: RulesNode) throws(ScenarioError) -> Scenario.Event {
        let time = try node.require("t").instant("\"t\"")
        var seen = time
        if let node = node.member("seen") { seen = try node.instant("\"seen\"") }
        var sequence: Int64 = -1
        if let node = node.member("seq") { sequence = try node.whole("\"seq\"") }
        var id: String?
        if let node = node.member("id") { id = try node.text("\"id\"") }
        return Scenario.Event(
            event: TicketEvent(time: time, kind: try kind(node)), seen: seen, sequence: sequence, id: id)
    }

    private func kind(_ node: RulesNode) throws(ScenarioError) -> TicketEvent.Kind {
        let type = try node.require("type")
        switch try type.text("\"type\"") {
        case "ticket.created":
            let status = try node.member("status").map { (status) throws(ScenarioError) in try self.status(status) }
            let initiator = try node.member("initiator").map { (node) throws(ScenarioError) in
                try node.text("\"initiator\"")
            }
            return .created(
                status: status ?? "new", priority: try priority(node.member("priority")),
                isByCustomer: initiator ?? "customer" == "customer")
        case "message":
            let isPublic = try node.member("public").map { (node) throws(ScenarioError) in try node.flag("\"public\"") }
            return .message(
                try node.require("from").choice("\"from\"", TicketEvent.Author.self), isPublic: isPublic ?? true)
        case "status": return .status(try status(node.require("to")))
        case "priority": return .priority(try priority(node.require("to")))
        case "policy.set":
            var targets: [SLAMetric: SLATarget] = [:]
            if let node = node.member("targets") {
                for (name, target) in try node.entries("\"targets\"") {
                    guard let metric = SLAMetric(rawValue: name) else {
                        throw ScenarioError(target, "there is no metric '\(name)'")
                    }
                    targets[metric] = .duration(try target.target("a target"))
                }
            }
            let calendar = try node.member("calendar").map { (node) throws(ScenarioError) in
                try self.calendar(named: node)
            }
            return .policySet(targets: targets, calendar: calendar)
        case "policy.detached": return .policyDetached(.policyChange)
        case "bot.handoff": return .botHandoff
        case "ticket.merged", "ticket.spam", "ticket.deleted": return .removed
        case let name: throw ScenarioError(type, "there is no event type '\(name)'")
        }
    }

    private func priority(_ node: RulesNode?) throws(ScenarioError) -> String? {
        guard let node, !node.isNull else { return nil }
        return LabelFolding.folded(try node.text("a priority"))
    }

    private func status(_ node: RulesNode) throws(ScenarioError) -> String {
        switch try node.text("a status").lowercased() {
        case "hold", "on_hold": return "on_hold"
        case let status where ["new", "open", "pending", "solved", "closed"].contains(status): return status
        case let status:
            throw ScenarioError(
                node, "there is no status '\(status)'; write new, open, pending, hold, solved or closed")
        }
    }
}
