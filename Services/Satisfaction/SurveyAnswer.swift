import ServiceKit
import SupportEvents

/// One answer to one question. Scores and bounds are in millionths.
struct SurveyAnswer {
    var time: Int64
    var score: Int64
    var scale: ScoreScale
    var isLowGood: Bool
    /// The event's own threshold of satisfaction.
    var satisfiedFrom: Int64?

    /// Scales wider than this have no mean: sums of their scores would leave the range of 64 bits. A million.
    private static let widest: Int64 = 1_000_000_000_000

    /// The bounds of a scale that the event does not name.
    static func usualScale(of kind: SurveyKind) -> ScoreScale {
        switch kind {
        case .csat, .agentCSAT: ScoreScale(1_000_000, 5_000_000)
        case .nps: ScoreScale(0, 10_000_000)
        case .ces: ScoreScale(1_000_000, 7_000_000)
        }
    }

    /// The score on a scale where high is good.
    var mirrored: Int64 {
        // The result lies within the scale, so that a sum that wraps around comes back.
        isLowGood ? scale.minimum &+ scale.maximum &- score : score
    }

    var hasMean: Bool { scale.minimum >= -Self.widest && scale.maximum <= Self.widest }

    /// Whether the customer is satisfied; nil when nothing says from which score on.
    func isSatisfied(_ rules: SatisfiedFrom) -> Bool? {
        (satisfiedFrom ?? rules[scale]).map { mirrored >= $0 }
    }

    /// 0 (hard) to 100 (easy) in millionths, rounded half to even.
    var ease: Int64 {
        let width = Int128(scale.maximum) - Int128(scale.minimum)
        guard width > 0 else { return 0 }
        let (quotient, rest) = ((Int128(mirrored) - Int128(scale.minimum)) * 100_000_000).quotientAndRemainder(
            dividingBy: width)
        let roundsUp = rest * 2 > width || (rest * 2 == width && quotient & 1 == 1)
        return Int64(truncatingIfNeeded: roundsUp ? quotient + 1 : quotient)
    }
}
