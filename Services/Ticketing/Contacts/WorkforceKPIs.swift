import KPIs

/// What calls and chats contribute to the planning of agents, and to their ranking.
enum WorkforceMeasure {
    static let contactProfile = Measure(id: 104, "contact_profile", .histogram)
    /// Of phone calls alone: Erlang's queue is one of callers, who do nothing but wait.
    static let phoneArrivals = Measure(id: 105, "phone_arrivals", .histogram)
    static let rankedVerdicts = Measure(id: 106, "agent_first_contact_verdicts_ranked", .count)
    static let rankedResolved = Measure(id: 107, "agent_first_contact_resolved_ranked", .count)
}

/// When contacts come, how many agents they need, and who resolves them; docs/kpis.md defines them.
enum WorkforceKPIs {
    static let rankedBy = "agent_first_contact_resolution"

    static func definitions(_ settings: StaffingSettings) -> [KPIDefinition] {
        [
            KPIDefinition(
                code: 102, id: "contact_profile", unit: .count, formula: .profile(WorkforceMeasure.contactProfile),
                windows: .week, cells: .only([[], ["channel"]])),
            staffing(103, "agents_required", settings, isScheduled: false),
            staffing(104, "agents_to_schedule", settings, isScheduled: true),
            KPIDefinition(
                code: 105, id: "agent_ranking", unit: .proportion,
                formula: .ranking(
                    RankingFormula(
                        by: rankedBy, positive: WorkforceMeasure.rankedResolved, all: WorkforceMeasure.rankedVerdicts)),
                windows: .month, cells: .only([RankingFormula.dimensions])),
        ]
    }

    private static func staffing(
        _ code: UInt16, _ id: String, _ settings: StaffingSettings, isScheduled: Bool
    ) -> KPIDefinition {
        let formula = StaffingFormula(
            arrivals: WorkforceMeasure.phoneArrivals, handleTime: ContactMeasure.handleTime, settings: settings,
            isScheduled: isScheduled)
        return KPIDefinition(
            code: code, id: id, unit: .count, formula: .staffing(formula), windows: .week, cells: .only([["channel"]]))
    }
}
