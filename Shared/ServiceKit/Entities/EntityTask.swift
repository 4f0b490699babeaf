import BusinessTime
import KPIs
public import Kafka
import Logging
public import Streams
import SupportEvents

/// The entity stage's task: keeps the timelines of one partition's entities, and sends the difference between what an
/// entity contributed before and contributes now to the series stage, once per changed entity and commit.
public final class EntityTask<Derivation: EntityDerivation>: StreamTask {
    /// Entities derived again per commit without a new event (timers, changed rules): bounds a commit's work.
    static var rederivationsPerCommit: Int { 5000 }
    /// Index of `support.alerts` among the stage's outputs, for derivations that publish.
    static var alerts: Int { 1 }
    /// Labels remembered between derivations.
    static var rememberedLabels: Int { 200_000 }
    /// Events that are decoded at a time: few enough that the processor's caches still hold them when they are taken in.
    static var eventsPerDecoding: Int { 128 }

    let settings: EntityStageSettings
    let context: TaskContext
    let names: EntityNames
    let decoder: EventDecoder
    var derivation: Derivation
    let seat: EntityLookups.Seat?

    var store: EntityStore
    /// Those of ``store``.
    let payloads: PayloadTable
    var output: DerivationOutput
    private var timers = TimerHeap()
    /// Entities that wait until the task is caught up.
    private var awaiting: [EntityStore.Index] = []
    var sourceStates: SourceStates
    /// Entities that wait for their source, by its place; nil: of which it has to be found out.
    var held: [Int?: [EntityStore.Index]] = [:]
    var deltas: DeltaAccumulator

    /// Entities with events of the current transaction.
    var changed: [EntityStore.Index] = []
    /// Entities to be derived again although nothing arrived for them.
    private var stale: [EntityStore.Index] = []
    /// Taken from `stale` within the current transaction.
    private var refreshed: [EntityStore.Index] = []
    /// Lost their last fact in the current transaction, and with it all that they were.
    var emptied: [EntityStore.Index] = []
    /// Entities of which the current transaction leaves only the contributions.
    var erased: [EntityStore.Index] = []
    /// Closed entities, orphans and residues whose time is up.
    var expiring: [EntityStore.Index] = []
    /// Entities of which the current transaction leaves a residue, and those of which it leaves nothing.
    var shrunk: [EntityStore.Index] = []
    var dropped: [EntityStore.Index] = []
    /// Where the look for what expires goes on, and when the next one begins (µs of the clock).
    var expiryPlace = 0
    var nextExpiry = Int64.min
    /// How many have been erased in all.
    var erasedCount = 0
    /// Only while restoring.
    var restored = RestoredEntities()
    private var refusedFacts = 0
    var settingsSaved: SettingsRecord = .unknown
    /// What the state was derived with, where that is another version of the rules and nothing else is different.
    var formerSettings: EntitySettingsRecord?
    let present: EntitySettingsRecord
    var scopes = ScopeTable()
    var heldUntil = Int64.min
    var lastTime = TaskTime(clock: .min, wall: 0, caughtUp: false, idle: false, degraded: false)
    private var figures = EntityFigures()

    enum SettingsRecord {
        case unknown
        case differs
        case writtenInTransaction
        case current
    }

    // Reused buffers.
    var timeline = Timeline()
    var arrived: [TimelineEvent] = []
    var payload = EventPayload()
    private var hashes: [UInt64] = []
    var encoder = CanonicalEncoder()
    var encoded: [UInt8] = []
    var before = ContributionList()
    var key: [UInt8] = []
    var value: [UInt8] = []

    public init(
        _ settings: EntityStageSettings, derivation: Derivation, context: TaskContext, lookups: EntityLookups? = nil
    ) {
        self.settings = settings
        sourceStates = SourceStates(settings.sources)
        seat = lookups.map { EntityLookups.Seat($0, partition: context.partition) }
        self.derivation = derivation
        self.context = context
        payloads = PayloadTable()
        store = EntityStore(payloads)
        names = EntityNames(names: [EntityName(settings.kind, settings.keyField)] + settings.others)
        // Aliases and the limits on time are ingest's business: what stands on a canonical topic has passed them.
        decoder = EventDecoder()
        output = DerivationOutput(
            zone: settings.zone, catalogue: settings.catalogue,
            cellSets: CellSets(breakdowns: settings.breakdowns, fewest: settings.fewestCellSets),
            payloads: payloads)
        deltas = DeltaAccumulator(settings.catalogue, rulesVersion: settings.rulesVersion)
        present = EntitySettingsRecord(
            fingerprint: (settings.fingerprint ^ UInt64(Derivation.version)) &* 0x100_0000_01b3,
            rulesVersion: settings.rulesVersion, derivation: Derivation.version, zone: settings.zone.name,
            zoneData: settings.zone.fingerprint,
            measures: settings.catalogue.measures.filter { settings.catalogue.baseBucket(of: $0) != nil }.map(\.id))
    }

