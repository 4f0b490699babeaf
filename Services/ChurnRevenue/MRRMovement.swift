import BusinessTime
import KPIs

/// The change of a customer's MRR over one clock hour of business time, classified by its two values and the history.
struct MRRMovement: Equatable {
    enum Kind {
        /// 0 to something for the first time ever.
        case new
        /// 0 to something again.
        case reactivation
        /// Something to 0.
        case churn
        case expansion, contraction

        var measure: Measure {
            switch self {
            case .new: RevenueMeasure.new
            case .reactivation: RevenueMeasure.reactivation
            case .churn: RevenueMeasure.churn
            case .expansion: RevenueMeasure.expansion
            case .contraction: RevenueMeasure.contraction
            }
        }
    }

    /// Within the hour.
    let time: Int64
    let kind: Kind
    /// Closing less opening MRR, minor units.
    let amount: Int64
    /// What the event that brought the MRR to 0 for good says.
    let reason: String?

    /// The movements of ascending states; they add up to the last one's MRR.
    static func all(of states: [CustomerHistory.State], _ zone: BusinessZone) -> [MRRMovement] {
        var movements: [MRRMovement] = []
        var opening: Int64 = 0
        var hasPaid = false
        var index = 0
        while index < states.count {
            let end = zone.bounds(of: zone.hour(at: states[index].time)).end
            let first = index
            while index < states.count, states[index].time < end || index == first { index += 1 }
            let lastPaid = states[first..<index].lastIndex { $0.mrr > 0 }
            let reason = states[(lastPaid.map { $0 + 1 } ?? first)..<index].first?.reason
            let closing = states[index - 1].mrr
            if closing != opening {
                let kind: Kind =
                    if opening == 0 { hasPaid ? .reactivation : .new } else if closing == 0 { .churn } else {
                        closing > opening ? .expansion : .contraction
                    }
                movements.append(
                    MRRMovement(time: states[index - 1].time, kind: kind, amount: closing - opening, reason: reason))
            }
            hasPaid = hasPaid || closing > 0
            opening = closing
        }
        return movements
    }
}
