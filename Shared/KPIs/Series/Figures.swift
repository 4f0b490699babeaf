internal import BusinessTime

/// The figures of one KPI in one window, as they are published.
struct Figures {
    /// Of counts, levels and gauges; it is the count, too.
    var integer: Int64?
    /// Of everything else; nil is `null`.
    var value: Double?
    /// 0 where it is published as null.
    var count: Int64 = 0
    var numerator: Int64 = 0
    var denominator: Int64 = 0
    var pending: Int64 = 0
    /// The sum that a mean divides, in its own unit.
    var sum: Double?
    var answers: Answers?
    /// In milliseconds.
    var quantiles: Quantiles?
    /// Of what a gauge counts.
    var ages: AgeTable.Ages?
    /// Of profiles and rankings.
    var parts: Parts?
    /// False when nothing at all has been counted.
    var isSubstantial = false
    /// Whether there is a value that is not the one of an empty window.
    var hasValue = false
    /// Of the companions' counts.
    var companionsHash: UInt64 = 0
    /// Of a KPI that settles by the days that are complete.
    var isSettled: Bool?

    /// Of a net promoter score.
    struct Answers {
        var promoters: Int64
        var passives: Int64
        var detractors: Int64

        var total: Int64 { promoters &+ passives &+ detractors }
    }

    enum Parts {
        /// By hour of the week, with the number of weeks that it rests on; of staffing with the mean handle time in seconds.
        case profile([Double?], weeks: Int, handleTime: Double?)
        case ranking(AgentRanking, months: Int)
    }

    struct Quantiles {
        var p50 = 0.0
        var p90 = 0.0
        var p95 = 0.0
        var p99 = 0.0
    }

    /// Whether the passing of time cannot change it any more.
    var hasSettled: Bool { pending == 0 && isSettled ?? true }

    var valueAsDouble: Double? { integer.map { Double($0) } ?? value }

    /// Of all that makes a new revision. `position` tells rolling windows at different places apart.
    func fingerprint(isClosed: Bool, position: Micros) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ word: UInt64) {
            hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        func mix(_ number: Int64) { mix(UInt64(bitPattern: number)) }
        mix(integer ?? 0)
        mix(value?.bitPattern ?? 1)
        mix(count)
        mix(numerator)
        mix(denominator)
        mix(pending)
        if let sum { mix(sum.bitPattern) }
        if let answers {
            mix(answers.promoters)
            mix(answers.passives)
            mix(answers.detractors)
        }
        if let quantiles {
            mix(quantiles.p50.bitPattern)
            mix(quantiles.p90.bitPattern)
            mix(quantiles.p95.bitPattern)
            mix(quantiles.p99.bitPattern)
        }
        if let ages {
            mix(ages.p50)
            mix(ages.p90)
            mix(ages.largest)
        }
        switch parts {
        case .profile(let cells, let weeks, let handleTime):
            for cell in cells { mix(cell?.bitPattern ?? 1) }
            mix(Int64(weeks))
            if let handleTime { mix(handleTime.bitPattern) }
        case .ranking(let ranking, let months):
            for place in ranking.places {
                mix(place.agent.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) })
                mix(place.value.bitPattern)
                mix(place.count)
                mix(place.positive)
                mix(place.expected.bitPattern)
            }
            mix(Int64(months))
        case nil: break
        }
        mix(companionsHash)
        if integer == nil, value == nil { mix(UInt64(1)) }
        if let isSettled { mix(isSettled ? UInt64(3) : 2) }
        mix(isClosed ? UInt64(1) : 0)
        mix(isSubstantial ? position : 0)
        return hash
    }
}

extension Figures.Quantiles {
    init(_ ages: AgeTable.Ages) {
        self.init(
            p50: Double(ages.p50) / 1_000, p90: Double(ages.p90) / 1_000, p95: Double(ages.p95) / 1_000,
            p99: Double(ages.p99) / 1_000)
    }

