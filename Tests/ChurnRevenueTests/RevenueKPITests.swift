import Foundation
import Testing

/// The worked examples of the definitions, and their borderline cases.
@Suite struct RevenueKPITests {
    private func ledger(_ events: [CustomerEvent], rules: String = "history: 100y") throws -> Ledger {
        let ledger = try Ledger(rules)
        try ledger.take(events)
        #expect(ledger.dead.isEmpty)
        return ledger
    }

    /// 150 customers at the start, 24 of them leave, 32 new ones come: 158 at the end.
    @Test func simpleAndCohortRates() throws {
        var events = (0..<150).map { CustomerEvent.started("a\($0)", "2026-01-10", "10") }
        events += (0..<24).map { .cancelled("a\($0)", "2026-02-10") }
        events += (0..<32).map { .started("b\($0)", "2026-02-11", "10") }
        let ledger = try ledger(events)
        #expect(ledger.value("retention_rate_simple/month@2026-02") == 0.84)
        #expect(abs((ledger.value("churn_rate_simple/month@2026-02") ?? 0) + 0.0533) < 0.0001)
        #expect(ledger.kpis["churn_rate_simple/month@2026-02"]?["flags"] as? [String] == ["grew"])
        #expect(ledger.value("churn_rate/month@2026-02") == 0.16)
        #expect(ledger.value("retention_rate/month@2026-02") == 0.84)
        #expect(ledger.kpis["churn_rate/month@2026-02"]?["interval"] is [String: Any])
        #expect(ledger.integer("customers_new/month@2026-02") == 32)
        #expect(ledger.integer("customers_lost/month@2026-02") == 24)
        #expect(ledger.integer("customers_active/now") == 158)
        #expect(ledger.value("churn_rate/month@2026-03") == 0)
        #expect(ledger.kpis["churn_rate/month@2026-01"]?["value"] is NSNull)
    }

    /// 150 to 136.
    @Test func theSimpleChurnRateOfAShrinkingBase() throws {
        var events = (0..<150).map { CustomerEvent.started("a\($0)", "2026-01-10", "10") }
        events += (0..<14).map { .cancelled("a\($0)", "2026-02-10") }
        #expect(abs((try ledger(events).value("churn_rate_simple/month@2026-02") ?? 0) - 14.0 / 150) < 1e-12)
    }

    /// 100 at the start, -10 by a loss, -10 by a contraction, +10 by an expansion.
    @Test func revenueChurnGrossAndNet() throws {
        let ledger = try ledger([
            .started("a", "2026-01-10", "10"), .started("b", "2026-01-10", "40"), .started("c", "2026-01-10", "50"),
            .cancelled("a", "2026-02-10", "price"), .changed("b", "2026-02-10", "30"),
            .changed("c", "2026-02-10", "60"),
            .started("d", "2026-02-12", "7"),
        ])
        #expect(ledger.value("revenue_churn_gross/month@2026-02") == 0.2)
        #expect(ledger.value("revenue_churn_net/month@2026-02") == 0.1)
        #expect(ledger.value("revenue_retention_gross/month@2026-02") == 0.8)
        #expect(ledger.value("revenue_retention_net/month@2026-02") == 0.9)
        #expect(ledger.kpis["revenue_churn_gross/month@2026-02"]?["denominator"] as? String == "100.00")
        #expect(ledger.value("quick_ratio/month@2026-02") == 17.0 / 20)
        #expect(ledger.money("mrr_churn/month@2026-02") == "-10.00")
        #expect(ledger.money("mrr_contraction/month@2026-02") == "-10.00")
        #expect(ledger.money("mrr_expansion/month@2026-02") == "10.00")
        #expect(ledger.money("mrr_new/month@2026-02") == "7.00")
        #expect(ledger.money("mrr/month@2026-02") == "97.00")
        #expect(ledger.money("arpa/month@2026-02") == "32.33")
        #expect(ledger.value("upsell_rate/month@2026-02") == 1.0 / 3)
        let mix = try #require(ledger.value("churn_mix/month@2026-02"))
        #expect(abs(mix - 0.2 / (1.0 / 3)) < 1e-12)
        #expect(ledger.integer("churn_reasons/month;reason=price@2026-02") == 1)
        #expect(ledger.kpis["churn_reasons/month;reason=price@2026-02"]?["mrr"] as? String == "-10.00")
        #expect(ledger.kpis["retention_rate/month;reason=price@2026-02"] == nil)
    }

