import Foundation
import Subprocess
import Testing

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Every figure of random events, computed a second time by brute force in another language.
@Suite struct ReferenceTests {
    private static let reference = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Reference/revenue_kpis.py").path

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

    /// Rules, and what tells the reference the same.
    static let rules: [(rules: String, arguments: [String])] = [
        ("", []),
        ("margin: 0.8", ["--margin", "0.8"]),
        (
            "margin: 0.75\ncount_free: true\ncount_reactivation: true\ntimezone: Europe/Berlin",
            ["--margin", "0.75", "--count-free", "--count-reactivation", "--zone", "Europe/Berlin"]
        ),
        ("margin: 0.3\ntimezone: Australia/Lord_Howe", ["--margin", "0.3", "--zone", "Australia/Lord_Howe"]),
    ]

    private func python(_ arguments: [String]) async throws -> (output: String, isFine: Bool) {
        let result = try await Subprocess.run(
            .name("python3"), arguments: Arguments([Self.reference] + arguments), input: .none,
            output: .string(limit: 1 << 26), error: .string(limit: 1 << 20))
        return (
            result.standardOutput + result.standardError, result.terminationStatus == .exited(0)
        )
    }

    /// Random events, and those in which a sum of thirds of cents ends close to half a cent.
    static let cases: [(number: Int, seed: UInt64)] =
        rules.indices.map { ($0, UInt64.random(in: 0..<1_000_000)) } + [(1, 616_607)]

    @Test(arguments: cases) func shuffledAndDuplicated(_ number: Int, _ seed: UInt64) async throws {
        let (rules, arguments) = Self.rules[number]
        print("revenue events of seed \(seed)")
        let now = ["--now", "2026-06-15T00:00:00Z"]
        let text = try await python(["--generate", String(seed), "--customers", "30"] + now).output
        var generator = Generator(state: seed)
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.count > 150)
        var rest = (lines + lines.filter { _ in generator.next() % 4 == 0 }).shuffled(using: &generator)
        let ledger = try Ledger("history: 100y\n\(rules)")
        while !rest.isEmpty {
            let count = min(rest.count, Int.random(in: 20...150, using: &generator))
            try ledger.take(lines: Array(rest.prefix(count)))
            rest.removeFirst(count)
        }
        #expect(ledger.dead.isEmpty)
        try ledger.take(tickets: [
            ("tickets_created/month@2026-01", 1, 7), ("tickets_created/month@2026-01", 3, 9),
            ("tickets_created/month@2026-01", 2, 8), ("tickets_created/month;segment=smb@2026-02", 1, 5),
            ("tickets_solved/month@2026-02", 4, 6), ("tickets_solved/month@2026-05", 4, 3),
            ("tickets_solved/month;solved_by=agent@2026-02", 4, 6), ("tickets_created/day@2026-02-01", 4, 6),
        ])
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("revenue-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let events = folder.appendingPathComponent("events.ndjson")
        let kpis = folder.appendingPathComponent("kpis.ndjson")
        try text.write(to: events, atomically: true, encoding: .utf8)
        var published = Data()
        for update in ledger.updates.values { published += Data(update) + [UInt8(ascii: "\n")] }
        for (kpi, month, cell, value) in [
            ("created", "2026-01", "{}", 9), ("created", "2026-02", #"{"segment":"smb"}"#, 5),
            ("solved", "2026-02", "{}", 6), ("solved", "2026-05", "{}", 3),
        ] {
            published += Data(
                """
                {"type":"deskbeat.kpi.updated","subject":"x@\(month)","data":{"kpi":"tickets_\(kpi)",\
                "dimensions":\(cell),"window":{"kind":"month"},"value":\(value)}}

                """.utf8)
        }
        try published.write(to: kpis)
        let verdict = try await python([events.path, kpis.path] + now + arguments)
        #expect(verdict.isFine, "seed \(seed): \(verdict.output)")
        #expect(verdict.output.hasSuffix(" values, 0 differences\n"))
    }
}
