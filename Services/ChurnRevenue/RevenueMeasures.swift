import BusinessTime
import KPIs

/// What customers contribute to. Ids stand in state: they never change and are never used again.
enum RevenueMeasure {
    /// +1 and -1 customer.
    static let active = Measure(id: 1, "customers_active", .levelDelta)
    /// Changes of the monthly recurring revenue in minor units.
    static let mrr = Measure(id: 2, "mrr", .levelDelta)
    // Movements: one per customer and clock hour, minor units with their sign.
    static let new = Measure(id: 3, "mrr_new", .sum)
    static let expansion = Measure(id: 4, "mrr_expansion", .sum)
    static let contraction = Measure(id: 5, "mrr_contraction", .sum)
    static let churn = Measure(id: 6, "mrr_churn", .sum)
    static let reactivation = Measure(id: 7, "mrr_reactivation", .sum)

    /// +1 customer at the first event of all: what keeps windows being published.
    static let known = Measure(id: 8, "customers_known", .levelDelta)
    /// +1 customer lost by the month.
    static let lost = Measure(id: 9, "customers_lost", .levelDelta)
    /// +1 customer at the first activation.
    static let everActive = Measure(id: 10, "customers_ever", .levelDelta)
    /// Recognised margin in minor units x 10^``marginDigits``.
    static let margin = Measure(id: 11, "margin", .levelDelta)
    /// Payments and months of which no margin is known.
    static let unvalued = Measure(id: 12, "unvalued", .levelDelta)
    // Finance, minor units, and the days of which something is known.
    static let cost = Measure(id: 90, "support_cost", .sum)
    static let revenue = Measure(id: 91, "revenue", .sum)
    static let costDays = Measure(id: 92, "cost_days", .days)
    static let revenueDays = Measure(id: 93, "revenue_days", .days)
    static let closedDays = Measure(id: 94, "closed_days", .days)
    // From ticketing: the values of its updates.
    static let ticketsCreated = Measure(id: 95, "tickets_created", .sum)
    static let ticketsSolved = Measure(id: 96, "tickets_solved", .sum)

    /// Decimal places of a minor unit that are kept of margins: sums of many shares of a month round to the cent of their exact
    /// sum, and totals of 90 thousand million units of the currency still fit.
    static let marginDigits = 6
    static let marginScale: Int64 = 1_000_000

    static let movements = [new, expansion, contraction, churn, reactivation]
}

/// The measures whose meaning depends on where a window begins and ends: one set for each kind of window.
struct CohortMeasures {
    static let kinds: [WindowKind] = [.month, .quarter, .year]
    static let all = kinds.enumerated().map { CohortMeasures($0.element, firstID: UInt16(20 + 20 * $0.offset)) }

    let kind: WindowKind
    /// Active at the start and not at the end.
    let lost: Measure
    /// Active at the end and for the first time ever in the window.
    let new: Measure
    /// Active at the end, neither at the start nor new.
    let returned: Measure
    /// Active at start and end, and not in between.
    let leftAndReturned: Measure
    // Movements of those who were active at the start.
    let expansion: Measure
    let contraction: Measure
    let churn: Measure
    let reactivation: Measure
    /// Active at the start, with an expansion.
    let expanders: Measure
    /// With a purchase in the window; of these, with two or more up to its end.
    let buyers: Measure
    let repeatBuyers: Measure
    /// What buyers without subscription paid in the window before, and what of it was lost or reduced in this one.
    let revenueBefore: Measure
    let revenueLost: Measure

    private init(_ kind: WindowKind, firstID: UInt16) {
        self.kind = kind
        func measure(_ offset: UInt16, _ name: String, _ measured: MeasureKind) -> Measure {
            Measure(id: firstID + offset, "\(name)_\(kind.name)", measured)
        }
        lost = measure(0, "lost", .count)
        new = measure(1, "new", .count)
        returned = measure(2, "returned", .count)
        leftAndReturned = measure(3, "left_and_returned", .count)
        expansion = measure(4, "cohort_expansion", .sum)
        contraction = measure(5, "cohort_contraction", .sum)
        churn = measure(6, "cohort_churn", .sum)
        reactivation = measure(7, "cohort_reactivation", .sum)
        expanders = measure(8, "expanders", .count)
        buyers = measure(9, "buyers", .count)
        repeatBuyers = measure(10, "repeat_buyers", .count)
        revenueBefore = measure(11, "revenue_before", .sum)
        revenueLost = measure(12, "revenue_lost", .sum)
    }
}
