import BusinessTime
import KPIs
import ServiceKit

/// The KPIs of churn and revenue; docs/kpis.md defines them.
enum RevenueKPIs {
    private typealias Revenue = RevenueMeasure
    private static let windows: WindowSet = [.month, .quarter, .year]
    private static let notByReason = CellFilter.except([["reason"]])
    private static let overall = CellFilter.only([[]])

    static func definitions(_ rules: RevenueRules) -> [KPIDefinition] {
        common + lifetime(rules) + costs
            + CohortMeasures.all.enumerated().flatMap { index, measures in
                cohort(measures, firstCode: UInt16(100 + 100 * index), rules)
            }
    }

    private static let common: [KPIDefinition] = {
        let active = [Term(.levelAtEnd, of: Revenue.active)]
        let mrr = [Term(.levelAtEnd, of: Revenue.mrr)]
        var list = [
            KPIDefinition(
                code: 1, id: "customers_active", unit: .gauge, formula: .total(active), windows: windows,
                cells: notByReason, carriedBy: Revenue.known),
            KPIDefinition(
                code: 2, id: "customers_active", unit: .gauge, formula: .gauge(Revenue.active), windows: .now,
                cells: notByReason),
            KPIDefinition(
                code: 3, id: "mrr", unit: .money, formula: .total(mrr), windows: windows, cells: notByReason,
                countedBy: active, carriedBy: Revenue.known),
            KPIDefinition(
                code: 4, id: "mrr", unit: .money, formula: .gauge(Revenue.mrr), windows: .now, cells: notByReason,
                countedBy: active),
            KPIDefinition(
                code: 5, id: "arpa", unit: .money,
                formula: .ratio(mrr, over: active, terms: .money), windows: windows, cells: notByReason,
                countedBy: active, carriedBy: Revenue.known),
            // By day a level is published where it changes; readers carry it forward.
            KPIDefinition(
                code: 6, id: "customers_active", unit: .gauge, formula: .total(active), windows: .day,
                cells: notByReason),
            KPIDefinition(
                code: 7, id: "mrr", unit: .money, formula: .total(mrr), windows: .day, cells: notByReason,
                countedBy: active),
            KPIDefinition(
                code: 8, id: "arpa", unit: .money, formula: .ratio(mrr, over: active, terms: .money), windows: .day,
                cells: notByReason, countedBy: active),
        ]
        for (index, measure) in Revenue.movements.enumerated() {
            list.append(
                KPIDefinition(
                    code: UInt16(10 + index), id: measure.name, unit: .money,
                    formula: .total([Term(.sum, of: measure)]),
                    windows: windows, cells: measure == Revenue.churn ? .all : notByReason,
                    countedBy: [Term(.count, of: measure)], carriedBy: Revenue.known))
        }
        let gains = [Revenue.new, Revenue.expansion, Revenue.reactivation].map { Term(.sum, of: $0) }
        let losses = [Revenue.churn, Revenue.contraction].map { Term(.sum, of: $0, weight: -1) }
        list.append(
            KPIDefinition(
                code: 21, id: "arpa", unit: .money, formula: .ratio(mrr, over: active, terms: .money), windows: .now,
                cells: notByReason, countedBy: active))
        list.append(
            KPIDefinition(
                code: 20, id: "quick_ratio", unit: .ratio, formula: .ratio(gains, over: losses, terms: .money),
                windows: windows, cells: notByReason, hasCount: false, carriedBy: Revenue.known))
        return list
    }()

    private static func lifetime(_ rules: RevenueRules) -> [KPIDefinition] {
        let margin = rules.margin.map {
            LifetimeValue.Margin(mantissa: Int64(clamping: $0.mantissa), digits: -$0.exponent)
        }
        func value(_ cost: Measure? = nil) -> KPIFormula {
            .lifetimeValue(
                LifetimeValue(
                    mrr: Revenue.mrr, active: Revenue.active, lost: Revenue.lost, margin: margin, supportCost: cost))
        }
        return [
            KPIDefinition(
                code: 22, id: "customer_lifetime_value", unit: .money, formula: value(), windows: windows,
                cells: notByReason, hasCount: false, carriedBy: Revenue.known),
            KPIDefinition(
                code: 23, id: "customer_lifetime_value_net", unit: .money, formula: value(Revenue.cost),
                windows: windows, cells: overall, hasCount: false, carriedBy: Revenue.known,
                requirements: [.everyDay(Revenue.costDays)], settledBy: Revenue.closedDays),
            KPIDefinition(
                code: 24, id: "customer_lifetime_value_historic", unit: .money,
                formula: .ratio(
                    [Term(.levelAtEnd, of: Revenue.margin)],
                    over: [Term(.levelAtEnd, of: Revenue.everActive, weight: Revenue.marginScale)], terms: .money),
                windows: windows, cells: notByReason, hasCount: false, carriedBy: Revenue.known,
                requirements: [.nothing(Revenue.unvalued)]),
        ]
    }

