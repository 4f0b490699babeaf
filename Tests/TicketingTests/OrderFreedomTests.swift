import ServiceKit
import TestSupport
import Testing
import Ticketing

/// Whatever the order, the duplicates and the crashes: the same figures in every window.
@Suite(.serialized) struct OrderFreedomTests {
    /// Random lives of tickets, with everything that the contract allows.
    struct Generator {
        var random: SeededGenerator

        mutating func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }

        mutating func events(tickets: Int) -> [Arrival] {
            var events: [Arrival] = []
            for number in 0..<tickets {
                for event in life("T-\(number)", tickets: tickets) {
                    events.append(Arrival(entity: "T-\(number)", event: event))
                }
                for event in contact(tickets: tickets) {
                    events.append(Arrival(entity: "C-\(number)", isContact: true, event: event))
                }
            }
            return events
        }

        /// Of few customers, so that they come back.
        private mutating func customer() -> (String, String) { ("customer_id", pick(["\"U-1\"", "\"U-2\"", "3"])) }

        private mutating func contact(tickets: Int) -> [TicketEvent] {
            var at = Int64.random(in: 0..<60 * 24, using: &random) * TicketEvent.hour
            var events: [TicketEvent] = []
            var queued = [("channel", pick(["\"phone\"", "\"chat\""]))]
            if Bool.random(using: &random) { queued.append(customer()) }
            if Bool.random(using: &random) { queued.append(("category", pick(["\"billing\"", "\"Größe\""]))) }
            if Bool.random(using: &random) { queued.append(("queue", pick(["\"a\"", "\"b\""]))) }
            if Int.random(in: 0..<20, using: &random) > 0 {
                events.append(TicketEvent("0", "contact.queued", at: at, queued))
            }
            for number in 1...Int.random(in: 1...7, using: &random) {
                at += pick([-1, 0, 1, 4, 20, 21, 90, 3600]) * TicketEvent.second
                var data: [(String, String)] = []
                if Int.random(in: 0..<4, using: &random) == 0 {
                    data.append(("ticket_id", "\"T-\(Int.random(in: 0..<tickets, using: &random))\""))
                }
                let type: String
                switch Int.random(in: 0..<14, using: &random) {
                case 0..<4:
                    type = "answered"
                    if Bool.random(using: &random) { data.append(("agent_id", pick(["\"A-1\"", "\"A-2\""]))) }
                case 4: type = "held"
                case 5: type = "resumed"
                case 6:
                    type = "transferred"
                    if Bool.random(using: &random) { data.append(("team", pick(["\"x\"", "\"y\""]))) }
                case 7..<11:
                    type = "ended"
                    for part in ["talk_seconds", "hold_seconds", "wrap_seconds"] where Bool.random(using: &random) {
                        data.append((part, pick(["0", "12.5", "61", "300"])))
                    }
                    if Int.random(in: 0..<3, using: &random) == 0 {
                        data.append(("resolved", pick(["true", "false"])))
                    }
                    if Int.random(in: 0..<4, using: &random) == 0 { data.append(("outcome", "\"voicemail\"")) }
                case 11:
                    type = "wrapped"
                    data.append(("seconds", pick(["5", "17.25"])))
                case 12:
                    type = "abandoned"
                    if Bool.random(using: &random) { data.append(("in", pick(["\"queue\"", "\"ivr\""]))) }
                default:
                    type = "queued"
                    data.append(("channel", "\"other\""))
                }
                events.append(
                    TicketEvent(
                        "\(number)", "contact.\(type)", at: at, sequence: Bool.random(using: &random) ? number : nil,
                        data))
            }
            return events
        }

        private mutating func life(_ id: String, tickets: Int) -> [TicketEvent] {
            // Instants on a coarse grid, so that ties happen.
            var at = Int64.random(in: 0..<60 * 24, using: &random) * TicketEvent.hour
            var events: [TicketEvent] = []
            var created: [(String, String)] = [("channel", "\"\(pick(["email", "chat", "carrier pigeon"]))\"")]
            if Bool.random(using: &random) { created.append(("priority", "\"\(pick(["urgent", "LOW", "normal"]))\"")) }
            if Bool.random(using: &random) {
                created.append(("category", "\"\(pick(["billing", "Größe", "a;b=c"]))\""))
            }
            if Int.random(in: 0..<4, using: &random) > 0 { created.append(customer()) }
            if Bool.random(using: &random) {
                created.append(("initiator", "\"\(pick(["customer", "agent", "system"]))\""))
            }
            if Int.random(in: 0..<3, using: &random) == 0 { created.append(("tags", pick(Self.tags))) }
            if Int.random(in: 0..<8, using: &random) == 0 {
                created.append(("status", pick(["\"open\"", "\"pending\"", "\"closed\""])))
            }
            if Int.random(in: 0..<3, using: &random) == 0 { created.append(("agent_id", "\"A-1\"")) }
            if Int.random(in: 0..<20, using: &random) > 0 {
                events.append(TicketEvent("0", "ticket.created", at: at, created))
            }
            for number in 1...Int.random(in: 1...12, using: &random) {
                at += pick([0, 0, 1, 90, 3600, 86_400, 20 * 86_400]) * TicketEvent.second
                let sequence = Bool.random(using: &random) ? number : nil
                events.append(change("\(number)", at: at, sequence, of: id, tickets: tickets))
            }
            return events
        }

        private static let tags = ["[\"vip\"]", "[\"vip\",\"late\"]", "[]"]

