import Kafka
import LocalBroker
import NIOCore
import Streams

/// What was written to `in`, with the instant at which each input arrived.
struct SimulatedInputs {
    struct Arrival {
        var input: SimulatedInput
        var key: String
        var partition: Int32
        /// Microseconds.
        var at: Int64
    }

    /// By number.
    private(set) var arrivals: [Arrival] = []
    private var promises: [String] = []
    private var kept: Set<String> = []

    mutating func next(_ random: inout SplitMix, now: Int64, poison: Bool) -> SimulatedInput {
        let number = arrivals.count
        switch random.next() % 24 {
        case 0 where poison && number % 7 == 3: return SimulatedInput(number, .poison)
        case 1: return SimulatedInput(number, .malformed)
        case 2...6: return SimulatedInput(number, .promise(now + Int64(random.next() % 20_000_000)))
        case 7...11: return SimulatedInput(number, .kept)
        default: return SimulatedInput(number, .plain)
        }
    }

    /// Writes it as a producer outside does, without a transaction.
    mutating func write(_ input: SimulatedInput, to broker: SimulatedBroker, at now: Int64) {
        var input = input
        let key: String
        switch input.what {
        case .promise:
            key = "promise-\(input.number)"
            promises.append(key)
        case .kept:
            // The oldest that nobody has kept; without one it is an input like any other.
            if let open = promises.first(where: { !kept.contains($0) }) {
                kept.insert(open)
                key = open
            } else {
                input.what = .plain
                key = "key-\(input.number % 5)"
            }
        default: key = "key-\(input.number % 5)"
        }
        let partition = Int32(input.number % Int(SimulatedPipeline.partitions))
        var batch = RecordBatchBuilder(timestamp: now / 1_000)
        batch.append(LogRecord(key: Array(key.utf8), value: input.bytes))
        let bytes = batch.finish()
        let request = ProduceRequest {
            $0.topics = [
                ProduceRequest.Topic {
                    $0.name = "in"
                    $0.partitions = [
                        ProduceRequest.Partition {
                            $0.index = partition
                            $0.records = bytes
                        }
                    ]
                }
            ]
        }
        guard case .produce(let response) = broker.answer(broker.receive(.produce(request))),
            response.topics.first?.partitions.first?.error == ErrorCode.none
        else { preconditionFailure("an input was not taken") }
        arrivals.append(Arrival(input: input, key: key, partition: partition, at: now))
    }
}

/// Judges a simulation by what a `read_committed` consumer sees, knowing nothing of the runtime.
struct SimulatedOracle {
    private struct Seen {
        var position: Int64 = 0
        var records: [FetchedRecords.Record] = []
    }

    /// Where a record stands.
    private struct Place: CustomStringConvertible {
        var partition: TopicPartition
        var offset: Int64
        var description: String { "\(partition)@\(offset)" }
    }

    /// A clock that a task has published, with the ends of all partitions at the moment when it became visible.
    private struct Voucher {
        var task: ClockRecord.Task
        var clock: Int64
        var ends: [TopicPartition: Int64]
    }

    private var positions: [TopicPartition: Int64] = [:]
    /// Where inputs stand, by number.
    private var passed: [Int: [Place]] = [:]
    private var published: [Int: [Place]] = [:]
    private var dead: [Int: [Place]] = [:]
    private var alarms: [String: [(clock: Int64, isSure: Bool)]] = [:]
    private var vouchers: [Voucher] = []

    /// Reads what has become visible.
    mutating func look(_ world: Simulation) {
        guard !world.broker.isDown, !world.broker.storage.isDown else { return }
        for (_, record) in read("deskbeat.clocks", world) { note(record, world) }
        for (place, record) in read("mid", world) {
            guard let input = SimulatedInput(record.content.value) else { continue }
            passed[input.number, default: []].append(place)
        }
        for (place, record) in read("out", world) { takeOutput(record, place, world) }
        for (place, record) in read("dead", world) {
            guard let input = SimulatedInput(record.content.value) else { continue }
            dead[input.number, default: []].append(place)
            if record.content.headers.contains(where: { text($0.value) == "crashed_processing" }) {
                world.count(.crashedProcessing)
            }
        }
    }

