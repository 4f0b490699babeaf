import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The contributions of one customer: a pure function of the timeline and the clock.
///
/// The definitions are those of the KPI reference (docs/kpis.md).
public struct CustomerDerivation: EntityDerivation {
    public static let version: UInt32 = 2

    private let rules: RevenueRules
    private let zone: BusinessZone

    init(_ rules: RevenueRules, _ zone: BusinessZone) {
        self.rules = rules
        self.zone = zone
    }

    public mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {
        var customer = CustomerHistory(rules)
        try customer.replay(timeline, until: clock, &output)
        if customer.nextChange != .max { output.deriveAgain(at: customer.nextChange) }
        guard let firstEvent = customer.firstEvent else { return }
        var values = DimensionValues()
        if let segment = customer.segment { values[.segment] = output.label(segment) }
        if let tier = customer.tier { values[.tier] = output.label(tier) }
        if let plan = customer.plan { values[.plan] = output.label(plan) }
        let cells = output.cells(of: values)
        output.add(RevenueMeasure.known, at: firstEvent, value: 1, cells: cells)
        addLevels(customer, cells, &output)
        let movements = MRRMovement.all(of: customer.states, zone)
        var reasons: Set<String> = []
        for movement in movements {
            output.add(movement.kind.measure, at: movement.time, value: movement.amount, cells: cells)
            if movement.kind == .churn, let reason = movement.reason {
                reasons.insert(reason)
                let own = output.cells(.reason, output.label(reason))
                output.add(movement.kind.measure, at: movement.time, value: movement.amount, cells: own)
            }
        }
        for measures in CohortMeasures.all {
            addCohort(measures, customer, cells, &reasons, &output)
            addCohortMovements(measures, customer, movements, cells, &output)
            addPurchases(measures, customer.purchases, cells, &output)
            addRevenue(measures, customer, clock, cells, &output)
        }
        for reason in reasons.sorted() {
            output.add(
                RevenueMeasure.known, at: firstEvent, value: 1, cells: output.cells(.reason, output.label(reason)))
        }
        addMargin(customer, clock, cells, &output)
        if customer.erased != nil { output.erase() }
    }

    private func addLevels(_ customer: CustomerHistory, _ cells: UInt32, _ output: inout DerivationOutput) {
        if let first = customer.states.first(where: \.isActive) {
            output.add(RevenueMeasure.everActive, at: first.time, value: 1, cells: cells)
        }
        var before: CustomerHistory.State?
        for state in customer.states {
            let isActive = before?.isActive ?? false
            if state.isActive != isActive {
                output.add(RevenueMeasure.active, at: state.time, value: state.isActive ? 1 : -1, cells: cells)
            }
            let change = state.mrr - (before?.mrr ?? 0)
            if change != 0 { output.add(RevenueMeasure.mrr, at: state.time, value: change, cells: cells) }
            before = state
        }
    }

    // MARK: Cohorts

    /// What the windows of one kind say of the customer. Where nothing happens, nothing is added: the levels tell.
    private func addCohort(
        _ measures: CohortMeasures, _ customer: CustomerHistory, _ cells: UInt32, _ reasons: inout Set<String>,
        _ output: inout DerivationOutput
    ) {
        let firstActive = customer.states.first { $0.isActive }?.time
        var index = 0
        while index < customer.states.count {
            let bounds = bounds(measures.kind, at: customer.states[index].time)
            let first = index
            while index < customer.states.count, customer.states[index].time < bounds.end { index += 1 }
            let wasActive = first > 0 && customer.states[first - 1].isActive
            let last = customer.states[index - 1]
            let at = last.time
            switch (wasActive, last.isActive) {
            case (true, false):
                output.add(measures.lost, at: at, cells: cells)
                if measures.kind == .month { output.add(RevenueMeasure.lost, at: at, value: 1, cells: cells) }
                if let reason = endOfActivity(customer.states[first..<index])?.reason {
                    reasons.insert(reason)
                    output.add(measures.lost, at: at, cells: output.cells(.reason, output.label(reason)))
                }
            case (false, true):
                let isNew = firstActive.map { bounds.start <= $0 && $0 < bounds.end } ?? false
                output.add(isNew ? measures.new : measures.returned, at: at, cells: cells)
            case (true, true):
                if customer.states[first..<index].contains(where: { !$0.isActive }) {
                    output.add(measures.leftAndReturned, at: at, cells: cells)
                }
            case (false, false): break
            }
        }
    }

