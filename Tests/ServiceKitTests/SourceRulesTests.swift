import ServiceKit
import Testing

/// `sources:` of the rules file.
@Suite struct SourceRulesTests {
    @Test func sourcesAreRead() throws {
        let rules = try Rules(
            parsing: """
                sources:
                  "https://acme.example/helpdesk": {expected_every: 10m, hold_when_stale: true}
                  pbx: {expected_every: 1d}
                """)
        let sources = try rules.watchedSources()
        #expect(
            sources == [
                WatchedSource(
                    name: "https://acme.example/helpdesk", expectedEvery: 600_000_000, holdsClocks: true),
                WatchedSource(name: "pbx", expectedEvery: 86_400_000_000, holdsClocks: false),
            ])
        #expect(try Rules(parsing: "").watchedSources().isEmpty)
    }

    @Test(
        arguments: [
            ("sources: {a: {hold_when_stale: true}}", 1, 11, "without expected_every"),
            ("sources: {a: {}}", 1, 11, "nothing is expected"),
            ("sources:\n  a: {expected_every: 5s}", 2, 23, "out of range"),
            ("sources:\n  a: {expected_every: 31d}", 2, 23, "out of range"),
            ("sources:\n  a: {expected_every: soon}", 2, 23, "no duration"),
            ("sources:\n  a: {expected_evry: 5m, expected_every: 5m}", 2, 7, "unknown name"),
            ("sources:\n  a: {expected_every: 5m, hold_when_stale: maybe}", 2, 44, "neither true nor false"),
            ("sources: [a]", 1, 10, "mapping"),
        ])
    func faultsHaveAPlaceAndAReason(_ text: String, _ line: Int, _ column: Int, _ reason: String) {
        do {
            _ = try Rules(parsing: text)
            Issue.record("accepted: \(text)")
        } catch {
            let fault = error.diagnostics.first
            #expect(fault?.line == line)
            #expect(fault?.column == column, "\(String(describing: fault))")
            #expect(fault?.reason.contains(reason) == true, "\(String(describing: fault))")
        }
    }
}
