import Kafka
import Streams
import Testing

@Suite struct CarefulModeTests {
    private func mode(_ attempt: PositionMetadata.Attempt?, clean: Bool = false, end: Int64 = 1_000_000) -> CarefulMode
    {
        CarefulMode(
            committed: PositionMetadata(dirty: 0, clock: 0, isClean: clean, attempt: attempt), position: 0, end: end)
    }

    @Test func cleanAndFirstStartsAreNormal() {
        #expect(mode(nil, clean: true).isNormal)
        #expect(CarefulMode(committed: nil, position: 0, end: 10).isNormal)
        #expect(mode(nil, end: 0).isNormal)
    }

    @Test func anUncleanStartGrowsUntilTheOldEndIsPassed() {
        var mode = mode(nil, end: 100)
        var spans: [Int] = []
        var position = 0
        while case .attempt(let attempt) = mode.next(available: 1_000) {
            #expect(attempt.number == 1)
            spans.append(attempt.span)
            position += attempt.span
            mode.succeeded(records: attempt.span, position: Int64(position))
        }
        #expect(spans == [1, 8, 64, 512])
        #expect(mode.next(available: 1) == .normal)
    }

    @Test func theOldBatchIsNeverLongerThanATransaction() {
        var mode = mode(nil, end: .max)
        var position = 0
        while case .attempt(let attempt) = mode.next(available: 8_192) {
            position += attempt.span
            mode.succeeded(records: attempt.span, position: Int64(position))
        }
        #expect((CarefulMode.furthest..<CarefulMode.furthest + 8_193).contains(position))
    }

    @Test func aGroupThatKilledIsDividedAndItsRestStaysSuspect() {
        #expect(mode(.init(number: 1, span: 4_096)).next(available: 10_000) == .attempt(.init(number: 1, span: 64)))
        var small = mode(.init(number: 1, span: 8))
        for position: Int64 in 1...8 {
            #expect(small.next(available: 100) == .attempt(.init(number: 1, span: 1)))
            small.succeeded(records: 1, position: position)
        }
        small.succeeded(records: 1, position: 9)
        #expect(small.next(available: 100) == .attempt(.init(number: 1, span: 8)))
    }

    @Test func theThirdTryRejects() {
        #expect(mode(.init(number: 1, span: 1)).next(available: 5) == .attempt(.init(number: 2, span: 1)))
        var third = mode(.init(number: 2, span: 1))
        #expect(third.next(available: 5) == .reject)
        third.succeeded(records: 1, position: 1)
        #expect(third.next(available: 50) == .attempt(.init(number: 1, span: 8)))
    }

    @Test func whatTheProcessSurvivedIsNoTry() {
        let committed = PositionMetadata(dirty: 0, clock: 0, attempt: .init(number: 2, span: 1))
        let mode = CarefulMode(committed: committed, survived: true, position: 0, end: 10)
        #expect(mode.next(available: 5) == .attempt(.init(number: 2, span: 1)))
        let plain = PositionMetadata(dirty: 0, clock: 0)
        #expect(CarefulMode(committed: plain, survived: true, position: 0, end: 10).isNormal)
    }
}

/// A record that ends the process (a Swift trap: no call of that process has an effect any more).
@Suite struct PoisonTests {
    private final class Box: @unchecked Sendable {
        // Set by the test's thread between starts.
        var die: () -> Void = {}
    }

    @Test(arguments: [0, 1, 5, 20, 59])
    func onlyTheGuiltyRecordIsRejected(_ index: Int) throws {
        let box = Box()
        let stage = countStage(partitions: 2) { context in
            let task = CountTask(context)
            task.onProcess = { value in if text(value) == "poison" { box.die() } }
            return task
        }
        let cluster = makeCluster(for: stage)
        for number in 0..<60 {
            cluster.append("in", 0, key: "k\(number % 5)", value: number == index ? "poison" : "x")
            cluster.append("in", 1, key: "innocent", value: "x")
        }
        var deaths = 0
        while cluster.committedMetadata(stage)?.isClean != true, deaths < 20 {
            var options = StreamWorker.Options()
            options.memory = ProcessMemory()
            let harness = Harness(cluster, stage, options: options)
            box.die = { harness.clients.process.isCrashed = true }
            do throws(WorkerError) {
                try harness.open()
                try harness.steps(200)
                try harness.close()
            } catch {
                deaths += 1
                cluster.forget(stage.group, "a-0")
            }
        }
        let letters = cluster.visible("dead")
        #expect(letters.count == 1)
        #expect(text(letters.first?.record.value) == "poison")
        let reason = letters.first?.record.headers.first { $0.name == "reason" }
        #expect(text(reason?.value ?? nil) == "crashed_processing")
        #expect((3...5).contains(deaths), "\(deaths)")
        var expected = cluster.inputCounts()
        expected["k\(index % 5)", default: 0] -= 1
        #expect(cluster.outputCounts() == expected)
        #expect(cluster.committedMetadata(stage)?.isClean == true)
    }

    @Test func anInternalRecordIsNeverRejected() throws {
        let box = Box()
        let stage = countStage(deadLetters: false) { context in
            let task = CountTask(context)
            task.onProcess = { value in if text(value) == "poison" { box.die() } }
            return task
        }
        let cluster = makeCluster(for: stage)
        cluster.append("in", 0, key: "a", value: "poison")
        var failure: StreamFailure?
        for _ in 0..<10 where failure == nil {
            var options = StreamWorker.Options()
            options.memory = ProcessMemory()
            let harness = Harness(cluster, stage, options: options)
            box.die = { harness.clients.process.isCrashed = true }
            do throws(WorkerError) {
                try harness.open()
                try harness.steps(50)
            } catch {
                if case .stop(let reason) = error { failure = reason }
                cluster.forget(stage.group, "a-0")
            }
        }
        #expect(failure == .crashedProcessing(topic: "in", partition: 0, offset: 0))
    }
}