    /// The first of the inactive states at the end.
    private func endOfActivity(_ states: ArraySlice<CustomerHistory.State>) -> CustomerHistory.State? {
        let lastActive = states.lastIndex { $0.isActive }
        return states[(lastActive.map { $0 + 1 } ?? states.startIndex)...].first
    }

    private func addCohortMovements(
        _ measures: CohortMeasures, _ customer: CustomerHistory, _ movements: [MRRMovement], _ cells: UInt32,
        _ output: inout DerivationOutput
    ) {
        var expandedIn: Int64?
        for movement in movements {
            let start = bounds(measures.kind, at: movement.time).start
            guard customer.state(before: start)?.isActive ?? false else { continue }
            let measure: Measure
            switch movement.kind {
            case .expansion: measure = measures.expansion
            case .contraction: measure = measures.contraction
            case .churn: measure = measures.churn
            case .reactivation: measure = measures.reactivation
            case .new: continue
            }
            output.add(measure, at: movement.time, value: movement.amount, cells: cells)
            if movement.kind == .expansion, expandedIn != start {
                expandedIn = start
                output.add(measures.expanders, at: movement.time, cells: cells)
            }
        }
    }

    // MARK: Purchases

    private func addPurchases(
        _ measures: CohortMeasures, _ purchases: [Int64], _ cells: UInt32, _ output: inout DerivationOutput
    ) {
        var index = 0
        while index < purchases.count {
            let at = purchases[index]
            let end = bounds(measures.kind, at: at).end
            while index < purchases.count, purchases[index] < end { index += 1 }
            output.add(measures.buyers, at: at, cells: cells)
            if index >= 2 { output.add(measures.repeatBuyers, at: at, cells: cells) }
        }
    }

    /// What a customer without subscription paid in one window, and what of it was lost or reduced in the next one.
    private func addRevenue(
        _ measures: CohortMeasures, _ customer: CustomerHistory, _ clock: Int64, _ cells: UInt32,
        _ output: inout DerivationOutput
    ) {
        var revenue: [Int64: Int64] = [:]
        for payment in customer.payments {
            revenue[bucket(measures.kind, at: payment.time), default: 0] += payment.amount
        }
        for (window, paid) in revenue.sorted(by: { $0.key < $1.key }) where paid > 0 {
            let next = zone.bounds(of: measures.kind, bucket: window + 1)
            // Of somebody erased nothing can come any more, and nothing will be left to derive then.
            guard next.start <= clock || customer.erased != nil else {
                output.deriveAgain(at: next.start)
                continue
            }
            if let started = customer.firstSubscription, started < next.end { continue }
            output.add(measures.revenueBefore, at: next.start, value: paid, cells: cells)
            let lost = paid - min(paid, max(0, revenue[window + 1] ?? 0))
            if lost > 0 { output.add(measures.revenueLost, at: next.start, value: lost, cells: cells) }
        }
    }

    // MARK: Margin

    /// What remained of purchases, when they were made, and of each month's recurring revenue, when the month is over.
    private func addMargin(
        _ customer: CustomerHistory, _ clock: Int64, _ cells: UInt32, _ output: inout DerivationOutput
    ) {
        for payment in customer.payments where payment.amount != 0 {
            if let margin = payment.margin ?? rules.margin,
                let value = margin.rounded(
                    times: [ExactDecimal(payment.amount)], digits: RevenueMeasure.marginDigits)
            {
                output.add(RevenueMeasure.margin, at: payment.time, value: value, cells: cells)
            } else {
                output.add(RevenueMeasure.unvalued, at: payment.time, value: 1, cells: cells)
            }
        }
        guard let margin = rules.margin else {
            if let paid = customer.states.first(where: { $0.mrr > 0 }) {
                output.add(RevenueMeasure.unvalued, at: paid.time, value: 1, cells: cells)
            }
            return
        }
        for month in AccruedMonth.all(of: customer.states, zone, until: customer.erased ?? clock) {
            guard month.end <= clock || customer.erased != nil else {
                output.deriveAgain(at: month.end)
                continue
            }
            let value = margin.rounded(
                times: [ExactDecimal(month.mrrDays)], over: [month.days], digits: RevenueMeasure.marginDigits)
            output.add(RevenueMeasure.margin, at: month.last, value: value ?? 0, cells: cells)
        }
    }

    // MARK: Windows

    private func bucket(_ kind: WindowKind, at instant: Int64) -> Int64 {
        kind.bucket(ofDay: zone.day(at: instant).number)
    }

    private func bounds(_ kind: WindowKind, at instant: Int64) -> WindowBounds {
        zone.bounds(of: kind, bucket: bucket(kind, at: instant))
    }
}
