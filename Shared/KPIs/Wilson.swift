/// The Wilson score interval of a proportion (E. B. Wilson, JASA 22, 1927).
public enum Wilson {
    /// The standard normal quantile of 0.975, for a confidence of 0.95.
    public static let z = 1.959963984540054

    /// The 95 % interval; nil when nothing was counted. 17 of 20: 0.639581 to 0.947631.
    ///
    /// - Parameters:
    ///   - successes: 0 to `total`; outside of it, as can happen for a moment while retractions are on their way, the
    ///     nearest of these.
    public static func interval(_ successes: Int64, of total: Int64) -> (low: Double, high: Double)? {
        guard total > 0 else { return nil }
        let n = Double(total)
        let p = Double(min(max(successes, 0), total)) / n
        let z2 = z * z
        let centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        let half = z / (1 + z2 / n) * (p * (1 - p) / n + z2 / (4 * n * n)).squareRoot()
        // At p = 0 and p = 1 the border is exactly 0 and 1; rounding must not push it beyond.
        return (p == 0 ? 0 : max(0, centre - half), p == 1 ? 1 : min(1, centre + half))
    }
}
