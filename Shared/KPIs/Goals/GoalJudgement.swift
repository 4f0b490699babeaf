/// What a goal says of a figure.
struct GoalJudgement {
    /// Nil: there is nothing to judge.
    let value: Double?
    let target: Double?
    /// Where a relative goal began.
    let baseline: Double?
    /// How many entities it rests on; nil where nothing is counted.
    let count: Int64?
    let interval: (low: Double, high: Double)?

    /// Whether the target is reached; nil without value or target.
    func isMet(_ comparison: Goal.Comparison) -> Bool? {
        guard let value, let target else { return nil }
        return comparison.holds(value, target)
    }

    /// The same for a goal that is missed and must be met by its hysteresis.
    func isMetAgain(_ goal: Goal) -> Bool? {
        guard let value, let target else { return nil }
        let margin =
            switch goal.hysteresis {
            case .value(let value): value
            case .share(let share): abs(target) * share
            }
        return goal.comparison.holds(value, goal.comparison.wantsLess ? target - margin : target + margin)
    }

    /// The share of the way from the baseline to the target: 0 at the baseline, 1 at the target, below 0 on the wrong side.
    /// Nil where there is no way to go.
    var progress: Double? {
        guard let value, let target, let baseline, baseline != target else { return nil }
        return (baseline - value) / (baseline - target)
    }

    /// Whether the interval lies on the value's side of the target.
    func isConfident(_ comparison: Goal.Comparison) -> Bool {
        guard let interval, let target, let isMet = isMet(comparison) else { return false }
        return comparison.holds(interval.low, target) == isMet && comparison.holds(interval.high, target) == isMet
    }
}

/// What is known of a goal in one window: part of the series state.
struct GoalState {
    /// Index in the settings' goals.
    var goal: UInt16
    var flags: Flags = []
    var next = BucketSlab.none
    /// How many facts have been published.
    var ordinal: UInt32 = 0
    /// Of a pending change: since when the figure has been on the other side of the target.
    var pendingSince: Int64 = 0
    /// Since when what was published last has held.
    var since: Int64 = 0

    /// Part of changelog records.
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// A `missed` was published, and no `met` after it.
        static let missed = Flags(rawValue: 1)
        /// The figure says otherwise than what was published.
        static let pending = Flags(rawValue: 2)
        /// The window has had its verdict.
        static let judged = Flags(rawValue: 4)
        /// There was nothing to judge.
        static let unknown = Flags(rawValue: 8)
    }
}
