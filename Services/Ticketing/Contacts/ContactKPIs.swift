import KPIs
import ServiceKit

/// What calls, chats and their links with tickets contribute to. Ids stand in state: they never change and are never used
/// again.
enum ContactMeasure {
    static let offered = Measure(id: 40, "contacts_offered", .count)
    static let answered = Measure(id: 41, "contacts_answered", .count)
    static let abandoned = Measure(id: 42, "contacts_abandoned", .count)
    static let shortAbandoned = Measure(id: 43, "contacts_short_abandoned", .count)
    static let other = Measure(id: 44, "contacts_other", .count)
    static let speedOfAnswer = Measure(id: 45, "speed_of_answer", .distribution)
    static let abandonTime = Measure(id: 46, "abandon_time", .distribution)
    static let answeredWithin = Measure(id: 47, "answered_within", .count)
    /// What the rules have the service level divide by.
    static let service = Measure(id: 48, "service_level_contacts", .count)
    static let callResolution = VerdictMeasures(
        positive: Measure(id: 49, "call_resolved", .count), all: Measure(id: 50, "call_verdicts", .count),
        pending: Measure(id: 51, "call_pending", .count))
    static let callExcluded = Measure(id: 52, "call_excluded", .count)
    static let transferred = Measure(id: 53, "contacts_transferred", .count)
    static let handleTime = Measure(id: 54, "handle_time", .distribution)
    static let unmeasured = Measure(id: 55, "handle_time_unmeasured", .count)
    static let agentHandleTime = Measure(id: 56, "agent_handle_time", .distribution)
    static let ticketResolution = VerdictMeasures(
        positive: Measure(id: 57, "first_contact_resolved", .count),
        all: Measure(id: 58, "first_contact_verdicts", .count),
        pending: Measure(id: 59, "first_contact_pending", .count))
    static let ticketExcluded = Measure(id: 60, "first_contact_excluded", .count)
    static let agentTicketResolution = VerdictMeasures(
        positive: Measure(id: 61, "agent_first_contact_resolved", .count),
        all: Measure(id: 62, "agent_first_contact_verdicts", .count),
        pending: Measure(id: 63, "agent_first_contact_pending", .count))
    // Milliseconds of agents' time.
    static let occupied = Measure(id: 64, "occupied_time", .sum)
    static let onDuty = Measure(id: 65, "on_duty_time", .sum)
    static let signedIn = Measure(id: 66, "signed_in_time", .sum)
    static let handled = Measure(id: 67, "handled_time", .sum)
    static let handling = Measure(id: 68, "handling_time", .sum)
    static let agentContacts = Measure(id: 69, "agent_contacts", .count)
}

/// The KPIs of calls and chats, and those of tickets that need to know of the customer's further contacts; docs/kpis.md
/// defines them.
enum ContactKPIs {
    static func definitions(_ rules: ContactRules) -> [KPIDefinition] {
        [
            KPIDefinition(
                code: 40, id: "contacts_offered", unit: .count, formula: .count(ContactMeasure.offered),
                windows: .periods, ratePerDay: true),
            count(41, "contacts_answered", ContactMeasure.answered),
            count(42, "contacts_abandoned", ContactMeasure.abandoned),
            count(43, "contacts_short_abandoned", ContactMeasure.shortAbandoned),
            count(44, "contacts_other", ContactMeasure.other),
            duration(45, "speed_of_answer", ContactMeasure.speedOfAnswer),
            duration(46, "abandon_time", ContactMeasure.abandonTime),
            share(47, "abandonment_rate", ContactMeasure.abandoned, of: ContactMeasure.offered),
            KPIDefinition(
                code: 48, id: "service_level", unit: .proportion,
                formula: .proportion(
                    numerator: ContactMeasure.answeredWithin, denominator: ContactMeasure.service, maturity: nil),
                windows: .periods, fixed: [FixedMember("service_level", json: rules.serviceLevelJSON)]),
            KPIDefinition(
                code: 49, id: "first_call_resolution", unit: .proportion,
                formula: ContactMeasure.callResolution.formula(settlesAfter: rules.repeatWindow), windows: .periods,
                companions: [CompanionCount("excluded", ContactMeasure.callExcluded)]),
            share(50, "contact_transfer_rate", ContactMeasure.transferred, of: ContactMeasure.answered),
            KPIDefinition(
                code: 51, id: "handle_time", unit: .seconds,
                formula: .duration(ContactMeasure.handleTime, quantiles: true), windows: .periods,
                companions: [CompanionCount("unmeasured", ContactMeasure.unmeasured)]),
            duration(52, "agent_handle_time", ContactMeasure.agentHandleTime),
            KPIDefinition(
                code: 53, id: "first_contact_resolution", unit: .proportion,
                formula: ContactMeasure.ticketResolution.formula(settlesAfter: rules.repeatWindow),
                windows: .periods, companions: [CompanionCount("excluded", ContactMeasure.ticketExcluded)]),
            KPIDefinition(
                code: 54, id: "agent_first_contact_resolution", unit: .proportion,
                formula: ContactMeasure.agentTicketResolution.formula(settlesAfter: rules.repeatWindow),
                windows: .periods),
            ratio(
                55, "occupancy", Term(.sum, of: ContactMeasure.occupied), over: Term(.sum, of: ContactMeasure.onDuty)),
            ratio(
                56, "concurrency", Term(.sum, of: ContactMeasure.handled),
                over: Term(.sum, of: ContactMeasure.handling)),
            // Times are in milliseconds.
            ratio(
                57, "agent_contacts_per_hour", Term(.count, of: ContactMeasure.agentContacts, weight: 3_600_000),
                over: Term(.sum, of: ContactMeasure.signedIn)),
        ]
    }

    private static func ratio(_ code: UInt16, _ id: String, _ above: Term, over below: Term) -> KPIDefinition {
        KPIDefinition(
            code: code, id: id, unit: .ratio, formula: .ratio([above], over: [below], terms: .count),
            windows: .periods)
    }

    private static func count(_ code: UInt16, _ id: String, _ measure: Measure) -> KPIDefinition {
        KPIDefinition(code: code, id: id, unit: .count, formula: .count(measure), windows: .periods)
    }

    private static func duration(_ code: UInt16, _ id: String, _ measure: Measure) -> KPIDefinition {
        KPIDefinition(
            code: code, id: id, unit: .seconds, formula: .duration(measure, quantiles: true), windows: .periods)
    }

    private static func share(_ code: UInt16, _ id: String, _ part: Measure, of whole: Measure) -> KPIDefinition {
        KPIDefinition(
            code: code, id: id, unit: .proportion,
            formula: .proportion(numerator: part, denominator: whole, maturity: nil), windows: .periods)
    }
}