    public var dirty: Int { changed.count + stale.count + expiring.count + (sourceStates.isUnsaved ? 1 : 0) }
    public private(set) var isUrgent = false

    /// Number of entities in the state.
    public var entityCount: Int { store.count }

    // MARK: Events

    public func process(
        _ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput
    ) throws(InternalRecordError) {
        if let first = settings.firstFactInput, input >= first {
            for record in records { try acceptFact(batch, record, output) }
            return
        }
        var first = records.lowerBound
        while first < records.upperBound {
            let group = first..<min(records.upperBound, first + Self.eventsPerDecoding)
            try process(batch, group, output)
            first = group.upperBound
        }
    }

    private func process(
        _ batch: RecordBatch, _ group: Range<Int>, _ sink: any TaskOutput
    ) throws(InternalRecordError) {
        decoder.begin()
        for record in group {
            decoder.add(start: batch.records[record].valueStart, count: batch.records[record].valueCount)
        }
        decoder.decode(batch.bytes)
        hashes.removeAll(keepingCapacity: true)
        for index in 0..<group.count { hashes.append(decoder[index].entity.hash) }
        store.prefetch(&hashes)
        for record in group { try accept(decoder[record - group.lowerBound], batch, record, sink) }
    }

    /// The event is borrowed where it was decoded: it is too long to be copied for each of these steps.
    private func accept(
        _ event: borrowing DecodedEvent, _ batch: RecordBatch, _ record: Int, _ sink: any TaskOutput
    ) throws(InternalRecordError) {
        if event.rejection != nil, let rejection = decoder.rejection(of: event) {
            sink.deadLetter(batch, record, reason: rejection.reason.identifier, pointer: rejection.pointer)
            return
        }
        let kind = event.entityKind
        if settings.ignored.contains(kind) { return }
        guard let name = names.index(of: kind) else {
            sink.deadLetter(batch, record, reason: RejectionReason.unknownType.identifier, pointer: "/type")
            return
        }
        guard let entity = try entity(of: event.entity, name, record) else {
            sink.deadLetter(batch, record, reason: RejectionReason.entityExpired.identifier, pointer: nil)
            return
        }
        if try isExpired(entity, at: batch.records[record].timestamp, sink) {
            return try meetResidue(event, batch, record, entity, sink)
        }
        // The past is derived under the new rules before anything new is added, so that the two do not mix.
        if store.heads[Int(entity)].has(EntityHead.outdated) { try derive(entity, lastTime, sink) }
        var next = TimelineIntake.pack(event, decoder, &payload, keepsSource: Derivation.waitsForSources)
        deltas.observe(next.time)
        if let place = store.indexOfEvent(next.identity, of: entity) {
            try meet(&next, place, entity)
        } else if let reason = try obstacle(to: next, in: entity, of: kind) {
            sink.deadLetter(batch, record, reason: reason.identifier, pointer: nil)
            return
        } else {
            next.payload = payloads.retain(payload.bytes, of: next)
            store.append(next, to: entity)
            note(entity)
        }
        store.setArrival(batch.records[record].timestamp, of: entity)
    }

    /// Why a new event cannot be kept.
    private func obstacle(
        to next: TimelineEvent, in entity: EntityStore.Index, of kind: EntityKind
    ) throws(InternalRecordError) -> RejectionReason? {
        if let horizon = horizon(of: entity), next.time < horizon { return .entityExpired }
        guard Int(store.heads[Int(entity)].eventCount) == EntityStore.largestTimeline else { return nil }
        if settings.rolling.contains(kind), try makeRoom(for: next, in: entity) { return nil }
        return .entityTooLarge
    }

    /// The touched entity of an event, a new one if need be; nil when only its contributions are left.
    func entity(
        of text: EventText, _ name: Int, _ record: Int
    ) throws(InternalRecordError) -> EntityStore.Index? {
        try decoder.withText(text) { (id) throws(InternalRecordError) in
            guard Partitioner.partition(key: id, count: context.partitionCount) == context.partition else {
                throw InternalRecordError(
                    "the entity of this record belongs to another partition: only ingest may write to this topic",
                    record: record)
            }
            if name == 0 { return entity(id, hash: text.hash) }
            var prefixed = names.prefix(name)
            prefixed.append(id)
            return unsafe entity(prefixed.span.bytes, hash: KeyHash.hash(prefixed))
        }
    }

