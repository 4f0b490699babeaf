/// How money is counted: `currency`, `rates`, `margin`, `count_free`, `count_reactivation`.
public struct RevenueRules: Sendable, Equatable {
    /// The reporting currency.
    public var currency = "EUR"
    /// What one unit of another currency is worth in the reporting one, by currency, as a decimal.
    public var rates: [String: ExactDecimal] = [:]
    /// The share of revenue that is left when what is sold has been paid, 0 to 1; nil when the rules do not say.
    public var margin: ExactDecimal?
    /// Whether a subscription without a price makes its customer an active one.
    public var countsFree = false
    /// Whether what returning customers pay again lessens the net revenue churn.
    public var countsReactivation = false

    public init() {}

    /// Decimal places of the reporting currency's amounts (ISO 4217).
    public var digits: Int {
        switch currency {
        case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
            "XPF":
            0
        case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND": 3
        default: 2
        }
    }

    /// The rate of a currency; nil for one that is neither the reporting one nor among the rates.
    public func rate(_ currency: String?) -> ExactDecimal? {
        guard let currency, currency != self.currency else { return ExactDecimal(1) }
        return rates[currency]
    }

    var normalised: [String] {
        [currency, "\(countsFree)", "\(countsReactivation)"]
            + (margin.map { ["margin", "\($0.mantissa)e\($0.exponent)"] } ?? [])
            + rates.sorted { $0.key < $1.key }.flatMap { [$0.key, "\($0.value.mantissa)e\($0.value.exponent)"] }
    }
}

/// A decimal number: `mantissa` x 10^`exponent`.
public struct ExactDecimal: Sendable, Equatable {
    public var mantissa: Int128
    public var exponent: Int

    public init(_ integer: Int64) {
        mantissa = Int128(integer)
        exponent = 0
    }

    /// Reads the grammar of JSON numbers. Nil for anything else, for more than 30 digits and for exponents beyond 30.
    public init?(_ text: some Sequence<UInt8>) {
        var mantissa: Int128 = 0
        var exponent = 0
        var digits = 0
        var isNegative = false
        var hasPoint = false
        var rest = Array(text)[...]
        if rest.first == UInt8(ascii: "-") {
            isNegative = true
            rest = rest.dropFirst()
        }
        while let byte = rest.first {
            if byte == UInt8(ascii: ".") {
                if hasPoint { return nil }
                hasPoint = true
            } else if UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
                mantissa = mantissa * 10 + Int128(byte - UInt8(ascii: "0"))
                if mantissa != 0 { digits += 1 }
                if hasPoint { exponent -= 1 }
                if digits > 30 { return nil }
            } else {
                break
            }
            rest = rest.dropFirst()
        }
        if let mark = rest.first {
            guard mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E"),
                let power = Int(String(decoding: rest.dropFirst(), as: UTF8.self))
            else { return nil }
            exponent += power
        }
        guard -60...30 ~= exponent else { return nil }
        self.mantissa = isNegative ? -mantissa : mantissa
        self.exponent = exponent
    }

    /// This number x `factors` / `divisors` in units of 10^-`digits`, exact but for one rounding, half to even. Nil when it
    /// leaves the range of 64 bits.
    public func rounded(
        times factors: [ExactDecimal] = [], over divisors: [Int64] = [], digits: Int
    ) -> Int64? {
        var above = mantissa
        var power = exponent + digits
        for factor in factors {
            let (product, overflow) = above.multipliedReportingOverflow(by: factor.mantissa)
            if overflow { return nil }
            above = product
            power += factor.exponent
        }
        var below: Int128 = 1
        for divisor in divisors {
            let (product, overflow) = below.multipliedReportingOverflow(by: Int128(divisor))
            if overflow || divisor == 0 { return nil }
            below = product
        }
        while power > 0 {
            let (product, overflow) = above.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            above = product
            power -= 1
        }
        while power < 0 {
            let (product, overflow) = below.multipliedReportingOverflow(by: 10)
            if overflow { return above == 0 ? 0 : nil }
            below = product
            power += 1
        }
        let isNegative = (above < 0) != (below < 0)
        let (quotient, rest) = above.magnitude.quotientAndRemainder(dividingBy: below.magnitude)
        let half = below.magnitude - rest
        let roundsUp = rest > half || (rest == half && quotient & 1 == 1)
        guard let result = Int64(exactly: roundsUp ? quotient + 1 : quotient) else { return nil }
        return isNegative ? -result : result
    }
}

extension RulesReader {
    mutating func revenue(_ node: RulesNode, _ name: String, into rules: inout RevenueRules) {
        switch name {
        case "currency": if let code = currency(node, name) { rules.currency = code }
        case "margin": rules.margin = margin(node, name)
        case "count_free": rules.countsFree = boolean(node, name) ?? false
        case "count_reactivation": rules.countsReactivation = boolean(node, name) ?? false
        default:
            for entry in mapping(node, name, example: "{USD: 0.92}") ?? [] {
                let path = "\(name).\(entry.key)"
                let key = RulesNode(
                    content: .scalar(entry.key, plain: false), line: entry.line, column: entry.column)
                guard let code = currency(key, path) else { continue }
                guard let rate = entry.value.text.flatMap({ ExactDecimal($0.utf8) }), rate.mantissa > 0,
                    rate.mantissa <= 1_000_000_000_000, -12...6 ~= rate.exponent
                else {
                    fault(
                        entry.value, path, "\(entry.value.kind) is no rate",
                        "write what one \(code) is worth, for example 0.92")
                    continue
                }
                rules.rates[code] = rate
            }
        }
    }

    private mutating func margin(_ node: RulesNode, _ path: String) -> ExactDecimal? {
        if let margin = node.text.flatMap({ ExactDecimal($0.utf8) }), margin.mantissa >= 0, -9...0 ~= margin.exponent,
            margin.rounded(digits: 9).map({ $0 <= 1_000_000_000 }) ?? false
        {
            return margin
        }
        fault(
            node, path, "\(node.kind) is no margin",
            "write the share of revenue that remains, from 0 to 1 with at most 9 decimals, for example 0.8")
        return nil
    }

    private mutating func currency(_ node: RulesNode, _ path: String) -> String? {
        let code = (node.text ?? "").uppercased()
        guard code.utf8.count == 3, code.utf8.allSatisfy({ UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }) else {
            fault(node, path, "\(node.kind) is no currency", "write three letters, for example EUR")
            return nil
        }
        return code
    }
}
