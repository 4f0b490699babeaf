import Foundation
import Testing

/// Customers who buy instead of subscribing, and what customers are worth.
@Suite struct PurchaseTests {
    private func ledger(_ events: [CustomerEvent], rules: String = "", now: String = "2026-06-15") throws -> Ledger {
        let ledger = try Ledger("history: 100y\n\(rules)", now: now)
        try ledger.take(events)
        #expect(ledger.dead.isEmpty)
        return ledger
    }

    /// a buys less, b more, c nothing any more; d subscribes and e had only returns: neither counts.
    @Test func lostAndReducedRevenueOfLastWindowsBuyers() throws {
        let ledger = try ledger([
            .purchase("a", "2026-01-10", id: "1", "100"), .purchase("a", "2026-02-10", id: "2", "60"),
            .purchase("b", "2026-01-11", id: "1", "50"), .purchase("b", "2026-02-11", id: "2", "80"),
            .purchase("c", "2026-01-12", id: "1", "30"), .purchase("d", "2026-01-13", id: "1", "500"),
            .started("d", "2026-02-13", "10"), .purchase("e", "2025-12-31", id: "1", "5"),
            .refund("e", "2026-01-02", id: "1", "5"),
        ])
        let february = try #require(ledger.kpis["revenue_churn_purchases/month@2026-02"])
        #expect(february["numerator"] as? String == "70.00")
        #expect(february["denominator"] as? String == "180.00")
        #expect(abs((ledger.value("revenue_churn_purchases/month@2026-02") ?? 0) - 70.0 / 180) < 1e-12)
        // e's 5 of December are lost.
        #expect(ledger.value("revenue_churn_purchases/month@2026-01") == 1)
        #expect(ledger.value("revenue_churn_purchases/month@2026-03") == 1)
        #expect(ledger.kpis["revenue_churn_purchases/month@2026-04"]?["value"] is NSNull)
        // The second quarter is still open: as of now everything of the first one is lost.
        #expect(ledger.kpis["revenue_churn_purchases/quarter@2026-Q2"]?["numerator"] as? String == "320.00")
    }

    @Test func refundsLessenTheRevenueOfTheirOwnTime() throws {
        let ledger = try ledger([
            .purchase("a", "2026-01-10", id: "1", "100"), .refund("a", "2026-02-02", id: "1", "150"),
            .refund("a", "2026-01-20", id: "unknown", "90"), .purchase("b", "2026-01-10", id: "1", "10"),
            .refund("b", "2026-01-12", id: "1", "2.5"), .purchase("b", "2026-02-12", id: "2", "7.5"),
        ])
        // A negative present counts as 0: a's loss is at most what there was.
        #expect(ledger.kpis["revenue_churn_purchases/month@2026-02"]?["numerator"] as? String == "100.00")
        #expect(ledger.kpis["revenue_churn_purchases/month@2026-02"]?["denominator"] as? String == "107.50")
        // Who gave it back was a buyer all the same.
        #expect(ledger.integer("customers_active/month@2026-03") == 2)
    }

    @Test func timeAlonePassesIntoTheNextWindow() throws {
        let ledger = try ledger([.purchase("a", "2026-06-10", id: "1", "10")])
        #expect(ledger.value("revenue_churn_purchases/month@2026-07") == nil)
        try ledger.advance(to: "2026-07-03")
        #expect(ledger.value("revenue_churn_purchases/month@2026-07") == 1)
        try ledger.take([.purchase("a", "2026-07-02", id: "2", "10")])
        #expect(ledger.value("revenue_churn_purchases/month@2026-07") == 0)
        #expect(ledger.integer("customers_active/now") == 1)
        try ledger.advance(to: "2026-10-15")
        #expect(ledger.integer("customers_active/now") == 0)
        #expect(ledger.integer("customers_lost/month@2026-09") == 1)
    }

    @Test func theLatestOfTwoReportsOfOnePurchaseCounts() throws {
        let ledger = try ledger([
            .purchase("a", "2026-01-10", id: "1", "10"), .purchase("a", "2026-01-11", id: "1", "20"),
        ])
        #expect(ledger.value("repeat_customer_rate/month@2026-01") == 0)
        #expect(ledger.kpis["revenue_churn_purchases/month@2026-02"]?["denominator"] as? String == "20.00")
    }

    // MARK: Lifetime value

