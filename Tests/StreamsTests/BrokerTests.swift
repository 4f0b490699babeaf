import Foundation
import Kafka
import LocalBroker
import Logging
import Streams
import Synchronization
import Testing

/// The runtime over librdkafka against the local broker.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BrokerTests {
    private func keys(_ count: Int) -> [String] { (0..<count).map { "k\($0 % 10)" } }

    private func expected(_ count: Int) -> [String: Int] {
        Dictionary(keys(count).map { ($0, 1) }, uniquingKeysWith: +)
    }

    private func runtime(
        _ stage: StageDefinition, _ broker: TestBroker, instance: String = "one", threads: Int = 1
    ) -> StageRuntime {
        // A short session, so that a process that has stopped for good is missed soon.
        let clients = KafkaClients(broker.kafka, sessionTimeout: .seconds(3), logger: silent)
        return StageRuntime(
            stage: stage, kafka: broker.kafka, instance: instance, threads: threads, topicCreation: .missing,
            clients: clients, time: SystemTime(), options: StreamWorker.Options(), logger: silent)
    }

    @Test func countsAndStopsInGoodOrder() async throws {
        try await TestBroker.with { broker in
            let stage = countStage(partitions: 2)
            let runtime = runtime(stage, broker)
            try await runtime.start()
            try await broker.produce(keys(1_000), to: stage.inputs[0])
            #expect(try await broker.sums(of: stage.outputs[0], until: 1_000) == expected(1_000))
            #expect(await runtime.stop(within: .seconds(20)))
            try await runtime.ended()
            #expect(runtime.state == .stopped(nil))
            let committed = try await broker.committed(stage)
            #expect(committed.values.reduce(0) { $0 + $1.offset } == 1_000)
            #expect(committed.values.allSatisfy { PositionMetadata(parsing: $0.metadata)?.isClean == true })
        }
    }

    /// Workers are dropped in the middle of what they do, with an open transaction and without a close; librdkafka's
    /// threads behind them go on, as those of a process that hangs. Each successor has the same identity.
    @Test(arguments: [1, 2])
    func eachInputCountsOnceAcrossKills(_ seed: UInt64) async throws {
        try await TestBroker.with { broker in
            let stage = countStage(partitions: 2, interval: 20)
            try await broker.create(stage)
            try await broker.produce(keys(3_000), to: stage.inputs[0])
            let kafka = broker.kafka
            try await onThread {
                var random = SplitMix(seed)
                var dropped: [StreamWorker] = []
                var options = StreamWorker.Options()
                options.batchRecords = 40
                for _ in 0..<6 {
                    options.memory = ProcessMemory()
                    let worker = makeWorker(stage, kafka, instance: "one", options)
                    dropped.append(worker)
                    try worker.open()
                    let deadline = Deadline.after(.seconds(30))
                    while worker.phase == .starting, !deadline.isExpired { try worker.step(wait: 20) }
                    for _ in 0..<random.next() % 20 { try worker.step(wait: 5) }
                }
                for worker in dropped { worker.discard(deadline: .after(.seconds(2))) }
            }
            let last = runtime(stage, broker)
            try await last.start()
            #expect(try await broker.sums(of: stage.outputs[0], until: 3_000) == expected(3_000), "seed \(seed)")
            #expect(await last.stop(within: .seconds(20)))
            #expect(try await broker.sums(of: stage.outputs[0], until: 3_000) == expected(3_000), "seed \(seed)")
        }
    }

    @Test func anAbortIsUndoneAndItsRecordsComeAgain() async throws {
        try await TestBroker.with { broker in
            let restores = Mutex(0)
            let stage = countStage(partitions: 2, interval: 20) { context in
                restores.withLock { $0 += 1 }
                return CountTask(context)
            }
            try await broker.create(stage)
            let clients = AbortingClients(KafkaClients(broker.kafka, logger: silent), every: 3)
            let runtime = StageRuntime(
                stage: stage, kafka: broker.kafka, instance: "one", threads: 1, topicCreation: .never,
                clients: clients, time: SystemTime(), options: StreamWorker.Options(), logger: silent)
            try await runtime.start()
            for _ in 0..<10 { try await broker.produce(keys(200), to: stage.inputs[0]) }
            #expect(try await broker.sums(of: stage.outputs[0], until: 2_000) == expected(2_000))
            #expect(await runtime.stop(within: .seconds(20)))
            #expect(clients.aborts.withLock { $0 } > 0)
            #expect(restores.withLock { $0 } == 2)
        }
    }

    @Test func twoProcessesOfTwoThreadsShareAndTakeOver() async throws {
        try await TestBroker.with { broker in
            let stage = countStage(partitions: 4, interval: 20)
            let first = runtime(stage, broker, instance: "a", threads: 2)
            try await first.start()
            try await broker.produce(keys(1_000), to: stage.inputs[0])
            let joined = Event<Int32>()
            var second = stage
            second.makeTask = { context in
                joined.happened(context.partition)
                return CountTask(context)
            }
            let other = runtime(second, broker, instance: "b", threads: 2)
            try await other.start()
            await joined.wait()
            try await broker.produce(keys(1_000), to: stage.inputs[0])
            _ = try await broker.sums(of: stage.outputs[0], until: 2_000)
            let owners = try await broker.committed(stage).values.compactMap {
                PositionMetadata(parsing: $0.metadata)?.owner
            }
            #expect(owners.contains { $0.contains("-b-") })
            #expect(await first.stop(within: .seconds(20)))
            try await broker.produce(keys(1_000), to: stage.inputs[0])
            #expect(try await broker.sums(of: stage.outputs[0], until: 3_000) == expected(3_000))
            #expect(await other.stop(within: .seconds(20)))
            #expect(try await broker.sums(of: stage.outputs[0], until: 3_000) == expected(3_000))
        }
    }

    @Test func aZombieIsFenced() async throws {
        try await TestBroker.with { broker in
            let stage = countStage()
            try await broker.create(stage)
            let kafka = broker.kafka
            let processed = Mutex(false)
            var slow = stage
            // Commits nothing by itself: what it processes is still open when it is overtaken.
            slow.commitInterval = 60_000
            slow.makeTask = { context in
                let task = CountTask(context)
                task.onProcess = { _ in processed.withLock { $0 = true } }
                return task
            }
            try await broker.produce(keys(100), to: stage.inputs[0])
            let overtaken = DispatchSemaphore(value: 0)
            let ready = Event<Void>()
            let zombieStage = slow
            async let end: WorkerError? = onThread {
                let zombie = makeWorker(zombieStage, kafka, instance: "one", StreamWorker.Options())
                defer { zombie.discard(deadline: .after(.seconds(2))) }
                let deadline = Deadline.after(.seconds(60))
                do throws(WorkerError) {
                    try zombie.open()
                    while !processed.withLock({ $0 }), !deadline.isExpired { try zombie.step(wait: 20) }
                    ready.happened(())
                    overtaken.wait()
                    while !deadline.isExpired { try zombie.step(wait: 20) }
                } catch {
                    return error
                }
                return nil
            }
            await ready.wait()
            let heir = runtime(stage, broker)
            try await heir.start()
            #expect(try await broker.sums(of: stage.outputs[0], until: 100) == expected(100))
            overtaken.signal()
            guard case .rebuild(_, isFenced: true) = try await end else {
                Issue.record("not fenced")
                return
            }
            #expect(await heir.stop(within: .seconds(20)))
            #expect(try await broker.sums(of: stage.outputs[0], until: 100) == expected(100))
        }
    }

    @Test func itOutlivesTheBroker() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "streams-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let stage = countStage(partitions: 2, interval: 20)
        let (running, port) = try await TestBroker.with(directory: directory.path) { broker in
            let running = runtime(stage, broker)
            try await running.start()
            try await broker.produce(keys(500), to: stage.inputs[0])
            _ = try await broker.sums(of: stage.outputs[0], until: 500)
            return (running, broker.broker.port)
        }
        try await TestBroker.with(directory: directory.path, port: port) { broker in
            try await broker.produce(keys(500), to: stage.inputs[0])
            #expect(try await broker.sums(of: stage.outputs[0], until: 1_000) == expected(1_000))
            #expect(await running.stop(within: .seconds(20)))
            #expect(try await broker.sums(of: stage.outputs[0], until: 1_000) == expected(1_000))
        }
    }

    @Test func anInternalRecordThatCannotBeUsedStopsTheStage() async throws {
        try await TestBroker.with { broker in
            let stage = countStage()
            let runtime = runtime(stage, broker)
            try await runtime.start()
            try await broker.produce(["a"], to: stage.inputs[0], value: "foreign")
            let failure = StreamFailure.internalRecord(
                topic: "in", partition: 0, offset: 0, reason: "its key belongs to another partition")
            await #expect(throws: failure) { try await runtime.ended() }
            #expect(runtime.state == .stopped(failure))
        }
    }

    @Test func topicsOfAnotherShapeAreRefused() async throws {
        try await TestBroker.with { broker in
            try await broker.create(countStage(partitions: 2))
            let runtime = runtime(countStage(partitions: 3), broker)
            await #expect {
                try await runtime.start()
            } throws: { error in
                guard case StreamFailure.incompatible(let reason) = error else { return false }
                return reason.contains("in has 2 partitions, not 3")
            }
        }
    }
}

