/// A ranking of a team's agents by a proportion.
///
/// Its entities contribute to *detail cells* (``CellKey/init(_:detail:)``) of `by=<KPI>;team=<team>`, with the agent and,
/// where they are known, the category and the priority as detail.
public struct RankingFormula: Hashable, Sendable {
    /// The KPI by which agents are ranked; the dimension `by` of the series.
    public let by: String
    /// Entities for which the verdict is positive, and all of them.
    public let positive: Measure
    public let all: Measure

    /// Over how many calendar months.
    public static let months: Int64 = 3

    /// - Parameter by: Its larger values are the better ones.
    public init(by: String, positive: Measure, all: Measure) {
        self.by = by
        self.positive = positive
        self.all = all
    }

    /// The names of the dimensions of the cells in which it is published.
    public static let dimensions = ["by", "team"]
}

/// What one agent did in tasks of one kind.
struct AgentTally {
    let agent: String
    /// Category and priority, in one text.
    let stratum: String
    var positive: Int64
    var all: Int64
}

/// The agents of one team, the best one first.
struct AgentRanking {
    struct Place {
        let agent: String
        let count: Int64
        let positive: Int64
        /// Positive verdicts that the team's rates of the same kinds of tasks would have given.
        let expected: Double
        /// Posterior mean.
        let value: Double
        /// 95 %.
        let low: Double
        let high: Double
        var rank = 0
        var rankLow = 0
        var rankHigh = 0
        var isTied = false
    }

    private(set) var places: [Place] = []
    /// The team's.
    private(set) var positive: Int64 = 0
    private(set) var all: Int64 = 0
    let prior: BetaDistribution

    /// What is known before anything is: with so many observations, at the team's rate.
    private static let fallbackStrength = 20.0
    /// Agents with fewer observations do not tell how agents differ.
    private static let leastForPrior: Int64 = 5
    private static let leastAgents = 5

    /// Empirical Bayes over rates that are adjusted for the mix of tasks by indirect standardisation: an agent's rate is
    /// the team's rate times observed over expected.
    init(_ tallies: [AgentTally]) {
        var strata: [String: (positive: Int64, all: Int64)] = [:]
        var agents: [String: [AgentTally]] = [:]
        for tally in tallies where tally.all > 0 {
            strata[tally.stratum, default: (0, 0)].positive += tally.positive
            strata[tally.stratum, default: (0, 0)].all += tally.all
            agents[tally.agent, default: []].append(tally)
            positive += tally.positive
            all += tally.all
        }
        let rate = all > 0 ? Double(positive) / Double(all) : 0
        var raw: [(agent: String, count: Int64, positive: Int64, expected: Double, adjusted: Double)] = []
        // In one order, so that sums are the same bits however the tallies came.
        for (agent, own) in agents.sorted(by: { $0.key < $1.key }) {
            let count = own.reduce(0) { $0 + $1.all }
            let positive = own.reduce(0) { $0 + $1.positive }
            let expected = own.sorted { $0.stratum < $1.stratum }.reduce(0.0) { sum, tally in
                let stratum = strata[tally.stratum] ?? (0, 1)
                return sum + Double(tally.all) * Double(stratum.positive) / Double(stratum.all)
            }
            // Nobody had a success in any of these tasks: there is nothing to adjust.
            let adjusted = expected > 0 ? rate * Double(positive) / expected : 0
            raw.append((agent, count, positive, expected, min(1, max(0, adjusted))))
        }
        prior = AgentRanking.prior(raw.filter { $0.count >= AgentRanking.leastForPrior }.map(\.adjusted), rate: rate)
        for agent in raw {
            let posterior = prior.updated(agent.adjusted * Double(agent.count), of: Double(agent.count))
            places.append(
                Place(
                    agent: agent.agent, count: agent.count, positive: agent.positive, expected: agent.expected,
                    value: posterior.mean, low: posterior.quantile(0.025), high: posterior.quantile(0.975)))
        }
        rank()
    }

    /// - Parameter rate: The team's.
    static func prior(_ rates: [Double], rate: Double) -> BetaDistribution {
        if rates.count >= leastAgents {
            let mean = rates.reduce(0, +) / Double(rates.count)
            let variance = rates.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rates.count - 1)
            if let prior = BetaDistribution(mean: mean, variance: variance) { return prior }
        }
        return BetaDistribution(fallbackStrength * rate, fallbackStrength * (1 - rate))
    }

    private mutating func rank() {
        places.sort { $0.value != $1.value ? $0.value > $1.value : $0.agent < $1.agent }
        for index in places.indices {
            let own = places[index]
            // Equal values share a rank.
            places[index].rank =
                index > 0 && places[index - 1].value == own.value ? places[index - 1].rank : index + 1
            places[index].rankLow = 1 + places.count { $0.low > own.high }
            places[index].rankHigh = places.count - places.count { $0.high < own.low }
            places[index].isTied = index > 0 && own.high >= places[0].low
        }
        if places.count > 1 { places[0].isTied = places[1...].contains { $0.isTied } }
    }
}
