import Foundation
import TestSupport
import Testing

/// No false alarms: what a monitor, an ingest or a source reports that was down for hours, and what a backfill does.
@Suite struct OutageTests {
    private static let rules = """
        history: 100y
        calendars: {always: {always: true}}
        policies:
          - id: all
            calendar: always
            metrics: {first_response: {target: 10m, warn: [50%], levels: [5m]}, resolution: {target: 60m}}
        """

    /// A ticket every 5 minutes, answered after 4 minutes and solved after 20; each tenth one is answered after 13, each
    /// fifteenth never.
    private static func traffic(until end: Double) -> (events: [Event], late: Set<String>, unsolved: Set<String>) {
        var events: [Event] = []
        var late: Set<String> = []
        var unsolved: Set<String> = []
        for (number, at) in stride(from: 0.0, to: end - 90, by: 5).enumerated() {
            let ticket = "T\(number)"
            events.append(.created(ticket, at: at))
            if number % 15 == 7 {
                late.insert(ticket)
                unsolved.insert(ticket)
                continue
            }
            if number % 10 == 3 { late.insert(ticket) }
            events.append(.reply(ticket, at: at + (number % 10 == 3 ? 13 : 4)))
            events.append(.status("solved", ticket, at: at + 20))
        }
        return (events, late, unsolved)
    }

    private func tickets(_ monitor: Monitor, _ fact: String, _ metric: String = "first_response") -> [String] {
        monitor.keys.filter { $0.hasSuffix("/\(metric)/1/\(fact)") }.map { String($0.split(separator: "/")[1]) }
    }

    /// The breaches that stand in the end are those of the traffic, whatever was down.
    private func check(_ monitor: Monitor, late: Set<String>, unsolved: Set<String>) {
        let standing = Set(tickets(monitor, "breached") + tickets(monitor, "breached-2")).subtracting(
            tickets(monitor, "retracted-breached"))
        #expect(standing == late)
        #expect(
            Set(tickets(monitor, "breached", "resolution")).subtracting(
                tickets(monitor, "retracted-breached", "resolution")) == unsolved)
        #expect(Set(monitor.keys).count == monitor.keys.count, "nothing goes out twice")
    }

    @Test(arguments: [1, 7, 50]) func aMonitorThatWasDownForThreeHoursReportsNothingFalse(batch: Int) throws {
        let monitor = try Monitor(Self.rules)
        let traffic = Self.traffic(until: 420)
        try Outage(monitor: 62..<243, batch: batch).run(monitor, traffic.events, until: 500)
        check(monitor, late: traffic.late, unsolved: traffic.unsolved)
        #expect(tickets(monitor, "retracted-breached").isEmpty)
        #expect(Set(tickets(monitor, "breached")) == traffic.late)
        #expect(monitor.alerts.allSatisfy { $0.data["degraded"] as? Bool == false })
    }

    @Test func anIngestThatWasDownDegradesAndTakesBack() throws {
        let monitor = try Monitor(Self.rules)
        let traffic = Self.traffic(until: 420)
        try Outage(ingest: 62..<243).run(monitor, traffic.events, until: 500)
        check(monitor, late: traffic.late, unsolved: traffic.unsolved)
        let wrong = Set(tickets(monitor, "retracted-breached"))
        let breaches = monitor.alerts.filter { $0.key.hasSuffix("/first_response/1/breached") }
        for breach in breaches where wrong.contains(breach.data["ticket_id"] as? String ?? "") {
            #expect(breach.data["degraded"] as? Bool == true, "\(breach.key)")
        }
        #expect(breaches.contains { $0.data["degraded"] as? Bool == true })
    }

    @Test func anIngestThatWasDownForLessThanFiveMinutesIsWaitedFor() throws {
        let monitor = try Monitor(Self.rules)
        let traffic = Self.traffic(until: 420)
        try Outage(ingest: 62..<66.5).run(monitor, traffic.events, until: 500)
        check(monitor, late: traffic.late, unsolved: traffic.unsolved)
        #expect(tickets(monitor, "retracted-breached").isEmpty)
    }

    @Test func aSourceThatWasDownIsHeldUntilItsBacklogIsThere() throws {
        let monitor = try Monitor(Self.rules)
        let traffic = Self.traffic(until: 420)
        try Outage(source: 62..<243, batch: 3).run(monitor, traffic.events, until: 500)
        check(monitor, late: traffic.late, unsolved: traffic.unsolved)
        // Only what had been open when the source fell silent could be reported before its answer was known.
        let open = Set(traffic.events.filter { $0.type == "created" && $0.at < 62 }.map(\.ticket))
        #expect(Set(tickets(monitor, "retracted-breached")).isSubset(of: open))
        #expect(tickets(monitor, "breached-2").isEmpty)
    }

    @Test(arguments: [UInt64(1), 2, 3]) func aBackfillOfAYearPagesNobody(seed: UInt64) throws {
        let monitor = try Monitor(Self.rules)
        var generator = SeededGenerator(seed: seed)
        let year = 365.0 * 24 * 60
        var events: [Event] = []
        var late: Set<String> = []
        for number in 0..<400 {
            let ticket = "B\(number)"
            // The last ones end two days before the present.
            let at = Double(generator.next() % UInt64(year - 3 * 1440))
            events.append(.created(ticket, at: at))
            let answer = Double(generator.next() % 20)
            if answer > 10 { late.insert(ticket) }
            events.append(.reply(ticket, at: at + answer))
            events.append(.status("solved", ticket, at: at + 25))
        }
        events.shuffle(using: &generator)
        // Handed over within 4 minutes, and taken in behind time.
        var taken = 0
        while taken < events.count {
            let arrived = year + 4 * Double(taken) / Double(events.count)
            let records = events[taken..<min(events.count, taken + 100)].map { ($0, arrived) }
            taken += records.count
            try monitor.step(records, Monitor.time(arrived, wall: year + 10, caughtUp: false))
        }
        #expect(monitor.keys.isEmpty, "held until caught up")
        try monitor.restart()
        for second in 0..<4 { try monitor.step([], Monitor.time(year + 10 + Double(second) / 60)) }
        #expect(Set(tickets(monitor, "breached")) == late)
        #expect(!late.isEmpty && tickets(monitor, "retracted-breached").isEmpty)
        #expect(monitor.alerts.allSatisfy { $0.data["historical"] as? Bool == true })
    }
}