    /// Reads p50, p90, p95, p99 off sorted bins in one pass; nil without items.
    init?(_ entries: some Sequence<Int64>, count: Int64) {
        guard count > 0 else { return nil }
        func rank(_ q: Double) -> Int64 { Int64((q * Double(count - 1)).rounded(.down)) }
        let values = DurationBins.shared.representatives
        var ranks = (rank(0.5), rank(0.9), rank(0.95), rank(0.99))
        self.init()
        var below: Int64 = 0
        var last = 0.0
        for entry in entries {
            let weight = DDSketch.count(of: entry)
            below &+= weight
            if weight > 0 { last = values[Int(DDSketch.bin(of: entry))] }
            // A quantile that has been found is not looked for again.
            if below > ranks.0 { (p50, ranks.0) = (last, Int64.max) }
            if below > ranks.1 { (p90, ranks.1) = (last, Int64.max) }
            if below > ranks.2 { (p95, ranks.2) = (last, Int64.max) }
            if below > ranks.3 {
                p99 = last
                return
            }
        }
        // Only while retractions are on their way can the bins run out before the ranks.
        if ranks.0 != Int64.max { p50 = last }
        if ranks.1 != Int64.max { p90 = last }
        if ranks.2 != Int64.max { p95 = last }
        p99 = last
    }
}

extension SeriesStore {
    /// Where figures are read: one bucket, or the buckets of one cell in several windows.
    enum Scope {
        case bucket(UInt32)
        case span(cell: UInt32, windows: ArraySlice<UInt32>)
    }

    private func total(_ measure: Measure, _ scope: Scope) -> (count: Int64, sum: Int128) {
        guard let index = catalogue.index(ofMeasure: measure.id).map(UInt16.init(truncatingIfNeeded:)) else {
            return (0, 0)
        }
        switch scope {
        case .bucket(let bucket):
            guard let aggregate = slab.aggregate(of: index, in: bucket) else { return (0, 0) }
            return (slab.aggregates[Int(aggregate)].count, Int128(slab.aggregates[Int(aggregate)].sum))
        case .span(let cell, let windows):
            var count: Int64 = 0
            var sum: Int128 = 0
            for window in windows {
                guard let bucket = slab.find(cell: cell, window: window),
                    let aggregate = slab.aggregate(of: index, in: bucket)
                else { continue }
                count &+= slab.aggregates[Int(aggregate)].count
                sum += Int128(slab.aggregates[Int(aggregate)].sum)
            }
            return (count, sum)
        }
    }

    private func quantiles(_ measure: Measure, _ scope: Scope, count: Int64) -> Figures.Quantiles? {
        guard let index = catalogue.index(ofMeasure: measure.id).map(UInt16.init(truncatingIfNeeded:)) else {
            return nil
        }
        switch scope {
        case .bucket(let bucket):
            guard let aggregate = slab.aggregate(of: index, in: bucket) else { return nil }
            let sketch = slab.aggregates[Int(aggregate)].sketch
            if sketch == BucketSlab.none { return nil }
            return Figures.Quantiles(slab.sketches[Int(sketch)].entries, count: count)
        case .span(let cell, let windows):
            var bins = [Int64](repeating: 0, count: DurationBins.shared.uppers.count)
            for window in windows {
                guard let bucket = slab.find(cell: cell, window: window),
                    let aggregate = slab.aggregate(of: index, in: bucket)
                else { continue }
                let sketch = slab.aggregates[Int(aggregate)].sketch
                if sketch == BucketSlab.none { continue }
                for entry in slab.sketches[Int(sketch)].entries {
                    bins[Int(DDSketch.bin(of: entry))] &+= DDSketch.count(of: entry)
                }
            }
            let entries = bins.indices.lazy.filter { bins[$0] != 0 }.map { DDSketch.entry(UInt16($0), bins[$0]) }
            return Figures.Quantiles(entries, count: count)
        }
    }

