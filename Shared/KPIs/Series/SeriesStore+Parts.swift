internal import BusinessTime

/// Figures that are made of many: profiles of the week, and rankings.
extension SeriesStore {
    /// The counts of the last weeks up to a window, from the cell's first one on.
    func weeklyCounts(_ measure: Measure, cell: UInt32, window: UInt32) -> WeeklyCounts {
        var counts = WeeklyCounts()
        let last = windows[window].bucket
        guard let first = firstWeek(of: measure, cell: cell, before: last + 1) else { return counts }
        for week in max(first, last - HourOfWeek.weeks + 1)...last {
            var hours = [Int64](repeating: 0, count: HourOfWeek.count)
            if let aggregate = aggregate(measure, cell, .week, week), aggregate.sketch != BucketSlab.none {
                for entry in slab.sketches[Int(aggregate.sketch)].entries {
                    let place = Int(DDSketch.bin(of: entry))
                    if place < hours.count { hours[place] += DDSketch.count(of: entry) }
                }
            }
            counts.weeks.append(hours)
        }
        return counts
    }

    /// The cell's first week with something in it, before a week; `Int64.min` for one that is no longer kept.
    func firstWeek(of measure: Measure, cell: UInt32, before end: Int64) -> Int64? {
        var first: Int64?
        var kept: Int64 = 0
        for id in windows.ids[Int(WindowKind.week.rawValue)] {
            let number = windows[id].bucket
            let count = aggregate(measure, cell, .week, number)?.count ?? 0
            kept += count
            if first == nil, count != 0, number < end { first = number }
        }
        return total(measure, cell: cell) > kept ? .min : first
    }

    /// The mean of a measure's values over the last weeks up to a window, in seconds.
    func meanOfWeeks(_ measure: Measure, _ weeks: Int, cell: UInt32, window: UInt32) -> Double? {
        var count: Int64 = 0
        var sum: Int128 = 0
        let last = windows[window].bucket
        for week in (last - Int64(weeks) + 1)..<(last + 1) {
            guard let aggregate = aggregate(measure, cell, .week, week) else { continue }
            count += aggregate.count
            sum += Int128(aggregate.sum)
        }
        return count > 0 ? Double(sum) / Double(count) / 1_000 : nil
    }

    /// What each agent did in the last months up to a window, by kind of task; and how many of these months there are.
    func tallies(_ formula: RankingFormula, cell: UInt32, window: UInt32) -> ([AgentTally], months: Int) {
        var tallies: [AgentTally] = []
        var first = windows[window].bucket
        for detail in cells[Int(cell)].details {
            let dimensions = cells[Int(detail)].detail
            guard let agent = dimensions.first(where: { $0.name == "agent" }) else { continue }
            // Lengths keep apart what joining would confuse.
            let stratum = dimensions.filter { $0.name != "agent" }.map {
                "\($0.name)=\($0.value.utf8.count):\($0.value)"
            }
            var tally = AgentTally(agent: agent.value, stratum: stratum.joined(separator: ";"), positive: 0, all: 0)
            let last = windows[window].bucket
            for month in (last - RankingFormula.months + 1)...last {
                let all = aggregate(formula.all, detail, .month, month)?.count ?? 0
                if all != 0 { first = min(first, month) }
                tally.all += all
                tally.positive += aggregate(formula.positive, detail, .month, month)?.count ?? 0
            }
            // While retractions are on their way there can be more positive ones than all.
            tally.positive = min(max(tally.positive, 0), max(tally.all, 0))
            if tally.all > 0 { tallies.append(tally) }
        }
        return (tallies, Int(windows[window].bucket - first + 1))
    }

    private func aggregate(_ measure: Measure, _ cell: UInt32, _ kind: WindowKind, _ number: Int64) -> Aggregate? {
        guard let index = catalogue.index(ofMeasure: measure.id), let window = windows.find(kind, number),
            let bucket = slab.find(cell: cell, window: window),
            let aggregate = slab.aggregate(of: UInt16(truncatingIfNeeded: index), in: bucket)
        else { return nil }
        return slab.aggregates[Int(aggregate)]
    }
}
