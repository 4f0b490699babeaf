/// The net promoter score, in points from -100 to 100, and its 95 % interval.
public enum NetPromoterScore {
    /// 100 (promoters - detractors) / answers; nil without answers.
    public static func value(promoters: Int64, detractors: Int64, answers: Int64) -> Double? {
        guard answers > 0 else { return nil }
        return 100 * (Double(promoters) - Double(detractors)) / Double(answers)
    }

    /// The 95 % interval of the adjusted score: half a promoter and half a detractor are added to the counts, so that
    /// one more answer than came enters the shares, the variance and the standard error. The interval is centred on the
    /// adjusted score, so it need not be symmetric about the plain one; it is clipped to -100 to 100.
    ///
    /// - Returns: nil without answers. Counts that are out of range for a moment, while retractions are on their way, are
    ///   taken as the nearest possible ones.
    public static func interval(promoters: Int64, detractors: Int64, answers: Int64) -> (low: Double, high: Double)? {
        guard answers > 0 else { return nil }
        let promoting = min(max(promoters, 0), answers)
        let detracting = min(max(detractors, 0), answers - promoting)
        let n = Double(answers) + 1
        let p = (Double(promoting) + 0.5) / n
        let d = (Double(detracting) + 0.5) / n
        let half = Wilson.z * (max(0, p + d - (p - d) * (p - d)) / n).squareRoot()
        return (max(-100, 100 * (p - d - half)), min(100, 100 * (p - d + half)))
    }
}
