import Foundation
import KPIs
import TestSupport
import Testing

@Suite struct DDSketchTests {
    private func values(_ count: Int, _ random: inout SeededGenerator) -> [Int64] {
        (0..<count).map { _ in Workload.duration(&random) }
    }

    private func sketch(_ values: [Int64]) throws -> DDSketch {
        var sketch = DDSketch()
        for value in values { try sketch.add(milliseconds: value) }
        return sketch
    }

    @Test func quantilesAreWithinOnePercentOfTheItem() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for count in [1, 2, 3, 10, 100, 1_000, 5_000] {
            let values = values(count, &random)
            let sketch = try sketch(values)
            let sorted = values.sorted()
            for q in [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1] {
                let item = Double(sorted[Int(q * Double(count - 1))])
                let quantile = try #require(sketch.quantile(q))
                #expect(abs(quantile - item) <= 0.01 * item, "q \(q) of \(count), seed \(seed)")
            }
        }
    }

    @Test func everyMagnitudeIsWithinOnePercent() throws {
        var value: Int64 = 1
        while value <= 1_000_000_000_000 {
            for near in [value - 1, value, value + 1] where (0...1_000_000_000_000).contains(near) {
                let quantile = try #require(try sketch([near]).quantile(0.5))
                #expect(abs(quantile - Double(near)) <= 0.01 * Double(near), "\(near)")
            }
            value += max(1, value / 300)
        }
    }

    @Test func zeroIsExactAndTheEndIsBounded() throws {
        #expect(try sketch([0]).quantile(0.5) == 0)
        #expect(try sketch([1]).quantile(0.5) == 1)
        #expect(try sketch([Int64.max]).quantile(1) == sketch([1_000_000_000_000]).quantile(1))
        #expect(DDSketch().quantile(0.5) == nil)
        #expect(throws: KPIError.self) { try sketch([-1]) }
        #expect(try sketch([5]).quantile(.nan) == nil)
    }

    @Test func mergingAndSubtractingAreExact() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let a = values(Int.random(in: 0...300, using: &random), &random)
            let b = values(Int.random(in: 0...300, using: &random), &random)
            let both = try sketch((a + b).shuffled(using: &random))
            var merged = try sketch(a)
            try merged.merge(sketch(b))
            #expect(merged == both, "seed \(seed)")
            var other = try sketch(b)
            try other.merge(sketch(a))
            #expect(other == merged)
            #expect(merged.count == Int64(a.count + b.count))
            try merged.subtract(sketch(b))
            #expect(try merged == sketch(a))
            // Taken back before it was added.
            var early = DDSketch()
            for value in a { try early.add(milliseconds: value, weight: -1) }
            _ = early.quantile(0.5)
            try early.merge(both)
            #expect(try early == sketch(b))
            try early.subtract(sketch(b))
            #expect(early.isEmpty && early.binCount == 0)
        }
    }

    /// Against counts by value: many neighbouring bins, few of them, outliers, counts beyond 32 bits, and from one to the other.
    @Test func whateverItsShapeItCountsWhatIsThere() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let near = (0..<700).map { Int64(1_000 * pow(1.0202, Double($0))) }
        let far: [Int64] = [0, 1, 3, 1_000_000_000_000]
        for _ in 0..<40 {
            var counts: [Int64: Int64] = [:]
            var sketch = DDSketch()
            let first = Int.random(in: 0..<500, using: &random)
            var width = Int.random(in: 1...200, using: &random)
            for step in 0..<2_000 {
                if step % 500 == 499 { width = Int.random(in: 1...200, using: &random) }
                let value: Int64
                var weight: Int64 = 1
                switch Int.random(in: 0..<200, using: &random) {
                case 0:
                    value = far.randomElement(using: &random)!
                case 1:
                    value = near[first + Int.random(in: 0..<width, using: &random)]
                    weight = Int64.random(in: -1 << 33...1 << 33, using: &random)
                case 2..<80:
                    // Taken back to nothing, whatever was there.
                    value = counts.keys.sorted().randomElement(using: &random) ?? 0
                    weight = -(counts[value] ?? 0)
                default: value = near[first + Int.random(in: 0..<width, using: &random)]
                }
                try sketch.add(milliseconds: value, weight: weight)
                counts[value, default: 0] += weight
                if counts[value] == 0 { counts[value] = nil }
                guard step % 100 == 99 else { continue }
                #expect(sketch.count == counts.values.reduce(0, +), "seed \(seed), step \(step)")
                #expect(sketch.binCount == counts.count, "seed \(seed), step \(step)")
                var other = DDSketch()
                for (value, count) in counts.sorted(by: { $0.key > $1.key }) {
                    try other.add(milliseconds: value, weight: count)
                }
                #expect(sketch == other && sketch.hashValue == other.hashValue, "seed \(seed), step \(step)")
                guard counts.values.allSatisfy({ $0 > 0 }), !counts.isEmpty else { continue }
                var below: Int64 = 0
                let rank = Int64(0.9 * Double(sketch.count - 1))
                let item = try #require(
                    counts.sorted { $0.key < $1.key }.first {
                        below += $0.value
                        return below > rank
                    }
                ).key
                let quantile = try #require(sketch.quantile(0.9))
                #expect(abs(quantile - Double(item)) <= 0.01 * Double(item), "seed \(seed), step \(step)")
            }
        }
    }

    @Test func aBinThatOverflowsIsAnError() throws {
        var sketch = DDSketch()
        try sketch.add(milliseconds: 7, weight: 1 << 47 - 1)
        #expect(throws: KPIError.overflow(measure: 0)) { try sketch.add(milliseconds: 7) }
        #expect(throws: KPIError.overflow(measure: 0)) { try sketch.add(milliseconds: 9, weight: .max) }
        #expect(sketch.count == 1 << 47 - 1)
    }

    @Test func wilsonIsThatOfTheCatalogue() throws {
        let interval = try #require(Wilson.interval(17, of: 20))
        #expect(abs(interval.low - 0.639581) < 5e-7)
        #expect(abs(interval.high - 0.947631) < 5e-7)
        #expect(Wilson.interval(0, of: 0) == nil)
        #expect(Wilson.interval(-1, of: -1) == nil)
        let none = try #require(Wilson.interval(0, of: 10))
        #expect(none.low == 0 && abs(none.high - 0.277533) < 5e-7)
        let all = try #require(Wilson.interval(10, of: 10))
        #expect(all.high == 1 && abs(all.low - 0.722467) < 5e-7)
        #expect(try #require(Wilson.interval(30, of: 20)) == #require(Wilson.interval(20, of: 20)))
    }
}
