/// What agents are planned by.
public struct StaffingSettings: Hashable, Sendable {
    public enum Arrivals: Hashable, Sendable {
        /// The third quartile of the weeks: enough for three weeks out of four.
        case p75
        case mean
    }

    /// Seconds within which calls are to be answered, 0 or more.
    public var threshold: Double
    /// The share of calls that are, from 0 up to 1.
    public var target: Double
    /// The share of paid time in which nobody takes calls (breaks, training, illness), from 0 up to 1.
    public var shrinkage: Double
    /// What counts as an hour's arrivals.
    public var arrivals: Arrivals

    public init(
        threshold: Double = 20, target: Double = 0.8, shrinkage: Double = 0.3, arrivals: Arrivals = .p75
    ) {
        self.threshold = threshold
        self.target = target
        self.shrinkage = shrinkage
        self.arrivals = arrivals
    }

    /// People to be scheduled so that as many as needed take calls.
    public func scheduled(_ agents: Int) -> Int {
        // 54 / 0.9 is a little more than 60 in binary: that is not to cost a whole agent.
        Int((Double(agents) / (1 - shrinkage) - 1e-9).rounded(.up))
    }
}

/// How many agents each hour of the week needs (``ErlangC``).
public struct StaffingFormula: Hashable, Sendable {
    /// Arrivals, a histogram over ``HourOfWeek``.
    public let arrivals: Measure
    /// With a sum in milliseconds; its mean over the same weeks is the handle time.
    public let handleTime: Measure
    public let settings: StaffingSettings
    /// People to schedule instead of people at work.
    public let isScheduled: Bool

    public init(
        arrivals: Measure, handleTime: Measure, settings: StaffingSettings = StaffingSettings(), isScheduled: Bool
    ) {
        self.arrivals = arrivals
        self.handleTime = handleTime
        self.settings = settings
        self.isScheduled = isScheduled
    }

    /// By hour of the week; nil where nothing is known.
    ///
    /// - Parameter handleTime: Seconds; nil when nothing was handled.
    func agents(_ counts: WeeklyCounts, handleTime: Double?) -> [Double?] {
        let arrivals = settings.arrivals == .mean ? counts.means() : counts.quantiles(0.75)
        // Hours repeat themselves: each number of arrivals is worked out once.
        var known: [Double: Double?] = [:]
        return arrivals.map { arrivals in
            guard let arrivals else { return nil }
            if let answer = known[arrivals] { return answer }
            let answer = self.agents(arrivals, handleTime).map { Double($0) }
            known[arrivals] = .some(answer)
            return answer
        }
    }

    private func agents(_ arrivals: Double, _ handleTime: Double?) -> Int? {
        if arrivals <= 0 { return 0 }
        guard let handleTime,
            let agents = ErlangC.agents(
                arrivalsPerHour: arrivals, handleTime: handleTime, within: settings.threshold, target: settings.target)
        else { return nil }
        return isScheduled ? settings.scheduled(agents) : agents
    }
}
