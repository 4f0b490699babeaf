/// The slope of a series of figures that no outlier can bend: the median of the slopes of all pairs (H. Theil, 1950;
/// P. K. Sen, JASA 63, 1968), with the 95 % interval that follows from the variance of Kendall's statistic (Sen; R. O. Gilbert,
/// Statistical Methods for Environmental Pollution Monitoring, 1987, chapter 16.5).
public struct TheilSen: Hashable, Sendable {
    /// Per unit of x.
    public let slope: Double
    public let low: Double
    public let high: Double
    /// How many figures it rests on.
    public let count: Int

    /// - Parameter points: x all different; nil for fewer than two of them.
    public init?(_ points: [(x: Double, y: Double)]) {
        guard points.count >= 2 else { return nil }
        var slopes: [Double] = []
        slopes.reserveCapacity(points.count * (points.count - 1) / 2)
        for (index, first) in points.enumerated() {
            for second in points[(index + 1)...] { slopes.append((second.y - first.y) / (second.x - first.x)) }
        }
        slopes.sort()
        let middle = slopes.count / 2
        slope = slopes.count % 2 == 1 ? slopes[middle] : (slopes[middle - 1] + slopes[middle]) / 2
        count = points.count
        let half = Wilson.z * TheilSen.kendallVariance(points.map(\.y)).squareRoot()
        let pairs = Double(slopes.count)
        // The order statistics of rank (N - C) / 2 and (N + C) / 2 + 1, counted from 1; beyond the ends nothing is known.
        let lower = ((pairs - half) / 2).rounded(.down)
        let upper = ((pairs + half) / 2).rounded(.up)
        low = lower >= 1 ? slopes[Int(lower) - 1] : -.infinity
        high = upper < pairs ? slopes[Int(upper)] : .infinity
    }

    /// Of Kendall's S, with its correction for equal figures.
    private static func kendallVariance(_ values: [Double]) -> Double {
        func term(_ n: Int) -> Double { Double(n * (n - 1) * (2 * n + 5)) }
        var ties: [Double: Int] = [:]
        for value in values { ties[value, default: 0] += 1 }
        let corrections = ties.values.sorted().reduce(0.0) { $0 + term($1) }
        return max(0, term(values.count) - corrections) / 18
    }

    public enum Direction: String, Sendable {
        case rising
        case falling
        /// The slope is no larger than its noise.
        case flat
    }

    public var direction: Direction { low > 0 ? .rising : high < 0 ? .falling : .flat }
}
