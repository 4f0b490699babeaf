import BusinessTime
import Foundation
import ServiceKit
import TestSupport
import Testing
import Ticketing

/// Another version of the rules comes into force: windows that have ended keep what they have, open ones follow.
@Suite struct RulesChangeTests {
    private static let now = "2026-03-18T12:00:00Z"
    /// Their dates differ at many hours, those of the last two at all.
    private static let zones = [
        "UTC", "Asia/Kolkata", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago",
    ]

    private func rules(_ text: String, version: Int64, since: String? = nil) throws -> Rules {
        var rules = try Rules(parsing: "history: {hours: 100y, days: 100y, months: 100y}\n" + text)
        rules.version = version
        if let since { rules.publishedAt = try micros(since) }
        return rules
    }

    private func micros(_ text: String) throws -> Int64 {
        Int64(try Date.ISO8601FormatStyle().parse(text).timeIntervalSince1970) * 1_000_000
    }

    private func ticket(_ id: String, created: String, solved: String, in pipeline: Pipeline) throws {
        create(id, at: try micros(created), in: pipeline)
        change(id, "solved", at: try micros(solved), in: pipeline)
    }

    private func create(_ id: String, at micros: Int64, in pipeline: Pipeline) {
        let data = [("status", "\"new\""), ("channel", "\"email\""), ("priority", "\"normal\"")]
        pipeline.send(TicketEvent("1", "ticket.created", at: micros - TicketEvent.epoch * 1_000_000, data), of: id)
    }

    private func change(_ id: String, _ status: String, at micros: Int64, in pipeline: Pipeline) {
        pipeline.send(
            TicketEvent(
                "\(status)-\(micros)", "ticket.status_changed", at: micros - TicketEvent.epoch * 1_000_000,
                [("status", "\"\(status)\"")]), of: id)
    }

    private func delete(_ id: String, at micros: Int64, in pipeline: Pipeline) {
        pipeline.send(TicketEvent("9", "ticket.deleted", at: micros - TicketEvent.epoch * 1_000_000), of: id)
    }

    @Test func aNewTimeZoneLeavesEndedWindowsAndMovesOpenOnes() throws {
        let old = try rules("timezone: UTC", version: 1)
        let pipeline = try Pipeline(old, now: micros(Self.now))
        // 23:30 UTC is the next day in Berlin: one ticket in an ended day, one at the end of last month, one today.
        try ticket("past", created: "2026-03-10T23:30:00Z", solved: "2026-03-12T08:00:00Z", in: pipeline)
        try ticket("month", created: "2026-02-28T23:30:00Z", solved: "2026-03-02T08:00:00Z", in: pipeline)
        try ticket("today", created: "2026-03-18T07:30:00Z", solved: "2026-03-18T08:00:00Z", in: pipeline)
        try pipeline.drain()
        let before = pipeline.published
        #expect(pipeline.value("tickets_created/day@2026-03-10") == 1)
        #expect(pipeline.value("tickets_created/month@2026-02") == 1)
        #expect(pipeline.value("tickets_created/month@2026-03") == 2)

        let new = try rules("timezone: Europe/Berlin", version: 2, since: Self.now)
        try pipeline.restartAll(try TicketingTopology(rules: new, partitions: 2))
        try pipeline.drain()

        for (key, update) in before where key.hasPrefix("tickets_") || key.hasPrefix("resolution_time") {
            let data = update["data"] as? [String: Any]
            guard (data?["window"] as? [String: Any])?["closed"] as? Bool == true else { continue }
            let after = try #require(pipeline.published[key])
            #expect(after["sequence"] as? String == update["sequence"] as? String, "\(key)")
            #expect((after["data"] as? [String: Any])?["rules_version"] as? Int == 1, "\(key)")
        }
        // In Berlin the last ticket of February is the first of March.
        #expect(pipeline.value("tickets_created/month@2026-02") == 1)
        #expect(pipeline.value("tickets_created/month@2026-03") == 3)
        #expect(pipeline.data("tickets_created/month@2026-03")?["rules_version"] as? Int == 2)
        #expect(pipeline.value("tickets_created/day@2026-03-11") ?? 0 == 0)
    }