    func entity(_ key: RawSpan, hash: UInt64) -> EntityStore.Index? {
        if let known = store.find(key, hash: hash) {
            store.touch(known)
            return known
        }
        if isErased(key) { return nil }
        let new = store.insert(key, hash: hash)
        store.touch(new, isNew: true)
        return new
    }

    /// An event with a known identity: a duplicate has no effect; of two with different content the one with the greater
    /// canonical encoding counts, whichever came first.
    private func meet(
        _ next: inout TimelineEvent, _ place: Int, _ entity: EntityStore.Index
    ) throws(InternalRecordError) {
        let held = store.event(place, of: entity)
        if held.isBeforeHorizon { next.setBeforeHorizon() }
        next.payload = payloads.retain(payload.bytes, of: next)
        if held.isSame(as: next, payloads) {
            payloads.release(next.payload)
            return
        }
        guard let parsed = names.parse(store.key(of: entity)) else {
            throw InternalRecordError("an entity of a kind that is not this stage's")
        }
        let subject = (field: parsed.name.keyField, id: parsed.id)
        let heldEncoding = try TimelineIntake.canonicalEncoding(of: held, entity: subject, payloads, &encoder)
        let nextEncoding = try TimelineIntake.canonicalEncoding(of: next, entity: subject, payloads, &encoder)
        if CanonicalEncoder.isGreater(nextEncoding, than: heldEncoding) {
            store.replace(place, of: entity, by: next)
            note(entity)
        } else {
            payloads.release(next.payload)
        }
    }

    /// Facts are no events: they make no entity of their own beyond the time that they are stated, and are never dead letters.
    /// An entity that has no room for more does without; that is counted.
    private func acceptFact(
        _ batch: RecordBatch, _ record: Int, _ sink: any TaskOutput
    ) throws(InternalRecordError) {
        guard let id = batch.key(record), let value = batch.value(record), 1...200 ~= id.count else {
            throw InternalRecordError("a fact without receiver or content", record: record)
        }
        guard Partitioner.partition(key: id, count: context.partitionCount) == context.partition else {
            throw InternalRecordError("a fact for an entity of another partition", record: record)
        }
        let (receiver, origin, item) = try FactRecord.decode(value, into: &payload)
        guard let name = names.index(of: receiver) else {
            throw InternalRecordError("a fact for a kind of entity that is not this stage's", record: record)
        }
        let key = names.prefix(name) + id
        let hash = KeyHash.hash(key)
        var known = unsafe store.find(key.span.bytes, hash: hash)
        if known == nil, item != nil {
            known = unsafe store.insert(key.span.bytes, hash: hash)
            if let known { store.touch(known, isNew: true) }
        }
        guard let entity = known else { return }
        store.touch(entity)
        if store.heads[Int(entity)].has(EntityHead.outdated) { try derive(entity, lastTime, sink) }
        let place = store.indexOfEvent(origin, of: entity)
        guard var next = item else {
            guard let place else { return }
            store.takeOut(place, of: entity)
            note(entity)
            return
        }
        if place == nil, Int(store.heads[Int(entity)].eventCount) == EntityStore.largestTimeline {
            refusedFacts += 1
            return
        }
        deltas.observe(next.time)
        next.payload = payloads.retain(payload.bytes, of: next)
        if let place {
            store.replace(place, of: entity, by: next)
        } else {
            store.append(next, to: entity)
        }
        store.setArrival(batch.records[record].timestamp, of: entity)
        note(entity)
    }

    func note(_ entity: EntityStore.Index) {
        if store.heads[Int(entity)].has(EntityHead.changed) { return }
        store.setFlag(EntityHead.changed, true, of: entity)
        changed.append(entity)
    }

    // MARK: Time

