import Foundation
import ServiceKit
import Streams
import Testing

/// Sources that fall silent: `deskbeat.source.stale` and `.fresh`, and clocks that wait.
@Suite struct SourceTests {
    private static let desk = "https://acme.example/desk"

    private static func rules(_ source: String) -> String {
        """
        history: 100y
        calendars: {always: {always: true}}
        policies:
          - {id: all, calendar: always, metrics: {first_response: {target: 30m, warn: [50%]}}}
        sources: {"\(desk)": \(source)}
        """
    }

    /// What ingest has heard by then, and up to when it has read.
    private func time(
        _ minutes: Double, heard: Double?, timely: Double? = nil, since: Double = -60, complete: Double? = nil
    ) -> TaskTime {
        var signs = SourceSigns(since: Monitor.instant(since))
        if let heard {
            signs.heard[Self.desk] = Monitor.instant(heard)
            signs.timely[Self.desk] = Monitor.instant(timely ?? heard)
        }
        return Monitor.time(
            minutes, sources: SourceReport(signs: signs, complete: Monitor.instant(complete ?? minutes)))
    }

    @Test func silenceIsToldOnceAndItsEndToo() throws {
        let monitor = try Monitor(Self.rules("{expected_every: 10m}"))
        try monitor.step([], time(0, heard: -1))
        try monitor.step([], time(9, heard: -1))
        #expect(monitor.keys.isEmpty)
        // The monitor's own clock is ahead of what ingest has read: nothing is known yet.
        try monitor.step([], time(12, heard: -1, complete: 8))
        #expect(monitor.keys.isEmpty)
        try monitor.step([], time(12, heard: -1))
        try monitor.step([], time(13, heard: -1))
        #expect(monitor.alerts.map(\.type) == ["deskbeat.source.stale"])
        let stale = try #require(monitor.alerts.first)
        #expect(stale.key == "source/\(Self.desk)")
        #expect(stale.data["stale_since"] as? String == "2026-01-05T09:09:00Z")
        #expect(stale.data["last_heard_at"] as? String == "2026-01-05T08:59:00Z")
        #expect(stale.data["state"] as? String == "firing")
        try monitor.step([], time(20, heard: 19))
        try monitor.step([], time(29, heard: 19))
        #expect(monitor.alerts.map(\.type) == ["deskbeat.source.stale", "deskbeat.source.fresh"])
        #expect(monitor.alerts.map(\.sequence) == [1, 2])
        #expect(monitor.alerts[1].data["fresh_at"] as? String == "2026-01-05T09:19:00Z")
        #expect(monitor.alerts[1].data["stale_seconds"] as? Int == 600)
        #expect(monitor.alerts[1].data["fingerprint"] as? String == stale.data["fingerprint"] as? String)
    }

    @Test func aRestartAndAnAbortChangeNothing() throws {
        let monitor = try Monitor(Self.rules("{expected_every: 10m, hold_when_stale: true}"))
        try monitor.step([], time(0, heard: -1))
        try monitor.step([], time(12, heard: -1), abort: true)
        #expect(monitor.keys.isEmpty)
        try monitor.step([], time(12, heard: -1))
        #expect(monitor.alerts.count == 1)
        try monitor.restart()
        try monitor.step([], time(14, heard: -1))
        // Ingest has been started anew, and knows of nothing before.
        try monitor.step([], time(15, heard: nil, since: 14))
        try monitor.restart()
        try monitor.step([], time(40, heard: nil, since: 14))
        #expect(monitor.alerts.count == 1)
        try monitor.step([], time(41, heard: 40))
        #expect(monitor.alerts.map(\.type) == ["deskbeat.source.stale", "deskbeat.source.fresh"])
    }

    @Test func aSourceThatIsNeverHeardOfIsStale() throws {
        let monitor = try Monitor(Self.rules("{expected_every: 1h}"))
        try monitor.step([], time(0, heard: nil, since: 0))
        try monitor.step([], time(60, heard: nil, since: 0))
        #expect(monitor.keys.isEmpty)
        try monitor.step([], time(61, heard: nil, since: 0))
        #expect(monitor.alerts.map(\.type) == ["deskbeat.source.stale"])
        #expect(monitor.alerts[0].data["last_heard_at"] is NSNull)
    }

    /// The helpdesk's connection is down from minute 10 to 60; the ticket was answered at 25, which is told at 61.
    @Test func clocksWaitForASourceThatHoldsThem() throws {
        let monitor = try Monitor(Self.rules("{expected_every: 10m, hold_when_stale: true}"))
        try monitor.step([(.created("A", at: 5), 5), (.created("B", at: 6), 6)], time(6, heard: 6))
        try monitor.step([], time(15, heard: 10))
        // Minute 20 is where the clocks wait: half of the 30 minutes are over at 20 and 21.
        try monitor.step([], time(30, heard: 10))
        #expect(monitor.keys == ["ticket/A/first_response/1/warning-50", "source/\(Self.desk)"])
        for minute in stride(from: 31.0, through: 59, by: 7) { try monitor.step([], time(minute, heard: 10)) }
        try monitor.restart()
        try monitor.step([], time(60, heard: 10))
        #expect(monitor.keys.count == 2)
        // It is back, with what happened meanwhile first: clocks wait on.
        try monitor.step([(.reply("A", at: 25), 61)], time(61, heard: 61, timely: 10))
        #expect(
            monitor.keys == ["ticket/A/first_response/1/warning-50", "source/\(Self.desk)", "source/\(Self.desk)"])
        // An event in time: the clocks go on, and find what holds.
        try monitor.step([], time(62, heard: 61.5, timely: 61.5))
        try monitor.step([], time(63, heard: 62))
        #expect(monitor.keys.filter { $0.hasPrefix("ticket/A") }.suffix(1) == ["ticket/A/first_response/1/fulfilled"])
        #expect(!monitor.keys.contains("ticket/A/first_response/1/breached"))
        #expect(monitor.keys.contains("ticket/B/first_response/1/breached"))
        #expect(
            monitor.alert("ticket/B/first_response/1/breached")?["breached_at"] as? String == "2026-01-05T09:36:00Z")
    }

    @Test func otherSourcesGoOn() throws {
        let rules = Self.rules("{expected_every: 10m}").replacing(
            "sources: {", with: #"sources: {"other": {expected_every: 10s, hold_when_stale: true}, "#)
        let monitor = try Monitor(rules)
        try monitor.step([(.created("A", at: 0), 0)], time(0, heard: 0))
        try monitor.step([], time(31, heard: 30))
        #expect(monitor.keys.contains("ticket/A/first_response/1/breached"))
        #expect(monitor.keys.contains("source/other"))
    }

    @Test func oneThatIsAlwaysLateHoldsNothingForEver() throws {
        let monitor = try Monitor(Self.rules("{expected_every: 1m, hold_when_stale: true}"))
        try monitor.step([(.created("A", at: 0), 0)], time(0, heard: 0))
        try monitor.step([], time(3, heard: 0))
        try monitor.step([], time(60, heard: 60, timely: 0))
        try monitor.step([], time(64, heard: 64, timely: 0))
        #expect(!monitor.keys.contains("ticket/A/first_response/1/breached"))
        try monitor.step([], time(65.1, heard: 65, timely: 0))
        try monitor.step([], time(65.2, heard: 65, timely: 0))
        #expect(monitor.keys.contains("ticket/A/first_response/1/breached"))
    }
}
