import Foundation
import Testing

/// Thousands of seeds, each an interleaving of processes, a network and a broker that fail in all ways that we know of.
///
/// A failing seed is named and replayed with its trace by `make simulate SEED=<seed>`.
@Suite struct SimulationTests {
    /// How many seeds; DESKBEAT_SIMULATION_SEEDS. A build without optimisation takes ten times as long for each.
    static let seeds =
        setting("DESKBEAT_SIMULATION_SEEDS").flatMap { Int($0) } ?? (_isDebugAssertConfiguration() ? 60 : 1_500)
    /// The first seed; DESKBEAT_SIMULATION_FIRST.
    static let first = setting("DESKBEAT_SIMULATION_FIRST").flatMap { UInt64($0) } ?? 0
    /// Only this one, with its trace; DESKBEAT_SIMULATION_SEED.
    static let replayed = setting("DESKBEAT_SIMULATION_SEED").flatMap { UInt64($0) }

    private static func setting(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

    @Test(.enabled(if: replayed == nil)) func manySeeds() async throws {
        let chunks = 8
        var faults: [SimulatedFault: Int] = [:]
        var events: [SimulatedEvent: Int] = [:]
        var failures: [String] = []
        try await withThrowingTaskGroup(of: Tally.self) { group in
            for chunk in 0..<chunks {
                // A minute of computing: on threads of its own, so that what waits in other tests is not kept from running.
                group.addTask {
                    try await onThread {
                        try Tally(seeds: Self.first..<Self.first + UInt64(Self.seeds), every: chunks, from: chunk)
                    }
                }
            }
            for try await tally in group {
                faults.merge(tally.faults, uniquingKeysWith: +)
                events.merge(tally.events, uniquingKeysWith: +)
                failures += tally.failures
            }
        }
        for failure in failures.sorted().prefix(10) { Issue.record("\(failure)") }
        #expect(failures.isEmpty, "\(failures.count) of \(Self.seeds) seeds; replay one with make simulate SEED=…")
        let counts =
            SimulatedFault.allCases.map { "\($0) \(faults[$0] ?? 0)" }
            + SimulatedEvent.allCases.map { "\($0) \(events[$0] ?? 0)" }
        print("\(Self.seeds) seeds: \(counts.joined(separator: ", "))")
        // A storm without this weather proves nothing.
        for fault in SimulatedFault.allCases {
            #expect(faults[fault] ?? 0 >= max(1, Self.seeds / 100), "\(fault) has hardly happened")
        }
        for event in SimulatedEvent.allCases {
            #expect(events[event] ?? 0 >= max(1, Self.seeds / 200), "\(event) has hardly been seen")
        }
    }

    @Test(.enabled(if: replayed != nil)) func oneSeed() throws {
        let seed = try #require(Self.replayed)
        let simulation = try Simulation(seed: seed, isTraced: true)
        simulation.run()
        print(simulation.trace.joined(separator: "\n"))
        #expect(simulation.findings.isEmpty, "seed \(seed): \(simulation.findings)")
    }

    @Test(arguments: [1, 2, 3]) func aSeedIsAlwaysTheSameRun(_ seed: UInt64) throws {
        let runs = try (0..<2).map { _ in
            let simulation = try Simulation(seed: seed)
            simulation.run()
            return simulation
        }
        #expect(runs[0].digest == runs[1].digest)
        #expect(runs[0].time.wall == runs[1].time.wall)
        #expect(runs[0].faults == runs[1].faults)
    }

    /// The seeds of one task, added up.
    private struct Tally: Sendable {
        var faults: [SimulatedFault: Int] = [:]
        var events: [SimulatedEvent: Int] = [:]
        var failures: [String] = []

        init(seeds: Range<UInt64>, every step: Int, from start: Int) throws {
            for seed in stride(from: seeds.lowerBound + UInt64(start), to: seeds.upperBound, by: step) {
                let simulation = try Simulation(seed: seed)
                simulation.run()
                faults.merge(simulation.faults, uniquingKeysWith: +)
                events.merge(simulation.events, uniquingKeysWith: +)
                if let finding = simulation.findings.first { failures.append("seed \(seed): \(finding)") }
            }
        }
    }
}
