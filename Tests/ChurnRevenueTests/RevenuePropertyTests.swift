import Foundation
import Testing

/// What must hold for all inputs.
@Suite struct RevenuePropertyTests {
    /// SplitMix64.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private func events(_ generator: inout Generator) -> [CustomerEvent] {
        (0..<60).map { index in
            let customer = "c\(Int.random(in: 0..<6, using: &generator))"
            let day = Int.random(in: 1...28, using: &generator)
            let month = Int.random(in: 1...5, using: &generator)
            let hour = Int.random(in: 0..<24, using: &generator)
            let at = String(format: "2026-%02d-%02dT%02d:00:%02d", month, day, hour, index % 60)
            let mrr = "\(Int.random(in: 0..<4, using: &generator) * 5)"
            return switch Int.random(in: 0..<8, using: &generator) {
            case 0, 1: .started(customer, at, mrr, #","plan":"p\#(index % 3)""#)
            case 2, 3: .changed(customer, at, mrr)
            case 4: .cancelled(customer, at, "r\(index % 2)")
            case 5: .purchase(customer, at, id: "p\(index)")
            case 6: CustomerEvent(customer, "customer.created", at, #","segment":"s\#(index % 3)","tier":"t""#)
            default:
                index % 3 == 0
                    ? CustomerEvent(customer, "customer.closed", at)
                    : CustomerEvent(
                        customer, "subscription.reactivated", at,
                        #","subscription_id":"s-\#(customer)","mrr":"\#(mrr)""#)
            }
        }
    }

    @Test(arguments: 0..<10) func neitherOrderNorDuplicatesMatter(_ seed: UInt64) throws {
        var generator = Generator(state: seed)
        let events = events(&generator)
        let expected = try Ledger()
        try expected.take(events)
        let other = try Ledger()
        var shuffled = (events + events.filter { _ in generator.next() % 3 == 0 }).shuffled(using: &generator)
        while !shuffled.isEmpty {
            let count = min(shuffled.count, Int.random(in: 5...40, using: &generator))
            try other.take(Array(shuffled.prefix(count)))
            shuffled.removeFirst(count)
        }
        #expect(!expected.figures.isEmpty)
        let (left, right) = (other.figures, expected.figures)
        let differing = Set(left.keys).union(right.keys).filter { left[$0] != right[$0] }.sorted()
        #expect(differing.isEmpty, "seed \(seed)")
    }

    @Test(arguments: 100..<112) func movementsAddUpAndMonthsMeet(_ seed: UInt64) throws {
        var generator = Generator(state: seed)
        let ledger = try Ledger()
        try ledger.take(events(&generator))
        let cells = Set(
            ledger.kpis.keys.filter { $0.hasPrefix("mrr/month") }.map { key in
                String(key.dropFirst("mrr/month".count).prefix { $0 != "@" })
            })
        #expect(cells.contains("") && cells.contains(";tier=t") && cells.contains { $0.hasPrefix(";plan=") })
        for cell in cells {
            var opening = 0
            var active = 0
            for month in 1...6 {
                let window = "month\(cell)@2026-0\(month)"
                let closing = ledger.minor("mrr/\(window)") ?? 0
                let movements = ["new", "expansion", "contraction", "churn", "reactivation"].reduce(0) {
                    $0 + (ledger.minor("mrr_\($1)/\(window)") ?? 0)
                }
                #expect(closing - opening == movements, "seed \(seed), \(window)")
                let opened = ledger.kpis["revenue_churn_net/\(window)"]?["denominator"] as? String
                #expect(opened.map { Int($0.replacing(".", with: "")) } ?? 0 == opening, "seed \(seed), \(window)")
                let atStart = ledger.kpis["churn_rate/\(window)"]?["denominator"] as? Int ?? 0
                #expect(atStart == active, "seed \(seed), \(window)")
                let lost = ledger.integer("customers_lost/\(window)") ?? 0
                let came =
                    (ledger.integer("customers_new/\(window)") ?? 0)
                    + (ledger.integer("customers_returned/\(window)") ?? 0)
                active = ledger.integer("customers_active/\(window)") ?? 0
                #expect(active == atStart - lost + came, "seed \(seed), \(window)")
                opening = closing
            }
        }
    }
}
