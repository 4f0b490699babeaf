import CoreMetrics
package import Kafka
package import Logging

/// One stream thread's work on one set of handles: the loop of poll, process, advance, commit.
///
/// All calls come from one thread. It is driven step by step, so that a simulation can run many of them on one thread.
package final class StreamWorker {
    /// Sizes and time budgets.
    package struct Options: Sendable {
        /// Most that one poll takes; bounds how long a step can be. What a poll copies is still in the processor's second cache
        /// when it is processed.
        package var batchRecords = 1_024
        package var batchBytes = 1 << 20
        /// A backlog: so much has been taken by polls in a row that each took the most.
        package var backlogRecords = 8_192
        package var backlogBytes = 4 << 20
        /// For each call of a commit's end. Beyond the transaction timeout, the broker has ended it anyway.
        package var commitBudget = Duration.seconds(10)
        /// For everything that is done while the whole group waits.
        package var revokeBudget = Duration.seconds(8)
        /// For the broker to answer at the start; then the stop is looked at.
        package var startBudget = Duration.seconds(10)
        package var memory = ProcessMemory.shared

        package init() {}
    }

    /// Aborts in a row after which the handles are given up: what makes each transaction fail will not pass by itself.
    static let maximumAborts = 20

    let stage: StageDefinition
    let identity: String
    let logger: Logger
    let time: any TimeSource
    let thread: Int
    let clients: any StreamClients
    let progress: any ProgressSource
    let options: Options
    let metrics: StreamMetrics

    var consumerHandle: (any StreamConsumer)?
    var sessionHandle: TransactionSession?
    var watermarkHandle: (any WatermarkReader)?

    var machine = AssignmentMachine()
    var generation: GroupGeneration?
    var slots: [Int32: TaskSlot] = [:]
    /// Those of `slots` that are running, by partition.
    var running: [TaskSlot] = []
    var restore: RestoreSession?
    var toLocate: [Int32] = []
    var replacesProducer = false
    var isJoined = false
    /// Set when the handles are being thrown away: callbacks do nothing any more.
    var isDiscarded = false
    /// While it is being closed.
    var closeDeadline = Deadline.never
    /// A revocation is being answered: what is undone is not read again here.
    var isGivingUp = false
    /// The committed positions while they are being acted on.
    var starts: [Int32: [TaskSlot.Start]] = [:]
    /// Version of the stage's settings that the oldest of the tasks was made with.
    var settingsVersion: Int64 = .max
    /// A record asks for at least this version; nothing is processed before.
    var neededSettings: Int64 = .min
    /// What happened inside a callback, which cannot throw.
    var deferred: WorkerError?

    let batch = RecordBatch()
    /// Changes when pulled records are dropped because they will come again.
    var intakeEpoch: UInt64 = 0
    /// Of the poll that has filled `batch`.
    private var batchEpoch: UInt64 = 0
    var policy: CommitPolicy
    var work = CommitPolicy.Work()
    /// Taken by polls in a row that each took the most.
    var backlog = (records: 0, bytes: 0)
    var takenRecords = 0
    var takenBytes = 0
    var abortsInARow = 0
    var lastReport: Int64 = .min
    var lastPollWarning: Int64 = .min / 2

    package init(
        stage: StageDefinition, thread: Int, identity: String, clients: any StreamClients, time: any TimeSource,
        progress: any ProgressSource, logger: Logger, options: Options = Options()
    ) {
        self.stage = stage
        self.thread = thread
        self.identity = identity
        self.clients = clients
        self.time = time
        self.progress = progress
        self.logger = logger
        self.options = options
        metrics = StreamMetrics(stage: stage, thread: thread)
        policy = CommitPolicy(interval: stage.commitInterval, now: time.monotonic)
    }

    // MARK: Life

    /// Fences a predecessor, then joins the group.
    package func open() throws(WorkerError) {
        try openProducer()
        try client { () throws(ClientError) in
            // Connects while the group is being joined.
            watermarkHandle = try clients.watermarkReader(identity: identity)
            let consumer = try clients.consumer(group: stage.group, identity: identity, listener: self)
            consumerHandle = consumer
            try consumer.subscribe(stage.inputs.map(\.name))
        }
    }

    func openProducer() throws(WorkerError) {
        let deadline = Deadline.after(options.startBudget)
        let producer = try client { () throws(ClientError) in try clients.producer(identity: identity) }
        let session = TransactionSession(producer)
        session.assignment = machine.epoch
        sessionHandle = session
        try available(until: deadline) { () throws(ClientError) in try producer.initialize(deadline: deadline) }
        let topics = stage.writtenTopics.map(\.name)
        try available(until: deadline) { () throws(ClientError) in try producer.warm(topics, deadline: deadline) }
    }

    /// Repeats a call until the broker answers.
    private func available(until deadline: Deadline, _ body: () throws(ClientError) -> Void) throws(WorkerError) {
        while true {
            do throws(ClientError) {
                return try body()
            } catch {
                guard error.reaction == .retry else { throw error.rebuild }
                if deadline.isExpired { throw .unavailable(error.description) }
            }
        }
    }

    /// Commits, gives the partitions back and leaves the group.
    package func close(deadline: Deadline) throws(WorkerError) {
        closeDeadline = deadline
        consumerHandle?.close(deadline: deadline)
        defer { discard(deadline: deadline) }
        if let deferred { throw deferred }
    }

    /// Destroys the handles without a commit.
    package func discard(deadline: Deadline) {
        guard !isDiscarded else { return }
        isDiscarded = true
        progress.watch([], thread: thread)
        restore?.close(deadline: deadline)
        consumerHandle?.close(deadline: deadline)
        watermarkHandle?.close(deadline: deadline)
        sessionHandle?.close(deadline: deadline)
        restore = nil
        consumerHandle = nil
        watermarkHandle = nil
        sessionHandle = nil
        slots = [:]
        running = []
        metrics.dropLags()
    }

    package var phase: ThreadPhase {
        if isDiscarded { return .stopped }
        guard isJoined, machine.locating.isEmpty else { return .starting }
        if let restore { return .restoring(progress: restore.progress, records: restore.restored) }
        return .running(caughtUp: running.allSatisfy(\.time.caughtUp))
    }

    // MARK: The loop

    /// Polls, processes, advances, and commits when it is due.
    ///
    /// - Parameter wait: milliseconds for which the poll may wait when there is nothing to do.
    package func step(wait: Int64) throws(WorkerError) {
        let isBusy = restore != nil || !toLocate.isEmpty || replacesProducer
        try poll(timeout: isBusy ? 0 : policy.wait(work, now: time.monotonic, longest: wait))
        if replacesProducer { try replaceProducer() }
        try adoptSettings()
        // Before anything is started: what this poll has delivered of a partition that waits for its state comes again from
        // the position that belongs to it.
        try intake()
        if !toLocate.isEmpty { try locate() }
        if restore != nil { try restoreStep() }
        try advance()
        try report()
        measure()
        if policy.isDue(work, now: time.monotonic) {
            try commit(isClean: false, deadline: .after(options.commitBudget))
            measure()
        }
    }

    private func poll(timeout: Int64) throws(WorkerError) {
        let consumer = try consumer()
        // What is read carefully is committed in groups, which no poll should cut short.
        let isCareful = running.contains { slot in slot.inputs.contains { !$0.careful.isNormal } }
        let most =
            isCareful
            ? (records: options.backlogRecords, bytes: options.backlogBytes)
            : (records: options.batchRecords, bytes: options.batchBytes)
        do throws(ClientError) {
            try consumer.poll(into: batch, maximumRecords: most.records, maximumBytes: most.bytes, timeout: timeout)
        } catch {
            if let deferred { throw deferred }
            guard error.reaction != .fatal else { throw error.rebuild }
            // An unreachable broker is reported again and again.
            let now = time.monotonic
            if now - lastPollWarning >= 10_000 {
                lastPollWarning = now
                logger.warning("poll failed, trying again", metadata: ["error": "\(error)"])
            }
        }
        if let deferred { throw deferred }
        batchEpoch = intakeEpoch
        if batch.records.count >= most.records || batch.byteCount >= most.bytes {
            backlog.records += batch.records.count
            backlog.bytes += batch.byteCount
        } else {
            backlog = (0, 0)
        }
    }

    private func intake() throws(WorkerError) {
        let epoch = batchEpoch
        guard epoch == intakeEpoch else { return }
        let isWaiting = stage.settings.map { $0.version < neededSettings } ?? false
        // The tasks are made anew when the version has come, and read again from their positions.
        guard !isWaiting else { return }
        for run in batch.runs {
            guard let slot = runningSlot(run.topicPartition), let input = slot.index(of: run.topicPartition) else {
                continue
            }
            if slot.inputs[input].mustAnnounce {
                try commit(isClean: false, deadline: .after(options.commitBudget))
                guard epoch == intakeEpoch else { return }
            }
            // What lies below the position has been processed: nothing is counted twice, whatever the client delivers.
            var records = run.records
            while let first = records.first, batch.records[first].offset < slot.inputs[input].position {
                records = first + 1..<records.upperBound
            }
            guard !records.isEmpty else { continue }
            if slot.inputs[input].careful.isNormal {
                guard try process(records, slot, input) else { return }
            } else {
                try processCarefully(records, slot, input)
                guard epoch == intakeEpoch else { return }
            }
        }
        takenBytes += batch.byteCount
        for end in batch.endsOfPartition {
            guard let slot = runningSlot(end.topicPartition), let input = slot.index(of: end.topicPartition) else {
                continue
            }
            slot.moved(input: input, to: end.position)
        }
    }

    /// - Returns: false when the transaction was taken back instead.
    func process(_ records: Range<Int>, _ slot: TaskSlot, _ input: Int) throws(WorkerError) -> Bool {
        do throws(InternalRecordError) {
            try slot.task.process(batch, records, input: input, output: slot.writer)
        } catch {
            if let needed = error.neededSettings, stage.settings != nil {
                try wait(forSettings: needed)
                return false
            }
            throw .stop(failure(error, slot, input, otherwise: records.lowerBound))
        }
        take(records, slot, input)
        return true
    }

    func take(_ records: Range<Int>, _ slot: TaskSlot, _ input: Int) {
        let last = batch.records[records.upperBound - 1]
        slot.processed(input: input, position: last.offset + 1, timestamp: last.timestamp, wall: time.wall)
        takenRecords += records.count
        metrics.records.increment(by: records.count)
    }

    func advance() throws(WorkerError) {
        let wall = time.wall
        let look = progress.latest()
        for slot in running {
            if let look, look.number != slot.lastLook { observe(look, slot) }
            slot.tick(wall: wall)
            do throws(InternalRecordError) {
                try slot.task.advance(to: slot.time, output: slot.writer)
            } catch {
                throw .stop(failure(error, slot, 0, otherwise: nil))
            }
        }
    }

    private func observe(_ look: ProgressLook, _ slot: TaskSlot) {
        var ends: [Int64] = []
        for input in slot.inputs {
            guard let end = look.ends[input.topicPartition] else { return }
            ends.append(end)
        }
        slot.lastLook = look.number
        slot.clock.observed(look.reading, thenEnds: ends, wall: look.wall)
    }

    /// Once a second, with nothing in hand.
    private func report() throws(WorkerError) {
        let now = time.monotonic
        guard lastReport == .min || now - lastReport >= 1_000, let look = progress.latest() else { return }
        lastReport = now
        if running.allSatisfy(\.time.caughtUp) { batch.giveBackUnused() }
        reportLag(look)
        try watchStalls(look)
    }

    private func reportLag(_ look: ProgressLook) {
        for slot in running {
            for input in slot.inputs {
                guard let end = look.ends[input.topicPartition] else { continue }
                metrics.lag(
                    input.topicPartition.description, topic: input.topicPartition.topic,
                    partition: input.topicPartition.partition, max(0, end - input.position))
            }
        }
    }

    private func measure() {
        let now = time.monotonic
        work = CommitPolicy.Work()
        work.records = max(takenRecords, sessionHandle?.records ?? 0)
        work.bytes = max(takenBytes, sessionHandle?.bytes ?? 0)
        work.isBacklogged = backlog.records >= options.backlogRecords || backlog.bytes >= options.backlogBytes
        for slot in running {
            work.hasMoved = work.hasMoved || slot.hasMoved
            work.dirty += slot.task.dirty
            work.isUrgent = work.isUrgent || slot.task.isUrgent
            work.clockDue =
                work.clockDue || slot.lastClockRecord.map { now - $0 >= CommitPolicy.clockInterval } ?? true
        }
    }

    // MARK: Small things

    func topicPartitions(_ partitions: [Int32]) -> [TopicPartition] {
        partitions.flatMap { partition in
            stage.inputs.map { TopicPartition(topic: $0.name, partition: partition) }
        }
    }

    func runningSlot(_ topicPartition: TopicPartition) -> TaskSlot? {
        machine.running.contains(topicPartition.partition) ? slots[topicPartition.partition] : nil
    }

    func failure(
        _ error: InternalRecordError, _ slot: TaskSlot, _ input: Int, otherwise: Int?
    ) -> StreamFailure {
        let index = error.record ?? otherwise
        let record = index.flatMap { batch.records.indices.contains($0) ? batch.records[$0] : nil }
        return .internalRecord(
            topic: slot.inputs[input].topicPartition.topic, partition: slot.partition,
            offset: record?.offset ?? slot.inputs[input].position, reason: error.reason)
    }

    func client<R>(_ body: () throws(ClientError) -> R) throws(WorkerError) -> R {
        do throws(ClientError) {
            return try body()
        } catch {
            throw error.rebuild
        }
    }

    func consumer() throws(WorkerError) -> any StreamConsumer {
        guard let consumerHandle else { throw .rebuild("the consumer is closed", isFenced: false) }
        return consumerHandle
    }

    func session() throws(WorkerError) -> TransactionSession {
        guard let sessionHandle else { throw .rebuild("the producer is closed", isFenced: false) }
        return sessionHandle
    }

    /// There is one while positions are looked up and state is restored.
    func watermarks() throws(WorkerError) -> any WatermarkReader {
        if let watermarkHandle { return watermarkHandle }
        let opened = try client { () throws(ClientError) in try clients.watermarkReader(identity: identity) }
        watermarkHandle = opened
        return opened
    }
}
