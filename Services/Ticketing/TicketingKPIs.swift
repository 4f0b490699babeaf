import KPIs
import ServiceKit

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
    static let reopen = VerdictMeasures(
        positive: Measure(id: 13, "reopened_verdicts", .count), all: Measure(id: 12, "reopen_verdicts", .count),
        pending: Measure(id: 14, "reopen_pending", .count))
    static let firstResponseTimeHuman = Measure(id: 15, "first_response_time_human", .distribution)
    static let firstResponseTimeAny = Measure(id: 16, "first_response_time_any", .distribution)
    static let responseTime = Measure(id: 17, "response_time", .distribution)
    static let responseTimeNext = Measure(id: 18, "response_time_next", .distribution)
    static let requesterWaitTime = Measure(id: 19, "requester_wait_time", .distribution)
    static let timeInStatus = Measure(id: 20, "time_in_status", .distribution)
    static let oneTouch = VerdictMeasures(
        positive: Measure(id: 21, "one_touch", .count), all: Measure(id: 22, "one_touch_verdicts", .count),
        pending: Measure(id: 23, "one_touch_pending", .count))
    static let botResolution = VerdictMeasures(
        positive: Measure(id: 24, "bot_resolved", .count), all: Measure(id: 25, "bot_verdicts", .count),
        pending: Measure(id: 26, "bot_pending", .count))
    static let replies = Measure(id: 27, "replies", .sum)
    static let transfers = Measure(id: 28, "transfers", .sum)
    // 29 and 30 were these gauges without their instants.
    static let awaitingFirstResponse = Measure(id: 100, "awaiting_first_response", .instants)
    static let awaitingReply = Measure(id: 101, "awaiting_reply", .instants)
    static let backlogAge = Measure(id: 102, "backlog_age", .instants)
    static let issueProfile = Measure(id: 103, "issue_profile", .histogram)
    static let agentSolved = Measure(id: 31, "agent_tickets_solved", .count)
    static let agentFirstResponseTime = Measure(id: 32, "agent_first_response_time", .distribution)
}

/// Entities with a verdict, those for whom it is positive, and those whose verdict can still change.
struct VerdictMeasures {
    let positive: Measure
    let all: Measure
    let pending: Measure

    func formula(settlesAfter: Int64) -> KPIFormula {
        .proportion(
            numerator: positive, denominator: all, maturity: Maturity(pending: pending, settlesAfter: settlesAfter))
    }
}

/// The KPIs of ticketing; docs/kpis.md defines them.
enum TicketingKPIs {
    static func definitions(_ rules: ContactRules, _ staffing: StaffingSettings) -> [KPIDefinition] {
        tickets + BusinessTimeKPIs.definitions + ContactKPIs.definitions(rules)
            + WorkforceKPIs.definitions(staffing)
    }

    private static let tickets: [KPIDefinition] = [
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
            formula: TicketMeasure.reopen.formula(settlesAfter: TicketDerivation.reopenWindow), windows: .periods),
        duration(12, "first_response_time_human", TicketMeasure.firstResponseTimeHuman),
        duration(13, "first_response_time_any", TicketMeasure.firstResponseTimeAny),
        duration(14, "response_time", TicketMeasure.responseTime),
        duration(15, "response_time_next", TicketMeasure.responseTimeNext),
        duration(16, "requester_wait_time", TicketMeasure.requesterWaitTime),
        duration(17, "time_in_status", TicketMeasure.timeInStatus),
        KPIDefinition(
            code: 18, id: "one_touch_resolution", unit: .proportion,
            formula: TicketMeasure.oneTouch.formula(settlesAfter: TicketDerivation.reopenWindow), windows: .periods),
        KPIDefinition(
            code: 19, id: "bot_resolution_rate", unit: .proportion,
            formula: TicketMeasure.botResolution.formula(settlesAfter: TicketDerivation.botWindow), windows: .periods),
        KPIDefinition(
            code: 20, id: "replies_per_ticket", unit: .mean, formula: .mean(TicketMeasure.replies, scale: 1),
            windows: .periods),
        KPIDefinition(
            code: 21, id: "transfers_per_ticket", unit: .mean, formula: .mean(TicketMeasure.transfers, scale: 1),
            windows: .periods),
        KPIDefinition(
            code: 22, id: "awaiting_first_response", unit: .gauge,
            formula: .gauge(TicketMeasure.awaitingFirstResponse), windows: .now),
        KPIDefinition(
            code: 23, id: "awaiting_reply", unit: .gauge, formula: .gauge(TicketMeasure.awaitingReply), windows: .now),
        KPIDefinition(
            code: 24, id: "agent_tickets_solved", unit: .count, formula: .count(TicketMeasure.agentSolved),
            windows: .periods),
        duration(25, "agent_first_response_time", TicketMeasure.agentFirstResponseTime),
        KPIDefinition(
            code: 100, id: "backlog_age", unit: .seconds, formula: .ages(TicketMeasure.backlogAge), windows: .now),
        KPIDefinition(
            code: 101, id: "issue_profile", unit: .count, formula: .profile(TicketMeasure.issueProfile),
            windows: .week, cells: .only([[], ["channel"]])),
    ]

    static func duration(_ code: UInt16, _ id: String, _ measure: Measure) -> KPIDefinition {
        KPIDefinition(
            code: code, id: id, unit: .seconds, formula: .duration(measure, quantiles: true), windows: .periods)
    }
}
