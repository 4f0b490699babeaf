import Glibc

/// The beta distribution: what is known of a proportion after some successes and failures.
public struct BetaDistribution: Hashable, Sendable {
    /// Successes, in a manner of speaking; 0 or more.
    public let alpha: Double
    /// Failures; 0 or more. Without one of the two there is only one value left, 0 or 1; one of them is above 0.
    public let beta: Double

    public init(_ alpha: Double, _ beta: Double) {
        self.alpha = alpha
        self.beta = beta
    }

    public var mean: Double { alpha / (alpha + beta) }

    /// After further observations.
    ///
    /// - Parameter successes: 0 to `total`; need not be whole.
    public func updated(_ successes: Double, of total: Double) -> BetaDistribution {
        BetaDistribution(alpha + successes, beta + total - successes)
    }

    /// The distribution with a mean and a variance (method of moments); nil where there is none.
    public init?(mean: Double, variance: Double) {
        let strength = mean * (1 - mean) / variance - 1
        let (alpha, beta) = (mean * strength, (1 - mean) * strength)
        guard alpha > 0, alpha < .infinity, beta > 0, beta < .infinity else { return nil }
        self.init(alpha, beta)
    }

    // MARK: - Probabilities

    /// The probability of a value up to `x`: the regularised incomplete beta function I_x(alpha, beta), by its continued
    /// fraction (Abramowitz and Stegun 26.5.8, evaluated as Lentz does).
    public func cumulative(_ x: Double) -> Double {
        if x <= 0 { return 0 }
        if x >= 1 || alpha == 0 { return 1 }
        if beta == 0 { return 0 }
        let front = exp(alpha * log(x) + beta * log1p(-x) - logBeta)
        // The fraction converges fast on this side of the mean; the other one follows by symmetry.
        if x < (alpha + 1) / (alpha + beta + 2) {
            return min(1, front * BetaDistribution.fraction(alpha, beta, x) / alpha)
        }
        return max(0, 1 - front * BetaDistribution.fraction(beta, alpha, 1 - x) / beta)
    }

    private var logBeta: Double {
        BetaDistribution.logGamma(alpha) + BetaDistribution.logGamma(beta) - BetaDistribution.logGamma(alpha + beta)
    }

    private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        func kept(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / kept(1 - (a + b) * x / (a + 1))
        var result = d
        // The number of steps grows with the root of the larger parameter.
        let limit = 200 + Int(10 * max(a, b).squareRoot())
        for step in 1...limit {
            let m = Double(step)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / kept(1 + even * d)
            c = kept(1 + even / c)
            result *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / kept(1 + odd * d)
            c = kept(1 + odd / c)
            let change = d * c
            result *= change
            if abs(change - 1) < 1e-16 { break }
        }
        return result
    }

    /// The value below which the probability is `p`, from 0 to 1: bisection, which cannot fail, to the last digits that
    /// ``cumulative(_:)`` has.
    public func quantile(_ p: Double) -> Double {
        if p <= 0 { return 0 }
        if p >= 1 || beta == 0 { return 1 }
        if alpha == 0 { return 0 }
        var low = 0.0
        var high = 1.0
        for _ in 0..<200 {
            let middle = low + (high - low) / 2
            if middle <= low || middle >= high { break }
            if cumulative(middle) < p { low = middle } else { high = middle }
        }
        return low + (high - low) / 2
    }

    /// log Gamma(x) for x > 0: Stirling's series, after shifting x to where its first terms suffice.
    static func logGamma(_ x: Double) -> Double {
        var x = x
        var product = 1.0
        var shift = 0.0
        while x < 12 {
            product *= x
            x += 1
            if product > 1e200 {
                shift += log(product)
                product = 1
            }
        }
        let inverse = 1 / x
        let square = inverse * inverse
        // Bernoulli numbers B(2k) / (2k (2k - 1)).
        let series =
            inverse
            * (1.0 / 12
                - square
                * (1.0 / 360
                    - square
                    * (1.0 / 1260
                        - square
                        * (1.0 / 1680 - square * (1.0 / 1188 - square * (691.0 / 360_360 - square / 156))))))
        return (x - 0.5) * log(x) - x + 0.5 * log(2 * Double.pi) + series - log(product) - shift
    }
}
