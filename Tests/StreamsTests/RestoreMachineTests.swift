import Streams
import Testing

@Suite struct RestoreMachineTests {
    @Test func anEmptyChangelogIsFinishedAtOnce() {
        var machine = RestoreMachine(low: 5, end: 5)
        #expect(machine.begin() == .finished)
        #expect(machine.progress == 1)
    }

    /// Offsets 0 to 9; the last three are an aborted record and two markers, which nobody ever delivers.
    @Test func thePositionDecidesAndNotTheLastRecord() {
        var machine = RestoreMachine(low: 0, end: 10)
        #expect(machine.begin() == .read(from: 0))
        #expect(machine.advanced(to: 7, records: 7) == .wait)
        #expect(!machine.isFinished)
        #expect(machine.advanced(to: 10, records: 0) == .finished)
        #expect(machine.restored == 7)
    }

    /// A dead owner's transaction is still open: the end of what is readable lies before the end.
    @Test func theLastStableOffsetIsNotTheEnd() {
        var machine = RestoreMachine(low: 0, end: 10)
        _ = machine.begin()
        #expect(machine.advanced(to: 4, records: 4) == .wait)
        #expect(machine.advanced(to: 4, records: 0) == .wait)
        #expect(machine.advanced(to: 11, records: 6) == .finished)
    }

    @Test func aTruncatedChangelogIsReadAnew() {
        var machine = RestoreMachine(low: 0, end: 100)
        _ = machine.begin()
        _ = machine.advanced(to: 10, records: 10)
        #expect(machine.truncated(low: 50, end: 120) == .restart(from: 50))
        #expect(machine.restored == 0)
        #expect(machine.progress == 0)
        #expect(machine.advanced(to: 100, records: 50) == .wait)
        #expect(machine.advanced(to: 120, records: 20) == .finished)
    }

    @Test func anEmptyTruncatedChangelogStillLosesItsState() {
        var machine = RestoreMachine(low: 0, end: 100)
        _ = machine.begin()
        #expect(machine.truncated(low: 0, end: 0) == .restart(from: 0))
        #expect(machine.isFinished)
    }

    @Test func itDoesNotRestartForEver() {
        var machine = RestoreMachine(low: 0, end: 100)
        for restart in 1...RestoreMachine.maximumRestarts {
            #expect(machine.truncated(low: Int64(restart), end: 100) == .restart(from: Int64(restart)))
        }
        guard case .failed = machine.truncated(low: 90, end: 100) else {
            Issue.record("still restarting")
            return
        }
    }

    @Test func progressIsAShareOfTheOffsets() {
        var machine = RestoreMachine(low: 100, end: 300)
        _ = machine.begin()
        #expect(machine.progress == 0)
        _ = machine.advanced(to: 150, records: 3)
        #expect(machine.progress == 0.25)
        _ = machine.advanced(to: 120, records: 0)
        #expect(machine.position == 150)
        _ = machine.advanced(to: 400, records: 3)
        #expect(machine.progress == 1)
    }
}
