import Foundation
import Testing

/// What goes out, when, and how often.
@Suite struct FactTests {
    private static let rules = """
        history: 100y
        calendars: {always: {always: true}, office: {week: {mon-fri: ["09:00-17:00"]}}}
        owners: {billing: billing-oncall}
        links: {ticket: "https://desk.example/{ticket_id}"}
        policies:
          - id: gold
            when: {tier: gold}
            calendar: always
            metrics: {first_response: {target: {urgent: 10m, normal: 60m}, warn: [50%], levels: [5m]}}
          - id: night
            when: {segment: night}
            calendar: office
            metrics: {first_response: {target: 10m, alert_delay: 2m}, resolution: {target: 8h, warn: [50%], deliver: hold}}
          - id: default
            calendar: always
            metrics: {resolution: {target: 1h}}
        """

    @Test func whatIsDueDoesNotWaitForTheInterval() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent""#)])
        #expect(!monitor.wasUrgent)
        var urgent: [Int] = []
        for minute in 1..<20 {
            try monitor.run(at: Double(minute))
            if monitor.wasUrgent { urgent.append(minute) }
        }
        #expect(urgent == [5, 10, 15])
        // A backlog is behind with all that is due.
        let late = try Monitor(Self.rules)
        try late.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent""#)])
        try late.run(at: 11, caughtUp: false)
        #expect(!late.wasUrgent && late.keys.contains("ticket/T/first_response/1/breached"))
    }

    @Test func aBreachGoesOutOnceAndOnTime() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent","team":"billing""#)])
        for minute in 1..<30 {
            try monitor.run(at: Double(minute))
            try monitor.restart()
        }
        #expect(
            monitor.keys == [
                "ticket/T/first_response/1/warning-50", "ticket/T/first_response/1/breached",
                "ticket/T/first_response/1/level-300",
            ])
        #expect(monitor.alerts.map(\.sequence) == [1, 2, 3])
        let breach = try #require(monitor.alert("ticket/T/first_response/1/breached"))
        #expect(breach["breached_at"] as? String == "2026-01-05T09:10:00Z")
        #expect(breach["target_seconds"] as? Int == 600)
        #expect(breach["cause"] as? String == "time")
        #expect(breach["owner"] as? String == "billing-oncall")
        #expect((breach["links"] as? [String: String])?["ticket"] == "https://desk.example/T")
        #expect(breach["historical"] as? Bool == false)
    }

    @Test func aLateReplyTakesTheBreachBackAndALaterOneBringsItAgain() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent""#)])
        try monitor.run(at: 11)
        try monitor.run(at: 13, [.reply(at: 9)])
        #expect(
            monitor.keys == [
                "ticket/T/first_response/1/warning-50", "ticket/T/first_response/1/breached",
                "ticket/T/first_response/1/retracted-breached", "ticket/T/first_response/1/fulfilled",
            ])
        let retraction = try #require(monitor.alert("ticket/T/first_response/1/retracted-breached"))
        #expect(retraction["reason"] as? String == "late_event")
        #expect(retraction["state"] as? String == "resolved")
        #expect(monitor.alert("ticket/T/first_response/1/fulfilled")?["met"] as? Bool == true)
        // The reply is voided: the breach holds after all.
        let void = Event(
            ticket: "T", type: "event.voided", at: 14,
            data: #","voids":{"source":"https://acme.example/desk","id":"message-9.0"}"#)
        try monitor.run(at: 14, [void])
        #expect(monitor.keys.last == "ticket/T/first_response/1/breached-2")
        #expect(monitor.alerts.last?.data["cause"] as? String == "late_event")
        #expect(monitor.alerts.map(\.sequence) == Array(1...monitor.alerts.count))
    }

    @Test func aMonitorThatWasDownReportsNothingThatWasAnsweredInTime() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent""#)])
        // Down from 1 to 120; what arrived meanwhile is read with the clock of its arrival.
        try monitor.run(at: 9, [.reply(at: 9)], wall: 120, caughtUp: false)
        try monitor.run(at: 120)
        #expect(
            monitor.keys == ["ticket/T/first_response/1/warning-50", "ticket/T/first_response/1/fulfilled"])
    }

    @Test func aBackfillIsHeldUntilItIsCompleteAndCalm() throws {
        let monitor = try Monitor(Self.rules)
        let year: Double = 365 * 24 * 60
        try monitor.run(
            at: year, [.created(at: 0, #","tier":"gold","priority":"urgent""#)], wall: year + 1, caughtUp: false)
        try monitor.run(at: year + 0.1, wall: year + 1, caughtUp: false)
        #expect(monitor.keys.isEmpty)
        try monitor.run(at: year + 0.15, [.reply(at: 6)], wall: year + 1)
        #expect(monitor.keys.isEmpty)
        try monitor.run(at: year + 1)
        #expect(monitor.keys == ["ticket/T/first_response/1/warning-50", "ticket/T/first_response/1/fulfilled"])
        #expect(monitor.alerts.allSatisfy { $0.data["historical"] as? Bool == true })
    }

    @Test func changesOfPriorityAndPolicyActAtTheChange() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"normal""#)])
        try monitor.run(at: 20, [.updated(at: 20, #","priority":"urgent""#)])
        let breach = try #require(monitor.alert("ticket/T/first_response/1/breached"))
        #expect(breach["breached_at"] as? String == "2026-01-05T09:20:00Z")
        #expect(breach["cause"] as? String == "priority_change")
        try monitor.run(at: 21, [.updated(at: 21, #","priority":"normal""#)])
        let retraction = try #require(monitor.alert("ticket/T/first_response/1/retracted-breached"))
        #expect(retraction["reason"] as? String == "policy_changed")
        // Another policy: the first response is no longer promised, the resolution counts from the creation.
        try monitor.run(at: 40, [.updated(at: 40, #","tier":null"#)])
        #expect(monitor.keys.last == "ticket/T/first_response/1/cancelled")
        try monitor.run(at: 61)
        #expect(monitor.keys.last == "ticket/T/resolution/1/breached")
        #expect(monitor.alert("ticket/T/resolution/1/breached")?["policy"] as? String == "default")
    }

    @Test func aMergeKeepsTheBreachBeforeItAndEndsTheClock() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent""#)])
        try monitor.run(at: 12)
        try monitor.run(at: 13, [Event(ticket: "T", type: "merged", at: 13, data: #","into":"U""#)])
        try monitor.run(at: 60)
        #expect(
            monitor.keys == ["ticket/T/first_response/1/warning-50", "ticket/T/first_response/1/breached"])
        // A deletion that turns out to have been earlier than the breach takes it back.
        let other = try Monitor(Self.rules)
        try other.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent""#)])
        try other.run(at: 12)
        try other.run(at: 13, [Event(ticket: "T", type: "deleted", at: 4, data: "")])
        try other.run(at: 13.2)
        #expect(
            other.keys.suffix(2).sorted() == [
                "ticket/T/first_response/1/retracted-breached", "ticket/T/first_response/1/retracted-warning-50",
            ])
        #expect(other.alerts.last?.data["reason"] as? String == "deleted")
    }

    /// Nothing but what was published and the verdicts are known of the ticket then.
    @Test(arguments: [4.0, 60_000]) func aDeletionTakesBackWhatAnExpiredTicketTold(deletedAt: Double) throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent""#)])
        try monitor.run(at: 12)
        try monitor.run(at: 13, [.reply(at: 13), .status("solved", at: 13)])
        let month: Double = 31 * 24 * 60
        for minute in [month, month + 600] { try monitor.run(at: minute) }
        try monitor.restart()
        let told = monitor.keys
        #expect(told.contains("ticket/T/first_response/1/breached"))
        try monitor.run(at: 61_000, [.created(at: 0, #","tier":"gold","priority":"urgent""#), .reply(at: 13)])
        #expect(monitor.keys == told)
        let breaches = "sla_breaches/month;metric=first_response@2026-01"
        #expect(monitor.kpis[breaches]?["value"] as? Int == 1)
        let deletion = Event(ticket: "T", type: "deleted", at: deletedAt, data: "")
        try monitor.run(at: 61_001, [deletion], abort: true)
        for _ in 0..<2 { try monitor.run(at: 61_002, [deletion]) }
        #expect(monitor.kpis[breaches]?["value"] as? Int == 0)
        let retraction = "ticket/T/first_response/1/retracted-breached"
        #expect(monitor.keys.count { $0 == retraction } == (deletedAt == 4 ? 1 : 0))
        if deletedAt == 4 { #expect(monitor.alert(retraction)?["reason"] as? String == "deleted") }
    }

    /// What was told of a ticket that was never there does not hold.
    @Test func aVoidedCreationTakesEverythingBack() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent""#)])
        try monitor.run(at: 12)
        let void = Event(
            ticket: "T", type: "event.voided", at: 14,
            data: #","voids":{"source":"https://acme.example/desk","id":"created-0.0"}"#)
        try monitor.run(at: 14, [void])
        #expect(monitor.keys.contains("ticket/T/first_response/1/retracted-breached"))
        #expect(monitor.alerts.map(\.sequence) == Array(1...monitor.alerts.count))
    }

    @Test func delayedAndHeldFactsKeepTheirInstant() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","segment":"night""#)])
        try monitor.run(at: 11)
        #expect(monitor.keys.isEmpty)
        try monitor.run(at: 12)
        #expect(monitor.keys == ["ticket/T/first_response/1/breached"])
        #expect(monitor.alerts[0].data["breached_at"] as? String == "2026-01-05T09:10:00Z")
        // The resolution is due at closing time: its breach waits for Tuesday's opening.
        try monitor.run(at: 8 * 60 + 30)
        #expect(monitor.keys.last == "ticket/T/resolution/1/warning-50")
        try monitor.run(at: 24 * 60)
        #expect(monitor.keys.last == "ticket/T/resolution/1/breached")
        #expect(monitor.alerts.last?.data["breached_at"] as? String == "2026-01-05T17:00:00Z")
    }

    @Test func anAbortedTransactionPublishesNothingAndForgetsNothing() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created(at: 0, #","tier":"gold","priority":"urgent""#)])
        try monitor.run(at: 11, abort: true)
        #expect(monitor.keys.isEmpty)
        try monitor.run(at: 11)
        #expect(
            monitor.keys == ["ticket/T/first_response/1/warning-50", "ticket/T/first_response/1/breached"])
    }
}
