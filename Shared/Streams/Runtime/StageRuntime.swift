import FoundationEssentials
public import Kafka
public import Logging
import Synchronization

/// Runs one stage in this process: its stream threads, and what they share.
///
///     let runtime = StageRuntime(stage: stage, kafka: kafka, instance: instance, threads: 2, logger: logger)
///     try await runtime.start()
///     // on SIGTERM: await runtime.stop(within: .seconds(20))
///     try await runtime.ended()      // throws why the stage cannot go on
public final class StageRuntime: Sendable {
    private struct Shared {
        var phases: [ThreadPhase]
        /// When each thread has last come round, in monotonic milliseconds.
        var rounds: [Int64]
        var failure: StreamFailure?
        /// Threads that have not ended, the observer's included.
        var alive = 0
        var hasStarted = false
        var hasEnded = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    public let stage: StageDefinition
    private let kafka: KafkaConfiguration
    private let instance: String
    private let threads: Int
    private let topicCreation: TopicCreation
    private let clients: any StreamClients
    private let time: any TimeSource
    private let options: StreamWorker.Options
    private let logger: Logger
    private let stopSignal = StopSignal()
    private let shared: Mutex<Shared>

    /// - Parameters:
    ///   - instance: unique among the processes of the service and stable over restarts (DESKBEAT_INSTANCE): the
    ///     transactional ids and the static members are made of it.
    ///   - threads: 1 to 64.
    ///   - httpPort: where the process serves HTTP, for other instances (``MemberPort``).
    public convenience init(
        stage: StageDefinition, kafka: KafkaConfiguration, instance: String, threads: Int = 1,
        topicCreation: TopicCreation = .missing, httpPort: Int? = nil, logger: Logger
    ) {
        self.init(
            stage: stage, kafka: kafka, instance: instance, threads: threads, topicCreation: topicCreation,
            clients: KafkaClients(kafka, httpPort: httpPort, logger: logger), time: SystemTime(),
            options: StreamWorker.Options(),
            logger: logger)
    }

    package init(
        stage: StageDefinition, kafka: KafkaConfiguration, instance: String, threads: Int,
        topicCreation: TopicCreation, clients: any StreamClients, time: any TimeSource,
        options: StreamWorker.Options, logger: Logger
    ) {
        precondition((1...64).contains(threads), "1 to 64 stream threads")
        self.stage = stage
        self.kafka = kafka
        self.instance = instance
        self.threads = threads
        self.topicCreation = topicCreation
        self.clients = clients
        self.time = time
        self.options = options
        var logger = logger
        logger[metadataKey: "service"] = "\(stage.service)"
        logger[metadataKey: "stage"] = "\(stage.name)"
        self.logger = logger
        shared = Mutex(
            Shared(
                phases: Array(repeating: .starting, count: threads), rounds: Array(repeating: 0, count: threads)))
    }

    /// For readiness.
    public var state: StageState {
        let now = time.monotonic
        return shared.withLock { shared in
            let running = zip(shared.phases, shared.rounds).filter { $0.0 != .stopped && $0.0 != .starting }
            return StageState(
                shared.phases, silence: running.map { now - $0.1 }.max() ?? 0, failure: shared.failure)
        }
    }

    /// Prepares the topics, then starts the threads. Once.
    ///
    /// - Throws: ``StreamFailure/incompatible(_:)`` when the topics do not fit.
    public func start() async throws(StreamFailure) {
        try await TopicSetup.prepare(
            stage.inputs + stage.writtenTopics, creation: topicCreation, kafka: kafka, logger: logger)
        startThreads()
    }

    package func startThreads() {
        shared.withLock { shared in
            precondition(!shared.hasStarted, "a runtime is started once")
            shared.hasStarted = true
            shared.alive = threads + 1
        }
        let progress = ProgressObserver(
            stage: stage, clients: clients, identity: "\(stage.group)-\(instance)", time: time, logger: logger,
            stop: stopSignal)
        spawn("clocks") { progress.run() }
        for number in 0..<threads {
            var logger = logger
            logger[metadataKey: "thread"] = "\(number)"
            let thread = StreamThread(
                stage: stage, number: number, instance: instance, clients: clients, progress: progress, time: time,
                logger: logger, options: options, stop: stopSignal,
                report: { [self] phase in
                    let now = time.monotonic
                    let previous = shared.withLock { shared in
                        defer {
                            shared.phases[number] = phase
                            shared.rounds[number] = now
                        }
                        return shared.phases[number]
                    }
                    if phase != previous {
                        if phase == .running(caughtUp: true) { MemoryRelease.shared.caughtUp(now: now) }
                        if previous == .running(caughtUp: true) { MemoryRelease.shared.fellBehind() }
                    }
                })
            spawn("\(number)") { [self] in
                do throws(StreamFailure) {
                    try thread.run()
                } catch {
                    fail(error)
                }
            }
        }
    }

    /// Never on the cooperative pool: these threads block.
    private func spawn(_ suffix: String, _ body: @escaping @Sendable () -> Void) {
        OSThread.start("\(stage.service)-\(stage.name)-\(suffix)") { [self] in
            body()
            end()
        }
    }

    private func fail(_ failure: StreamFailure) {
        logger.critical("\(failure)")
        shared.withLock { shared in
            shared.failure = shared.failure ?? failure
        }
        // The other threads commit what they have; the stage as a whole is not complete without this one.
        stopSignal.set(within: 10)
    }

    private func end() {
        let waiting = shared.withLock { shared in
            shared.alive -= 1
            guard shared.alive == 0 else { return [CheckedContinuation<Void, Never>]() }
            shared.hasEnded = true
            defer { shared.waiting = [] }
            return shared.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Commits, gives the partitions back, closes.
    ///
    /// - Returns: whether all threads have ended within the time. If not, one hangs; the process should end all the same.
    @discardableResult
    public func stop(within duration: Duration) async -> Bool {
        let (seconds, attoseconds) = duration.components
        stopSignal.set(within: Double(seconds) + Double(attoseconds) / 1e18)
        guard shared.withLock({ $0.hasStarted }) else { return true }
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await self.waitForEnd()
                return true
            }
            group.addTask {
                // A little more than the threads have, so that one that uses all of it is not called hanging.
                try? await Task.sleep(for: duration + .seconds(1))
                self.abandonWaiters()
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
    }

    /// Returns when the runtime has stopped.
    ///
    /// - Throws: why it could not go on.
    public func ended() async throws(StreamFailure) {
        await waitForEnd()
        if let failure = shared.withLock({ $0.failure }) { throw failure }
    }

    private func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let hasEnded = shared.withLock { shared in
                if !shared.hasEnded { shared.waiting.append(continuation) }
                return shared.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func abandonWaiters() {
        let waiting = shared.withLock { shared in
            defer { shared.waiting = [] }
            return shared.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