    /// Ten customers at 10 a month, one of them lost in February.
    @Test func lifetimeValue() throws {
        var events = (0..<10).map { CustomerEvent.started("a\($0)", "2026-01-10", "10") }
        events.append(.cancelled("a0", "2026-02-10"))
        let ledger = try ledger(events, rules: "margin: 0.8")
        // Nobody was at risk yet; then 1 of 10, 1 of 19, 1 of 28 customer-months.
        #expect(ledger.kpis["customer_lifetime_value/month@2026-01"]?["value"] is NSNull)
        #expect(ledger.money("customer_lifetime_value/month@2026-02") == "80.00")
        #expect(ledger.money("customer_lifetime_value/month@2026-03") == "152.00")
        #expect(ledger.money("customer_lifetime_value/quarter@2026-Q1") == "152.00")
        #expect(ledger.money("customer_lifetime_value/month@2026-04") == "224.00")
        try ledger.advance(to: "2027-03-15")
        // From February 2026 on: 10 + 11 x 9 at risk; then the loss is more than twelve months ago, and 60 months hold.
        #expect(ledger.money("customer_lifetime_value/month@2027-01") == "480.00")
        #expect(ledger.money("customer_lifetime_value/month@2027-02") == "480.00")
        #expect(try self.ledger(events).kpis["customer_lifetime_value/month@2026-03"]?["value"] is NSNull)
    }

    /// The months that have begun are those of the clock, also in a year or quarter in which nothing has happened since.
    @Test func lifetimeValuesMoveOnWithTheMonths() throws {
        var events = (0..<10).map { CustomerEvent.started("a\($0)", "2026-01-10", "10") }
        events.append(.cancelled("a0", "2026-02-10"))
        let rules = "history: 100y\nmargin: 0.8"
        let early = try Ledger(rules, now: "2026-01-01")
        try early.take(events)
        #expect(early.money("customer_lifetime_value/year@2026") == nil)
        for (date, value) in [("2026-03-01", "152.00"), ("2026-03-31", "152.00"), ("2026-04-01", "224.00")] {
            try early.advance(to: date)
            let late = try Ledger(rules, now: date)
            try late.take(events)
            #expect(late.money("customer_lifetime_value/year@2026") == value)
            #expect(early.money("customer_lifetime_value/year@2026") == value)
        }
    }

    /// A service that has just started says nothing of months rather than that there are none.
    @Test func lifetimeValuesWaitForTheFirstClock() throws {
        var events = (0..<10).map { CustomerEvent.started("a\($0)", "2026-01-10", "10") }
        events.append(.cancelled("a0", "2026-02-10"))
        let ledger = try Ledger("history: 100y\nmargin: 0.8", now: "2026-04-01")
        ledger.seriesClock = 0
        try ledger.take(events)
        #expect(ledger.integer("customers_active/now") == 9)
        #expect(!ledger.kpis.keys.contains { $0.hasPrefix("customer_lifetime_value/") })
        ledger.seriesClock = nil
        try ledger.advance(to: "2026-04-01")
        #expect(ledger.money("customer_lifetime_value/year@2026") == "224.00")
        #expect(ledger.kpis["customer_lifetime_value/year@2026"]?["revision"] as? Int == 1)
        #expect(ledger.money("customer_lifetime_value/month@2026-03") == "152.00")
    }

    @Test func lifetimeValueLessSupport() throws {
        var events = (0..<10).map { CustomerEvent.started("a\($0)", "2026-01-10", "10") }
        events.append(.cancelled("a0", "2026-02-10"))
        let ledger = try ledger(events, rules: "margin: 0.8")
        #expect(ledger.kpis["customer_lifetime_value_net/month@2026-03"]?["value"] is NSNull)
        try ledger.take(lines: [Finance.cost("2026-03", "27")])
        // 27 over 9 customers: 3 of the 8 that remain of each customer and month.
        #expect(ledger.money("customer_lifetime_value_net/month@2026-03") == "95.00")
        #expect(ledger.kpis["customer_lifetime_value_net/month@2026-03"]?["settled"] as? Bool == false)
    }

    @Test func historicValueIsRecognisedMarginPerCustomer() throws {
        let events: [CustomerEvent] = [
            .started("a", "2026-01-22T10:00:00", "31"), .changed("a", "2026-03-01T00:00:00", "62"),
            .purchase("b", "2026-01-05", id: "1", "100", #","margin":0.5"#), .refund("b", "2026-01-06", id: "1", "20"),
            .purchase("b", "2026-02-05", id: "2", "10"),
        ]
        let ledger = try ledger(events, rules: "margin: 0.8")
        // January: 10 of 31 days of 31.00, and 80.00 of which half remains: (8 + 40) / 2.
        #expect(ledger.money("customer_lifetime_value_historic/month@2026-01") == "24.00")
        // February: 31.00 and 10.00, of which 0.8 remains.
        #expect(ledger.money("customer_lifetime_value_historic/month@2026-02") == "40.40")
        #expect(ledger.money("customer_lifetime_value_historic/month@2026-03") == "65.20")
        // June has not ended: nothing of it has been recognised.
        #expect(ledger.money("customer_lifetime_value_historic/month@2026-06") == "114.80")
        let unknown = try self.ledger(events)
        #expect(unknown.kpis["customer_lifetime_value_historic/month@2026-02"]?["value"] is NSNull)
        let margins: [CustomerEvent] = [.purchase("b", "2026-01-05", id: "1", "100", #","margin":"0.5""#)]
        #expect(try self.ledger(margins).money("customer_lifetime_value_historic/month@2026-02") == "50.00")
    }
}
