import KPIs
import ServiceKit

/// What promises contribute to. Ids stand in state: they never change and are never used again.
enum SLAMeasure {
    static let met = Measure(id: 1, "sla_met", .count)
    /// Met, or breached and done.
    static let verdicts = Measure(id: 2, "sla_verdicts", .count)
    /// Verdicts, and what runs past due.
    static let verdictsWithOverdue = Measure(id: 3, "sla_verdicts_with_overdue", .count)
    static let breaches = Measure(id: 4, "sla_breaches", .count)
    static let atRisk = Measure(id: 5, "sla_at_risk", .gauge)
}

/// The KPIs of the SLA monitor; docs/kpis.md defines them.
enum SLAKPIs {
    static let definitions: [KPIDefinition] = [
        KPIDefinition(
            code: 1, id: "sla_attainment", unit: .proportion,
            formula: .proportion(numerator: SLAMeasure.met, denominator: SLAMeasure.verdicts, maturity: nil),
            windows: .periods),
        KPIDefinition(
            code: 2, id: "sla_attainment_with_overdue", unit: .proportion,
            formula: .proportion(numerator: SLAMeasure.met, denominator: SLAMeasure.verdictsWithOverdue, maturity: nil),
            windows: .periods),
        KPIDefinition(
            code: 3, id: "sla_breaches", unit: .count, formula: .count(SLAMeasure.breaches), windows: .periods),
        KPIDefinition(
            code: 4, id: "sla_at_risk", unit: .gauge, formula: .gauge(SLAMeasure.atRisk), windows: .now,
            everyMinute: true),
    ]

    /// Beside the metric alone, each together with the metric (and the variant).
    static let breakdowns: [[Dimension]] = [[.policy], [.priority], [.channel], [.team], [.tier], [.segment]]
}