    private mutating func note(_ record: FetchedRecords.Record, _ world: Simulation) {
        guard let task = ClockRecord.Task(key: record.content.key ?? []),
            let clock = ClockRecord(value: record.content.value ?? [])
        else { return world.found("a clock record cannot be read") }
        guard !clock.degraded else { return }
        let ends = world.broker.partitions.map { ($0, world.broker.highWatermark($0)) }
        vouchers.append(
            Voucher(task: task, clock: clock.clock, ends: Dictionary(uniqueKeysWithValues: ends)))
    }

    private mutating func takeOutput(_ record: FetchedRecords.Record, _ place: Place, _ world: Simulation) {
        let value = text(record.content.value)
        if let number = Int(value) {
            published[number, default: []].append(place)
            return
        }
        let words = value.split(separator: " ")
        guard words.count == 3, words[0] == "alarm", let clock = Int64(words[1]) else {
            world.found("\(value) is no output")
            return
        }
        world.count(words[2] == "sure" ? .alarm : .degradedAlarm)
        alarms[text(record.content.key), default: []].append((clock, words[2] == "sure"))
    }

    /// Everything that arrived before a published clock must be in the log when the clock becomes visible, in what the stage
    /// writes. (Visible it may become later: another transaction can be open before it.)
    private func judgeClocks(_ world: Simulation) {
        for voucher in vouchers {
            for arrival in world.inputs.arrivals where arrival.at < voucher.clock {
                let number = arrival.input.number
                let isIngest = voucher.task.service == "ingest"
                let partition =
                    isIngest
                    ? arrival.partition
                    : Partitioner.partition(key: Array(arrival.key.utf8), count: SimulatedPipeline.partitions)
                guard partition == voucher.task.partition else { continue }
                let places = ((isIngest ? passed : published)[number] ?? []) + (dead[number] ?? [])
                guard places.contains(where: { $0.offset < voucher.ends[$0.partition] ?? 0 }) else {
                    world.found(
                        """
                        the clock \(voucher.clock) of \(voucher.task) was ahead of input \(number), which arrived at \
                        \(arrival.at) and stands at \(places)
                        """)
                    return
                }
            }
        }
    }

    private mutating func read(_ topic: String, _ world: Simulation) -> [(Place, FetchedRecords.Record)] {
        var records: [(Place, FetchedRecords.Record)] = []
        for partition in 0..<(world.broker.partitionCounts[topic] ?? 0) {
            let place = TopicPartition(topic: topic, partition: partition)
            var position = positions[place] ?? 0
            while position < world.broker.lastStableOffset(place) {
                let request = FetchRequest.of([(place, position)], maxBytes: 1 << 20)
                guard case .fetch(let response) = world.broker.answer(world.broker.receive(.fetch(request))),
                    let found = response.topics.first?.partitions.first, found.error == .none
                else { break }
                let fetched = FetchedRecords(found, from: position)
                guard fetched.next > position else { break }
                records += fetched.records.map { (Place(partition: place, offset: $0.offset), $0) }
                position = fetched.next
            }
            positions[place] = position
        }
        return records
    }

    // MARK: The end

    private func committed(_ group: String, _ topic: String, _ world: Simulation) -> [OffsetFetchResponse.Partition] {
        let request = OffsetFetchRequest {
            $0.groupID = group
            $0.requireStable = true
            $0.topics = [
                OffsetFetchRequest.Topic {
                    $0.name = topic
                    $0.partitions = Array(0..<SimulatedPipeline.partitions)
                }
            ]
        }
        guard case .offsetFetch(let response) = world.broker.answer(world.broker.receive(.offsetFetch(request))) else {
            return []
        }
        return response.topics.flatMap(\.partitions)
    }

    /// Whether nothing is left to do.
    func isAtRest(_ world: Simulation) -> Bool { unrest(world).isEmpty }