    public func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        lastTime = time
        while let (entity, instant) = timers.popDue(time.clock) {
            let head = store.heads[Int(entity)]
            guard head.has(EntityHead.used), head.nextTimer == instant else { continue }
            refresh(entity)
            // While it catches up every timer is late, and large transactions are what gets it to the end.
            isUrgent = isUrgent || settings.hasUrgentTimers && time.caughtUp
        }
        for place in sourceStates.advance(time.sources) {
            releaseHeld(place)
            releaseHeld(nil)
        }
        seat?.answer { answer($0, time) }
        lookForExpired(time.clock)
        if time.caughtUp { tidy() }
        guard time.caughtUp, !awaiting.isEmpty else { return }
        for entity in awaiting {
            let head = store.heads[Int(entity)]
            if head.has(EntityHead.used), head.nextTimer == DerivationOutput.caughtUp { refresh(entity) }
        }
        awaiting.removeAllSparingly()
    }

    /// Gives memory back that a backlog, or a long life, has left unused.
    private func tidy() {
        store.tidy()
        deltas.tidy()
        if stale.isEmpty { stale.removeAllSparingly() }
        if timers.isCrowded(store.count) {
            timers.removeAll { store.heads[Int($0)].has(EntityHead.used) && store.heads[Int($0)].nextTimer == $1 }
        }
    }

    private func releaseHeld(_ place: Int?) {
        for entity in held.removeValue(forKey: place) ?? [] {
            let head = store.heads[Int(entity)]
            if head.has(EntityHead.used), head.nextTimer == DerivationOutput.sourceReturns { refresh(entity) }
        }
    }

    func schedule(_ entity: EntityStore.Index, at instant: Int64) {
        if instant == DerivationOutput.caughtUp {
            awaiting.append(entity)
        } else if instant == DerivationOutput.sourceReturns {
            held[nil, default: []].append(entity)
        } else if instant != .max {
            timers.insert(entity, at: instant)
        }
    }

    func refresh(_ entity: EntityStore.Index) {
        if store.heads[Int(entity)].has(EntityHead.stale) { return }
        store.setFlag(EntityHead.stale, true, of: entity)
        stale.append(entity)
    }

    // MARK: Commit

    public func prepareCommit(_ time: TaskTime, output sink: any TaskOutput) throws(InternalRecordError) {
        isUrgent = false
        if output.labels.count > Self.rememberedLabels { output.forgetLabels() }
        for entity in changed where store.heads[Int(entity)].has(EntityHead.changed) { try derive(entity, time, sink) }
        var work = min(stale.count, Self.rederivationsPerCommit)
        while work > 0, let entity = stale.popLast() {
            work -= 1
            refreshed.append(entity)
            guard store.heads[Int(entity)].has(EntityHead.used), store.heads[Int(entity)].has(EntityHead.stale) else {
                continue
            }
            store.touch(entity)
            store.setFlag(EntityHead.stale, false, of: entity)
            try derive(entity, time, sink)
        }
        try expire(time, sink)
        try collectCellSets()
        saveCellSets(sink)
        saveSources(time, sink)
        // Only when every entity has been derived under the present settings: a crash before then begins again.
        if stale.isEmpty, settingsSaved == .differs { saveSettings(sink) }
        // A stage without outputs contributes nothing.
        let partitions = context.outputPartitionCounts.first ?? 1
        do {
            try deltas.drain(cellsOf: { output.cellSets.sets[Int($0)] }) { cell, record in
                key.removeAll(keepingCapacity: true)
                output.cellSets.cells.withPartitionKey(of: cell) { key.append($0) }
                let partition = Partitioner.partition(key: CellKey.owner(of: key), count: partitions)
                sink.send(to: 0, partition: partition, key: key, value: record)
            }
        } catch {
            throw InternalRecordError(error.description)
        }
    }

    public func commitSucceeded() {
        store.commitSucceeded()
        for entity in emptied {
            let head = store.heads[Int(entity)]
            if head.has(EntityHead.used), head.eventCount == 0 { store.remove(entity) }
        }
        emptied.removeAllSparingly()
        for entity in erased { store.remove(entity) }
        erasedCount += erased.count
        erased.removeAllSparingly()
        expiryCommitted()
        output.cellSets.commitSucceeded()
        figures.committed(
            negativeDurations: output.negativeDurations, refusedValues: output.cellSets.refusedValues, context.logger)
        figures.committed(refusedFacts: refusedFacts, context.logger)
        changed.removeAllSparingly()
        refreshed.removeAllSparingly()
        sourceStates.commitSucceeded()
        if settingsSaved == .writtenInTransaction { settingsSaved = .current }
    }

    public func rollBack() {
        store.rollBack { entity, head in
            schedule(entity, at: head.nextTimer)
        }
        output.cellSets.rollBack()
        sourceStates.rollBack()
        emptied.removeAllSparingly()
        erased.removeAllSparingly()
        expiryRolledBack()
        deltas.removeAll()
        changed.removeAllSparingly()
        for entity in refreshed where store.heads[Int(entity)].has(EntityHead.used) {
            store.setFlag(EntityHead.stale, true, of: entity)
            stale.append(entity)
        }
        refreshed.removeAllSparingly()
        if settingsSaved == .writtenInTransaction { settingsSaved = .differs }
    }
}
