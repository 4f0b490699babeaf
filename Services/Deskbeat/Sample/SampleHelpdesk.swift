import FoundationEssentials
import Glibc

/// A small helpdesk, made up: tickets over a day with replies, solves and reopens, at the hours and with the mix of
/// channels that one expects. The same seed and time give the same events.
package struct SampleHelpdesk {
    package struct Event: Sendable {
        package var time: Int64
        package var json: [UInt8]
    }

    private struct Ticket {
        var id: String
        var agent: String
        var time: Int64
        var number = 0
    }

    private let now: Int64
    private let prefix: String
    private var random: SampleRandom
    private var events: [Event] = []

    /// - Parameters:
    ///   - now: the end of the day, microseconds since 1970 UTC; nothing happens after it.
    package init(now: Int64, seed: UInt64) {
        self.now = now
        random = SampleRandom(state: seed)
        // Ids of another minute or seed must not meet these on the same topic.
        prefix = String(now / 60_000_000, radix: 36) + (seed == 1 ? "" : "-" + String(seed, radix: 36))
    }

    private static let minute: Double = 60
    /// Relative number of tickets by hour of the day.
    private static let hours = [1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 16, 13, 15, 17, 16, 14, 11, 8, 6, 5, 4, 3, 2].map(
        Double.init)
    private static let channels: [(String, Double)] = [
        ("email", 0.45), ("chat", 0.25), ("web", 0.2), ("phone", 0.07), ("social", 0.03),
    ]
    private static let priorities: [(String, Double)] = [
        ("low", 0.2), ("normal", 0.55), ("high", 0.2), ("urgent", 0.05),
    ]
    private static let categories: [(String, Double)] = [
        ("billing", 0.3), ("login", 0.2), ("delivery", 0.25), ("bug", 0.15), ("other", 0.1),
    ]
    private static let tiers: [(String, Double)] = [("standard", 0.7), ("silver", 0.2), ("gold", 0.1)]
    private static let teams = [
        "billing": "accounts", "login": "technical", "delivery": "logistics", "bug": "technical",
    ]
    /// Median seconds to the first answer.
    private static let firstAnswer = [
        "urgent": 7 * minute, "high": 25 * minute, "normal": 55 * minute, "low": 140 * minute,
    ]

    /// The events of `count` tickets that came in within the `hours` before now, in the order of their times.
    package mutating func events(tickets count: Int, hours: Int) -> [Event] {
        events.removeAll()
        let span = Int64(hours) * 3_600_000_000
        var number = 0
        while number < count {
            let time = now - Int64(random.uniform() * Double(span))
            // Rejection by the hour of the day: more tickets while people are awake.
            let hour = Int(time / 3_600_000_000 % 24)
            guard random.uniform() * 18 < Self.hours[hour] else { continue }
            number += 1
            addTicket(number, at: time)
        }
        return events.sorted { $0.time < $1.time }
    }

    private mutating func addTicket(_ number: Int, at time: Int64) {
        let channel = random.pick(Self.channels)
        let priority = random.pick(Self.priorities)
        let category = random.pick(Self.categories)
        let team = Self.teams[category] ?? "general"
        let live = channel == "chat" || channel == "phone"
        let agent = "A-\(team.prefix(2))\(1 + Int(random.uniform() * 4))"
        var ticket = Ticket(id: "T-\(prefix)-\(number)", agent: agent, time: time)
        let customer = "C-\(1 + Int(random.uniform() * 180))"
        add(
            &ticket, "created",
            #""customer_id":"\#(customer)","channel":"\#(channel)","priority":"\#(priority)","category":"\#(category)","team":"\#(team)","tier":"\#(random.pick(Self.tiers))""#
        )
        var wait = (Self.firstAnswer[priority] ?? 3_600) * random.spread(0.8)
        if live { wait = 40 * random.spread(0.6) }
        ticket.time += micros(wait)
        var isFirst = true
        repeat {
            if isFirst, random.uniform() < 0.5 { status(&ticket, "open") }
            isFirst = false
            reply(&ticket)
            // The customer answers, or not.
            let turns = random.uniform()
            if turns < (live ? 0.7 : 0.42) {
                status(&ticket, "pending")
                ticket.time += micros((live ? 90 : 75 * Self.minute) * random.spread(0.9))
                message(&ticket, "customer")
                status(&ticket, "open")
                ticket.time += micros((live ? 60 : 40 * Self.minute) * random.spread(0.8))
            } else {
                break
            }
        } while ticket.time < now
        if random.uniform() < 0.06 {
            ticket.time += micros(30 * Self.minute * random.spread(1))
            add(&ticket, "updated", #""priority":"high""#)
        }
        ticket.time += micros((live ? 120 : 10 * Self.minute) * random.spread(0.9))
        status(&ticket, "solved")
        guard random.uniform() < 0.07 else { return }
        ticket.time += micros(150 * Self.minute * random.spread(0.8))
        message(&ticket, "customer")
        status(&ticket, "open")
        ticket.time += micros(50 * Self.minute * random.spread(0.8))
        reply(&ticket)
        status(&ticket, "solved")
    }

    private mutating func reply(_ ticket: inout Ticket) {
        message(&ticket, "agent")
        add(&ticket, "worked", #""seconds":\#(Int(240 * random.spread(0.6))),"agent_id":"\#(ticket.agent)""#)
    }

    private mutating func message(_ ticket: inout Ticket, _ author: String) {
        let agent = author == "agent" ? #","agent_id":"\#(ticket.agent)""# : ""
        add(&ticket, "message", #""author":"\#(author)"\#(agent)"#)
    }

    private mutating func status(_ ticket: inout Ticket, _ status: String) {
        ticket.time += 1_000_000
        add(&ticket, "status_changed", #""status":"\#(status)","agent_id":"\#(ticket.agent)""#)
    }

    private mutating func add(_ ticket: inout Ticket, _ type: String, _ members: String) {
        ticket.number += 1
        guard ticket.time <= now else { return }
        var time: [UInt8] = []
        appendRFC3339(ticket.time / 1_000_000 * 1_000_000, to: &time)
        let json =
            #"{"specversion":"1.0","id":"\#(ticket.id)-\#(ticket.number)","source":"https://sample.example/helpdesk","#
            + #""type":"support.ticket.\#(type)","time":"\#(String(decoding: time, as: UTF8.self))","sequence":\#(ticket.number),"#
            + #""data":{"ticket_id":"\#(ticket.id)",\#(members)}}"#
        events.append(Event(time: ticket.time, json: Array(json.utf8)))
    }

    private func micros(_ seconds: Double) -> Int64 { Int64(seconds * 1_000_000) }
}

/// SplitMix64 with the few distributions that the helpdesk needs.
private struct SampleRandom {
    var state: UInt64

    /// In 0 ..< 1.
    mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
    }

    /// A factor around 1, log-normal (Box and Muller), so that its median is 1.
    mutating func spread(_ sigma: Double) -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return exp(sigma * radius * cos(2 * .pi * uniform()))
    }

    mutating func pick(_ choices: [(String, Double)]) -> String {
        var rest = uniform()
        for (name, share) in choices {
            rest -= share
            if rest < 0 { return name }
        }
        return choices[0].0
    }
}
