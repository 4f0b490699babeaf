import ChurnRevenue
import KPIs
import ServiceKit
import Testing

/// The KPIs of the contract's section 3: their ids, units, windows and breakdowns.
@Suite struct CatalogueTests {
    private static let usual = [[], ["segment"], ["tier"], ["plan"]]
    private static let withReason = usual + [["reason"]]
    private static let counts = ["customers_new", "customers_returned", "left_and_returned"]
    private static let proportions = ["retention_rate", "churn_rate", "repeat_customer_rate", "upsell_rate"]
    private static let ratios = [
        "retention_rate_simple", "churn_rate_simple", "revenue_churn_gross", "revenue_churn_net",
        "revenue_retention_gross", "revenue_retention_net", "quick_ratio", "revenue_churn_purchases", "churn_mix",
    ]
    private static let money = [
        "mrr", "arpa", "mrr_new", "mrr_expansion", "mrr_contraction", "mrr_reactivation", "customer_lifetime_value",
        "customer_lifetime_value_historic",
    ]

    /// Those whose `count` is null.
    private static let uncounted: Set<String> = [
        "quick_ratio", "revenue_churn_purchases", "customer_lifetime_value", "customer_lifetime_value_net",
        "customer_lifetime_value_historic", "support_cost_ratio", "cost_per_issue", "cost_per_solved",
    ]

    static let contract: [(id: String, unit: KPIUnit, cells: [[String]])] =
        counts.map { ($0, .count, usual) } + proportions.map { ($0, .proportion, usual) }
        + ratios.map { ($0, .ratio, usual) } + money.map { ($0, .money, usual) } + [
            ("customers_active", .gauge, usual), ("customers_lost", .count, withReason),
            ("mrr_churn", .money, withReason), ("churn_reasons", .count, [["reason"]]),
            ("customer_lifetime_value_net", .money, [[]]), ("support_cost_ratio", .ratio, [[]]),
            ("cost_per_issue", .money, [[], ["team"]]), ("cost_per_solved", .money, [[], ["team"]]),
            ("contact_rate", .ratio, [[], ["segment"], ["tier"]]),
        ]

    @Test func everyKPIOfTheContractIsThereAndNoOther() throws {
        let catalogue = try RevenueTopology(rules: .default, partitions: 1).audit.catalogue
        #expect(Set(catalogue.definitions.map(\.id)) == Set(Self.contract.map(\.id)))
        for (id, unit, cells) in Self.contract {
            let definitions = catalogue.definitions.filter { $0.id == id }
            #expect(definitions.allSatisfy { $0.unit == unit }, "\(id)")
            for window in [WindowSet.month, .quarter, .year] {
                #expect(definitions.count { $0.windows.isSuperset(of: window) } == 1, "\(id)")
            }
            for definition in definitions {
                #expect(
                    Self.withReason.filter { definition.cells.admits($0) } == cells.filter { $0 != ["team"] }, "\(id)")
                #expect(!cells.contains(["team"]) || definition.cells.admits(["team"]), "\(id)")
            }
            #expect(RulesNames.kpis.contains(id), "\(id)")
            #expect(definitions.allSatisfy { $0.hasCount != Self.uncounted.contains(id) }, "\(id)")
        }
        for id in ["customers_active", "mrr", "arpa"] {
            #expect(catalogue.definitions.contains { $0.id == id && $0.windows == .now }, "\(id)")
        }
    }
}
