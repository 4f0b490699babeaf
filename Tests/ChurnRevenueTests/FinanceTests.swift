import Foundation
import Testing

/// What support costs, and what it is measured against.
@Suite struct FinanceTests {
    private func ledger(_ lines: [String], rules: String = "") throws -> Ledger {
        let ledger = try Ledger("history: 100y\n\(rules)")
        try ledger.take(lines: lines)
        #expect(ledger.dead.isEmpty)
        return ledger
    }

    @Test func theRatioIsNullUntilBothCoverEveryDay() throws {
        let ledger = try ledger([Finance.cost("2026-01", "1000")])
        #expect(ledger.kpis["support_cost_ratio/month@2026-01"]?["value"] is NSNull)
        try ledger.take(lines: [Finance.revenue("2026-01", "20000")])
        #expect(ledger.value("support_cost_ratio/month@2026-01") == 0.05)
        #expect(ledger.kpis["support_cost_ratio/month@2026-01"]?["count"] is NSNull)
        #expect(ledger.kpis["support_cost_ratio/month@2026-01"]?["numerator"] as? String == "1000.00")
        #expect(ledger.kpis["support_cost_ratio/month@2026-01"]?["settled"] as? Bool == false)
        // A quarter needs its other months.
        #expect(ledger.kpis["support_cost_ratio/quarter@2026-Q1"]?["value"] is NSNull)
        for month in ["2026-02", "2026-03"] {
            try ledger.take(lines: [Finance.cost(month, "0"), Finance.revenue(month, "0")])
        }
        #expect(ledger.value("support_cost_ratio/quarter@2026-Q1") == 0.05)
        #expect(ledger.kpis["support_cost_ratio/month@2026-02"]?["value"] is NSNull)
    }

    @Test func daysCoverAMonthAndAddUpWithIt() throws {
        let days = (1...31).map { String(format: "2026-01-%02d", $0) }
        let ledger = try ledger(days.dropLast().map { Finance.cost($0, "1") } + [Finance.revenue("2026-01", "310")])
        #expect(ledger.kpis["support_cost_ratio/month@2026-01"]?["value"] is NSNull)
        try ledger.take(lines: [Finance.cost("2026-01-31", "-29", "USD")])
        #expect(ledger.dead == [])
        #expect(ledger.kpis["support_cost_ratio/month@2026-01"]?["numerator"] as? String == "30.00")
        try ledger.take(lines: [Finance.cost("2026-01-31", "1"), Finance.cost("2026-01", "62")])
        #expect(ledger.value("support_cost_ratio/month@2026-01") == 0.3)
    }

    @Test func closingEachDateOrTheMonthSettles() throws {
        let ledger = try ledger([Finance.cost("2026-02", "5"), Finance.revenue("2026-02", "50")])
        for day in 1...27 { try ledger.take(lines: [Finance.closed(String(format: "2026-02-%02d", day))]) }
        #expect(ledger.kpis["support_cost_ratio/month@2026-02"]?["settled"] as? Bool == false)
        try ledger.take(lines: [Finance.closed("2026-02-28")])
        #expect(ledger.kpis["support_cost_ratio/month@2026-02"]?["settled"] as? Bool == true)
        try ledger.take(lines: [Finance.closed("2026-03"), Finance.closed("2026-01")])
        #expect(ledger.kpis["support_cost_ratio/month@2026-01"]?["settled"] as? Bool != false)
        #expect(ledger.kpis["support_cost_ratio/month@2026-02"]?["settled"] as? Bool == true)
    }

    @Test func aVoidedCostCountsNoLonger() throws {
        let ledger = try ledger([
            Finance.cost("2026-01", "1000"), Finance.cost("2026-01", "50"), Finance.revenue("2026-01", "20000"),
            #"{"specversion":"1.0","id":"v","source":"https://erp.example","type":"support.event.voided","time":"2026-03-01T00:00:00Z","data":{"period":"2026-01","voids":{"source":"https://erp.example","id":"cost 2026-01 50"}}}"#,
        ])
        #expect(ledger.value("support_cost_ratio/month@2026-01") == 0.05)
    }

