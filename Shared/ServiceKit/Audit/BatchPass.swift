import BusinessTime
import KPIs
import Kafka
import Streams
import SupportEvents

/// One pass over the canonical topics: every entity's timeline is put together, and derived, from scratch.
struct BatchPass {
    /// Of an entity with more events than this since the snapshot only the first and the last state are looked at.
    private static let mostStates = 32

    let plan: AuditPlan
    let service: String
    let snapshot: AuditSnapshot
    let now: Int64

    private(set) var table = BatchTable()
    private(set) var facts = FactComparison()
    private var statements = BatchStatements()
    private(set) var newest = Int64.min

    init(plan: AuditPlan, service: String, snapshot: AuditSnapshot, now: Int64) {
        self.plan = plan
        self.service = service
        self.snapshot = snapshot
        self.now = now
    }

    /// Reads and derives one partition of a stage.
    ///
    /// - Parameters:
    ///   - definition: Where the stage's events and facts come from, and where its facts go.
    ///   - refused: The canonical records that the service has refused.
    mutating func add(
        _ stage: AuditPlan.EntityStage, _ definition: StageDefinition, partition: Int32,
        refused: AuditRefusals, _ reader: PartitionReader, _ report: inout AuditReport
    ) throws {
        let payloads = PayloadTable()
        var timelines = BatchTimelines(stage.settings, payloads: payloads)
        let tasks = snapshot.tasks[stage.name] ?? 1
        for (index, input) in definition.inputs.enumerated() {
            if let first = stage.settings.firstFactInput, index >= first {
                for (receiver, told) in statements.statements(input.name, partition: partition, of: tasks) {
                    try timelines.take(told, for: receiver)
                }
            } else {
                let source = TopicPartition(topic: input.name, partition: partition)
                try read(source, refused.offsets[source] ?? [], reader, &timelines, &report)
            }
        }
        report.events += timelines.eventCount
        newest = max(newest, timelines.newest)
        var task = try BatchTask(
            stage: stage, payloads: payloads, clock: snapshot.clock(service, stage.name, partition, now))
        let output = stage.settings.factOutput.map { definition.outputs[$0].name }
        for (key, entity) in timelines.entities {
            let results = try derive(
                entity, &timelines, &task, isUncertain: refused.orphans[partition]?.contains(entity.id) ?? false)
            guard let output, let first = results.first, let last = results.last else { continue }
            statements.add(output, sender: key, before: first.stated, after: last.stated)
        }
    }

    private func read(
        _ partition: TopicPartition, _ refused: Set<Int64>, _ reader: PartitionReader,
        _ timelines: inout BatchTimelines,
        _ report: inout AuditReport
    ) throws {
        guard try reader.firstOffset(of: partition) == 0 else {
            throw AuditError(
                "\(partition) no longer holds its first events (retention): nothing can be recomputed from it; "
                    + "keep canonical topics with retention.ms=-1")
        }
        let processed = snapshot.processed[partition] ?? 0
        try reader.read(partition, upTo: snapshot.ends[partition] ?? 0) { batch, record in
            let offset = batch.records[record].offset
            if refused.contains(offset) { return report.skip(.deadLettered) }
            try timelines.take(batch, record, isProcessed: offset < processed)
        }
    }

    /// Adds what no entity of the service contributes.
    mutating func add(_ contribution: Contribution, in cell: CellKey, isMoving: Bool) {
        table.add(contribution, cell: table.cell(cell.bytes), isMoving: isMoving)
    }

    /// Everything has been added.
    mutating func finish() { table.finish() }

    private mutating func derive(
        _ entity: BatchTimelines.Entity, _ timelines: inout BatchTimelines, _ task: inout BatchTask, isUncertain: Bool
    ) throws(InternalRecordError) -> [BatchTask.Result] {
        var states = try timelines.states(of: entity)
        if states.count > Self.mostStates { states = [states[0], states[states.count - 1]] }
        var results: [BatchTask.Result] = []
        for state in states { try task.derive(state, entity.id, into: &results) }
        guard let first = results.first else { return [] }
        if isUncertain {
            for result in results {
                for contribution in result.contributions { add(contribution, states[0], &task, isMoving: true) }
            }
        } else if results.count == 1 {
            for contribution in first.contributions { add(contribution, states[0], &task, isMoving: false) }
            for fact in first.facts { facts.expect(fact) }
        } else {
            addCommon(results, states[0], &task)
        }
        if isUncertain || task.isHeld || BatchTimelines.mayHaveExpired(entity) {
            for result in results { for fact in result.facts { facts.skip(fact) } }
        }
        task.forgetIfLarge()
        return results
    }

