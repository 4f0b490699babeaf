import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The contributions of one customer: a pure function of the timeline and the clock.
///
/// The definitions are those of the KPI reference (docs/kpis.md).
public struct CustomerDerivation: EntityDerivation {
    public static let version: UInt32 = 1

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
        var values = DimensionValues()
        if let segment = customer.segment { values[.segment] = output.label(segment) }
        if let tier = customer.tier { values[.tier] = output.label(tier) }
        if let plan = customer.plan { values[.plan] = output.label(plan) }
        let cells = output.cells(of: values)
        addLevels(customer, cells, &output)
        let movements = MRRMovement.all(of: customer.states, zone)
        for movement in movements {
            output.add(movement.kind.measure, at: movement.time, value: movement.amount, cells: cells)
            if movement.kind == .churn, let reason = movement.reason {
                let own = output.cells(.reason, output.label(reason))
                output.add(movement.kind.measure, at: movement.time, value: movement.amount, cells: own)
            }
        }
        for measures in CohortMeasures.all { addCohort(measures, customer, movements, cells, &output) }
    }

    private func addLevels(_ customer: CustomerHistory, _ cells: UInt32, _ output: inout DerivationOutput) {
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
        _ measures: CohortMeasures, _ customer: CustomerHistory, _ movements: [MRRMovement], _ cells: UInt32,
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
                let lastActivity = customer.states[first..<index].last { !$0.isActive && $0.reason != nil }
                // The end of the last activity: the states behind it are inactive, too.
                let end = endOfActivity(customer.states[first..<index]) ?? lastActivity
                if let reason = end?.reason {
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
        addCohortMovements(measures, customer, movements, cells, &output)
        addPurchases(measures, customer.purchases, cells, &output)
    }

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

    private func bounds(_ kind: WindowKind, at instant: Int64) -> WindowBounds {
        zone.bounds(of: kind, bucket: kind.bucket(ofDay: zone.day(at: instant).number))
    }
}
