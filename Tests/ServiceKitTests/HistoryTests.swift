import KPIs
import ServiceKit
import Testing

/// What figures rest on is kept, whatever the rules file says.
@Suite struct HistoryTests {
    private static let day: Int64 = 86_400_000_000

    @Test func shortHistoriesKeepWhatFiguresRestOn() throws {
        let settings = KPISetup.series(try Rules(parsing: "history: 1d"), service: "ticketing")
        #expect(settings.history == SeriesHistory(hours: 2, days: 63, months: 400))
    }

    @Test func longHistoriesAreKeptAsTheyAre() throws {
        let rules = try Rules(parsing: "history: {hours: 20d, days: 64d, months: 401d}")
        let settings = KPISetup.series(rules, service: "ticketing")
        #expect(settings.history == SeriesHistory(hours: 20, days: 64, months: 401))
    }
}
