import Foundation
import ServiceKit
import TestSupport
import Testing

/// An agent's states never end: the oldest days are let go, and what they have told stands.
@Suite struct AgentHorizonTests {
    private static let second = TicketEvent.second
    private static let minute = 60 * TicketEvent.second
    private static let day = TicketEvent.day
    private static let days = 70
    private static let perDay = 121

    private struct State {
        var at: Int64
        var name: String
        var id: String
    }

    /// By turns there and away, five minutes each, from eight o'clock on; every seventh day nobody signs off.
    private static let states: [State] = (0..<Int64(days)).flatMap { day in
        (0..<perDay).map { number in
            let isLast = number == perDay - 1
            let name = isLast && day % 7 != 3 ? "offline" : ["available", "busy", "break"][number % 3]
            return State(
                at: day * Self.day + 480 * minute + Int64(number) * 5 * minute, name: name, id: "\(day)-\(number)")
        }
    }

    private static func line(_ state: State, _ team: String? = nil) -> String {
        #"{"specversion":"1.0","id":"s-\#(state.id)","source":"https://acme.example/desk","type":"support.agent.state","#
            + #""time":"\#(TicketEvent.time(state.at))","data":{"agent_id":"A","state":"\#(state.name)""#
            + (team.map { #","team":"\#($0)""# } ?? "") + "}}"
    }

    /// One call a day, of 290 s.
    private static func sendCalls(to pipeline: Pipeline) {
        for day in 0..<Int64(days) {
            let nine = day * Self.day + 540 * minute
            for (type, after) in [("queued", 0), ("answered", 10), ("ended", 300)] as [(String, Int64)] {
                let fields = type == "answered" ? [("agent_id", "\"A\"")] : [("channel", "\"phone\"")]
                pipeline.send(
                    TicketEvent(type, "contact.\(type)", at: nine + after * second, type == "ended" ? [] : fields),
                    ofContact: "C\(day)")
            }
        }
    }

    private func pipeline() throws -> Pipeline {
        try Pipeline(
            Rules(parsing: "history: 100y"), partitions: 2,
            now: TicketEvent.epoch * 1_000_000 + Int64(Self.days + 10) * Self.day)
    }

    /// Seconds on duty of each day, by all states.
    private static func onDuty() -> [Int64: Int64] {
        var times: [Int64: Int64] = [:]
        for (index, state) in states.enumerated() where state.name == "available" || state.name == "busy" {
            let next = index + 1 < states.count ? states[index + 1].at : .max
            var from = state.at
            let end = min(next, state.at + day)
            while from < end {
                let stop = min(end, (from / day + 1) * day)
                times[from / day, default: 0] += (stop - from) / second
                from = stop
            }
        }
        return times
    }

    private func expectAllDays(_ pipeline: Pipeline, sourceLocation: SourceLocation = #_sourceLocation) {
        let expected = Self.onDuty()
        for day in 0..<Int64(Self.days) {
            let date = TicketEvent.time(day * Self.day).prefix(10)
            for series in ["occupancy/day", "occupancy/day;team=first"] {
                let value = pipeline.value("\(series)@\(date)") ?? .nan
                let duty = Double(expected[day] ?? 0)
                #expect(abs(value - 290 / duty) < 1e-9, "\(series) \(date)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test(arguments: [1, 2, 3]) func whatItHasToldStands(seed: UInt64) throws {
        let pipeline = try pipeline()
        var random = SeededGenerator(seed: seed)
        Self.sendCalls(to: pipeline)
        try pipeline.drain()
        // The team is said once.
        for (number, state) in Self.states.enumerated() {
            try pipeline.send(line: Self.line(state, number == 0 ? "first" : nil))
        }
        let partition = try #require((0..<2).first { pipeline.waiting(.contacts, $0) > 0 })
        while pipeline.waiting(.contacts, partition) > 0 {
            let outcome: Pipeline.Outcome = [.commit, .commit, .abort, .crash].randomElement(using: &random) ?? .commit
            try pipeline.run(
                .contacts, partition, records: Int.random(in: 1...1500, using: &random), outcome)
        }
        try pipeline.drain()
        #expect(pipeline.dead.isEmpty)
        expectAllDays(pipeline)
        // Its last days are known, its first ones are gone.
        let updates = pipeline.updates
        try pipeline.restartAll()
        for state in Self.states.suffix(500) { try pipeline.send(line: Self.line(state)) }
        try pipeline.drain()
        #expect(pipeline.dead.isEmpty && pipeline.updates == updates)
        try pipeline.send(line: Self.line(State(at: 500 * Self.minute, name: "break", id: "late")))
        try pipeline.drain()
        #expect(pipeline.dead.map(\.reason) == ["entity_expired"])
        expectAllDays(pipeline)
    }

    /// The events of one day are all needed.
    @Test func aDayHasItsLimit() throws {
        let pipeline = try pipeline()
        for number in 0..<4_100 {
            try pipeline.send(
                line: Self.line(
                    State(at: Int64(number) * 10 * Self.second, name: "available", id: "\(number)")))
        }
        try pipeline.drain(records: 1000)
        #expect(pipeline.dead.map(\.reason) == Array(repeating: "entity_too_large", count: 4))
    }
}