    @Test(arguments: [
        (#""amount":"2000","interval":"year""#, "166.67"), (#""amount":"100","interval":"quarter""#, "33.33"),
        (#""amount":"12","interval":"week""#, "52.00"), (#""amount":"1.2","interval":"day""#, "36.50"),
        (#""amount":10,"interval":"month","quantity":3,"interval_count":2"#, "15.00"),
        (#""mrr":"0.125""#, "0.12"), (#""mrr":"0.375""#, "0.38"), (#""mrr":20,"currency":"USD""#, "18.40"),
    ]) func pricesAreNormalisedToAMonth(_ price: String, _ mrr: String) throws {
        let event = CustomerEvent("a", "subscription.started", "2026-01-10", #","subscription_id":"s",\#(price)"#)
        let ledger = try ledger([event], rules: "history: 100y\ncurrency: EUR\nrates: {USD: 0.92}")
        #expect(ledger.money("mrr/month@2026-01") == mrr)
    }

    @Test func whoLeavesAndReturnsWithinAMonthIsNotLost() throws {
        let ledger = try ledger([
            .started("a", "2026-01-10", "10"), .cancelled("a", "2026-02-05"), .started("a", "2026-02-20", "12"),
            .started("b", "2026-01-10", "5"), .cancelled("b", "2026-02-05"), .started("b", "2026-04-20", "5"),
        ])
        #expect(ledger.integer("customers_lost/month@2026-02") == 1)
        #expect(ledger.kpis["customers_lost/month@2026-02"]?["left_and_returned"] as? Int == 1)
        #expect(ledger.integer("customers_returned/month@2026-04") == 1)
        #expect(ledger.integer("customers_new/month@2026-04") == 0)
        #expect(ledger.money("mrr_reactivation/month@2026-02") == "12.00")
        #expect(ledger.money("mrr_reactivation/month@2026-04") == "5.00")
    }

    /// The state at a boundary is the state before events of exactly that instant.
    @Test func whatHappensAtTheFirstInstantBelongsToTheNewMonth() throws {
        let ledger = try ledger([
            .started("a", "2026-01-10", "10"), .cancelled("a", "2026-02-01T00:00:00"),
            .started("b", "2026-02-01T00:00:00", "10"),
        ])
        #expect(ledger.integer("customers_active/month@2026-01") == 1)
        #expect(ledger.integer("customers_lost/month@2026-02") == 1)
        #expect(ledger.integer("customers_new/month@2026-02") == 1)
    }

    @Test func buyersAreActiveFor90Days() throws {
        let ledger = try ledger([
            .purchase("a", "2026-01-10", id: "1"), .purchase("a", "2026-02-10", id: "2"),
            .purchase("b", "2026-01-10", id: "3"), .purchase("c", "2026-06-01", id: "4"),
            .purchase("d", "2026-01-10", id: "5"), .started("d", "2026-02-01", "10"), .cancelled("d", "2026-02-02"),
        ])
        #expect(ledger.integer("customers_active/month@2026-01") == 3)
        // b's 90 days end on 10 April, a's on 11 May; d's ended with the subscription.
        #expect(ledger.integer("customers_active/month@2026-03") == 2)
        #expect(ledger.integer("customers_active/month@2026-04") == 1)
        #expect(ledger.integer("customers_active/month@2026-05") == 0)
        #expect(ledger.integer("customers_active/now") == 1)
        #expect(ledger.value("repeat_customer_rate/month@2026-02") == 1)
        #expect(ledger.value("repeat_customer_rate/quarter@2026-Q1") == 1.0 / 3)
    }

    @Test func aClosedCustomerLosesEverythingAndMayComeBack() throws {
        let ledger = try ledger([
            .started("a", "2026-01-10", "10"), .purchase("b", "2026-01-10", id: "1"),
            CustomerEvent("a", "customer.closed", "2026-02-10", #","reason":"moved""#),
            CustomerEvent("b", "customer.closed", "2026-02-10"),
            .purchase("b", "2026-03-10", id: "2"),
        ])
        #expect(ledger.integer("customers_lost/month@2026-02") == 2)
        #expect(ledger.integer("churn_reasons/month;reason=moved@2026-02") == 1)
        #expect(ledger.integer("customers_returned/month@2026-03") == 1)
    }

    @Test func freeCustomersCountWhereTheRulesSaySo() throws {
        let events: [CustomerEvent] = [.started("a", "2026-01-10", "0"), .changed("a", "2026-02-10", "5")]
        #expect(try ledger(events).integer("customers_new/month@2026-02") == 1)
        let counting = try ledger(events, rules: "history: 100y\ncount_free: true")
        #expect(counting.integer("customers_new/month@2026-01") == 1)
        #expect(counting.money("mrr_new/month@2026-02") == "5.00")
    }

    @Test func segmentsAndPlansAreTheLatestOnes() throws {
        let ledger = try ledger([
            .started("a", "2026-01-10", "10", #","plan":"Basic""#),
            CustomerEvent("a", "customer.created", "2026-01-09", #","segment":"smb""#),
            CustomerEvent("a", "customer.created", "2026-03-09", #","segment":"mid""#), .cancelled("a", "2026-04-10"),
        ])
        #expect(ledger.integer("customers_new/month;segment=mid@2026-01") == 1)
        #expect(ledger.integer("customers_lost/month;plan=basic@2026-04") == 1)
        #expect(ledger.figures["customers_new/month;segment=smb@2026-01"] == nil)
    }

    @Test func lateEventsReviseTheWindowsFromTheirTimeOnAndNoOthers() throws {
        let ledger = try ledger([
            .started("a", "2026-01-10", "10"), .started("b", "2026-01-10", "20"), .changed("a", "2026-03-10", "15"),
        ])
        func revisions() -> [String: Int] {
            ledger.kpis.filter { $0.key.contains("/month@") }.compactMapValues { $0["revision"] as? Int }
        }
        var before = revisions()
        try ledger.take([.cancelled("b", "2026-02-20")])
        #expect(ledger.money("mrr/month@2026-02") == "10.00")
        #expect(ledger.money("mrr/month@2026-05") == "15.00")
        #expect(ledger.integer("customers_lost/month@2026-02") == 1)
        for (key, revision) in revisions() where key.hasSuffix("@2026-01") {
            #expect(before[key] == revision, "\(key)")
        }
        before = revisions()
        // A backdated change of price: February's closing and March's movement are others.
        try ledger.take([.changed("a", "2026-02-25", "12")])
        #expect(ledger.money("mrr/month@2026-02") == "12.00")
        #expect(ledger.money("mrr_expansion/month@2026-03") == "3.00")
        #expect(ledger.money("mrr/month@2026-04") == "15.00")
        for (key, revision) in revisions() where key.hasSuffix("@2026-01") || key == "mrr/month@2026-04" {
            #expect(before[key] == revision, "\(key)")
        }
    }

    @Test func everyWindowFromTheFirstEventToNowIsPublished() throws {
        let ledger = try ledger([
            CustomerEvent("a", "customer.created", "2025-11-09", #","segment":"smb""#),
            .started("a", "2026-01-10", "10"),
            .cancelled("a", "2026-02-10"),
        ])
        let months = ["2025-11", "2025-12"] + (1...6).map { "2026-0\($0)" }
        for (kpi, nothing) in [
            ("customers_active", "0"), ("churn_rate", "<null>"), ("mrr_churn", "0.00"), ("mrr", "0.00"),
        ] {
            for cell in ["", ";segment=smb"] {
                for month in months {
                    let value = ledger.kpis["\(kpi)/month\(cell)@\(month)"]?["value"]
                    #expect(value != nil, "\(kpi) \(cell) \(month)")
                    if month < "2026" || month > "2026-03" { #expect("\(value ?? "")" == nothing) }
                }
                for window in ["quarter\(cell)@2025-Q4", "quarter\(cell)@2026-Q2", "year\(cell)@2025"] {
                    #expect(ledger.kpis["\(kpi)/\(window)"] != nil, "\(kpi)/\(window)")
                }
            }
        }
        #expect(ledger.kpis["mrr/month@2025-10"] == nil)
        try ledger.advance(to: "2026-08-02")
        #expect(ledger.integer("customers_active/month@2026-08") == 0)
        #expect(ledger.kpis["churn_rate/month;segment=smb@2026-07"]?["value"] is NSNull)
    }

    @Test func theReasonIsThatOfTheEndOfTheLastActivity() throws {
        let other = #","subscription_id":"t""#
        let ledger = try ledger([
            // Two subscriptions: the later end counts.
            .started("a", "2026-01-10", "10"),
            CustomerEvent("a", "subscription.started", "2026-01-11", #"\#(other),"mrr":5"#),
            CustomerEvent("a", "subscription.cancelled", "2026-02-03", #"\#(other),"reason":"first""#),
            .cancelled("a", "2026-02-05", "last"),
            // A change to 0 gives none, nor does a cancellation of what has ended.
            .started("b", "2026-01-10", "10"), .changed("b", "2026-02-10", "0"), .cancelled("b", "2026-02-12", "late"),
            // Left, came back, left for another reason.
            .started("c", "2026-01-10", "10"), .cancelled("c", "2026-02-10", "x"), .started("c", "2026-02-11", "10"),
            .cancelled("c", "2026-02-12", "y"),
            // Days run out.
            .purchase("d", "2025-11-20", id: "1"),
        ])
        #expect(ledger.integer("customers_lost/month@2026-02") == 4)
        for (reason, lost, mrr) in [("last", 1, "-10.00"), ("y", 1, "-10.00"), ("x", 0, "-10.00")] {
            let update = ledger.kpis["churn_reasons/month;reason=\(reason)@2026-02"]
            #expect(update?["value"] as? Int == lost, "\(reason)")
            #expect(update?["mrr"] as? String == mrr, "\(reason)")
        }
        for reason in ["first", "late"] {
            #expect(ledger.figures["customers_lost/month;reason=\(reason)@2026-02"] == nil)
        }
        #expect(ledger.money("mrr_churn/month;reason=y@2026-02") == "-10.00")
    }

    @Test func thePlanIsThatOfTheHighestPriceThenTheOlderSubscription() throws {
        func started(_ id: String, _ at: String, _ mrr: String, _ plan: String) -> CustomerEvent {
            let plan = plan.isEmpty ? "" : #","plan":"\#(plan)""#
            return CustomerEvent("a", "subscription.started", at, #","subscription_id":"\#(id)","mrr":\#(mrr)\#(plan)"#)
        }
        func plan(_ events: [CustomerEvent]) throws -> [String] {
            let prefix = "customers_active/year;plan="
            let keys = try self.ledger(events).kpis.keys.filter { $0.hasPrefix(prefix) }
            return keys.map { String($0.dropFirst(prefix.count).prefix { $0 != "@" }) }
        }
        #expect(
            try plan([started("x", "2026-01-01", "5", "low"), started("y", "2026-01-02", "6", "high")]) == ["high"])
        #expect(try plan([started("x", "2026-01-02", "5", "new"), started("y", "2026-01-01", "5", "old")]) == ["old"])
        #expect(try plan([started("x", "2026-01-01", "5", "some"), started("y", "2026-01-02", "6", "")]) == [])
        #expect(try plan([started("x", "2026-01-01", "0", "free")]) == ["free"])
        let moved = [
            started("x", "2026-01-01", "5", "small"),
            CustomerEvent("a", "subscription.changed", "2026-02-01", #","subscription_id":"x","mrr":9,"plan":"big""#),
            CustomerEvent("a", "subscription.cancelled", "2026-03-01", #","subscription_id":"x""#),
        ]
        let ledger = try self.ledger(moved)
        #expect(ledger.integer("customers_new/month;plan=big@2026-01") == 1)
        #expect(ledger.integer("customers_lost/month;plan=big@2026-03") == 1)
    }

    @Test func churnMixIsNullWithoutLossesOrMoney() throws {
        let ledger = try ledger([
            .started("a", "2026-01-10", "10"), .started("b", "2026-01-10", "10"), .changed("a", "2026-02-10", "5"),
            .cancelled("b", "2026-04-10"), .purchase("c", "2025-10-10", id: "1"), .purchase("d", "2025-12-10", id: "1"),
        ])
        // Losses of money without lost customers; lost customers without money at the start.
        #expect(ledger.kpis["churn_mix/month@2026-02"]?["value"] is NSNull)
        #expect(ledger.value("churn_rate/month@2026-01") == 0.5)
        #expect(ledger.kpis["churn_mix/month@2026-01"]?["value"] is NSNull)
        #expect(abs((ledger.value("churn_mix/month@2026-04") ?? 0) - 10.0 / 15 / 0.5) < 1e-12)
        #expect(ledger.kpis["churn_mix/month@2026-04"]?["numerator"] == nil)
    }

    @Test func eventsWithoutEffect() throws {
        let ledger = try ledger([
            // Cancelled before it starts; changed after it has ended, also for the price of a later reactivation.
            .cancelled("a", "2026-01-05"), .started("a", "2026-01-10", "10"),
            .started("b", "2026-01-10", "10"), .cancelled("b", "2026-02-10"), .changed("b", "2026-02-11", "99"),
            CustomerEvent("b", "subscription.reactivated", "2026-03-10", #","subscription_id":"s-b","mrr":7"#),
            // Started at the instant of a closing; an unknown subscription.
            CustomerEvent("c", "customer.closed", "2026-01-10"), .started("c", "2026-01-10", "10"),
            .changed("d", "2026-01-10", "5"),
        ])
        #expect(ledger.integer("customers_active/month@2026-01") == 2)
        #expect(ledger.money("mrr/month@2026-03") == "17.00")
        #expect(ledger.money("mrr_reactivation/month@2026-03") == "7.00")
    }

    /// Up and down within an hour leaves nothing; started and cancelled within one, the next start is new.
    @Test func movementsAreByTheClockHour() throws {
        let ledger = try ledger([
            .started("a", "2026-01-10T10:05:00", "10"), .changed("a", "2026-02-10T10:05:00", "30"),
            .changed("a", "2026-02-10T10:55:00", "10"),
            .started("b", "2026-01-10T10:05:00", "10"), .cancelled("b", "2026-01-10T10:55:00"),
            .started("b", "2026-03-10T10:55:00", "10"),
        ])
        #expect(ledger.money("mrr_expansion/month@2026-02") == "0.00")
        #expect(ledger.money("mrr_new/month@2026-01") == "10.00")
        #expect(ledger.kpis["mrr_new/month@2026-01"]?["count"] as? Int == 1)
        #expect(ledger.money("mrr_new/month@2026-03") == "10.00")
        // N knows the customer already, by instants.
        #expect(ledger.integer("customers_returned/month@2026-03") == 1)
    }

    @Test func returningCustomersMayLessenTheNetChurn() throws {
        let events: [CustomerEvent] = [
            .started("a", "2026-01-10", "10"), .cancelled("a", "2026-02-05"), .started("a", "2026-02-20", "6"),
            .started("b", "2026-01-01", "5"), .cancelled("b", "2026-01-20"), .started("b", "2026-02-20", "5"),
        ]
        #expect(try ledger(events).value("revenue_churn_net/month@2026-02") == 1)
        let counting = try ledger(events, rules: "history: 100y\ncount_reactivation: true")
        #expect(counting.value("revenue_churn_net/month@2026-02") == 0.4)
        #expect(counting.value("revenue_churn_gross/month@2026-02") == 1)
    }

    /// Hostile, but no reason to stop.
    @Test func pricesBeyondBoundsAreNone() throws {
        let price = #","subscription_id":"s","amount":9000000000000,"interval":"day","quantity":9000000000000000000"#
        let ledger = try ledger([
            CustomerEvent("a", "subscription.started", "2026-01-10", price), .started("b", "2026-01-10", "1"),
        ])
        #expect(ledger.money("mrr/month@2026-01") == "1.00")
    }

    @Test func erasureKeepsWhatWasCountedAndNothingElse() throws {
        let ledger = try ledger([
            .started("customer-a", "2026-01-10", "10", #","plan":"pro""#), .started("b", "2026-01-10", "10"),
            .purchase("customer-c", "2026-05-10", id: "secret-purchase", "40"),
        ])
        func holds(_ text: String) -> Bool {
            ledger.changelog.contains { String(decoding: $0.key + $0.value, as: UTF8.self).contains(text) }
        }
        #expect(holds("customer-a") && holds("s-customer-a") && holds("secret-purchase"))
        try ledger.take([
            CustomerEvent("customer-a", "customer.erased", "2026-03-10"),
            CustomerEvent("customer-c", "customer.erased", "2026-05-20"),
        ])
        #expect(!holds("customer-a") && !holds("s-customer-a") && !holds("customer-c") && !holds("secret-purchase"))
        #expect(ledger.integer("customers_lost/month;reason=erased@2026-03") == 1)
        #expect(ledger.money("mrr_churn/month;reason=erased@2026-03") == "-10.00")
        #expect(ledger.integer("customers_new/month;plan=pro@2026-01") == 1)
        #expect(ledger.value("revenue_churn_purchases/month@2026-06") == 1)
        let figures = ledger.figures
        // Whatever comes for the id is refused, also after a restart, and whoever has another id is not concerned.
        try ledger.take([.started("customer-a", "2026-04-10", "99")])
        #expect(ledger.dead == ["entity_expired"])
        try ledger.restart()
        try ledger.take([.started("customer-a", "2026-04-11", "99"), .changed("b", "2026-01-10", "10")])
        #expect(ledger.dead == ["entity_expired", "entity_expired"])
        #expect(ledger.figures == figures)
        try ledger.take([.started("customer-d", "2026-02-10", "5")])
        #expect(ledger.money("mrr/now") == "15.00")
    }
}