    /// The figures of a KPI. A level is read at the end of the window that begins at `start`.
    func figures(_ definition: KPIDefinition, _ scope: Scope, cell: UInt32, window: UInt32) -> Figures {
        var figures = Figures()
        switch definition.formula {
        case .count(let measure):
            let count = total(measure, scope).count
            figures.integer = count
            figures.count = count
            figures.hasValue = count != 0
            figures.isSubstantial = count != 0
        case .duration(let measure, let hasQuantiles):
            let (count, sum) = total(measure, scope)
            figures.count = count
            if count > 0 { figures.value = SeriesStore.quotient(sum, count, 1_000) }
            if hasQuantiles { figures.quantiles = quantiles(measure, scope, count: count) }
            figures.hasValue = count > 0
            figures.isSubstantial = count != 0 || sum != 0
        case .proportion(let numerator, let denominator, let maturity):
            figures.numerator = total(numerator, scope).count
            figures.denominator = total(denominator, scope).count
            figures.pending = maturity.map { total($0.pending, scope).count } ?? 0
            figures.count = figures.denominator
            if figures.denominator > 0 { figures.value = Double(figures.numerator) / Double(figures.denominator) }
            figures.hasValue = figures.denominator > 0
            figures.isSubstantial = figures.denominator != 0 || figures.numerator != 0 || figures.pending != 0
        case .mean(let measure, let scale):
            let (count, sum) = total(measure, scope)
            figures.count = count
            figures.sum = SeriesStore.quotient(sum, scale)
            if count > 0 { figures.value = SeriesStore.quotient(sum, count, scale) }
            figures.hasValue = count > 0
            figures.isSubstantial = count != 0 || sum != 0
        case .netPromoterScore(let promoters, let passives, let detractors):
            let answers = Figures.Answers(
                promoters: total(promoters, scope).count, passives: total(passives, scope).count,
                detractors: total(detractors, scope).count)
            figures.answers = answers
            figures.count = answers.total
            figures.value = NetPromoterScore.value(
                promoters: answers.promoters, detractors: answers.detractors, answers: answers.total)
            figures.hasValue = answers.total > 0
            figures.isSubstantial = answers.promoters != 0 || answers.passives != 0 || answers.detractors != 0
        case .total(let terms):
            let sum = sum(terms, scope, cell, window)
            figures.integer = Int64(clamping: sum)
            figures.count = Int64(clamping: sum)
            figures.hasValue = sum != 0
            figures.isSubstantial = sum != 0
        case .ratio(let numerator, let denominator, _):
            let (above, below) = (sum(numerator, scope, cell, window), sum(denominator, scope, cell, window))
            figures.numerator = Int64(clamping: above)
            figures.denominator = Int64(clamping: below)
            figures.count = figures.denominator
            if below != 0 {
                if definition.unit == .money {
                    figures.integer = SeriesStore.roundedQuotient(above, below)
                } else {
                    figures.value = Double(figures.numerator) / Double(figures.denominator)
                }
            }
            figures.hasValue = below != 0
            figures.isSubstantial = below != 0 || above != 0
        case .ratioOfRatios(let first, let second):
            let parts = [first.above, first.below, second.above, second.below].map {
                Double(sum($0, scope, cell, window))
            }
            if parts[1] != 0, parts[2] != 0, parts[3] != 0 {
                figures.value = (parts[0] / parts[1]) / (parts[2] / parts[3])
            }
            figures.hasValue = figures.value != nil
            figures.isSubstantial = parts.contains { $0 != 0 }
        case .lifetimeValue(let value):
            let terms = LifetimeValue.Sums(value) { sum([$0], scope, cell, window) }
            figures.integer = catalogue.keepsMonths(definition) ? value.value(terms) : nil
            figures.hasValue = figures.integer != nil
            figures.isSubstantial = terms.mrr != 0 || terms.active != 0
        case .level(let measure):
            let level = self.level(measure, cell: cell, window: window)
            figures.integer = level
            figures.count = level
            figures.isSubstantial = total(measure, scope).count != 0
        case .gauge(let measure):
            let count = total(measure, scope).count
            figures.integer = count
            figures.count = count
            figures.isSubstantial = count != 0
            if measure.kind == .instants { figures.ages = ages(measure, cell) }
        case .ages(let measure):
            figures.isSubstantial = total(measure, scope).count != 0
            guard let ages = ages(measure, cell) else { break }
            figures.ages = ages
            figures.count = ages.count
            figures.value = Double(ages.sum) / Double(ages.count) / 1_000_000
            figures.quantiles = Figures.Quantiles(ages)
            figures.hasValue = true
        case .profile(let measure):
            let counts = weeklyCounts(measure, cell: cell, window: window)
            set(counts.means(), counts, handleTime: nil, &figures)
            figures.value = counts.weeks.isEmpty ? nil : Double(counts.total) / Double(counts.weeks.count)
        case .staffing(let formula):
            let counts = weeklyCounts(formula.arrivals, cell: cell, window: window)
            let handleTime = meanOfWeeks(formula.handleTime, counts.weeks.count, cell: cell, window: window)
            let agents = formula.agents(counts, handleTime: handleTime)
            set(agents, counts, handleTime: handleTime, &figures)
            figures.value = agents.compactMap { $0 }.max()
        case .ranking(let formula):
            let (tallies, months) = tallies(formula, cell: cell, window: window)
            let ranking = AgentRanking(tallies)
            figures.parts = .ranking(ranking, months: months)
            figures.numerator = ranking.positive
            figures.denominator = ranking.all
            figures.count = ranking.all
            if ranking.all > 0 { figures.value = Double(ranking.positive) / Double(ranking.all) }
            figures.hasValue = ranking.all > 0
            figures.isSubstantial = ranking.all > 0
        }
        if !definition.countedBy.isEmpty {
            figures.count = Int64(clamping: sum(definition.countedBy, scope, cell, window))
        }
        if !definition.hasCount { figures.count = 0 }
        requirements(definition, scope, cell, window, &figures)
        if let measure = definition.carriedBy, level(measure, cell: cell, window: window) != 0 {
            figures.hasValue = true
        }
        if definition.levels.contains(where: { measure in
            level(measure, cell: cell, window: window) != 0 || levelBefore(measure, cell: cell, window: window) != 0
        }) {
            figures.isSubstantial = true
        }
        for companion in definition.companions {
            let count = companionCount(companion, scope)
            figures.companionsHash = (figures.companionsHash ^ UInt64(bitPattern: count)) &* 0x9E37_79B9_7F4A_7C15
            if count != 0 { figures.isSubstantial = true }
        }
        return figures
    }

