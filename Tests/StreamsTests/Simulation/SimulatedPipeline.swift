import Foundation
import Kafka
import Streams

/// The pipeline under test: `in` -> ingest/transform -> `mid` -> ledger/keys -> `out`, with dead letters, changelog and
/// clocks. Every input has a number of its own, so that the oracle can tell which were counted, not only how many.
enum SimulatedPipeline {
    static let partitions: Int32 = 2
    /// Microseconds of silence after which the ledger no longer waits for ingest.
    static let patience: Int64 = 30_000_000

    static func transform(_ world: Simulation, _ host: SimulatedHost) -> StageDefinition {
        let poison = Poison(host)
        return StageDefinition(
            service: "ingest", name: "transform", inputs: [.inbound("in", partitions: partitions)],
            outputs: [.repartition("mid", partitions: partitions)],
            deadLetterTopic: .deadLetters("dead", partitions: partitions), hasChangelog: false, commitInterval: 100,
            makeTask: { _ in TransformTask(poison) })
    }

    static func ledger(_ world: Simulation, _ host: SimulatedHost) -> StageDefinition {
        let register = TaskRegister(world, host)
        return StageDefinition(
            service: "ledger", name: "keys", inputs: [.repartition("mid", partitions: partitions)],
            outputs: [.repartition("out", partitions: partitions)],
            deadLetterTopic: .deadLetters("dead", partitions: partitions), hasChangelog: true, commitInterval: 100,
            upstreamClocks: [
                UpstreamClock(service: "ingest", stage: "transform", partitions: partitions, patience: patience)
            ],
            makeTask: { context in register.make(context) })
    }

    static var topics: [TopicSpec] {
        let stages = [
            StageDefinition(
                service: "ledger", name: "keys", inputs: [.repartition("mid", partitions: partitions)], outputs: [],
                hasChangelog: true, commitInterval: 1, makeTask: { _ in preconditionFailure("topics only") })
        ]
        return [
            .inbound("in", partitions: partitions), .repartition("mid", partitions: partitions),
            .repartition("out", partitions: partitions), .deadLetters("dead", partitions: partitions),
        ] + stages.flatMap { [$0.changelogTopic, $0.clocksTopic] }
    }
}

/// Kills its process. A simulation runs on one thread: that is the proof for `@unchecked Sendable`, here and below.
final class Poison: @unchecked Sendable {
    private let host: SimulatedHost
    init(_ host: SimulatedHost) { self.host = host }
    func takeEffect() { host.isCrashed = true }
}

/// What one input says: `<number>|<what>`.
struct SimulatedInput {
    enum What: Equatable {
        case plain
        /// Ends every process that reads it.
        case poison
        /// Goes to the dead letters.
        case malformed
        /// Unless it is kept before this instant (microseconds), an alarm is due.
        case promise(Int64)
        case kept
    }

    var number: Int
    var what: What

    var bytes: [UInt8] {
        let text =
            switch what {
            case .plain: "plain"
            case .poison: "poison"
            case .malformed: "malformed"
            case .promise(let due): "promise \(due)"
            case .kept: "kept"
            }
        return Array("\(number)|\(text)".utf8)
    }

    init(_ number: Int, _ what: What) {
        self.number = number
        self.what = what
    }

    init?(_ bytes: [UInt8]?) {
        let parts = text(bytes).split(separator: "|")
        guard parts.count == 2, let number = Int(parts[0]) else { return nil }
        let words = parts[1].split(separator: " ")
        switch words.first {
        case "plain": self.init(number, .plain)
        case "poison": self.init(number, .poison)
        case "malformed": self.init(number, .malformed)
        case "kept": self.init(number, .kept)
        case "promise": self.init(number, .promise(words.count == 2 ? Int64(words[1]) ?? 0 : 0))
        default: return nil
        }
    }
}

/// Passes every record on to the partition of its key.
final class TransformTask: StreamTask {
    private let poison: Poison

    init(_ poison: Poison) { self.poison = poison }

    func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError) {}
    func restoreCompleted(output: any TaskOutput) throws(InternalRecordError) {}

    func process(
        _ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput
    ) throws(InternalRecordError) {
        for index in records {
            let value = batch.value(index) ?? []
            let key = batch.key(index) ?? []
            switch SimulatedInput(value)?.what {
            case nil: throw InternalRecordError("not an input of this simulation", record: index)
            case .malformed?: output.deadLetter(batch, index, reason: "malformed_json", pointer: nil)
            case .poison?:
                poison.takeEffect()
                return
            default:
                let partition = Partitioner.partition(key: key, count: SimulatedPipeline.partitions)
                unsafe output.send(to: 0, partition: partition, key: key.span.bytes, value: value.span.bytes)
            }
        }
    }

    func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {}
    func prepareCommit(_ time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {}
    func commitSucceeded() {}
    func rollBack() {}
    var dirty: Int { 0 }
    var isUrgent: Bool { false }
}

/// What is known of one key.
struct LedgerEntry: Equatable {
    var numbers: [Int] = []
    var due: Int64?
    var isKept = false
    var hasAlarmed = false

