import BusinessTime
import SLA
import ServiceKit
import Testing

/// `calendars` and `policies` of the rules file.
@Suite struct ServiceLevelRulesTests {
    private static let head = """
        calendars: {always: {always: true}, weekdays: {week: {mon-thu: ["08:00-12:00", ["13:00", "18:00"]], fri: ["08:00-16:00"]}}}
        priority_aliases: {p1: urgent}
        policies:

        """

    private func levels(_ policies: String) throws -> SLARules {
        try Rules(parsing: Self.head + policies).serviceLevels(zone: .utc)
    }

    @Test func everySettingIsRead() throws {
        let levels = try levels(
            """
              - id: gold
                when: {tier: Gold, priority: [P1, high], tags: vip}
                calendar: weekdays
                metrics:
                  first_response: {target: {p1: 15m, high: 1h}, warn: [50%, 80], levels: [-5m, 30m, 2h], severity: {warning: info, breached: error}}
                  resolution: [{target: 5d, end_of_day: true, reopen: new_cycle, pause_on: [hold]}, {variant: OLA, target: 8h, alert_delay: 90s, deliver: hold}]
              - {id: rest, calendar: always, metrics: {next_response: {target: 1h, on_solve: stop}}}
            """)
        let policy = levels.book.policies[0]
        #expect(policy.condition.fields[.priority] == ["urgent", "high"])
        #expect(policy.condition.fields[.tier] == ["gold"])
        #expect(policy.condition.tags == ["vip"])
        let first = policy.promises[0]
        #expect(first.settings.targetsByPriority["urgent"] == .duration(900_000_000))
        #expect(first.settings.warnings == [50, 80])
        #expect(first.settings.levels == [-300_000_000, 1_800_000_000, 7_200_000_000])
        #expect(first.severity(of: .warning(50)) == .info)
        #expect(first.severity(of: .breached) == .error)
        #expect(policy.promises[1].settings.target == .days(5, endOfDay: true))
        #expect(policy.promises[1].settings.pauseOn == ["on_hold"])
        #expect(policy.promises[2].settings.name == "resolution~ola")
        #expect(policy.promises[2].alertDelay == 90_000_000)
        #expect(levels.book.ticketPromises == ["first_response", "next_response", "resolution", "resolution~ola"])
    }

    @Test func theFirstPolicyThatMatchesApplies() throws {
        let book = try levels(
            """
              - {id: a, when: {tier: gold, priority: urgent}, calendar: always, metrics: {resolution: {target: 1h}}}
              - {id: b, when: {tier: gold}, calendar: always, metrics: {resolution: {target: 2h}}}
            """
        ).book
        var ticket = TicketAttributes()
        #expect(book.policy(for: ticket) == nil)
        ticket[.tier] = "gold"
        #expect(book.policy(for: ticket) == 1)
        ticket[.priority] = "urgent"
        #expect(book.policy(for: ticket) == 0)
    }

    @Test(arguments: [
        ("  - {id: a, calendar: alwais, metrics: {resolution: {target: 1h}}}", "did you mean always?"),
        ("  - {id: a, calendar: always, metrics: {resolutio: {target: 1h}}}", "did you mean resolution?"),
        ("  - {id: a, calendar: always, metrics: {resolution: {target: 0s}}}", "more than 0s"),
        ("  - {id: a, calendar: always, metrics: {resolution: {targt: 1h}}}", "did you mean target?"),
        ("  - {id: a, calendar: always, metrics: {resolution: {target: 1h, warn: [120%]}}}", "for example 80%"),
        ("  - {id: a, calendar: always, metrics: {resolution: {target: 1h, pause_on: [new]}}}", "take new out"),
        ("  - {id: a, calendar: always, metrics: {first_response: {target: 2h}, resolution: {target: 1h}}}", "before"),
        ("  - {id: a, when: {channel: fax}, calendar: always, metrics: {resolution: {target: 1h}}}", "no channel"),
        (
            "  - {id: a, calendar: always, metrics: {resolution: {target: 1h}}}\n"
                + "  - {id: b, when: {tier: x}, calendar: always, metrics: {resolution: {target: 1h}}}", "move \"a\""
        ),
        (
            "  - {id: a, when: {tier: x}, calendar: always, metrics: {resolution: {target: 1h}}}\n"
                + "  - {id: a, calendar: always, metrics: {resolution: {target: 1h}}}", "an id of its own"
        ),
        ("  - {id: a, calendar: always, metrics: {resolution: [{target: 1h}, {target: 2h}]}}", "variant: ola"),
    ]) func contradictionsAreRefusedWithLineAndRemedy(_ policies: String, _ remedy: String) {
        do {
            _ = try levels(policies)
            Issue.record("accepted")
        } catch let error as RulesError {
            #expect("\(error)".contains(remedy), "\(error)")
            #expect(error.diagnostics[0].line >= 4)
        } catch {
            Issue.record(error)
        }
    }

    @Test(arguments: [
        ("{week: {}}", "the week is empty"), ("{week: {mon: [\"09:00-12:00\", \"11:00-13:00\"]}}", "overlap"),
        ("{week: {monk: [\"25:00-26:00\"]}}", "window"), ("{week: {xyz: [\"09:00-17:00\"]}}", "is no day"),
        ("{week: {mon: [\"09:00-17:00\"], mon-fri: [\"09:00-17:00\"]}}", "stands twice"),
        ("{week: {mon: [\"09:00-17:00\"]}, holidays: [2026-02-30]}", "is no date"),
        ("{timezone: Europe/Berlinn, week: {mon: [\"09:00-17:00\"]}}", "Europe/Berlin"),
        ("{always: true, week: {mon: [\"09:00-17:00\"]}}", "has no hours"),
    ]) func calendarsThatCannotBeAreRefused(_ calendar: String, _ reason: String) {
        do {
            _ = try Rules(parsing: "calendars: {c: \(calendar)}")
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains(reason), "\(error)")
        }
    }

    @Test func rangesMayRunOverTheWeekend() throws {
        var reader = RulesReader()
        let text = "{week: {sat-mon: [\"22:00-02:00\"]}}"
        let node = try #require(try RulesNode.compose(text, maximumBytes: 1_000, maximumNodes: 100))
        let read = reader.calendar(node, "c", zone: .utc)
        let calendar = try #require(read)
        // 2026-01-03 is a Saturday: three nights of four hours.
        let start: Int64 = 1_767_398_400_000_000
        #expect(calendar.time(from: start, to: start + 7 * 86_400_000_000) == 12 * 3_600_000_000)
    }
}
