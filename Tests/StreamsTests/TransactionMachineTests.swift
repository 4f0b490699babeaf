import Streams
import Testing

@Suite struct TransactionMachineTests {
    typealias Machine = TransactionMachine

    private let standing = Machine.Standing(assignmentLost: false, generation: 7, assignment: 1)

    @Test func beginsWithTheFirstWriteOnly() {
        var machine = Machine()
        #expect(machine.state == .idle)
        #expect(machine.write(under: 1) == .begin)
        #expect(machine.succeeded() == .write)
        #expect(machine.write(under: 1) == .write)
        #expect(machine.end(.commit, standing) == .sendOffsets)
        #expect(machine.succeeded() == .commit)
        #expect(machine.succeeded() == .done(.committed))
        #expect(machine.state == .idle)
    }

    @Test func offsetsAloneNeedATransactionToo() {
        var machine = Machine()
        #expect(machine.end(.commit, standing) == .begin)
        #expect(machine.succeeded() == .sendOffsets)
        #expect(machine.succeeded() == .commit)
        #expect(machine.succeeded() == .done(.committed))
    }

    @Test func anAbortOfNothingCallsNobody() {
        var machine = Machine()
        #expect(machine.end(.abort("why"), standing) == .done(.aborted("why")))
    }

    @Test(arguments: [
        Machine.Standing(assignmentLost: true, generation: 7, assignment: 1),
        Machine.Standing(assignmentLost: false, generation: -1, assignment: 1),
        Machine.Standing(assignmentLost: false, generation: 7, assignment: 2),
    ])
    func aCommitIsDowngradedWhenTheRecordsMayBelongToSomebodyElse(_ standing: Machine.Standing) {
        var machine = Machine()
        _ = machine.write(under: 1)
        _ = machine.succeeded()
        #expect(machine.end(.commit, standing) == .abort)
        guard case .done(.aborted) = machine.succeeded() else {
            Issue.record("not aborted")
            return
        }
        #expect(machine.state == .idle)
    }

    @Test func aFailedWriteDoomsTheTransactionAndDropsTheRest() {
        var machine = Machine()
        _ = machine.write(under: 1)
        _ = machine.succeeded()
        machine.writeFailed(.abort, "queue full")
        #expect(machine.write(under: 1) == .drop)
        #expect(machine.end(.commit, standing) == .abort)
        #expect(machine.succeeded() == .done(.aborted("queue full")))
        #expect(machine.write(under: 1) == .begin)
    }

    @Test func aFatalWriteNeedsANewProducer() {
        var machine = Machine()
        _ = machine.write(under: 1)
        _ = machine.succeeded()
        machine.writeFailed(.fatal, "fenced")
        #expect(machine.write(under: 1) == .drop)
        #expect(machine.end(.commit, standing) == .rebuild("fenced"))
        #expect(machine.end(.abort("x"), standing) == .rebuild("fenced"))
    }

    @Test func aFailedBeginLeavesNothingToAbort() {
        var writing = Machine()
        _ = writing.write(under: 1)
        #expect(writing.failed(.abort, "state", expired: true) == .drop)
        #expect(writing.end(.commit, standing) == .rebuild("state"))
        var closing = Machine()
        _ = closing.end(.commit, standing)
        #expect(closing.failed(.abort, "state", expired: true) == .rebuild("state"))
    }

    @Test func anUnknownOutcomeIsNeitherACommitNorAnAbort() {
        var machine = Machine()
        _ = machine.end(.commit, standing)
        _ = machine.succeeded()
        _ = machine.succeeded()
        #expect(machine.failed(.retry, "timed out", expired: false) == .again)
        #expect(machine.failed(.retry, "timed out", expired: true) == .rebuild("timed out"))
    }

    /// Walks every sequence of answers to the end of a transaction, from every way in.
    @Test func everySequenceOfAnswersEndsAndNeverCommitsWithoutOffsets() {
        struct Trace {
            var machine: Machine
            var action: Machine.Action
            var calls: [Machine.Action]
            var depth: Int
        }
        let standings = [
            standing, Machine.Standing(assignmentLost: true, generation: 7, assignment: 1),
            Machine.Standing(assignmentLost: false, generation: -1, assignment: 1),
            Machine.Standing(assignmentLost: false, generation: 7, assignment: 9),
        ]
        var open: [Trace] = []
        for standing in standings {
            for wish in [Machine.Wish.commit, .abort("wish")] {
                for setup in 0..<4 {
                    var machine = Machine()
                    if setup > 0 {
                        _ = machine.write(under: 1)
                        _ = machine.succeeded()
                    }
                    if setup == 2 { machine.writeFailed(.abort, "doomed") }
                    if setup == 3 { machine.writeFailed(.fatal, "broken") }
                    let action = machine.end(wish, standing)
                    open.append(Trace(machine: machine, action: action, calls: [], depth: 0))
                }
            }
        }
        var ends = 0
        while let trace = open.popLast() {
            switch trace.action {
            case .done(.committed):
                ends += 1
                #expect(Array(trace.calls.suffix(2)) == [.sendOffsets, .commit])
                #expect(!trace.calls.contains(.abort))
                #expect(trace.machine.state == .idle)
            case .done(.aborted):
                ends += 1
                #expect(trace.calls.isEmpty || trace.calls.last == .abort)
                #expect(trace.machine.state == .idle)
            case .rebuild:
                ends += 1
                guard case .broken = trace.machine.state else {
                    Issue.record("still usable after \(trace.calls)")
                    return
                }
            case .write, .drop:
                Issue.record("not an end: \(trace.calls)")
                return
            case .begin, .sendOffsets, .commit, .abort, .again:
                guard trace.depth < 9 else { continue }
                let call = trace.action == .again ? trace.calls.last ?? .again : trace.action
                let calls = trace.action == .again ? trace.calls : trace.calls + [call]
                var success = trace.machine
                let next = success.succeeded()
                open.append(Trace(machine: success, action: next, calls: calls, depth: trace.depth + 1))
                for reaction in Machine.Reaction.allCases {
                    for expired in [false, true] {
                        var failure = trace.machine
                        let next = failure.failed(reaction, "failed", expired: expired)
                        open.append(Trace(machine: failure, action: next, calls: calls, depth: trace.depth + 1))
                    }
                }
            }
        }
        #expect(ends > 500)
    }
}