    /// Hours of a zone with another minute begin where the new version does, also beside ended ones that change later.
    @Test func endedHoursOfTheNewZoneAreNotPublished() throws {
        let pipeline = try Pipeline(rules("timezone: UTC", version: 1), now: micros(Self.now))
        try ticket("a", created: "2026-03-18T07:10:00Z", solved: "2026-03-18T08:00:00Z", in: pipeline)
        try ticket("b", created: "2026-03-18T09:50:00Z", solved: "2026-03-18T11:40:00Z", in: pipeline)
        try pipeline.drain()
        let before = pipeline.published
        #expect(pipeline.published.keys.contains { $0.hasPrefix("tickets_created/hour") })

        let new = try rules("timezone: Asia/Kolkata", version: 2, since: Self.now)
        try pipeline.restartAll(try TicketingTopology(rules: new, partitions: 2))
        try pipeline.drain()
        // An event that belongs to an ended hour.
        change("a", "open", at: try micros("2026-03-18T08:30:00Z"), in: pipeline)
        pipeline.now += 60_000_000
        try pipeline.drain()

        // What the event changes is published, in the hour of the zone that it was counted in.
        #expect(pipeline.value("tickets_solved/hour@2026-03-18T08+00:00") == 1)
        for (key, update) in pipeline.published where before[key] == nil && key.contains("/hour") {
            guard !key.hasPrefix("tickets_reopened"), !key.hasPrefix("reopen_rate"), !key.hasPrefix("backlog") else {
                continue
            }
            let window = (update["data"] as? [String: Any])?["window"] as? [String: Any]
            #expect(window?["closed"] as? Bool == false, "\(key)")
        }
    }

