import BusinessTime
import SLA
import SupportEvents

/// A scenario as the engine sees it at any instant: only what has been seen by then, in the timeline's order.
struct ScenarioRun {
    private let scenario: Scenario
    /// Each delivery once, in the timeline's order.
    private let events: [Scenario.Event]

    init(_ scenario: Scenario) {
        self.scenario = scenario
        var known: Set<String> = []
        var first: [(offset: Int, element: Scenario.Event)] = []
        // Of several deliveries of one event the earliest counts.
        for entry in scenario.events.enumerated().sorted(by: {
            ($0.element.seen, $0.offset) < ($1.element.seen, $1.offset)
        }) where entry.element.id.map({ known.insert($0).inserted }) ?? true {
            first.append(entry)
        }
        // The creation is there before every event, also before one that a skewed clock dates earlier.
        func place(_ event: Scenario.Event) -> (Int, Micros, Int64) {
            if case .created = event.event.kind { return (0, event.event.time, event.sequence) }
            return (1, event.event.time, event.sequence)
        }
        events = first.sorted {
            let (left, right) = (place($0.element), place($1.element))
            return left == right ? $0.offset < $1.offset : left < right
        }.map(\.element)
    }

    private func clock(_ settings: MetricSettings, at instant: Micros) -> MetricClock {
        var clock = MetricClock(settings, scenario.calendar)
        for event in events where event.seen <= instant && event.event.time <= instant { clock.apply(event.event) }
        return clock
    }

    func report(of check: Scenario.Check) -> MetricReport {
        clock(scenario.metrics[check.metric], at: check.at).report(at: check.at)
    }

    private struct Key: Hashable {
        var metric: Int
        var cycle: Int
        var kind: SLAFact.Kind
    }

    /// The alerts that go out until the last check, in order.
    func emitted() -> [String] {
        let end = scenario.checks.map(\.at).max() ?? .min
        let arrivals = Set(events.map { max($0.seen, $0.event.time) }).filter { $0 <= end }.sorted()
        var published: [(key: Key, time: Micros)] = []
        var lines: [String] = []
        for (index, arrival) in arrivals.enumerated() {
            let until = index + 1 < arrivals.count ? arrivals[index + 1] - 1 : end
            var now: Micros? = arrival
            while let instant = now, instant <= until {
                publish(at: instant, &published, &lines)
                now = scenario.metrics.compactMap { clock($0, at: instant).nextInstant(after: instant) }.min()
            }
        }
        return lines
    }

    private func publish(at instant: Micros, _ published: inout [(key: Key, time: Micros)], _ lines: inout [String]) {
        var facts: [(key: Key, fact: SLAFact)] = []
        for (index, settings) in scenario.metrics.enumerated() {
            for fact in clock(settings, at: instant).facts(at: instant) {
                facts.append((Key(metric: index, cycle: fact.cycle, kind: fact.kind), fact))
            }
        }
        let current = Dictionary(uniqueKeysWithValues: facts.map { ($0.key, $0.fact.time) })
        // In the order in which they went out.
        for (key, time) in published where current[key] != time {
            let fact = SLAFact(cycle: key.cycle, kind: key.kind, time: time)
            if fact.isRetractable {
                lines.append("deskbeat.sla.retracted \(scenario.metrics[key.metric].name) \(fact.label)")
            }
        }
        published.removeAll { current[$0.key] != $0.time }
        facts.sort { ($0.fact.time, $0.key.metric) < ($1.fact.time, $1.key.metric) }
        for (key, fact) in facts where !published.contains(where: { $0.key == key }) {
            published.append((key, fact.time))
            lines.append(
                "deskbeat.sla.\(fact.name) \(scenario.metrics[key.metric].name) \(RFC3339.string(fact.time))")
        }
    }
}