    private func requirements(
        _ definition: KPIDefinition, _ scope: Scope, _ cell: UInt32, _ window: UInt32, _ figures: inout Figures
    ) {
        var isKnown = definition.requirements.isEmpty
        for requirement in definition.requirements {
            let isMet: Bool
            switch requirement {
            case .everyDay(let measure):
                let known = knownDays(measure, scope)
                isKnown = isKnown || known > 0
                isMet = known >= daysOf(window)
            case .nothing(let measure):
                isKnown = true
                isMet = level(measure, cell: cell, window: window) == 0
            }
            guard !isMet else { continue }
            figures.integer = nil
            figures.value = nil
            figures.hasValue = false
        }
        // Where nothing at all is known there is nothing to say.
        if !isKnown { figures.isSubstantial = false }
        if let measure = definition.settledBy { figures.isSettled = knownDays(measure, scope) == daysOf(window) }
    }

    private func knownDays(_ measure: Measure, _ scope: Scope) -> Int64 {
        guard case .bucket(let bucket) = scope,
            let index = catalogue.index(ofMeasure: measure.id).map(UInt16.init(truncatingIfNeeded:)),
            let aggregate = slab.aggregate(of: index, in: bucket)
        else { return 0 }
        let sketch = slab.aggregates[Int(aggregate)].sketch
        if sketch == BucketSlab.none { return 0 }
        return Int64(slab.sketches[Int(sketch)].entries.count { DDSketch.count(of: $0) > 0 })
    }

    private func daysOf(_ window: UInt32) -> Int64 {
        let (kind, bucket) = (windows[window].kind, windows[window].bucket)
        return kind.firstDay(ofBucket: bucket + 1) - kind.firstDay(ofBucket: bucket)
    }

    private func set(
        _ cells: [Double?], _ counts: WeeklyCounts, handleTime: Double?, _ figures: inout Figures
    ) {
        figures.parts = .profile(cells, weeks: counts.weeks.count, handleTime: handleTime)
        figures.count = counts.total
        figures.hasValue = counts.total != 0
        figures.isSubstantial = counts.total != 0
    }

    private func ages(_ measure: Measure, _ cell: UInt32) -> AgeTable.Ages? {
        guard let index = catalogue.index(ofMeasure: measure.id) else { return nil }
        return ages.ages(AgeTable.Key(cell: cell, measure: UInt16(truncatingIfNeeded: index)), at: clock)
    }

    func companionCount(_ companion: CompanionCount, _ scope: Scope) -> Int64 {
        let total = total(companion.measure, scope)
        return companion.isMoney ? Int64(clamping: total.sum) : total.count
    }

    private func sum(_ terms: [Term], _ scope: Scope, _ cell: UInt32, _ window: UInt32) -> Int128 {
        terms.reduce(0) { sum, term in
            let part: Int128 =
                switch term.part {
                case .count: Int128(total(term.measure, scope).count)
                case .sum: total(term.measure, scope).sum
                case .levelAtStart: Int128(levelBefore(term.measure, cell: cell, window: window))
                case .levelAtEnd: Int128(level(term.measure, cell: cell, window: window))
                case .changeOverTwelveMonths: changeOverTwelveMonths(term.measure, cell, window)
                case .startsOfTwelveMonths: startsOfTwelveMonths(term.measure, cell, window)
                case .monthEnds: monthEnds(term.measure, cell, window)
                }
            return sum + part * Int128(term.weight)
        }
    }