    @Test func costsPerTicketTakeTicketingsLatestRevision() throws {
        let ledger = try ledger([
            Finance.cost("2026-01", "1000"), Finance.cost("2026-01", "200", team: "Billing"),
        ])
        #expect(ledger.kpis["cost_per_issue/month@2026-01"]?["value"] is NSNull)
        try ledger.take(tickets: [
            ("tickets_created/month@2026-01", 3, 80), ("tickets_created/month@2026-01", 2, 900),
            ("tickets_created/month;team=billing@2026-01", 1, 16), ("tickets_created/month;team=web@2026-01", 1, 64),
            ("tickets_created/month;channel=email@2026-01", 1, 5), ("tickets_solved/month@2026-01", 9, 70),
            ("tickets_solved/month;team=billing@2026-01", 9, 10), ("tickets_created/year@2026", 9, 7),
        ])
        #expect(ledger.money("cost_per_issue/month@2026-01") == "15.00")
        #expect(ledger.money("cost_per_solved/month@2026-01") == "17.14")
        #expect(ledger.money("cost_per_issue/month;team=billing@2026-01") == "12.50")
        #expect(ledger.money("cost_per_solved/month;team=billing@2026-01") == "20.00")
        // No cost names that team.
        #expect(ledger.kpis["cost_per_issue/month;team=web@2026-01"] == nil)
        #expect(ledger.kpis["cost_per_issue/month;channel=email@2026-01"] == nil)
        try ledger.take(tickets: [("tickets_created/month@2026-01", 4, 100)])
        #expect(ledger.money("cost_per_issue/month@2026-01") == "12.00")
        #expect(ledger.kpis["cost_per_issue/year@2026"]?["value"] is NSNull)
    }

    @Test func contactRateIsTicketsPerActiveCustomer() throws {
        let ledger = try Ledger()
        try ledger.take([
            .started("a", "2026-01-10", "10"), .started("b", "2026-01-10", "10"),
            CustomerEvent("b", "customer.created", "2026-01-01", #","segment":"smb""#),
        ])
        try ledger.take(tickets: [
            ("tickets_created/month@2026-01", 3, 5), ("tickets_created/month;segment=smb@2026-01", 3, 4),
            ("tickets_created/month@2026-02", 3, 1),
        ])
        #expect(ledger.value("contact_rate/month@2026-01") == 2.5)
        #expect(ledger.value("contact_rate/month;segment=smb@2026-01") == 4)
        #expect(ledger.value("contact_rate/quarter@2026-Q1") == 3)
    }

    @Test func anotherCurrencyIsConverted() throws {
        let lines = [Finance.cost("2026-01", "10", "USD"), Finance.revenue("2026-01", "92")]
        let ledger = try ledger(lines, rules: "rates: {USD: 0.92}")
        #expect(ledger.value("support_cost_ratio/month@2026-01") == 0.1)
    }
}

/// Events of a finance department, as lines.
enum Finance {
    static func cost(_ period: String, _ amount: String, _ currency: String = "EUR", team: String? = nil) -> String {
        let team = team.map { #","team":"\#($0)""# } ?? ""
        let extra = #","amount":"\#(amount)","currency":"\#(currency)"\#(team)"#
        return line("cost \(period) \(amount)", "cost.recorded", period, extra)
    }

    static func revenue(_ period: String, _ amount: String) -> String {
        line("revenue \(period) \(amount)", "revenue.recorded", period, #","amount":\#(amount)"#)
    }

    static func closed(_ period: String) -> String { line("closed \(period)", "period.closed", period, "") }

    private static func line(_ id: String, _ type: String, _ period: String, _ more: String) -> String {
        """
        {"specversion":"1.0","id":"\(id)","source":"https://erp.example","type":"support.\(type)",\
        "time":"2026-02-01T00:00:00Z","data":{"period":"\(period)"\(more)}}
        """
    }
}