    /// Those of support's costs, which nobody knows by segment, tier or plan.
    private static let costs: [KPIDefinition] = {
        let cost = [Term(.sum, of: Revenue.cost)]
        func per(_ tickets: Measure, _ code: UInt16, _ id: String) -> KPIDefinition {
            KPIDefinition(
                code: code, id: id, unit: .money,
                formula: .ratio(cost, over: [Term(.sum, of: tickets)], terms: .money), windows: windows,
                cells: .only([[], ["team"]]), hasCount: false, carriedBy: Revenue.known,
                requirements: [.everyDay(Revenue.costDays)], settledBy: Revenue.closedDays)
        }
        return [
            KPIDefinition(
                code: 25, id: "support_cost_ratio", unit: .ratio,
                formula: .ratio(cost, over: [Term(.sum, of: Revenue.revenue)], terms: .money), windows: windows,
                cells: overall, hasCount: false, carriedBy: Revenue.known,
                requirements: [.everyDay(Revenue.costDays), .everyDay(Revenue.revenueDays)],
                settledBy: Revenue.closedDays),
            per(Revenue.ticketsCreated, 26, "cost_per_issue"),
            per(Revenue.ticketsSolved, 27, "cost_per_solved"),
            KPIDefinition(
                code: 28, id: "contact_rate", unit: .ratio,
                formula: .ratio(
                    [Term(.sum, of: Revenue.ticketsCreated)], over: [Term(.levelAtEnd, of: Revenue.active)],
                    terms: .count),
                windows: windows, cells: .only([[], ["segment"], ["tier"]]), carriedBy: Revenue.known),
        ]
    }()

    /// Those of one kind of window.
    private static func cohort(
        _ measures: CohortMeasures, firstCode: UInt16, _ rules: RevenueRules
    ) -> [KPIDefinition] {
        var code = firstCode
        func define(
            _ id: String, _ unit: KPIUnit, _ formula: KPIFormula, cells: CellFilter = notByReason,
            companions: [CompanionCount] = [], flags: [ValueFlag] = [], countedBy: [Term] = [], hasCount: Bool = true
        ) -> KPIDefinition {
            defer { code += 1 }
            return KPIDefinition(
                code: code, id: id, unit: unit, formula: formula, windows: WindowSet(measures.kind), cells: cells,
                companions: companions, flags: flags, countedBy: countedBy, hasCount: hasCount,
                carriedBy: Revenue.known)
        }
        let atStart = [Term(.levelAtStart, of: Revenue.active)]
        let atEnd = [Term(.levelAtEnd, of: Revenue.active)]
        let mrrAtStart = [Term(.levelAtStart, of: Revenue.mrr)]
        func count(_ measure: Measure, _ weight: Int64 = 1) -> Term { Term(.count, of: measure, weight: weight) }
        func sum(_ measure: Measure, _ weight: Int64 = 1) -> Term { Term(.sum, of: measure, weight: weight) }
        let gross = [sum(measures.churn, -1), sum(measures.contraction, -1)]
        var net = gross + [sum(measures.expansion, -1)]
        if rules.countsReactivation { net.append(sum(measures.reactivation, -1)) }
        func remaining(_ loss: [Term]) -> [Term] {
            mrrAtStart + loss.map { Term($0.part, of: $0.measure, weight: -$0.weight) }
        }
        let left = [CompanionCount("left_and_returned", measures.leftAndReturned)]
        return [
            define("customers_new", .count, .total([count(measures.new)])),
            define("customers_lost", .count, .total([count(measures.lost)]), cells: .all, companions: left),
            define("customers_returned", .count, .total([count(measures.returned)]), companions: left),
            define(
                "retention_rate", .proportion,
                .ratio(atStart + [count(measures.lost, -1)], over: atStart, terms: .count)),
            define("churn_rate", .proportion, .ratio([count(measures.lost)], over: atStart, terms: .count)),
            define(
                "retention_rate_simple", .ratio,
                .ratio(atEnd + [count(measures.new, -1)], over: atStart, terms: .count)),
            define(
                "churn_rate_simple", .ratio,
                .ratio(atStart + [Term(.levelAtEnd, of: Revenue.active, weight: -1)], over: atStart, terms: .count),
                flags: [ValueFlag("grew", below: 0)]),
            define(
                "repeat_customer_rate", .proportion,
                .ratio([count(measures.repeatBuyers)], over: [count(measures.buyers)], terms: .count)),
            define(
                "churn_reasons", .count, .total([count(measures.lost)]), cells: .only([["reason"]]),
                companions: [CompanionCount("mrr", Revenue.churn, isMoney: true)]),
            define(
                "revenue_churn_gross", .ratio, .ratio(gross, over: mrrAtStart, terms: .money), countedBy: atStart),
            define("revenue_churn_net", .ratio, .ratio(net, over: mrrAtStart, terms: .money), countedBy: atStart),
            define(
                "revenue_retention_gross", .ratio, .ratio(remaining(gross), over: mrrAtStart, terms: .money),
                countedBy: atStart),
            define(
                "revenue_retention_net", .ratio, .ratio(remaining(net), over: mrrAtStart, terms: .money),
                countedBy: atStart),
            define(
                "churn_mix", .ratio,
                .ratioOfRatios(
                    TermRatio(gross, over: mrrAtStart), over: TermRatio([count(measures.lost)], over: atStart)),
                countedBy: atStart),
            define("upsell_rate", .proportion, .ratio([count(measures.expanders)], over: atStart, terms: .count)),
            define(
                "revenue_churn_purchases", .ratio,
                .ratio([sum(measures.revenueLost)], over: [sum(measures.revenueBefore)], terms: .money),
                hasCount: false),
            define("left_and_returned", .count, .total([count(measures.leftAndReturned)])),
        ]
    }
}