    /// What all states have in common counts; what only some have is left out, and so is whatever it touches.
    private mutating func addCommon(
        _ results: [BatchTask.Result], _ state: BatchTimelines.State, _ task: inout BatchTask
    ) {
        var least: [Contribution: Int] = [:]
        var most: [Contribution: Int] = [:]
        for (index, result) in results.enumerated() {
            let counts = Dictionary(result.contributions.map { ($0, 1) }, uniquingKeysWith: +)
            least =
                index == 0
                ? counts
                : least.reduce(into: [:]) { least, item in
                    if let count = counts[item.key] { least[item.key] = min(item.value, count) }
                }
            most.merge(counts) { max($0, $1) }
        }
        for (contribution, count) in most {
            let common = least[contribution] ?? 0
            for _ in 0..<common { add(contribution, state, &task, isMoving: false) }
            if common < count { add(contribution, state, &task, isMoving: true) }
        }
        let inAll = results.dropFirst().reduce(Set(results[0].facts)) { $0.intersection($1.facts) }
        for fact in inAll { facts.expect(fact) }
        for fact in Set(results.flatMap(\.facts)).subtracting(inAll) { facts.skip(fact) }
    }

    private mutating func add(
        _ contribution: Contribution, _ state: BatchTimelines.State, _ task: inout BatchTask, isMoving: Bool
    ) {
        let seen = isMoving ? nil : task.instant(of: contribution, noLaterThan: state.timeline.last?.time)
        for cell in task.cells(of: contribution, &table) {
            table.add(contribution, cell: cell, isMoving: isMoving)
            if let seen { table.saw(seen, cell: cell) }
        }
    }
}

/// The derivation of one partition's entities.
struct BatchTask: ~Copyable {
    struct Result {
        var contributions: [Contribution]
        /// Keys of the alerts about what holds.
        var facts: [String]
        /// What it states to other entities.
        var stated: [AddressedFact]
    }

    private let zone: BusinessZone
    private let clock: ClosedRange<Int64>
    private let keepsMemory: Bool
    private var derivation: any EntityDerivation
    private var output: DerivationOutput
    /// From the output's cells to the table's.
    private var cells: [UInt32: Int] = [:]
    /// Whether the facts of the last entity are held back by the service.
    private(set) var isHeld = false

    init(
        stage: AuditPlan.EntityStage, payloads: PayloadTable, clock: ClosedRange<Int64>
    ) throws(InternalRecordError) {
        let settings = stage.settings
        zone = settings.zone
        self.clock = clock
        derivation = stage.derivation()
        keepsMemory = type(of: derivation).keepsMemory
        output = DerivationOutput(
            zone: settings.zone, catalogue: settings.catalogue,
            cellSets: CellSets(breakdowns: settings.breakdowns, valuesPerDimension: .max), payloads: payloads)
    }

    /// Derives a state at the clock, and once more if a timer goes off before the clock of the end of reading.
    mutating func derive(
        _ state: BatchTimelines.State, _ id: [UInt8], into results: inout [Result]
    ) throws(InternalRecordError) {
        isHeld = false
        let first = try derive(state, id, at: clock.lowerBound, isCalm: true)
        results.append(first)
        if output.nextTimer <= clock.upperBound {
            results.append(try derive(state, id, at: clock.upperBound, isCalm: true))
        }
        if keepsMemory, !first.facts.isEmpty {
            isHeld = try derive(state, id, at: clock.lowerBound, isCalm: false).facts.isEmpty
        }
    }

    private mutating func derive(
        _ state: BatchTimelines.State, _ id: [UInt8], at instant: Int64, isCalm: Bool
    ) throws(InternalRecordError) -> Result {
        output.begin()
        output.key = id
        output.memory = []
        output.moment = Moment(
            clock: instant, wall: instant, lastArrival: isCalm ? 0 : state.lastArrival * 1_000,
            lastArrivedTime: isCalm ? 0 : state.lastArrivedTime)
        try derivation.derive(state.timeline, clock: instant, into: &output)
        return Result(
            contributions: output.list.items, facts: output.alerts.map { String(decoding: $0.key, as: UTF8.self) },
            stated: output.facts)
    }

    /// Labels are remembered to save work only.
    mutating func forgetIfLarge() {
        if output.labels.count > 200_000 { output.forgetLabels() }
    }

    /// An instant that the service has seen when it sent the contribution: the beginning of its bucket.
    func instant(of contribution: Contribution, noLaterThan last: Int64?) -> Int64? {
        guard let last else { return nil }
        switch contribution.base {
        case .none: return nil
        case .hour: return min(last, HourBucket(packed: contribution.bucket).nominalStart * 1_000_000)
        case .day: return min(last, zone.startOfDay(contribution.bucket))
        }
    }

    mutating func cells(of contribution: Contribution, _ table: inout BatchTable) -> [Int] {
        var list: [Int] = []
        for cell in output.cellSets.sets[Int(contribution.cells)] {
            if let known = cells[cell] {
                list.append(known)
            } else {
                let index = table.cell(Array(output.cellSets.cells.key(of: cell)))
                cells[cell] = index
                list.append(index)
            }
        }
        return list
    }
}