private func makeWorker(
    _ stage: StageDefinition, _ kafka: KafkaConfiguration, instance: String, _ options: StreamWorker.Options
) -> StreamWorker {
    let clients = KafkaClients(kafka, logger: silent)
    return StreamWorker(
        stage: stage, thread: 0, identity: stage.identity(instance: instance, thread: 0), clients: clients,
        time: SystemTime(), progress: InlineProgress(stage, clients, SystemTime()), logger: silent, options: options)
}

/// Makes every n-th transaction that has offsets to send fail in a way that only an abort answers.
private final class AbortingClients: StreamClients {
    private let clients: KafkaClients
    private let period: Int
    private let sends = Mutex(0)
    let aborts = Mutex(0)

    init(_ clients: KafkaClients, every period: Int) {
        self.clients = clients
        self.period = period
    }

    func consumer(group: String, identity: String, listener: any RebalanceListener) throws(ClientError)
        -> any StreamConsumer
    { try clients.consumer(group: group, identity: identity, listener: listener) }
    func producer(identity: String) throws(ClientError) -> any StreamProducer {
        Aborting(try clients.producer(identity: identity), self)
    }
    func reader(identity: String) throws(ClientError) -> any StreamReader { try clients.reader(identity: identity) }
    func watermarkReader(identity: String) throws(ClientError) -> any WatermarkReader {
        try clients.watermarkReader(identity: identity)
    }