    /// Half to even.
    private static func roundedQuotient(_ dividend: Int128, _ divisor: Int128) -> Int64 {
        let isNegative = (dividend < 0) != (divisor < 0)
        let (quotient, rest) = dividend.magnitude.quotientAndRemainder(dividingBy: divisor.magnitude)
        let roundsUp = rest * 2 > divisor.magnitude || (rest * 2 == divisor.magnitude && quotient & 1 == 1)
        let rounded = Int64(clamping: roundsUp ? quotient + 1 : quotient)
        return isNegative ? -rounded : rounded
    }

    /// The mean of a sum that is kept in units of 1 / `scale`: one division, correctly rounded while sum and divisor stay
    /// below 2^53.
    private static func quotient(_ sum: Int128, _ count: Int64, _ scale: Int64 = 1) -> Double {
        let dividend = Int64(exactly: sum).map { Double($0) } ?? Double(sum)
        return dividend / (Double(count) * Double(scale))
    }

    /// The level at a window's end: the level after everything, less the changes in later windows. So changes in windows
    /// that have been dropped stay in the level without being kept.
    private func level(_ measure: Measure, cell: UInt32, window: UInt32) -> Int64 {
        total(measure, cell: cell)
            &- changes(measure, cell: cell, windows[window].kind, from: windows[window].bounds.end)
    }

    /// The level at a window's beginning.
    func levelBefore(_ measure: Measure, cell: UInt32, window: UInt32) -> Int64 {
        total(measure, cell: cell)
            &- changes(measure, cell: cell, windows[window].kind, from: windows[window].bounds.start)
    }

    /// Everything that has ever been added to a measure that keeps account of it.
    func total(_ measure: Measure, cell: UInt32) -> Int64 {
        slab.find(cell: cell, window: windows.moving(.now)).map { total(measure, .bucket($0)).count } ?? 0
    }

    // MARK: Months

    /// The months up to the window's last one.
    private func months(upTo window: UInt32, count: Int64? = nil) -> Range<Int64> {
        let (kind, bucket) = (windows[window].kind, windows[window].bucket)
        let end = WindowKind.month.bucket(ofDay: kind.firstDay(ofBucket: bucket + 1))
        let start = count.map { end - $0 } ?? WindowKind.month.bucket(ofDay: kind.firstDay(ofBucket: bucket))
        return start..<end
    }

    /// The level before whatever happens at a month's first instant; nil when that has not come yet.
    private func level(_ measure: Measure, _ cell: UInt32, atStartOf month: Int64) -> Int128? {
        let start = zone.bounds(of: .month, bucket: month).start
        guard start <= clock else { return nil }
        return Int128(total(measure, cell: cell) &- changes(measure, cell: cell, .month, from: start))
    }

    private func changeOverTwelveMonths(_ measure: Measure, _ cell: UInt32, _ window: UInt32) -> Int128 {
        let start = level(measure, cell, atStartOf: months(upTo: window, count: 12).lowerBound) ?? 0
        return Int128(level(measure, cell: cell, window: window)) - start
    }

    private func startsOfTwelveMonths(_ measure: Measure, _ cell: UInt32, _ window: UInt32) -> Int128 {
        months(upTo: window, count: 12).reduce(0) { $0 + (level(measure, cell, atStartOf: $1) ?? 0) }
    }

    private func monthEnds(_ measure: Measure, _ cell: UInt32, _ window: UInt32) -> Int128 {
        months(upTo: window).reduce(0) { sum, month in
            guard level(measure, cell, atStartOf: month) != nil else { return sum }
            return sum
                + (level(measure, cell, atStartOf: month + 1) ?? Int128(level(measure, cell: cell, window: window)))
        }
    }

    private func changes(_ measure: Measure, cell: UInt32, _ kind: WindowKind, from start: Micros) -> Int64 {
        guard let index = catalogue.index(ofMeasure: measure.id),
            let level = levels.find(cell, kind, UInt16(truncatingIfNeeded: index))
        else { return 0 }
        return levels.levels[Int(level)].sum(from: start)
    }
}
