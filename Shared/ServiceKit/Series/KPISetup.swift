public import BusinessTime
public import KPIs

/// From the rules file to what the stages of a KPI service run with.
public enum KPISetup {
    /// The service's KPIs, restricted to those and to the windows that the rules name.
    public static func catalogue(
        _ definitions: [KPIDefinition], _ rules: Rules
    ) throws(SetupError) -> KPICatalogue {
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

    /// The business time zone.
    public static func zone(_ rules: Rules) throws(SetupError) -> BusinessZone {
        do { return try BusinessZone.load(rules.timezone) } catch { throw SetupError("timezone: \(error)") }
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
        // Rolling windows are made of hours and days, which must not become history while the window still covers them.
        func days(_ kinds: [WindowKind], least: Int64) -> Int64 {
            max(least, (kinds.map { rules.history[$0] }.max() ?? 0) / 86_400_000)
        }
        return SeriesSettings(
            source: "deskbeat/\(service)", dataSchema: "urn:deskbeat:schema:deskbeat.kpi.updated:1",
            rulesVersion: rules.version,
            emitInterval: rules.emitInterval * 1000, minimumSample: Int64(rules.minimumSample),
            history: SeriesHistory(
                hours: days([.hour], least: 2), days: days([.day, .week], least: 31),
                months: days([.month, .quarter, .year], least: 31)))
    }
}

/// A service cannot run with these settings.
public struct SetupError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
