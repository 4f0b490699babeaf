import Streams
import Testing

@Suite struct AssignmentMachineTests {
    typealias Machine = AssignmentMachine

    private func running(_ partitions: Set<Int32>) -> Machine {
        var machine = Machine()
        _ = machine.assigned(partitions)
        _ = machine.located(unchanged: [])
        for partition in partitions { _ = machine.restored(partition) }
        return machine
    }

    @Test func nothingIsReadBeforeItsStateIsThere() {
        var machine = Machine()
        #expect(machine.assigned([2, 0]) == [.captureGroup, .locate([0, 2])])
        #expect(machine.running.isEmpty)
        #expect(machine.located(unchanged: []) == [.open([0, 2])])
        #expect(machine.restoring == [0, 2])
        #expect(machine.restored(2) == [.start([2])])
        #expect(machine.running == [2])
        #expect(machine.restoring == [0])
    }

    @Test func aRevocationCommitsBeforeAnythingIsGivenUp() {
        var machine = running([0, 1])
        #expect(machine.revoked() == [.commit])
        #expect(machine.running == [0, 1])
        #expect(machine.commitEnded(true) == [])
        #expect(machine.running.isEmpty)
        #expect(machine.suspended == [0, 1])
    }

    @Test func stateThatIsStillTrueGoesOnWithoutARestore() {
        var machine = running([0, 1, 2])
        _ = machine.revoked()
        _ = machine.commitEnded(true)
        _ = machine.assigned([1, 2, 3])
        // 2 was somebody else's in between.
        #expect(machine.located(unchanged: [1]) == [.drop([0, 2]), .open([2, 3]), .start([1])])
        #expect(machine.running == [1])
        #expect(machine.restoring == [2, 3])
        #expect(machine.suspended.isEmpty)
    }

    @Test func afterAFailedCommitNothingIsKept() {
        var machine = running([0])
        _ = machine.revoked()
        #expect(machine.commitEnded(false) == [.drop([0])])
        #expect(machine.suspended.isEmpty)
    }

    @Test func halfRestoredStateIsDropped() {
        var machine = Machine()
        _ = machine.assigned([0, 1])
        _ = machine.located(unchanged: [])
        _ = machine.restored(0)
        #expect(machine.revoked() == [.drop([1]), .commit])
        #expect(machine.commitEnded(true) == [])
        #expect(machine.suspended == [0])
        #expect(machine.restored(1) == [])
    }

    @Test func aRevocationWhileLocatingOrRestoringNeedsNoCommit() {
        var machine = Machine()
        _ = machine.assigned([0])
        #expect(machine.revoked() == [])
        #expect(machine.owned.isEmpty)
        _ = machine.assigned([0])
        _ = machine.located(unchanged: [])
        #expect(machine.revoked() == [.drop([0])])
        #expect(machine.owned.isEmpty)
    }

    @Test func aLossDropsEverythingAndReplacesTheProducer() {
        var machine = running([0, 1])
        #expect(machine.lost() == [.abort, .drop([0, 1]), .newProducer])
        #expect(machine.owned.isEmpty)
        #expect(machine.suspended.isEmpty)
        #expect(machine.assigned([0]) == [.captureGroup, .locate([0])])
    }

    @Test func anEmptyAssignmentIsAnAssignment() {
        var machine = running([0])
        _ = machine.revoked()
        _ = machine.commitEnded(true)
        #expect(machine.assigned([]) == [.captureGroup, .drop([0])])
        #expect(machine.suspended.isEmpty)
    }

    @Test func everyChangeHasANewEpoch() {
        var machine = Machine()
        var epochs = [machine.epoch]
        _ = machine.assigned([0])
        epochs.append(machine.epoch)
        _ = machine.located(unchanged: [])
        _ = machine.restored(0)
        #expect(machine.epoch == epochs.last)
        _ = machine.revoked()
        // The commit still belongs to the assignment that is being given up.
        #expect(machine.epoch == epochs.last)
        _ = machine.commitEnded(true)
        epochs.append(machine.epoch)
        _ = machine.assigned([0])
        epochs.append(machine.epoch)
        _ = machine.lost()
        epochs.append(machine.epoch)
        #expect(Set(epochs).count == epochs.count)
    }

    @Test func aSecondAssignmentWithoutARevocationIsAProgrammingError() async {
        await #expect(processExitsWith: .failure) {
            var machine = AssignmentMachine()
            _ = machine.assigned([0])
            _ = machine.assigned([0])
        }
    }
}
