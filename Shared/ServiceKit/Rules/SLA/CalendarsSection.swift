public import BusinessTime

/// Reading `calendars:`.
extension RulesReader {
    private static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    /// One calendar: `{timezone, week, holidays, special}` or `{always: true}`.
    ///
    /// - Parameter zone: Where the calendar names no time zone.
    public mutating func calendar(_ node: RulesNode, _ path: String, zone: BusinessZone) -> WorkingCalendar? {
        let example = "{timezone: Europe/Berlin, week: {mon-fri: [\"09:00-17:00\"]}}"
        guard let entries = mapping(node, path, example: example) else { return nil }
        var zone = zone
        var isAlways = false
        var week: [[WorkingCalendar.Hours]]?
        var exceptions: [Int64: [WorkingCalendar.Hours]] = [:]
        let known = ["timezone", "tz", "week", "holidays", "special", "always"]
        let faultsBefore = faults.count
        for entry in entries {
            let path = "\(path).\(entry.key)"
            switch entry.key {
            case "timezone", "tz": if let named = self.zone(entry.value, path) { zone = named }
            case "always": isAlways = boolean(entry.value, path) ?? false
            case "week": week = self.week(entry.value, path)
            case "holidays":
                for holiday in list(entry.value, path, example: "[2026-12-25]") ?? [] {
                    if let day = date(holiday, holiday.text ?? "", path), exceptions[day] == nil {
                        exceptions[day] = []
                    }
                }
            case "special":
                for day in mapping(entry.value, path, example: "{2026-12-24: [\"08:00-12:00\"]}") ?? [] {
                    let path = "\(path).\(day.key)"
                    guard let number = date(day.value, day.key, path), let hours = hours(day.value, path) else {
                        continue
                    }
                    exceptions[number] = hours
                }
            default: unknownKey(entry, in: path, known: known)
            }
        }
        guard faults.count == faultsBefore else { return nil }
        if isAlways {
            if let entry = entries.first(where: { ["week", "holidays", "special"].contains($0.key) }) {
                fault(
                    line: entry.line, column: entry.column, "\(path).\(entry.key)",
                    "a calendar that is always open has no hours", "leave out always or \(entry.key)")
            }
            return WorkingCalendar(alwaysIn: zone)
        }
        guard let week, week.contains(where: { !$0.isEmpty }) else {
            fault(node, path, "the week is empty", "write for example \(example), or always: true")
            return nil
        }
        return WorkingCalendar(zone: zone, week: week, exceptions: exceptions)
    }

    private mutating func zone(_ node: RulesNode, _ path: String) -> BusinessZone? {
        guard let name = text(node, path) else { return nil }
        do { return try BusinessZone.load(name) } catch {
            fault(node, path, "\(error)", "write an IANA name such as Europe/Berlin")
            return nil
        }
    }

    private mutating func date(_ node: RulesNode, _ text: String, _ path: String) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.count) == [4, 2, 2], let year = Int(parts[0]), let month = Int(parts[1]),
            let day = Int(parts[2]), let date = CivilDate(year: year, month: month, day: day)
        else {
            fault(node, path, "\"\(text)\" is no date", "write for example 2026-12-25")
            return nil
        }
        return date.dayNumber
    }

    /// Seven lists, Monday first, from names of days (`mon`) and ranges of them (`mon-thu`).
    private mutating func week(_ node: RulesNode, _ path: String) -> [[WorkingCalendar.Hours]]? {
        let example = "{mon-fri: [\"09:00-17:00\"]}"
        guard let entries = mapping(node, path, example: example) else { return nil }
        var week: [[WorkingCalendar.Hours]?] = Array(repeating: nil, count: 7)
        for entry in entries {
            let path = "\(path).\(entry.key)"
            let names = entry.key.lowercased().split(separator: "-").map { String($0.prefix(3)) }
            let days = names.compactMap { Self.days.firstIndex(of: $0) }
            guard days.count == names.count, 1...2 ~= days.count else {
                fault(
                    line: entry.line, column: entry.column, path, "\"\(entry.key)\" is no day",
                    "write mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri")
                continue
            }
            guard let hours = hours(entry.value, path) else { continue }
            let last = days.count == 2 ? days[1] : days[0]
            var day = days[0]
            while true {
                if week[day] != nil {
                    fault(
                        line: entry.line, column: entry.column, path, "\(Self.days[day]) stands twice",
                        "name each day once")
                }
                week[day] = hours
                if day == last { break }
                day = (day + 1) % 7
            }
        }
        return week.map { $0 ?? [] }
    }

    /// The windows of one day: `"08:00-12:00"` or `["08:00", "12:00"]` each.
    private mutating func hours(_ node: RulesNode, _ path: String) -> [WorkingCalendar.Hours]? {
        let example = "[\"08:00-12:00\", \"13:00-18:00\"]"
        guard let elements = list(node, path, example: example) else { return nil }
        var hours: [WorkingCalendar.Hours] = []
        for element in elements {
            let edges =
                element.elements.map { $0.map { $0.text ?? "" } }
                ?? (element.text ?? "").split(separator: "-", omittingEmptySubsequences: false).map {
                    $0.trimmingSpaces
                }
            guard edges.count == 2, let opens = Self.minute(edges[0]), let closes = Self.minute(edges[1]),
                let window = WorkingCalendar.Hours(opens: opens, closes: closes)
            else {
                fault(element, path, "\(element.kind) is no window of time", "write for example \"08:00-12:00\"")
                return nil
            }
            hours.append(window)
        }
        let sorted = hours.sorted { $0.opens < $1.opens }
        for (left, right) in zip(sorted, sorted.dropFirst()) where right.opens < left.closes {
            fault(node, path, "the windows overlap", "let each window begin after the one before has ended")
            return nil
        }
        return hours
    }

    /// Minutes since midnight, 0 to 1440.
    private static func minute(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ 1...2 ~= $0.count }), let hour = Int64(parts[0]),
            let minute = Int64(parts[1]), 0...24 ~= hour, 0...59 ~= minute, hour * 60 + minute <= 1440
        else { return nil }
        return hour * 60 + minute
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