    /// What is left to do.
    func unrest(_ world: Simulation) -> String {
        var left: [String] = []
        for (group, topic) in [("deskbeat.ingest-transform", "in"), ("deskbeat.ledger-keys", "mid")] {
            for partition in committed(group, topic, world) {
                let place = TopicPartition(topic: topic, partition: partition.index)
                let end = world.broker.highWatermark(place)
                let metadata = PositionMetadata(parsing: partition.metadata ?? "")
                if partition.error != .none || max(0, partition.committedOffset) < end {
                    left.append("\(group) is at \(partition.committedOffset) of \(end) in \(place)")
                } else if end > 0, metadata?.dirty != 0 || metadata?.attempt != nil {
                    left.append("\(group) is dirty in \(place)")
                }
            }
        }
        if !world.areCaughtUp { left.append("\(world.phases)") }
        let due = world.inputs.arrivals.compactMap { arrival -> Int64? in
            if case .promise(let due) = arrival.input.what { return due }
            return nil
        }
        if let last = due.max(), last + 3_000_000 > world.time.wall { left.append("the last promise is not due yet") }
        return left.joined(separator: "; ")
    }

    mutating func judge(_ world: Simulation) {
        guard world.findings.isEmpty else { return }
        look(world)
        judgeCounts(world)
        judgeState(world)
        judgeAlarms(world)
        judgeClocks(world)
        for place in world.broker.partitions
        where world.broker.lastStableOffset(place) != world.broker.highWatermark(place) {
            world.found("a transaction is open in \(place)")
        }
    }

    private func judgeCounts(_ world: Simulation) {
        for arrival in world.inputs.arrivals {
            let number = arrival.input.number
            switch arrival.input.what {
            case .poison, .malformed:
                if dead[number]?.count != 1 {
                    world.found("the unusable input \(number) is in the dead letters \(dead[number]?.count ?? 0) times")
                }
                if published[number] != nil { world.found("the unusable input \(number) was counted") }
            default:
                let count = (published[number] ?? []).count + (dead[number] ?? []).count
                if count != 1 {
                    world.found(
                        "input \(number) was counted \(count) times, passed on as \(passed[number] ?? []), published as \(published[number] ?? [])"
                    )
                }
            }
        }
    }

    /// State == fold(changelog) == fold(input).
    private mutating func judgeState(_ world: Simulation) {
        var folded: [String: LedgerEntry] = [:]
        for (_, record) in read("deskbeat.ledger.keys.changelog", world)
        where record.content.key != ChangelogMeta.key {
            let key = text(record.content.key)
            folded[key] = record.content.value.flatMap { LedgerEntry($0) }
        }
        var expected: [String: Set<Int>] = [:]
        for arrival in world.inputs.arrivals where dead[arrival.input.number] == nil {
            expected[arrival.key, default: []].insert(arrival.input.number)
        }
        for key in Set(folded.keys).union(expected.keys).sorted() {
            let numbers = folded[key]?.numbers ?? []
            if Set(numbers) != expected[key] ?? [] || numbers.count != Set(numbers).count {
                world.found("the changelog of \(key) is \(numbers), the input \((expected[key] ?? []).sorted())")
            }
        }
        var live: [String: LedgerEntry] = [:]
        for task in world.liveTasks {
            for (key, entry) in task.entries {
                if live[key] != nil { world.found("\(key) is in two tasks") }
                live[key] = entry
            }
        }
        if live != folded {
            let keys = Set(live.keys).union(folded.keys).filter { live[$0] != folded[$0] }.sorted()
            world.found("state and changelog differ in \(keys)")
        }
    }

    private func judgeAlarms(_ world: Simulation) {
        for arrival in world.inputs.arrivals {
            guard case .promise(let due) = arrival.input.what, dead[arrival.input.number] == nil else { continue }
            let fired = alarms[arrival.key] ?? []
            let kept = world.inputs.arrivals.first { $0.key == arrival.key && $0.input.what == .kept }
            if fired.count > 1 { world.found("\(arrival.key) has \(fired.count) alarms") }
            if let kept, dead[kept.input.number] == nil {
                if let alarm = fired.first, alarm.isSure, kept.at < alarm.clock {
                    world.found(
                        "false alarm for \(arrival.key) at \(alarm.clock): kept at \(kept.at), due at \(due)")
                }
            } else if fired.isEmpty {
                world.found("no alarm for \(arrival.key)")
            }
        }
    }
}
