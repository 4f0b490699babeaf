import ServiceKit
import Testing

struct DimensionTests {
    /// Labels get small numbers in the order in which they are first seen, so that the values of two entities often have the same
    /// sum. They must not meet in one place of the table of cell sets for that.
    @Test func combinationsOfLabelsSpreadOverTheTable() {
        let places = 4_096
        let dimensions: [Dimension] = [.priority, .channel, .category, .team]
        var taken: Set<UInt64> = []
        var hashes: Set<UInt64> = []
        var count = 0
        for priority in UInt32(1)...5 {
            for channel in UInt32(6)...11 {
                for category in UInt32(12)...30 {
                    for team in UInt32(31)...34 {
                        var values = DimensionValues()
                        for (dimension, value) in zip(dimensions, [priority, channel, category, team]) {
                            values[dimension] = value
                        }
                        hashes.insert(values.hash)
                        taken.insert(values.hash & UInt64(places - 1))
                        count += 1
                    }
                }
            }
        }
        #expect(hashes.count == count)
        // What chance gives: n (1 - (1 - 1/n)^k), 1,760 of 2,280; the sums alone give 29.
        #expect(taken.count > 1_600, "\(taken.count) places for \(count) combinations")
    }
}
