import BusinessTime
import Foundation
import KPIs
import Testing

/// Ages, profiles and rankings from the raw contributions.
extension Model {
    /// Ages at the clock in microseconds, the youngest first.
    func ages(_ measure: Measure, _ cell: CellKey) -> [Int64] {
        var weights: [Micros: Int64] = [:]
        for item in contributions where item.measure == measure && item.cell == cell {
            weights[item.instant, default: 0] += item.weight
        }
        return weights.filter { $0.key <= clock }.flatMap {
            [Int64](repeating: clock - $0.key, count: Int(max(0, $0.value)))
        }.sorted()
    }

    func checkAges(_ event: Event, _ ages: [Int64], _ comment: Comment) throws {
        func seconds(_ q: Double) -> Double { Double(ages[Int(q * Double(ages.count - 1))]) / 1e6 }
        guard let last = ages.last else {
            try #require(event.data.age == nil && event.data.quantiles == nil && event.data.max == nil, comment)
            return
        }
        if event.data.kpi == "backlog_age" {
            try #require(event.data.count == ages.count && event.data.max == Double(last) / 1e6, comment)
            let mean = Double(ages.reduce(0, +)) / Double(ages.count) / 1e6
            try #require(abs(event.data.value.map { $0 - mean } ?? .infinity) < 1e-6, comment)
            let quantiles = try #require(event.data.quantiles, comment)
            for (q, got) in [(0.5, quantiles.p50), (0.9, quantiles.p90), (0.95, quantiles.p95), (0.99, quantiles.p99)] {
                try #require(abs(got - seconds(q)) < 1e-6, comment)
            }
        } else {
            let age = try #require(event.data.age, comment)
            try #require(age.p50 == seconds(0.5) && age.p90 == seconds(0.9) && age.max == Double(last) / 1e6, comment)
        }
    }

    private func weekly(_ measure: Measure, _ cell: CellKey, _ week: Int64) -> [Int64] {
        var counts = [Int64](repeating: 0, count: 168)
        for item in contributions where item.measure == measure && item.cell == cell {
            let hour = zone.hour(at: item.instant)
            guard WindowKind.week.bucket(ofDay: hour.day.number) == week else { continue }
            let weekday = CivilDate.weekday(ofDay: hour.day.number)
            counts[weekday * 24 + Int(hour.hour - hour.day.number * 24)] += item.weight
        }
        return counts
    }

