import KPIs

/// What tickets contribute to. Ids stand in state: they never change and are never used again.
enum TicketMeasure {
    static let created = Measure(id: 1, "tickets_created", .count)
    static let solved = Measure(id: 2, "tickets_solved", .count)
    static let reopened = Measure(id: 3, "tickets_reopened", .count)
    static let resolved = Measure(id: 4, "tickets_resolved", .count)
    static let backlog = Measure(id: 5, "backlog", .levelDelta)
    static let backlogOpen = Measure(id: 6, "backlog_open", .gauge)
    static let firstResponseTime = Measure(id: 7, "first_response_time", .distribution)
    static let firstResponseOpen = Measure(id: 8, "first_response_open", .count)
    static let resolutionTime = Measure(id: 9, "resolution_time", .distribution)
    static let resolutionTimeFirst = Measure(id: 10, "resolution_time_first", .distribution)
    static let resolutionTimeCycle = Measure(id: 11, "resolution_time_cycle", .distribution)
    static let reopenVerdicts = Measure(id: 12, "reopen_verdicts", .count)
    static let reopenedVerdicts = Measure(id: 13, "reopened_verdicts", .count)
    static let reopenPending = Measure(id: 14, "reopen_pending", .count)
}

/// The KPIs of ticketing; docs/kpis.md defines them.
enum TicketingKPIs {
    static let definitions: [KPIDefinition] = [
        KPIDefinition(
            code: 1, id: "tickets_created", unit: .count, formula: .count(TicketMeasure.created), windows: .periods,
            ratePerDay: true),
        KPIDefinition(
            code: 2, id: "tickets_solved", unit: .count, formula: .count(TicketMeasure.solved), windows: .periods),
        KPIDefinition(
            code: 3, id: "tickets_reopened", unit: .count, formula: .count(TicketMeasure.reopened), windows: .periods),
        KPIDefinition(
            code: 4, id: "tickets_resolved", unit: .count, formula: .count(TicketMeasure.resolved), windows: .periods),
        KPIDefinition(
            code: 5, id: "backlog", unit: .gauge, formula: .level(TicketMeasure.backlog), windows: [.hour, .day]),
        KPIDefinition(
            code: 6, id: "backlog_open", unit: .gauge, formula: .gauge(TicketMeasure.backlogOpen), windows: .now),
        KPIDefinition(
            code: 7, id: "first_response_time", unit: .seconds,
            formula: .duration(TicketMeasure.firstResponseTime, quantiles: true), windows: .periods,
            companions: [CompanionCount("open", TicketMeasure.firstResponseOpen)]),
        KPIDefinition(
            code: 8, id: "resolution_time", unit: .seconds,
            formula: .duration(TicketMeasure.resolutionTime, quantiles: true), windows: .periods),
        KPIDefinition(
            code: 9, id: "resolution_time_first", unit: .seconds,
            formula: .duration(TicketMeasure.resolutionTimeFirst, quantiles: true), windows: .periods),
        KPIDefinition(
            code: 10, id: "resolution_time_cycle", unit: .seconds,
            formula: .duration(TicketMeasure.resolutionTimeCycle, quantiles: true), windows: .periods),
        KPIDefinition(
            code: 11, id: "reopen_rate", unit: .proportion,
            formula: .proportion(
                numerator: TicketMeasure.reopenedVerdicts, denominator: TicketMeasure.reopenVerdicts,
                maturity: Maturity(pending: TicketMeasure.reopenPending, settlesAfter: TicketDerivation.reopenWindow)),
            windows: .periods),
    ]
}
