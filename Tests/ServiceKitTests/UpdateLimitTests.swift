import ServiceKit
import Testing

@Suite struct UpdateLimitTests {
    @Test func growsWithFullQuickRoundsOnly() {
        var limit = UpdateLimit()
        let first = limit.value
        limit.note(0, took: .zero)
        #expect(limit.value == first)
        limit.note(first, took: .milliseconds(200))
        #expect(limit.value == first)
        limit.note(first, took: .milliseconds(10))
        #expect(limit.value == first * 2)
        for _ in 0..<20 { limit.note(limit.value, took: .zero) }
        #expect(limit.value == UpdateLimit.highest)
    }

    @Test func shrinksUntilARoundIsQuickEnough() {
        var limit = UpdateLimit()
        // 20 ms a figure: 256 of them take half of what a transaction may take.
        for _ in 0..<10 { limit.note(limit.value, took: .milliseconds(20) * limit.value) }
        #expect(limit.value == UpdateLimit.lowest)
    }
}
