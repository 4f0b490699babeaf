public import BusinessTime
import SupportEvents

/// `business_calendar` and `business_calendar_by`: the working hours in which the `…_business` durations are counted,
/// whatever is promised to anybody.
public struct BusinessCalendars: Sendable {
    /// Where the team has none of its own; nil: there is no business time then.
    public internal(set) var standard: WorkingCalendar?
    /// By team, folded.
    public internal(set) var byTeam: [String: WorkingCalendar] = [:]

    /// Of the sections that they come from; 0 without any.
    public internal(set) var fingerprint: UInt64 = 0

    public init() {}

    public var isEmpty: Bool { standard == nil && byTeam.isEmpty }

    public func calendar(team: String?) -> WorkingCalendar? { team.flatMap { byTeam[$0] } ?? standard }
}

extension Rules {
    /// - Parameter zone: The business time zone, in which a calendar is that names none.
    /// - Throws: Every fault of the sections, with line and column.
    public func businessCalendars(
        zone: BusinessZone, file: String = "rules.yaml"
    ) throws(RulesError) -> BusinessCalendars {
        var reader = RulesReader()
        let calendars = reader.businessCalendars(self, zone: zone)
        guard reader.faults.isEmpty else { throw RulesError(file: file, diagnostics: reader.faults) }
        return calendars
    }
}

extension RulesReader {
    mutating func businessCalendars(_ rules: Rules, zone: BusinessZone) -> BusinessCalendars {
        var calendars = BusinessCalendars()
        let known = rules.sections["calendars"]?.entries ?? []
        var read: [String: WorkingCalendar] = [:]
        func named(_ node: RulesNode, _ path: String, _ reader: inout RulesReader) -> WorkingCalendar? {
            guard let name = reader.text(node, path) else { return nil }
            if let calendar = read[name] { return calendar }
            guard let entry = known.first(where: { $0.key == name }) else {
                let remedy =
                    NearestName.to(name, among: known.map(\.key)).map { "did you mean \($0)?" }
                    ?? "define it under calendars"
                reader.fault(node, path, "there is no calendar \"\(name)\"", remedy)
                return nil
            }
            // Its own faults are reported where all calendars are read.
            var quiet = RulesReader()
            read[name] = quiet.calendar(entry.value, "calendars.\(name)", zone: zone)
            return read[name]
        }
        if let node = rules.sections["business_calendar"] {
            calendars.standard = named(node, "business_calendar", &self)
        }
        var bytes: [UInt8] = []
        for name in ["calendars", "business_calendar", "business_calendar_by"] {
            rules.sections[name]?.appendNormalised(to: &bytes)
        }
        let isUsed = rules.sections["business_calendar"] != nil || rules.sections["business_calendar_by"] != nil
        calendars.fingerprint = isUsed ? KeyHash.hash(bytes) : 0
        guard let node = rules.sections["business_calendar_by"] else { return calendars }
        for dimension in mapping(node, "business_calendar_by", example: "{team: {billing: weekdays}}") ?? [] {
            guard dimension.key == "team" else {
                unknownKey(dimension, in: "business_calendar_by", known: ["team"])
                continue
            }
            for entry in mapping(dimension.value, "business_calendar_by.team", example: "{billing: weekdays}") ?? [] {
                calendars.byTeam[LabelFolding.folded(entry.key)] = named(
                    entry.value, "business_calendar_by.team.\(entry.key)", &self)
            }
        }
        return calendars
    }
}
