import Kafka
import LocalBroker
import Logging
import Streams

/// What goes wrong in a simulation.
enum SimulatedFault: String, CaseIterable {
    /// A process dies between two requests, before one arrives, after it has taken effect, or inside a task.
    case crashBefore, crashAfter, crashBetween, poison
    case requestLost, responseLost, delayed, duplicated
    /// A commit that has succeeded and looks as if it had not.
    case commitOutcomeUnknown
    /// The broker dies in the middle of a write, or between two requests.
    case brokerKilledWriting, brokerRestarted
    /// A process stops for longer than its session and goes on; two processes have one identity.
    case zombie, twins
    case upstreamLagging, upstreamSilent
    case longTransaction
}

/// What must have been seen to happen, beside the faults themselves.
enum SimulatedEvent: String, CaseIterable {
    case fenced, instanceFenced, assignmentLost, assignmentRevoked, tornTail, restoredFromChangelog
    case alarm, degradedAlarm, crashedProcessing
}

/// A broker, processes of two stages, and a seeded scheduler that interleaves them request by request.
///
/// Everything happens on one thread, in an order that the seed decides: that is the proof for `@unchecked Sendable`.
final class Simulation: @unchecked Sendable {
    enum NetworkFault: String {
        case requestLost, responseLost, delayed, duplicated, crashBefore, crashAfter, commitOutcomeUnknown
        case brokerKilledWriting
    }

    let seed: UInt64
    let time = ManualTime()
    private(set) var broker: SimulatedBroker
    var random: SplitMix
    var connections: [SimulatedConnection] = []
    var consumers: [SimulatedConsumer] = []
    /// Every task that was ever made, with its process.
    var tasks: [(host: SimulatedHost, task: LedgerTask)] = []
    /// Whether clients deliver what they had fetched before a pause.
    let ignoresPauses: Bool

    private(set) var faults: [SimulatedFault: Int] = [:]
    private(set) var events: [SimulatedEvent: Int] = [:]
    /// What is wrong; the first finding is usually the one to look at.
    private(set) var findings: [String] = []
    private(set) var trace: [String] = []
    private let isTraced: Bool
    /// Changes with every step: two runs of one seed have the same.
    private(set) var digest: UInt64 = 14_695_981_039_346_656_037

    private var processes: [SimulatedProcess] = []
    /// Which faults this seed has, and how often (one in so many requests).
    private var enabled: Set<SimulatedFault> = []
    private var rarity: UInt64 = 60
    private var isStormy = true
    private var depth = 0
    private(set) var inputs = SimulatedInputs()
    private(set) var oracle: SimulatedOracle

    init(seed: UInt64, isTraced: Bool = false) throws(StorageError) {
        self.seed = seed
        self.isTraced = isTraced
        random = SplitMix(seed)
        broker = try SimulatedBroker(time: time, seed: seed)
        oracle = SimulatedOracle()
        ignoresPauses = random.next() % 5 == 0
        for topic in SimulatedPipeline.topics { broker.create(topic) }
        // Half of the faults per seed, so that each also happens without the others in its way.
        for fault in SimulatedFault.allCases where random.next() % 2 == 0 { enabled.insert(fault) }
        rarity = 20 + random.next() % 100
        for index in 0..<Int(1 + random.next() % 2) { start(.transform, "t\(index)") }
        for index in 0..<Int(1 + random.next() % 3) { start(.ledger, "l\(index)") }
    }

    // MARK: What the clients ask

    func log(_ line: @autoclosure () -> String) {
        guard isTraced else { return }
        trace.append("\(time.wall / 1_000 % 10_000_000) \(line())")
    }

    private func mix(_ value: UInt64) { digest = (digest ^ value) &* 1_099_511_628_211 }

    func count(_ event: SimulatedEvent) { events[event, default: 0] += 1 }

    private func count(_ fault: SimulatedFault) { faults[fault, default: 0] += 1 }

    func found(_ what: String) {
        findings.append(what)
        log("FOUND \(what)")
    }

