import ServiceKit
import Testing

@Suite struct UpdateLimitTests {
    @Test func growsWithFullQuickRoundsOnly() {
        var limit = UpdateLimit()
        let first = limit.value
        limit.note(isFull: false, took: .zero)
        #expect(limit.value == first)
        limit.note(isFull: true, took: .milliseconds(300))
        #expect(limit.value == first)
        limit.note(isFull: true, took: .milliseconds(10))
        #expect(limit.value == first * 2)
        for _ in 0..<20 { limit.note(isFull: true, took: .zero) }
        #expect(limit.value == UpdateLimit.highest)
    }

    @Test func shrinksUntilARoundIsQuickEnough() {
        var limit = UpdateLimit()
        // 20 ms a figure: 256 of them take half of what a transaction may take.
        for _ in 0..<10 { limit.note(isFull: true, took: .milliseconds(20) * limit.value) }
        #expect(limit.value == UpdateLimit.lowest)
    }
}
