import ServiceKit
import Streams
import SupportEvents

/// One event of a customer or a period, taken out of its packed form.
struct RevenueEvent {
    private(set) var type: EventType
    private(set) var time: Int64
    private(set) var segment: String?
    private(set) var tier: String?
    private(set) var team: String?
    private(set) var reason: String?
    private(set) var subscription: String?
    private(set) var purchase: String?
    private(set) var plan: String?
    private var ownMRR: ExactDecimal?
    private var amount: ExactDecimal?
    private var interval = BillingInterval.month
    private var intervalCount: Int64 = 1
    private var quantity: Int64 = 1
    private var currency: String?
    /// Of a purchase: the share of its amount that remains.
    private(set) var margin: ExactDecimal?

    /// Minor units: more than that is no price, so that sums keep within 64 bits.
    private static let largestAmount: Int64 = 10_000_000_000_000

    init(_ event: TimelineEvent, _ output: inout DerivationOutput) throws(InternalRecordError) {
        guard let type = EventType(rawValue: event.type) else {
            throw InternalRecordError("an event of the unknown type \(event.type): written by a newer version")
        }
        self.type = type
        time = event.time
        var read = self
        try output.forEachField(of: event) { (field, payload, _) throws(InternalRecordError) in
            guard !field.isNull else { return }
            func text() -> String { String(decoding: payload.bytes[field.value], as: UTF8.self) }
            func decimal() -> ExactDecimal? { ExactDecimal(payload.bytes[field.value].dropFirst()) }
            switch field.field {
            case .segment: read.segment = text()
            case .tier: read.tier = text()
            case .team: read.team = text()
            case .reason: read.reason = text()
            case .subscription: read.subscription = text()
            case .purchase: read.purchase = text()
            case .plan: read.plan = text()
            case .mrr: read.ownMRR = decimal()
            case .amount: read.amount = decimal()
            case .interval:
                read.interval =
                    BillingInterval(rawValue: UInt8(truncatingIfNeeded: try payload.number(field))) ?? .month
            case .intervalCount: read.intervalCount = try payload.number(field)
            case .quantity: read.quantity = try payload.number(field)
            case .currency: read.currency = text()
            case .margin: read.margin = decimal()
            default: return
            }
        }
        self = read
    }

    /// What was paid, in minor units of the reporting currency: rounded once, half to even. Nil without an amount, in a
    /// currency without a rate, and beyond bounds.
    func payment(_ rules: RevenueRules) -> Int64? {
        guard let rate = rules.rate(currency) else { return nil }
        return Self.bounded(amount?.rounded(times: [rate], digits: rules.digits))
    }

    private static func bounded(_ amount: Int64?) -> Int64? {
        amount.flatMap { $0.magnitude <= UInt64(largestAmount) ? $0 : nil }
    }

    /// Monthly recurring revenue in minor units: multiplied exactly and rounded once, half to even. Nil without a price, in a
    /// currency without a rate, and beyond bounds.
    ///
    /// A week is 12/52, a day 12/365 of a month; quarters and years are 3 and 12 of them. `quantity` and `interval_count`
    /// belong to `amount`.
    func mrr(_ rules: RevenueRules) -> Int64? {
        guard let rate = rules.rate(currency) else { return nil }
        if let ownMRR { return Self.bounded(ownMRR.rounded(times: [rate], digits: rules.digits)) }
        let (above, below): (Int64, Int64) =
            switch interval {
            case .day: (365, 12)
            case .week: (52, 12)
            case .month: (1, 1)
            case .quarter: (1, 3)
            case .year: (1, 12)
            }
        return Self.bounded(
            amount?.rounded(
                times: [rate, ExactDecimal(quantity), ExactDecimal(above)], over: [below, intervalCount],
                digits: rules.digits))
    }
}