    /// The fault of a request, if it has one.
    func draw(for request: Request) -> NetworkFault? {
        mix(UInt64(bitPattern: Int64(request.key.rawValue)) ^ UInt64(bitPattern: time.wall))
        guard isStormy, random.next() % rarity == 0 else { return nil }
        var isCommit = false
        if case .endTxn(let end) = request { isCommit = end.isCommit }
        let choices: [(SimulatedFault, NetworkFault)] = [
            (.requestLost, .requestLost), (.responseLost, .responseLost), (.delayed, .delayed),
            (.duplicated, .duplicated), (.crashBefore, .crashBefore), (.crashAfter, .crashAfter),
            (.brokerKilledWriting, .brokerKilledWriting), (.commitOutcomeUnknown, .commitOutcomeUnknown),
        ]
        let (fault, network) = choices[Int(random.next() % UInt64(choices.count))]
        guard enabled.contains(fault) else { return nil }
        if fault == .commitOutcomeUnknown, !isCommit { return nil }
        // Answers to these are waited for in another way.
        if fault == .duplicated, [.joinGroup, .syncGroup].contains(request.key) { return nil }
        count(fault)
        return network
    }

    /// Others do something while a request is on its way.
    func meanwhile() {
        guard depth < 2, random.next() % 6 == 0 else { return }
        depth += 1
        defer { depth -= 1 }
        switch random.next() % 12 {
        case 0: append(1)
        case 1...3: pass(Int64(random.next() % 3_000))
        default: stepOne()
        }
    }

    func restartBroker() {
        count(.tornTail)
        restart()
    }

    private func restart() {
        log("the broker starts again")
        do throws(StorageError) {
            try broker.restart(outage: random.next() % 2 == 0 ? 0 : Int64(random.next() % 1_500_000))
        } catch {
            found("the broker does not start on its own disk: \(error)")
        }
    }

    // MARK: The scheduler

    private func start(_ role: SimulatedProcess.Role, _ name: String) {
        processes.append(SimulatedProcess(self, role, name))
    }

    /// Time passes, and what depends on it happens.
    private func pass(_ microseconds: Int64) {
        time.wall += microseconds
        broker.advance()
        for consumer in consumers where !consumer.isPaused(time.wall) { consumer.background() }
    }

    private func append(_ count: Int) {
        guard isStormy, !broker.isDown, !broker.storage.isDown else { return }
        for _ in 0..<count {
            let input = inputs.next(&random, now: time.wall, poison: enabled.contains(.poison))
            if input.what == .poison { self.count(.poison) }
            inputs.write(input, to: broker, at: time.wall)
        }
    }

    private func stepOne() {
        let ready = processes.filter { !$0.host.isBusy && $0.pausedUntil <= time.wall }
        guard !ready.isEmpty else { return }
        ready[Int(random.next() % UInt64(ready.count))].step()
    }

    /// Lets the storm rage, then lets everything come to rest, and asks the oracle.
    func run(ticks: Int = 120) {
        for _ in 0..<ticks where findings.isEmpty {
            tick()
            oracle.look(self)
        }
        settle()
        oracle.judge(self)
    }

    private func tick() {
        switch random.next() % 40 {
        case 0: pass(Int64(random.next() % 4_000_000))
        case 1...3: pass(Int64(random.next() % 600_000))
        case 4...12: pass(Int64(random.next() % 150_000))
        default: pass(Int64(random.next() % 30_000))
        }
        if random.next() % 3 == 0 { append(Int(1 + random.next() % 4)) }
        for _ in 0..<1 + random.next() % 4 { stepOne() }
        let late = connections.filter(\.hasDelayed)
        if !late.isEmpty, random.next() % 4 == 0 { late[Int(random.next() % UInt64(late.count))].arrive() }
        if random.next() % 8 == 0 { misfortune() }
    }

