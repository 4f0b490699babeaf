import BusinessTime
import KPIs
import ServiceKit
import Testing
import Ticketing

/// The KPIs of the contract's section 1: their ids, units and windows.
@Suite struct CatalogueTests {
    private static let counts = [
        "tickets_created", "tickets_solved", "tickets_reopened", "tickets_resolved", "contacts_offered",
        "contacts_answered", "contacts_abandoned", "contacts_short_abandoned", "contacts_other", "agent_tickets_solved",
    ]
    private static let gauges = ["backlog_open", "awaiting_first_response", "awaiting_reply"]
    private static let durations = [
        "first_response_time", "first_response_time_human", "first_response_time_any", "response_time",
        "response_time_next", "resolution_time", "resolution_time_first", "resolution_time_cycle",
        "requester_wait_time",
    ]
    private static let otherDurations = [
        "time_in_status", "speed_of_answer", "abandon_time", "handle_time", "agent_first_response_time",
        "agent_handle_time",
    ]
    private static let proportions = [
        "first_contact_resolution", "one_touch_resolution", "bot_resolution_rate", "reopen_rate", "abandonment_rate",
        "service_level", "first_call_resolution", "contact_transfer_rate", "agent_first_contact_resolution",
    ]
    private static let profiles = ["issue_profile", "contact_profile", "agents_required", "agents_to_schedule"]

    static let contract: [(id: String, unit: KPIUnit, windows: WindowSet)] =
        counts.map { ($0, .count, .periods) } + gauges.map { ($0, .gauge, .now) }
        + (durations + durations.map { $0 + "_business" } + otherDurations).map { ($0, .seconds, .periods) }
        + proportions.map { ($0, .proportion, .periods) } + profiles.map { ($0, .count, .week) }
        + ["replies_per_ticket", "transfers_per_ticket"].map { ($0, .mean, .periods) }
        + ["occupancy", "concurrency", "agent_contacts_per_hour"].map { ($0, .ratio, .periods) } + [
            ("backlog", .gauge, [.hour, .day]), ("backlog_age", .seconds, .now), ("agent_ranking", .proportion, .month),
        ]

    @Test func everyKPIOfTheContractIsThereAndNoOther() throws {
        let catalogue = try TicketingTopology(rules: .default, partitions: 1).audit.catalogue
        #expect(Set(catalogue.definitions.map(\.id)) == Set(Self.contract.map(\.id)))
        for (id, unit, windows) in Self.contract {
            let definitions = catalogue.definitions.filter { $0.id == id }
            #expect(definitions.map(\.unit) == [unit], "\(id)")
            #expect(definitions.map(\.windows) == [windows], "\(id)")
            #expect(RulesNames.kpis.contains(id), "\(id)")
        }
        let maturing = [
            "first_contact_resolution": 7, "one_touch_resolution": 30, "bot_resolution_rate": 7, "reopen_rate": 30,
            "first_call_resolution": 7, "agent_first_contact_resolution": 7,
        ]
        for definition in catalogue.definitions {
            guard case .proportion(_, _, let maturity) = definition.formula else { continue }
            let days = maturity.map { Int($0.settlesAfter / 86_400_000_000) }
            #expect(days == maturing[definition.id], "\(definition.id)")
        }
    }
}
