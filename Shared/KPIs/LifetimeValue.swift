/// What a customer is worth: revenue per customer and month x margin x months that customers stay, those being
/// 1 / monthly churn over the trailing twelve months and at most 60.
///
/// Money in minor units; levels at the window's end.
public struct LifetimeValue: Hashable, Sendable {
    /// The share of revenue that is left when what is sold has been paid: `mantissa` x 10^-`digits`.
    public struct Margin: Hashable, Sendable {
        public let mantissa: Int64
        public let digits: Int

        /// - Parameter digits: 0 to 9.
        public init(mantissa: Int64, digits: Int) {
            self.mantissa = mantissa
            self.digits = digits
        }
    }

    /// Levels: monthly recurring revenue, customers, and customers ever lost by the month.
    public let mrr: Measure
    public let active: Measure
    public let lost: Measure
    /// Unknown: there is no value.
    public let margin: Margin?
    /// What support cost in the window: taken off the revenue, per customer and month.
    public let supportCost: Measure?

    /// Months that a customer stays at most, and where nobody was lost.
    static let longestLife: Int128 = 60

    public init(mrr: Measure, active: Measure, lost: Measure, margin: Margin?, supportCost: Measure? = nil) {
        self.mrr = mrr
        self.active = active
        self.lost = lost
        self.margin = margin
        self.supportCost = supportCost
    }

    var terms: [Term] {
        [
            Term(.levelAtEnd, of: mrr), Term(.levelAtEnd, of: active), Term(.changeOverTwelveMonths, of: lost),
            Term(.startsOfTwelveMonths, of: active),
        ] + (supportCost.map { [Term(.sum, of: $0), Term(.monthEnds, of: active)] } ?? [])
    }

    /// What its terms come to in one window.
    struct Sums {
        var mrr: Int128
        var active: Int128
        /// Over the trailing twelve months: customers lost, and customers at the starts of the months.
        var lost: Int128
        var atRisk: Int128
        var supportCost: Int128 = 0
        var customerMonths: Int128 = 0

        init(_ value: LifetimeValue, _ sum: (Term) -> Int128) {
            let sums = value.terms.map(sum)
            (mrr, active, lost, atRisk) = (sums[0], sums[1], sums[2], sums[3])
            if sums.count > 4 { (supportCost, customerMonths) = (sums[4], sums[5]) }
        }
    }

    /// Rounded once, half to even; nil when nobody was at risk or is active, without a margin, and beyond 64 bits.
    func value(_ sums: Sums) -> Int64? {
        guard let margin, sums.active > 0, sums.atRisk > 0 else { return nil }
        let scale = (0..<margin.digits).reduce(Int128(1)) { power, _ in power * 10 }
        guard
            var monthly = Fraction(sums.mrr, 1)?.times(Int128(margin.mantissa), over: sums.active)?.times(
                1, over: scale)
        else { return nil }
        if supportCost != nil {
            guard sums.customerMonths > 0, let cost = Fraction(sums.supportCost, sums.customerMonths),
                let rest = monthly.minus(cost)
            else { return nil }
            monthly = rest
        }
        let isLong = sums.lost <= 0 || sums.lost * Self.longestLife <= sums.atRisk
        let months = isLong ? (Self.longestLife, 1) : (sums.atRisk, sums.lost)
        return monthly.times(months.0, over: months.1)?.rounded
    }
}

/// A reduced fraction that notices when it leaves 128 bits.
struct Fraction: Equatable {
    let above: Int128
    /// Above 0.
    let below: Int128

    /// Nil for a denominator of 0.
    init?(_ above: Int128, _ below: Int128) {
        guard below != 0, above != .min, below != .min else { return nil }
        let divisor = Fraction.commonDivisor(above.magnitude, below.magnitude)
        self.above = (below < 0 ? -above : above) / divisor
        self.below = abs(below) / divisor
    }

    /// Times a fraction.
    func times(_ above: Int128, over below: Int128) -> Fraction? {
        guard let first = Fraction(self.above, below), let second = Fraction(above, self.below) else { return nil }
        let (numerator, overflow) = first.above.multipliedReportingOverflow(by: second.above)
        let (denominator, overflowBelow) = first.below.multipliedReportingOverflow(by: second.below)
        return overflow || overflowBelow ? nil : Fraction(numerator, denominator)
    }

    func minus(_ other: Fraction) -> Fraction? {
        let (left, leftOverflow) = above.multipliedReportingOverflow(by: other.below)
        let (right, rightOverflow) = other.above.multipliedReportingOverflow(by: below)
        let (numerator, overflow) = left.subtractingReportingOverflow(right)
        let (denominator, overflowBelow) = below.multipliedReportingOverflow(by: other.below)
        if leftOverflow || rightOverflow || overflow || overflowBelow { return nil }
        return Fraction(numerator, denominator)
    }

    /// Half to even; nil beyond 64 bits.
    var rounded: Int64? {
        let (quotient, rest) = above.magnitude.quotientAndRemainder(dividingBy: below.magnitude)
        let half = below.magnitude - rest
        let roundsUp = rest > half || (rest == half && quotient & 1 == 1)
        guard let magnitude = Int64(exactly: roundsUp ? quotient + 1 : quotient) else { return nil }
        return above < 0 ? -magnitude : magnitude
    }

    private static func commonDivisor(_ left: UInt128, _ right: UInt128) -> Int128 {
        var (left, right) = (left, right)
        while right != 0 { (left, right) = (right, left % right) }
        return Int128(left)
    }
}