        private mutating func change(
            _ id: String, at: Int64, _ sequence: Int?, of ticket: String, tickets: Int
        ) -> TicketEvent {
            func event(_ type: String, _ data: [(String, String)] = []) -> TicketEvent {
                TicketEvent(id, type, at: at, sequence: sequence, data)
            }
            switch Int.random(in: 0..<22, using: &random) {
            case 0..<8:
                var data = [
                    ("status", "\"\(pick(["new", "open", "pending", "on_hold", "solved", "solved", "closed"]))\"")
                ]
                if Int.random(in: 0..<4, using: &random) > 0 {
                    data.append(("actor", "\"\(pick(["agent", "customer", "bot", "system"]))\""))
                }
                if Bool.random(using: &random) { data.append(("agent_id", "\"A-1\"")) }
                return event("ticket.status_changed", data)
            case 8: return event("ticket.worked", [("seconds", pick(["7", "60.5"]))])
            case 9..<13:
                var data = [
                    ("author", "\"\(pick(["agent", "agent", "customer", "bot", "system"]))\""),
                    ("public", pick(["true", "true", "false"])),
                ]
                if Int.random(in: 0..<4, using: &random) > 0 {
                    data.append(("agent_id", pick(["\"A-1\"", "\"A-2\""])))
                }
                return event("ticket.message", data)
            case 13..<17:
                let name = pick(["priority", "team", "segment", "customer_id", "category", "tags", "agent_id"])
                return event(
                    "ticket.updated", [(name, name == "tags" ? pick(Self.tags) : pick(["\"a\"", "\"u-1\"", "null"]))])
            case 17: return event("ticket.deleted")
            case 18: return event("ticket.restored")
            case 19:
                return event(
                    "ticket.snapshot",
                    [
                        ("created_at", "\"\(TicketEvent.time(at - TicketEvent.day))\""),
                        ("status", "\"\(pick(["open", "solved"]))\""), ("team", "\"\(pick(["x", "y"]))\""),
                    ])
            case 20:
                if Bool.random(using: &random) { return event("ticket.merged", [("into", "\"T-\(tickets)\"")]) }
                return event(
                    "ticket.handed_off", Bool.random(using: &random) ? [("team", pick(["\"x\"", "\"a\""]))] : [])
            default:
                let victim = Int.random(in: 0...(Int(id) ?? 1), using: &random)
                return event(
                    "event.voided",
                    [("voids", "{\"source\":\"https://acme.example/desk\",\"id\":\"\(ticket)-\(victim)\"}")])
            }
        }
    }

    // swift-format-ignore: NeverUseForceTry
    static let utc = try! Rules(parsing: "history: {hours: 100y, days: 100y, months: 100y}\n")
    // swift-format-ignore: NeverUseForceTry
    static let rules = try! Rules(
        parsing: "history: {hours: 100y, days: 100y, months: 100y}\ntimezone: Europe/Berlin\n")

    @Test(arguments: 0..<12) func permutationsDuplicatesCrashesAndAborts(seed: UInt64) throws {
        var generator = Generator(random: SeededGenerator(seed: seed))
        let events = generator.events(tickets: 25)
        let now = (TicketEvent.epoch + 200 * 86_400) * 1_000_000

        let plain = try Pipeline(Self.rules, partitions: 1, now: now)
        for arrival in events { plain.send(arrival) }
        try plain.drain(records: 10_000)
        let expected = plain.figures
        #expect(!expected.isEmpty)

        var random = SeededGenerator(seed: seed &+ 1000)
        let shaken = try Pipeline(Self.rules, partitions: 3, now: now)
        var arrivals = events + events.filter { _ in Int.random(in: 0..<10, using: &random) < 3 }
        arrivals.shuffle(using: &random)
        for arrival in arrivals { shaken.send(arrival) }
        var crashes = 0
        for _ in 0..<80 {
            let outcome: Pipeline.Outcome =
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<2: .abort
                case 2..<4: .crash
                default: .commit
                }
            if outcome != .commit { crashes += 1 }
            let partition = Int.random(in: 0..<3, using: &random)
            let records = Int.random(in: 1...30, using: &random)
            let stage = Pipeline.Stage.allCases[Int.random(in: 0..<4, using: &random)]
            try shaken.run(stage, partition, records: records, outcome)
        }
        #expect(crashes > 0)
        try shaken.drain(records: 17)
        #expect(shaken.dead.isEmpty)
        let got = shaken.figures
        for key in Set(expected.keys).union(got.keys).sorted() where expected[key] != got[key] {
            Issue.record("seed \(seed): \(key) is \(got[key] ?? "absent"), expected \(expected[key] ?? "absent")")
        }
    }

    @Test(arguments: 0..<4) func aChangeOfBreakdownsDerivesAgainWithoutDrift(seed: UInt64) throws {
        var generator = Generator(random: SeededGenerator(seed: seed))
        let events = generator.events(tickets: 30)
        let now = (TicketEvent.epoch + 200 * 86_400) * 1_000_000
        let later = try Rules(
            parsing:
                "history: {hours: 100y, days: 100y, months: 100y}\ntimezone: Asia/Kathmandu\nbreakdowns: [team, [channel, priority]]\n"
        )

        let changed = try Pipeline(Self.rules, now: now)
        for arrival in events { changed.send(arrival) }
        try changed.drain()
        try changed.restartAll(try TicketingTopology(rules: later, partitions: 2))
        try changed.drain()

        let fresh = try Pipeline(later, now: now)
        for arrival in events { fresh.send(arrival) }
        try fresh.drain()
        let expected = fresh.figures
        let got = changed.figures
        // Hours of the old time zone keep their names and stand between those of the new one.
        for key in expected.keys.sorted() where expected[key] != got[key] && !key.hasPrefix("backlog/hour") {
            Issue.record("seed \(seed): \(key) is \(got[key] ?? "absent"), expected \(expected[key] ?? "absent")")
        }
    }
}