    init() {}

    init?(_ bytes: [UInt8]) {
        let parts = text(bytes).split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        numbers = parts[0].split(separator: ",").compactMap { Int($0) }
        due = Int64(parts[1])
        isKept = parts[2] == "kept"
        hasAlarmed = parts[3] == "alarmed"
    }

    var bytes: [UInt8] {
        let list = numbers.map(String.init).joined(separator: ",")
        return Array(
            "\(list);\(due.map(String.init) ?? "");\(isKept ? "kept" : "");\(hasAlarmed ? "alarmed" : "")".utf8)
    }
}

/// The ledger's tasks as they live, for the oracle.
final class TaskRegister: @unchecked Sendable {
    private let world: Simulation
    private let host: SimulatedHost

    init(_ world: Simulation, _ host: SimulatedHost) {
        self.world = world
        self.host = host
    }

    func make(_ context: TaskContext) -> LedgerTask {
        let task = LedgerTask(context, world, bound: Int(1 + world.random.next() % 6))
        world.tasks.append((host, task))
        return task
    }
}

/// Notes the numbers of a key's inputs; publishes each once; alarms when a promise is not kept in time.
final class LedgerTask: StreamTask {
    private struct State {
        var entries: [String: LedgerEntry] = [:]
        /// Keys of promises that are neither kept nor alarmed.
        var open: [String] = []
        /// Of those, the overdue ones, with what the clock said when they became so.
        var overdue: [(key: String, alarm: String)] = []
        /// Keys with something to save, in the order of the first change.
        var changed: [String] = []
        /// To be published.
        var numbers: [String: [Int]] = [:]
    }

    let context: TaskContext
    private let world: Simulation
    /// How many alarms one commit takes.
    private let bound: Int
    private var state = State()
    private var committed = State()

    var entries: [String: LedgerEntry] { state.entries }

    init(_ context: TaskContext, _ world: Simulation, bound: Int) {
        self.context = context
        self.world = world
        self.bound = bound
    }

    func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError) {
        guard let value, let entry = LedgerEntry([UInt8](value)) else { throw InternalRecordError("not an entry") }
        state.entries[text([UInt8](key))] = entry
        world.count(.restoredFromChangelog)
    }

    func restoreCompleted(output: any TaskOutput) throws(InternalRecordError) {
        state.open = state.entries.filter { Self.isOpen($0.value) }.keys.sorted()
        committed = state
    }

    private static func isOpen(_ entry: LedgerEntry) -> Bool {
        entry.due != nil && !entry.isKept && !entry.hasAlarmed
    }

    private func touch(_ key: String) {
        if !state.changed.contains(key) { state.changed.append(key) }
    }

    func process(
        _ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput
    ) throws(InternalRecordError) {
        for index in records {
            guard let input = SimulatedInput(batch.value(index)) else {
                throw InternalRecordError("not an input of this simulation", record: index)
            }
            let key = text(batch.key(index))
            var entry = state.entries[key] ?? LedgerEntry()
            entry.numbers.append(input.number)
            switch input.what {
            case .promise(let due):
                entry.due = due
                state.open.append(key)
            case .kept: entry.isKept = true
            default: break
            }
            state.entries[key] = entry
            state.numbers[key, default: []].append(input.number)
            touch(key)
        }
    }

    func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        let entries = state.entries
        let due = state.open.filter { key in entries[key].map { ($0.due ?? .max) <= time.clock } ?? false }
        guard !due.isEmpty else { return }
        state.open.removeAll { due.contains($0) }
        for key in due where entries[key].map(Self.isOpen) ?? false {
            state.overdue.append((key, "alarm \(time.clock) \(time.degraded ? "degraded" : "sure")"))
        }
    }

    func prepareCommit(_ time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        // What comes from the input is saved whole, for the input will not come again. An alarm may wait: it is due in
        // every life until it is published.
        for (key, alarm) in state.overdue.prefix(bound) where state.entries[key].map(Self.isOpen) ?? false {
            state.entries[key]?.hasAlarmed = true
            touch(key)
            send(key, alarm, output)
        }
        state.overdue.removeFirst(min(bound, state.overdue.count))
        for key in state.changed {
            let name = Array(key.utf8)
            let value = state.entries[key]?.bytes ?? []
            unsafe output.changelog(key: name.span.bytes, value: value.span.bytes)
            for number in state.numbers.removeValue(forKey: key) ?? [] { send(key, String(number), output) }
        }
        state.changed = []
    }

    private func send(_ key: String, _ value: String, _ output: any TaskOutput) {
        let name = Array(key.utf8)
        let bytes = Array(value.utf8)
        unsafe output.send(to: 0, partition: context.partition, key: name.span.bytes, value: bytes.span.bytes)
    }

    func commitSucceeded() { committed = state }
    func rollBack() { state = committed }
    var dirty: Int { state.changed.count + state.overdue.count }
    var isUrgent: Bool { !state.overdue.isEmpty }
}