    func checkProfile(_ event: Event, _ formula: KPIFormula, _ cell: CellKey, _ comment: Comment) throws {
        let last = zone.bucket(of: .week, at: try instant(#require(event.data.window.start)))
        let all = contributions.map { zone.bucket(of: .week, at: $0.instant) }
        let earliest = all.min() ?? last
        let first = (earliest...max(earliest, last)).first { weekly(Sample.arrivals, cell, $0).contains { $0 != 0 } }
        guard let first, first <= last else {
            try #require(event.data.weeks == 0 && event.data.value == nil && event.data.count == 0, comment)
            return
        }
        let weeks = (max(first, last - 7)...last).map { weekly(Sample.arrivals, cell, $0) }
        try #require(event.data.weeks == weeks.count, comment)
        try #require(event.data.count == weeks.reduce(0) { $0 + $1.reduce(0, +) }, comment)
        let cells = try #require(event.data.cells, comment)
        try #require(cells.count == 168, comment)
        if case .profile = formula {
            for hour in 0..<168 {
                let mean = Double(weeks.reduce(0) { $0 + $1[hour] }) / Double(weeks.count)
                try #require(cells[hour] == mean, comment)
            }
            return
        }
        let handled = contributions.filter {
            let week = zone.bucket(of: .week, at: $0.instant)
            return $0.measure == Sample.handled && $0.cell == cell && week <= last && week > last - Int64(weeks.count)
        }
        let count = handled.reduce(0) { $0 + $1.weight }
        let handleTime = count > 0 ? Double(handled.reduce(0) { $0 + $1.value * $1.weight }) / Double(count) / 1e3 : nil
        try #require(event.data.handle_time == handleTime, comment)
        for hour in 0..<168 {
            let arrivals = weeks.map { $0[hour] }.sorted()[Int(0.75 * Double(weeks.count - 1))]
            guard arrivals > 0, let handleTime else {
                try #require(cells[hour] == (arrivals > 0 ? nil : 0), comment)
                continue
            }
            let load = Double(arrivals) * handleTime / 3600
            guard load <= ErlangC.largestLoad else {
                try #require(cells[hour] == nil, comment)
                continue
            }
            let agents = Int(try #require(cells[hour], comment))
            func level(_ agents: Int) -> Double {
                ErlangC(load: load, agents: agents).serviceLevel(within: 20, handleTime: handleTime)
            }
            try #require(level(agents) >= 0.8 && level(agents - 1) < 0.8, comment)
        }
    }

    func checkRanking(_ event: Event, _ formula: RankingFormula, _ cell: CellKey, _ comment: Comment) throws {
        let last = zone.bucket(of: .month, at: try instant(#require(event.data.window.start)))
        var tallies: [String: [String: (positive: Int, all: Int)]] = [:]
        for item in contributions where item.cell.owner == cell {
            let month = zone.bucket(of: .month, at: item.instant)
            guard month <= last, month > last - 3, let detail = item.cell.detail else { continue }
            let agent = try #require(detail.first { $0.name == "agent" }?.value)
            let stratum = detail.first { $0.name == "category" }?.value ?? "-"
            var tally = tallies[agent]?[stratum] ?? (0, 0)
            if item.measure == Sample.rated {
                tally.all += Int(item.weight)
            } else {
                tally.positive += Int(item.weight)
            }
            tallies[agent, default: [:]][stratum] = tally
        }
        var strata: [String: (positive: Int, all: Int)] = [:]
        for (agent, own) in tallies {
            for (stratum, tally) in own {
                let kept = (positive: min(tally.positive, tally.all), all: tally.all)
                tallies[agent]?[stratum] = kept.all > 0 ? kept : nil
                guard kept.all > 0 else { continue }
                strata[stratum, default: (0, 0)].positive += kept.positive
                strata[stratum, default: (0, 0)].all += kept.all
            }
        }
        tallies = tallies.filter { !$0.value.isEmpty }
        let all = strata.values.reduce(0) { $0 + $1.all }
        let positive = strata.values.reduce(0) { $0 + $1.positive }
        try #require(event.data.denominator == Int64(all) && event.data.numerator == Double(positive), comment)
        let agents = try #require(event.data.agents, comment)
        try #require(Set(agents.map(\.agent_id)) == Set(tallies.keys), comment)
        if all == 0 { return }
        let rate = Double(positive) / Double(all)
        var adjusted: [String: (rate: Double, count: Int, observed: Int, expected: Double)] = [:]
        for (agent, own) in tallies {
            let count = own.values.reduce(0) { $0 + $1.all }
            let observed = own.values.reduce(0) { $0 + $1.positive }
            let expected = own.reduce(0.0) {
                $0 + Double($1.value.all) * Double(strata[$1.key]?.positive ?? 0) / Double(strata[$1.key]?.all ?? 1)
            }
            let ratio = expected > 0 ? Double(observed) / expected : 0
            adjusted[agent] = (min(1, rate * ratio), count, observed, expected)
        }
        let rates = adjusted.values.filter { $0.count >= 5 }.map(\.rate)
        var (alpha, beta) = (20 * rate, 20 * (1 - rate))
        if rates.count >= 5 {
            let mean = rates.reduce(0, +) / Double(rates.count)
            let variance = rates.reduce(0) { $0 + pow($1 - mean, 2) } / Double(rates.count - 1)
            let strength = mean * (1 - mean) / variance - 1
            if mean * strength > 0, mean * strength < .infinity, (1 - mean) * strength > 0 {
                (alpha, beta) = (mean * strength, (1 - mean) * strength)
            }
        }
        for agent in agents {
            let own = try #require(adjusted[agent.agent_id], comment)
            let value = (alpha + own.rate * Double(own.count)) / (alpha + beta + Double(own.count))
            try #require(abs(agent.value - value) < 1e-9 && agent.count == own.count, comment)
            try #require(agent.observed == own.observed && abs(agent.expected - own.expected) < 1e-9, comment)
            try #require(agent.interval.low <= agent.value && agent.value <= agent.interval.high, comment)
            try #require(agent.rank_low <= agent.rank && agent.rank <= agent.rank_high, comment)
        }
        try #require(agents.map(\.value) == agents.map(\.value).sorted(by: >), comment)
    }
}
