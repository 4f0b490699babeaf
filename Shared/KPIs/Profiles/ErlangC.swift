import Glibc

/// The queue M/M/N: calls that arrive at random, are handled for an exponentially distributed time by one of N agents, and
/// wait as long as it takes (A. K. Erlang, 1917).
public struct ErlangC: Hashable, Sendable {
    /// Offered load in erlangs: arrivals per second x mean handle time in seconds.
    public let load: Double
    public let agents: Int
    /// The probability that a call has to wait; 1 where the agents cannot cope with the load.
    public let waitProbability: Double

    /// - Parameters:
    ///   - load: 0 or more.
    ///   - agents: 0 or more.
    public init(load: Double, agents: Int) {
        var blocking = 1.0
        for count in 0..<max(agents, 0) { blocking = ErlangC.next(blocking, load, count + 1) }
        self.init(load: load, agents: agents, blocking: blocking)
    }

    private init(load: Double, agents: Int, blocking: Double) {
        self.load = load
        self.agents = agents
        let free = Double(agents) - load
        waitProbability = free > 0 ? Double(agents) * blocking / (free + load * blocking) : 1
    }

    /// Erlang's loss formula for one agent more. The recursion only adds and divides positive numbers, so that it is stable
    /// for every load, where powers and factorials overflow.
    private static func next(_ blocking: Double, _ load: Double, _ agents: Int) -> Double {
        load * blocking / (Double(agents) + load * blocking)
    }

    /// The share of calls that are answered within a time.
    ///
    /// - Parameters: Seconds.
    public func serviceLevel(within threshold: Double, handleTime: Double) -> Double {
        let free = Double(agents) - load
        guard free > 0 else { return 0 }
        guard handleTime > 0 else { return 1 }
        return 1 - waitProbability * exp(-free * threshold / handleTime)
    }

    /// The mean wait of all calls in seconds; infinite where the agents cannot cope with the load.
    public func averageSpeedOfAnswer(handleTime: Double) -> Double {
        let free = Double(agents) - load
        return free > 0 ? waitProbability * handleTime / free : .infinity
    }

    /// A load beyond this one is none of a call centre, and would take long to compute.
    public static let largestLoad = 20_000.0

    /// The smallest number of agents above the load that answers the target share within the threshold; 0 without load,
    /// nil for what is no load (beyond ``largestLoad``, not finite) or no target (not between 0 and 1).
    ///
    /// - Parameters:
    ///   - arrivalsPerHour: Calls.
    ///   - handleTime: Mean, in seconds.
    public static func agents(
        arrivalsPerHour: Double, handleTime: Double, within threshold: Double, target: Double
    ) -> Int? {
        let load = arrivalsPerHour * handleTime / 3_600
        guard load >= 0, load <= largestLoad, target >= 0, target < 1, threshold >= 0 else { return nil }
        if arrivalsPerHour == 0 { return 0 }
        var blocking = 1.0
        var agents = 0
        while true {
            agents += 1
            blocking = next(blocking, load, agents)
            guard Double(agents) > load else { continue }
            let queue = ErlangC(load: load, agents: agents, blocking: blocking)
            if queue.serviceLevel(within: threshold, handleTime: handleTime) >= target { return agents }
        }
    }
}
