import BusinessTime
import KPIs

/// The ticketing KPIs of the first release, as a service defines them.
enum Sample {
    static let created = Measure(id: 1, "created", .count)
    static let solved = Measure(id: 2, "solved", .count)
    static let reopened = Measure(id: 3, "reopened", .count)
    static let resolved = Measure(id: 4, "resolved", .count)
    static let openNow = Measure(id: 5, "open now", .gauge)
    static let backlog = Measure(id: 6, "backlog", .levelDelta)
    static let firstResponse = Measure(id: 7, "first response", .distribution)
    static let firstResponseOpen = Measure(id: 8, "first response open", .count)
    static let resolution = Measure(id: 9, "resolution", .distribution)
    static let resolutionFirst = Measure(id: 10, "resolution first", .distribution)
    static let resolutionCycle = Measure(id: 11, "resolution cycle", .distribution)
    static let reopenSettled = Measure(id: 12, "reopen rate, settled", .count)
    static let reopenReopened = Measure(id: 13, "reopen rate, reopened", .count)
    static let reopenPending = Measure(id: 14, "reopen rate, pending", .count)

    static let sentiment = Measure(id: 15, "sentiment", .sum)
    static let promoters = Measure(id: 16, "promoters", .count)
    static let passives = Measure(id: 17, "passives", .count)
    static let detractors = Measure(id: 18, "detractors", .count)

    static let openSince = Measure(id: 19, "open since", .instants)
    static let arrivals = Measure(id: 20, "arrivals", .histogram)
    static let handled = Measure(id: 21, "handled", .distribution)
    static let rated = Measure(id: 22, "rated", .count)
    static let ratedWell = Measure(id: 23, "rated well", .count)

    static let day: Micros = 86_400_000_000
    static let hour: Micros = 3_600_000_000

    static let definitions = [
        KPIDefinition(
            code: 1, id: "tickets_created", unit: .count, formula: .count(created), windows: .periods,
            cells: .except([["solved_by"]]), ratePerDay: true),
        KPIDefinition(code: 2, id: "tickets_solved", unit: .count, formula: .count(solved), windows: .periods),
        KPIDefinition(code: 3, id: "tickets_reopened", unit: .count, formula: .count(reopened), windows: .periods),
        KPIDefinition(code: 4, id: "tickets_resolved", unit: .count, formula: .count(resolved), windows: .periods),
        KPIDefinition(code: 5, id: "backlog_open", unit: .gauge, formula: .gauge(openNow), windows: .now),
        KPIDefinition(
            code: 6, id: "backlog", unit: .gauge, formula: .level(backlog), windows: [.hour, .day],
            hourHistory: 48 * hour),
        KPIDefinition(
            code: 7, id: "first_response_time", unit: .seconds, formula: .duration(firstResponse, quantiles: true),
            windows: .periods, companions: [CompanionCount("open", firstResponseOpen)]),
        KPIDefinition(
            code: 8, id: "resolution_time", unit: .seconds, formula: .duration(resolution, quantiles: true),
            windows: .periods),
        KPIDefinition(
            code: 9, id: "resolution_time_first", unit: .seconds, formula: .duration(resolutionFirst, quantiles: true),
            windows: .periods),
        KPIDefinition(
            code: 10, id: "resolution_time_cycle", unit: .seconds, formula: .duration(resolutionCycle, quantiles: true),
            windows: .periods),
        KPIDefinition(
            code: 11, id: "reopen_rate", unit: .proportion,
            formula: .proportion(
                numerator: reopenReopened, denominator: reopenSettled,
                maturity: Maturity(pending: reopenPending, settlesAfter: 30 * day)), windows: .periods,
            flags: [ValueFlag("many", below: 2), ValueFlag("few", below: 0.1)]),
        KPIDefinition(
            code: 12, id: "sentiment", unit: .points, formula: .mean(sentiment, scale: 1_000_000), windows: .periods),
        KPIDefinition(
            code: 13, id: "nps", unit: .points,
            formula: .netPromoterScore(promoters: promoters, passives: passives, detractors: detractors),
            windows: .periods),
        KPIDefinition(code: 14, id: "backlog_age", unit: .seconds, formula: .ages(openSince), windows: .now),
        KPIDefinition(code: 15, id: "awaiting_reply", unit: .gauge, formula: .gauge(openSince), windows: .now),
        KPIDefinition(code: 16, id: "contact_profile", unit: .count, formula: .profile(arrivals), windows: .week),
        KPIDefinition(
            code: 17, id: "agents_required", unit: .count,
            formula: .staffing(StaffingFormula(arrivals: arrivals, handleTime: handled, isScheduled: false)),
            windows: .week),
        KPIDefinition(
            code: 18, id: "agent_ranking", unit: .proportion,
            formula: .ranking(RankingFormula(by: "csat", positive: ratedWell, all: rated)), windows: .month,
            cells: .only([RankingFormula.dimensions])),
    ]

    static func catalogue(only: Set<String>? = nil, windows: WindowSet = .periods) throws -> KPICatalogue {
        try KPICatalogue(definitions, only: only, windows: windows)
    }
}