    private func misfortune() {
        let all = SimulatedFault.allCases
        let fault = all[Int(random.next() % UInt64(all.count))]
        guard enabled.contains(fault) else { return }
        let process = processes[Int(random.next() % UInt64(processes.count))]
        switch fault {
        case .crashBetween:
            log("\(process.host.name) dies")
            process.host.isCrashed = true
        case .brokerRestarted: restart()
        case .zombie:
            log("\(process.host.name) stands still")
            process.pause(for: 12_000_000 + Int64(random.next() % 4_000_000))
            pass(11_000_000)
        case .longTransaction:
            process.pause(for: 10_500_000)
            pass(10_000_000)
        case .twins:
            guard processes.count < 8 else { return }
            log("a second \(process.host.name)")
            processes.append(SimulatedProcess(self, process.role, process.host.name))
        case .upstreamLagging, .upstreamSilent:
            let isSilent = fault == .upstreamSilent
            for process in processes where process.role == .transform {
                process.pause(for: isSilent ? SimulatedPipeline.patience + 8_000_000 : 3_000_000)
            }
            if isSilent {
                for _ in 0..<20 {
                    pass(1_900_000)
                    for _ in 0..<4 { stepOne() }
                }
            }
        default: return
        }
        count(fault)
    }

    private func settle() {
        isStormy = false
        if broker.storage.isDown { restart() }
        pass(2_000_000)
        for connection in connections { connection.arrive() }
        // Of each identity one process stays.
        var names: Set<String> = []
        processes = processes.filter { process in
            process.pausedUntil = 0
            let isFirst = names.insert(process.host.name).inserted
            if !isFirst { process.host.isCrashed = true }
            return isFirst
        }
        var restSince: Int64?
        for round in 0..<400 where findings.isEmpty {
            pass(round < 100 ? 60_000 : 250_000)
            for process in processes { process.step() }
            if round % 4 == 0 { oracle.look(self) }
            guard round > 20, round % 10 == 0 else { continue }
            // The last clocks are published within a second of the last record, and read a moment later: they may be what an
            // alarm waits for.
            restSince = oracle.isAtRest(self) ? restSince ?? time.wall : nil
            if let restSince, time.wall - restSince >= 3_000_000 { return }
        }
        if findings.isEmpty { found("nothing has come to rest: \(oracle.unrest(self))") }
    }

    /// The processes that still live, with the tasks that they run.
    var liveTasks: [LedgerTask] {
        processes.filter { $0.role == .ledger && !$0.host.isCrashed }.flatMap { process in
            process.runningPartitions.compactMap { partition in
                tasks.last { $0.host === process.host && $0.task.context.partition == partition }?.task
            }
        }
    }

    var phases: [String] { processes.map { "\($0.host.name) \($0.phase)" } }
    var areCaughtUp: Bool { processes.allSatisfy { $0.phase == .running(caughtUp: true) } }
}

/// A process with one stream thread, which is started again whenever it dies.
final class SimulatedProcess {
    enum Role { case transform, ledger }

    private let world: Simulation
    let role: Role
    private(set) var host: SimulatedHost
    var pausedUntil: Int64 = 0
    private var worker: StreamWorker?
    private var progress: SimulatedProgress?
    private var clients: SimulatedClients?
    private var memory = ProcessMemory()
    private var isOpen = false

    init(_ world: Simulation, _ role: Role, _ name: String) {
        self.world = world
        self.role = role
        host = SimulatedHost(name)
    }

    func pause(for microseconds: Int64) {
        pausedUntil = max(pausedUntil, world.time.wall + microseconds)
        clients?.pausedUntil = pausedUntil
    }

    var phase: ThreadPhase { worker?.phase ?? .starting }
    var runningPartitions: [Int32] { progress?.watched.map(\.partition) ?? [] }

    func step() {
        guard !host.isBusy else { return }
        host.isBusy = true
        defer { host.isBusy = false }
        if host.isCrashed { bury() }
        do throws(WorkerError) {
            if !isOpen { try open() }
            if world.random.next() % 3 != 0 { progress?.isStale = true }
            try worker?.step(wait: 0)
        } catch {
            world.log("\(host.name): \(error)")
            if case .stop(let failure) = error, !host.isCrashed { world.found("\(host.name) has stopped: \(failure)") }
            worker?.discard(deadline: .never)
            worker = nil
            isOpen = false
        }
        if host.isCrashed { bury() }
    }

