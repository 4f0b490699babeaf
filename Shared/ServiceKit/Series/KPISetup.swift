public import BusinessTime
public import KPIs
import SupportEvents

/// From the rules file to what the stages of a KPI service run with.
public enum KPISetup {
    /// The service's KPIs, restricted to those and to the windows that the rules name.
    public static func catalogue(
        _ definitions: [KPIDefinition], _ rules: Rules
    ) throws(SetupError) -> KPICatalogue {
        try checkGoals(definitions, rules)
        // The rules of an installation name the KPIs of all its services.
        let own = Set(definitions.map(\.id))
        let windows = rules.windows.map { kinds in
            kinds.reduce(into: WindowSet()) { $0.formUnion(WindowSet($1)) }
        }
        do {
            return try KPICatalogue(
                definitions, only: rules.kpis.map { own.intersection($0) }, windows: windows ?? .periods)
        } catch {
            throw SetupError("the KPI catalogue contradicts itself: \(error)")
        }
    }

    /// The rules name KPIs of all services; whether a goal fits its KPI is for that one's service to say.
    private static func checkGoals(_ definitions: [KPIDefinition], _ rules: Rules) throws(SetupError) {
        for goal in rules.goals {
            let named = definitions.filter { $0.id == goal.kpi }
            if named.isEmpty { continue }
            guard let definition = named.first(where: { $0.windows.contains(goal.window) }) else {
                let windows = named.flatMap(\.windows.kinds).map(\.name).joined(separator: ", ")
                throw SetupError(
                    "\(goal.place): goal \"\(goal.name)\": \(goal.kpi) is not published in the window "
                        + "\(goal.window.name); write one of \(windows)")
            }
            if let mismatch = goal.mismatch(with: definition) {
                throw SetupError("\(goal.place): goal \"\(goal.name)\": \(mismatch)")
            }
        }
    }

    /// The business time zone.
    public static func zone(_ rules: Rules) throws(SetupError) -> BusinessZone {
        do { return try BusinessZone.load(rules.timezone) } catch { throw SetupError("timezone: \(error)") }
    }

    /// The working hours of the `…_business` durations.
    public static func businessCalendars(
        _ rules: Rules, _ zone: BusinessZone
    ) throws(SetupError) -> BusinessCalendars {
        do { return try rules.businessCalendars(zone: zone) } catch { throw SetupError(error.description) }
    }

    /// How agents are planned: by the service level that the rules promise.
    public static func staffing(_ rules: Rules) throws(SetupError) -> StaffingSettings {
        let threshold = Double(rules.contacts.answerWithin(.phone)) / 1_000_000
        let target = Double(rules.contacts.serviceLevelTarget) / 1_000_000
        do { return try rules.staffing(threshold: threshold, target: target) } catch {
            throw SetupError(error.description)
        }
    }

    /// The dimensions of each breakdown.
    public static func breakdowns(_ rules: Rules) throws(SetupError) -> [[Dimension]] {
        var breakdowns: [[Dimension]] = []
        for names in rules.breakdowns {
            var breakdown: [Dimension] = []
            for name in names {
                guard let dimension = Dimension(name: name) else {
                    throw SetupError("breakdowns: there is no dimension '\(name)'")
                }
                breakdown.append(dimension)
            }
            breakdowns.append(breakdown)
        }
        return breakdowns
    }

    public static func series(_ rules: Rules, service: String) -> SeriesSettings {
        // Rolling windows are made of hours and days, profiles of eight weeks, lifetime values of twelve months, which must not
        // become history while figures still rest on them.
        func days(_ kinds: [WindowKind], least: Int64) -> Int64 {
            max(least, (kinds.map { rules.history[$0] }.max() ?? 0) / 86_400_000)
        }
        var settings = SeriesSettings(
            source: "deskbeat/\(service)", dataSchema: "urn:deskbeat:schema:deskbeat.kpi.updated:1",
            rulesVersion: rules.version,
            emitInterval: rules.emitInterval * 1000, minimumSample: Int64(rules.minimumSample),
            history: SeriesHistory(
                hours: days([.hour], least: 2), days: days([.day, .week], least: 63),
                months: days([.month, .quarter, .year], least: 400)))
        settings.goals = rules.goals
        settings.benchmarks = rules.benchmarks
        return settings
    }
}

/// A service cannot run with these settings.
public struct SetupError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
