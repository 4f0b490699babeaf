import BusinessTime
import KPIs
import TestSupport
import Testing

@Suite struct DeltaAccumulatorTests {
    private struct Record: Equatable {
        var cell: UInt32
        var bytes: [UInt8]
    }

    /// A set is nothing but a short way to name its cells: the same records come of contributions to each cell by itself.
    @Test(arguments: [1, 30, 400, 3_000])
    func aSetStandsForItsCells(count: Int) throws {
        let catalogue = try Sample.catalogue()
        let seed = SeededGenerator.newSeed("sets of cells")
        var random = SeededGenerator(seed: seed)
        var together = DeltaAccumulator(catalogue)
        var apart = DeltaAccumulator(catalogue)
        for round in 0..<3 {
            // Other sets in each round, most with cells in common.
            let sets = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                Array((0..<40).map(UInt32.init).shuffled(using: &random).prefix(Int.random(in: 1...12, using: &random)))
            }
            for _ in 0..<count {
                let set = Int.random(in: 0..<sets.count, using: &random)
                let (measure, value): (UInt16, Int64) =
                    Bool.random(using: &random) ? (1, 1) : (7, Int64.random(in: 0...100_000, using: &random))
                let bucket = Int64.random(in: 20_000...20_010, using: &random)
                let weight: Int64 = Bool.random(using: &random) ? 1 : -1
                try together.add(
                    set: UInt32(set), measure: measure, base: .day, bucket: bucket, value: value, weight: weight, at: 0)
                for cell in sets[set] {
                    try apart.add(
                        set: cell, measure: measure, base: .day, bucket: bucket, value: value, weight: weight, at: 0)
                }
            }
            // What an undone commit has collected leaves nothing behind.
            if round == 1 {
                together.removeAll()
                apart.removeAll()
            }
            var asked: [UInt32] = []
            let found = try records(of: &together) {
                asked.append($0)
                return sets[Int($0)]
            }
            let expected = try records(of: &apart) { [$0] }
            #expect(Set(asked).count == asked.count)
            // Not the records themselves: thousands of bytes would be printed.
            let isSame = found == expected
            #expect(isSame, "\(found.count) and \(expected.count) records, seed \(seed), round \(round)")
            let isEmpty = expected.isEmpty
            #expect(isEmpty == (round == 1))
        }
    }

    private func records(
        of accumulator: inout DeltaAccumulator, cellsOf: (UInt32) -> [UInt32]
    ) throws -> [Record] {
        var records: [Record] = []
        try accumulator.drain(cellsOf: cellsOf) { records.append(Record(cell: $0, bytes: bytes($1))) }
        return records
    }
}