    /// Its successor begins with nothing.
    private func bury() {
        worker = nil
        isOpen = false
        clients = nil
        progress = nil
        memory = ProcessMemory()
        let wasBusy = host.isBusy
        host = SimulatedHost(host.name)
        host.isBusy = wasBusy
        if world.random.next() % 3 == 0 { pausedUntil = world.time.wall + Int64(world.random.next() % 3_000_000) }
    }

    private func open() throws(WorkerError) {
        let clients = SimulatedClients(world, host)
        clients.pausedUntil = pausedUntil
        self.clients = clients
        let stage =
            switch role {
            case .transform: SimulatedPipeline.transform(world, host)
            case .ledger: SimulatedPipeline.ledger(world, host)
            }
        let progress = SimulatedProgress(stage, clients, world.time)
        self.progress = progress
        var options = StreamWorker.Options()
        options.memory = memory
        options.batchRecords = Int(1 + world.random.next() % 12)
        options.backlogRecords = options.batchRecords
        // Either a failed call is repeated until it succeeds, or the first failure is the last.
        let patience: Duration = world.random.next() % 2 == 0 ? .seconds(60) : .zero
        options.commitBudget = patience
        options.revokeBudget = patience
        options.startBudget = patience
        let worker = StreamWorker(
            stage: stage, thread: 0, identity: host.name, clients: clients, time: world.time, progress: progress,
            logger: Logger(label: "simulation", factory: { _ in SwiftLogNoOpLogHandler() }), options: options)
        self.worker = worker
        isOpen = true
        try worker.open()
    }
}

/// The handles of one process.
final class SimulatedClients: StreamClients, @unchecked Sendable {
    private let world: Simulation
    private let host: SimulatedHost
    /// Wall time until which the whole process stands still.
    var pausedUntil: Int64 = 0

    init(_ world: Simulation, _ host: SimulatedHost) {
        self.world = world
        self.host = host
    }

    private func connection() -> SimulatedConnection { SimulatedConnection(world, host) }

    func consumer(group: String, identity: String, listener: any RebalanceListener) throws(ClientError)
        -> any StreamConsumer
    {
        let consumer = SimulatedConsumer(connection(), group: group, identity: identity, listener: listener)
        consumer.clients = self
        return consumer
    }

    func producer(identity: String) throws(ClientError) -> any StreamProducer {
        SimulatedProducer(connection(), identity: identity)
    }

    func reader(identity: String) throws(ClientError) -> any StreamReader { SimulatedReader(connection()) }

    func watermarkReader(identity: String) throws(ClientError) -> any WatermarkReader {
        SimulatedWatermarkReader(connection())
    }
}

/// Looks when it is told to, between two steps of the thread.
final class SimulatedProgress: ProgressSource {
    private let stage: StageDefinition
    private let clients: SimulatedClients
    private let time: any TimeSource
    private var looker: ProgressLooker?
    private(set) var watched: [TopicPartition] = []
    private var look: ProgressLook?
    private var number: UInt64 = 0
    var isStale = true

    init(_ stage: StageDefinition, _ clients: SimulatedClients, _ time: any TimeSource) {
        self.stage = stage
        self.clients = clients
        self.time = time
    }

    func watch(_ partitions: [TopicPartition], thread: Int) { watched = partitions }

    func latest() -> ProgressLook? {
        guard isStale else { return look }
        isStale = false
        do throws(ClientError) {
            if looker == nil {
                looker = try ProgressLooker(stage: stage, clients: clients, identity: "looker", time: time)
            }
            guard var next = try looker?.look(at: watched, deadline: .never) else { return look }
            number += 1
            next.number = number
            look = next
        } catch {
            // As the production observer does: the last look stays, after other errors with new handles.
            if error.reaction != .retry { looker = nil }
        }
        return look
    }
}