    /// What was counted under one version is taken back under the next, to the last: no window goes below zero or keeps a rest.
    @Test func deletionsTakeBackWhatAnyVersionHasCounted() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]
        let breakdowns = ["[channel]", "[priority]", "[channel, priority]", "[]"]
        let end = try micros(Self.now)
        let pipeline = try Pipeline(
            rules("timezone: UTC", version: 1), now: end - 40 * 86_400_000_000)
        var tickets: [(id: String, at: Int64)] = []
        for version in 2...7 {
            for _ in 0..<12 {
                let id = "t\(tickets.count)"
                let at = pipeline.now - Int64.random(in: 0..<20 * 86_400, using: &random) * 1_000_000
                create(id, at: at, in: pipeline)
                if Bool.random(using: &random) { change(id, "solved", at: at + 4_000_000_000, in: pipeline) }
                tickets.append((id, at))
            }
            // Events of tickets that were derived under other rules.
            for (id, at) in tickets.shuffled(using: &random).prefix(6) {
                change(id, Bool.random(using: &random) ? "open" : "solved", at: at + 9_000_000_000, in: pipeline)
            }
            if Bool.random(using: &random) { try pipeline.drain(records: 7) }
            pipeline.now += Int64.random(in: 0..<8 * 86_400_000_000, using: &random)
            var next = try rules(
                "timezone: \(zones.randomElement(using: &random) ?? "UTC")\nbreakdowns: "
                    + (breakdowns.randomElement(using: &random) ?? "[]"), version: Int64(version))
            next.publishedAt = pipeline.now
            try pipeline.restartAll(try TicketingTopology(rules: next, partitions: 2))
        }
        try pipeline.drain(records: 7)
        for (key, update) in pipeline.published {
            let data = try #require(update["data"] as? [String: Any])
            #expect((data["count"] as? NSNumber)?.int64Value ?? 0 >= 0, "\(key), seed \(seed)")
        }
        for (id, at) in tickets { delete(id, at: at + 90_000_000_000, in: pipeline) }
        try pipeline.drain(records: 7)
        for (key, update) in pipeline.published {
            let data = try #require(update["data"] as? [String: Any])
            #expect((data["count"] as? NSNumber)?.int64Value ?? 0 == 0, "\(key), seed \(seed)")
            if key.hasPrefix("tickets_") {
                #expect((data["value"] as? NSNumber)?.doubleValue == 0, "\(key), seed \(seed)")
            }
        }
    }

    /// A day that has ended in one version's zone may be open in that of the next one, further west: it is the day of that zone, and
    /// nothing of the earlier one is left in it.
    @Test func theDaysThatAreOpenAreThoseOfTheNewestZone() throws {
        var compared = 0
        for _ in 0..<12 {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SeededGenerator(seed: seed)
            let start = try micros(Self.now) + Int64.random(in: 0..<86_400_000, using: &random) * 1_000
            let pipeline = try Pipeline(rules("timezone: UTC", version: 1), now: start)
            var created: [Int64] = []
            var zone = "UTC"
            for version in 2...5 {
                for _ in 0..<8 {
                    created.append(pipeline.now - Int64.random(in: 0..<60 * 3_600_000_000, using: &random))
                    create("t\(created.count)", at: created[created.count - 1], in: pipeline)
                }
                if Bool.random(using: &random) { try pipeline.drain(records: 7) }
                pipeline.now += Int64.random(in: 1..<120_000, using: &random) * 1_000
                zone = Self.zones.randomElement(using: &random) ?? zone
                var next = try rules("timezone: \(zone)", version: Int64(version))
                next.publishedAt = pipeline.now
                try pipeline.restartAll(try TicketingTopology(rules: next, partitions: 2))
            }
            try pipeline.drain()
            let local = try #require(TimeZone(identifier: zone))
            func day(_ micros: Int64) -> String {
                Date(timeIntervalSince1970: Double(micros) / 1e6).formatted(
                    Date.ISO8601FormatStyle(timeZone: local).year().month().day())
            }
            let today = day(pipeline.now)
            let prefix = "tickets_created/day@"
            for key in pipeline.published.keys where key.hasPrefix(prefix) && key.dropFirst(prefix.count) >= today {
                let expected = created.count { day($0) == key.dropFirst(prefix.count) }
                #expect(pipeline.value(key) == Double(expected), "\(key) in \(zone), seed \(seed)")
                compared += 1
            }
        }
        #expect(compared > 6)
    }

    /// Whatever comes between changes of the time zone, and whatever dies: the windows that are open say what they would say had the
    /// newest rules always held.
    @Test func openWindowsAreThoseOfTheNewestRules() throws {
        let environment = ProcessInfo.processInfo.environment
        for _ in 0..<(environment["DESKBEAT_TEST_ROUNDS"].flatMap { Int($0) } ?? 20) {
            let given = environment["DESKBEAT_TEST_SEED"].flatMap { UInt64($0) }
            try compareOpenWindows(seed: given ?? UInt64.random(in: 0...UInt64.max))
        }
    }

    private func compareOpenWindows(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        // Over the ends of weeks, months and a quarter.
        let start =
            TicketEvent.epoch * 1_000_000 + Int64.random(in: 10..<100, using: &random) * TicketEvent.day
            + Int64.random(in: 0..<86_400_000, using: &random) * 1_000
        var generator = OrderFreedomTests.Generator(random: SeededGenerator(seed: seed &+ 1))
        let arrivals = generator.events(tickets: 40).map { arrival in
            var arrival = arrival
            let span = 60 * TicketEvent.hour
            arrival.event.at = start - TicketEvent.epoch * 1_000_000 - span + (arrival.event.at % span + span) % span
            return arrival
        }.shuffled(using: &random)
        let pipeline = try Pipeline(rules("timezone: UTC", version: 1), partitions: 2, now: start)
        pipeline.order = SeededGenerator(seed: seed &+ 2)
        if Bool.random(using: &random) { pipeline.lag = Int64.random(in: 0..<80 * TicketEvent.hour, using: &random) }
        func shake(_ transactions: Int) throws {
            for _ in 0..<transactions {
                pipeline.now += Int64.random(in: 1..<2_000, using: &random) * 1_000
                pipeline.lag -= Int64.random(in: 0...pipeline.lag / 8, using: &random)
                pipeline.isIdle = Bool.random(using: &random)
                let outcome: Pipeline.Outcome =
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0..<2: .abort
                    case 2..<4: .crash
                    default: .commit
                    }
                let stage = Pipeline.Stage.allCases[Int.random(in: 0..<4, using: &random)]
                try pipeline.run(
                    stage, Int.random(in: 0..<2, using: &random), records: Int.random(in: 1...60, using: &random),
                    outcome)
            }
        }
        let parts = 4
        var newest = try rules("timezone: UTC", version: 1)
        for part in 0..<parts {
            for (index, arrival) in arrivals.enumerated() where index % parts == part { pipeline.send(arrival) }
            try shake(Int.random(in: 0..<20, using: &random))
            guard part < parts - 1 else { break }
            newest = try rules("timezone: \(Self.zones.randomElement(using: &random) ?? "")", version: Int64(part) + 2)
            newest.publishedAt = pipeline.now
            let topology = try TicketingTopology(rules: newest, partitions: 2)
            for partition in 0..<2 { try pipeline.restart(.series, partition, topology) }
            for stage in [Pipeline.Stage.tickets, .contacts, .links] {
                for partition in 0..<2 {
                    try shake(Int.random(in: 0..<4, using: &random))
                    try pipeline.restart(stage, partition, topology)
                }
            }
        }
        pipeline.lag = 0
        pipeline.isIdle = true
        try pipeline.drain(records: 17)
        let fresh = try Pipeline(newest, partitions: 1, now: pipeline.now)
        for arrival in arrivals { fresh.send(arrival) }
        try fresh.drain()
        let (expected, got) = (fresh.figures, pipeline.figures)
        var compared = 0
        for key in Set(expected.keys).union(got.keys).sorted() where key.contains("@") && !key.contains("/hour") {
            let data = fresh.data(key) ?? pipeline.data(key)
            let window = data?["window"] as? [String: Any]
            guard window?["closed"] as? Bool == false else { continue }
            compared += 1
            if expected[key] != got[key] {
                Issue.record("seed \(seed): \(key) is \(got[key] ?? "absent"), expected \(expected[key] ?? "absent")")
            }
        }
        #expect(compared > 100)
    }

    @Test func aKindOfWindowThatIsNewIsFilled() throws {
        let pipeline = try Pipeline(rules("windows: [hour, day]", version: 1), now: micros(Self.now))
        try ticket("a", created: "2026-03-03T10:00:00Z", solved: "2026-03-04T10:00:00Z", in: pipeline)
        try ticket("b", created: "2026-02-03T10:00:00Z", solved: "2026-03-05T10:00:00Z", in: pipeline)
        try pipeline.drain()
        #expect(pipeline.data("tickets_created/month@2026-03") == nil)
        let more = try rules("windows: [day, month]", version: 2, since: Self.now)
        try pipeline.restartAll(try TicketingTopology(rules: more, partitions: 2))
        try pipeline.drain()
        #expect(pipeline.value("tickets_created/month@2026-03") == 1)
        #expect(pipeline.value("tickets_created/month@2026-02") == 1)
        #expect(pipeline.value("tickets_solved/month@2026-03") == 2)
        // Off and on again: nothing is counted twice.
        let less = try rules("windows: [day]", version: 3, since: Self.now)
        try pipeline.restartAll(try TicketingTopology(rules: less, partitions: 2))
        try ticket("c", created: "2026-03-06T10:00:00Z", solved: "2026-03-07T10:00:00Z", in: pipeline)
        try pipeline.drain()
        let again = try rules("windows: [day, month]", version: 4, since: Self.now)
        try pipeline.restartAll(try TicketingTopology(rules: again, partitions: 2))
        try pipeline.drain()
        #expect(pipeline.value("tickets_solved/month@2026-03") == 3)
        #expect(pipeline.value("tickets_created/month@2026-03") == 2)
    }
}
