import Foundation

/// SplitMix64: one seed, one sequence, so that a failure can be repeated. For all suites.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// The seed of DESKBEAT_TEST_SEED, or a new one; printed, and to be printed again with a failure.
    package static func newSeed(_ test: String) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["DESKBEAT_TEST_SEED"].flatMap(UInt64.init)
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("\(test): DESKBEAT_TEST_SEED=\(seed)")
        return seed
    }
}
