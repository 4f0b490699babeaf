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
