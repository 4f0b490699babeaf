import KPIs
import Satisfaction
import ServiceKit
import Testing

/// The KPIs of the contract's section 2: their ids, units and windows.
@Suite struct CatalogueTests {
    static let contract: [(id: String, unit: KPIUnit, windows: WindowSet)] = [
        ("csat", .proportion, .periods), ("csat_mean", .mean, .periods),
        ("survey_response_rate", .proportion, .periods),
        ("nps", .points, .periods), ("ces", .points, .periods), ("ces_mean", .mean, .periods),
        ("agent_csat", .proportion, .periods), ("feedback_volume", .count, .periods), ("sentiment", .points, .periods),
        ("agent_ranking", .proportion, .month),
    ]

    @Test func everyKPIOfTheContractIsThereAndNoOther() throws {
        let catalogue = try SatisfactionTopology(rules: .default, partitions: 1).audit.catalogue
        #expect(Set(catalogue.definitions.map(\.id)) == Set(Self.contract.map(\.id)))
        for (id, unit, windows) in Self.contract {
            let definitions = catalogue.definitions.filter { $0.id == id }
            #expect(definitions.map(\.unit) == [unit], "\(id)")
            #expect(definitions.map(\.windows) == [windows], "\(id)")
            #expect(RulesNames.kpis.contains(id), "\(id)")
        }
    }
}
