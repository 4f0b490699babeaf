import Foundation
import TestSupport
import Testing

/// The KPIs of promises.
@Suite struct AttainmentTests {
    private static let rules = """
        history: 100y
        calendars: {always: {always: true}}
        policies:
          - id: all
            calendar: always
            metrics:
              first_response: [{target: 10m, warn: [50%]}, {target: 5m, variant: ola}]
              resolution: {target: 60m}
        """

    private static let events: [Event] = [
        .created("met", at: 0, #","channel":"email""#), .reply("met", at: 4), .status("solved", "met", at: 20),
        .created("late", at: 0, #","channel":"phone""#), .reply("late", at: 11),
        .created("open", at: 0, #","channel":"phone""#),
        .created("spam", at: 0, #","channel":"phone""#), .reply("spam", at: 2),
        Event(ticket: "spam", type: "deleted", at: 30, data: #","reason":"spam""#),
    ]

    @Test func verdictsAreCountedByMetricAndVariant() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 12, Self.events.filter { $0.at <= 12 })
        try monitor.run(at: 30, Self.events.filter { $0.at > 12 })
        try monitor.run(at: 31)
        let attainment = try #require(monitor.day("sla_attainment/day;metric=first_response"))
        #expect(attainment["numerator"] as? Int == 1)
        #expect(attainment["denominator"] as? Int == 2)
        let overdue = try #require(monitor.day("sla_attainment_with_overdue/day;metric=first_response"))
        #expect(overdue["denominator"] as? Int == 3)
        #expect(monitor.day("sla_breaches/day;metric=first_response")?["value"] as? Int == 2)
        #expect(monitor.day("sla_breaches/day;channel=phone;metric=first_response")?["value"] as? Int == 2)
        #expect(monitor.day("sla_breaches/day;metric=first_response;policy=all")?["value"] as? Int == 2)
        let variant = try #require(monitor.day("sla_attainment/day;metric=first_response;variant=ola"))
        #expect(variant["denominator"] as? Int == 2)
        #expect(monitor.day("sla_attainment/day;metric=resolution")?["numerator"] as? Int == 1)
        #expect(monitor.kpis["sla_attainment/day@2026-01-05"] == nil)
    }

    @Test func whatRunsPastItsWarningIsAtRisk() throws {
        let monitor = try Monitor(Self.rules)
        try monitor.run(at: 0, [.created("a", at: 0)])
        try monitor.run(at: 6)
        let key = "sla_at_risk/now;metric=first_response"
        #expect(monitor.kpis[key]?["value"] as? Int == 1)
        try monitor.run(at: 10)
        #expect(monitor.kpis[key]?["value"] as? Int == 0)
    }

    @Test(arguments: 0..<40) func verdictsDoNotDependOnTheOrderOfArrival(_ seed: UInt64) throws {
        func verdicts(_ order: [Event]) throws -> [String: String] {
            let monitor = try Monitor(Self.rules)
            for event in order { try monitor.run(at: 60, [event]) }
            try monitor.run(at: 61)
            return monitor.kpis.filter { !($0.value["value"] is NSNull) && $0.value["value"] as? Double != 0 }.mapValues
            {
                "\($0["value"] ?? "") \($0["numerator"] ?? "") \($0["denominator"] ?? "")"
            }
        }
        var generator = SeededGenerator(seed: seed)
        let expected = try verdicts(Self.events)
        #expect(!expected.isEmpty)
        let doubled = Self.events + Self.events.filter { _ in generator.next() % 3 == 0 }
        #expect(try verdicts(doubled.shuffled(using: &generator)) == expected, "seed \(seed)")
    }
}