    private func isDue() -> Bool {
        let due = sends.withLock { sends in
            sends += 1
            return sends.isMultiple(of: period)
        }
        if due { aborts.withLock { $0 += 1 } }
        return due
    }

    private final class Aborting: StreamProducer {
        private let producer: any StreamProducer
        private let owner: AbortingClients

        init(_ producer: any StreamProducer, _ owner: AbortingClients) {
            self.producer = producer
            self.owner = owner
        }

        func sendOffsets(
            _ offsets: [TopicPartition: OffsetAndMetadata], generation: GroupGeneration, deadline: Deadline
        ) throws(ClientError) {
            guard !owner.isDue() else { throw ClientError(.abort, "injected") }
            try producer.sendOffsets(offsets, generation: generation, deadline: deadline)
        }

        func initialize(deadline: Deadline) throws(ClientError) { try producer.initialize(deadline: deadline) }
        func warm(_ topics: [String], deadline: Deadline) throws(ClientError) {
            try producer.warm(topics, deadline: deadline)
        }
        func topic(_ name: String) throws(ClientError) -> Int { try producer.topic(name) }
        func begin() throws(ClientError) { try producer.begin() }
        func send(
            topic: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]
        ) throws(ClientError) {
            try producer.send(topic: topic, partition: partition, key: key, value: value, headers: headers)
        }
        func commit(deadline: Deadline) throws(ClientError) { try producer.commit(deadline: deadline) }
        func abort(deadline: Deadline) throws(ClientError) { try producer.abort(deadline: deadline) }
        func close(deadline: Deadline) { producer.close(deadline: deadline) }
    }
}
