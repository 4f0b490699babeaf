public import BusinessTime
public import KPIs
public import Kafka
import Logging
public import Streams
public import SupportEvents

/// What an entity stage needs to know beside its derivation.
public struct EntityStageSettings: Sendable {
    public var kind: EntityKind
    /// The member of `data` that holds the entity's id.
    public var keyField: EventField
    /// Further kinds of entity on the topic, each with a name space of its own; one derivation serves them all.
    public var others: [EntityName]
    /// Kinds of entity on the topic that this stage keeps nothing of.
    public var ignored: Set<EntityKind> = []
    public var classes: EventClasses
    public var zone: BusinessZone
    public var catalogue: KPICatalogue
    public var breakdowns: [[Dimension]]
    /// Of whatever else the derivation depends on: another one derives every entity again.
    public var rulesFingerprint: UInt64
    /// Sources that are watched; those that hold clocks are remembered by the entities that begin with their events.
    public var sources: [WatchedSource] = []
    /// The stage's output that takes the facts which its entities state; nil when they state none.
    public var factOutput: Int?
    /// The stage's inputs from this one on carry facts of other stages instead of events; nil when there are none.
    public var firstFactInput: Int?
    /// Number and time (µs) of the version of the rules; see ``of(_:)``.
    public private(set) var rulesVersion: Int64 = 0
    public private(set) var rulesSince = Int64.min

    public init(
        kind: EntityKind, keyField: EventField, classes: EventClasses, zone: BusinessZone, catalogue: KPICatalogue,
        breakdowns: [[Dimension]], rulesFingerprint: UInt64 = 0, others: [EntityName] = [], factOutput: Int? = nil,
        firstFactInput: Int? = nil
    ) {
        self.others = others
        self.factOutput = factOutput
        self.firstFactInput = firstFactInput
        self.rulesFingerprint = rulesFingerprint
        self.kind = kind
        self.keyField = keyField
        self.classes = classes
        self.zone = zone
        self.catalogue = catalogue
        self.breakdowns = breakdowns
    }

    /// The same settings as those of a published version of the rules: what is derived again for it leaves windows alone that
    /// had ended when it was published.
    public func of(_ rules: Rules) -> EntityStageSettings {
        var settings = self
        settings.rulesVersion = rules.version
        settings.rulesSince = rules.publishedAt
        return settings
    }

    /// Differs whenever another zone, other time-zone data, KPIs, windows or breakdowns would give other contributions.
    var fingerprint: UInt64 {
        var bytes = Array("\(zone.name) \(zone.fingerprint)".utf8)
        for measure in catalogue.measures {
            bytes += Array(" \(measure.id):\(catalogue.baseBucket(of: measure)?.rawValue ?? 255)".utf8)
        }
        for breakdown in breakdowns { bytes += Array(" \(breakdown.map(\.name))".utf8) }
        if rulesFingerprint != 0 { bytes += Array(" \(rulesFingerprint)".utf8) }
        return KeyHash.hash(bytes)
    }
}

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

    private let settings: EntityStageSettings
    private let context: TaskContext
    private let names: EntityNames
    private let decoder: EventDecoder
    private var derivation: Derivation
    private let seat: EntityLookups.Seat?

    private var store = EntityStore()
    private var output: DerivationOutput
    private var timers = TimerHeap()
    /// Entities that wait until the task is caught up.
    private var awaiting: [EntityStore.Index] = []
    private var sourceStates: SourceStates
    /// Entities that wait for their source, by its place; nil: of which it has to be found out.
    private var held: [Int?: [EntityStore.Index]] = [:]
    private var deltas: DeltaAccumulator

    /// Entities with events of the current transaction.
    private var changed: [EntityStore.Index] = []
    /// Entities to be derived again although nothing arrived for them.
    private var stale: [EntityStore.Index] = []
    /// Taken from `stale` within the current transaction.
    private var refreshed: [EntityStore.Index] = []
    /// Lost their last fact in the current transaction, and with it all that they were.
    private var emptied: [EntityStore.Index] = []
    /// Entities of which the current transaction leaves only the contributions.
    private var erased: [EntityStore.Index] = []
    /// How many have been erased in all.
    private var erasedCount = 0
    /// Only while restoring.
    private var restored = RestoredEntities()
    private var refusedFacts = 0
    private var settingsSaved: SettingsRecord = .unknown
    /// What the state was derived with, where that is another version of the rules and nothing else is different.
    private var formerSettings: EntitySettingsRecord?
    private let present: EntitySettingsRecord
    private var scopes = ScopeTable()
    private var heldUntil = Int64.min
    private var lastTime = TaskTime(clock: .min, wall: 0, caughtUp: false, idle: false, degraded: false)
    private var figures = EntityFigures()

    private enum SettingsRecord {
        case unknown
        case differs
        case writtenInTransaction
        case current
    }

    // Reused buffers.
    private var timeline = Timeline()
    private var arrived: [TimelineEvent] = []
    private var payload = EventPayload()
    private var encoder = CanonicalEncoder()
    private var encoded: [UInt8] = []
    private var before = ContributionList()
    private var key: [UInt8] = []
    private var value: [UInt8] = []

    public init(
        _ settings: EntityStageSettings, derivation: Derivation, context: TaskContext, lookups: EntityLookups? = nil
    ) {
        self.settings = settings
        sourceStates = SourceStates(settings.sources)
        seat = lookups.map { EntityLookups.Seat($0, partition: context.partition) }
        self.derivation = derivation
        self.context = context
        names = EntityNames(names: [EntityName(settings.kind, settings.keyField)] + settings.others)
        // Aliases and the limits on time are ingest's business: what stands on a canonical topic has passed them.
        decoder = EventDecoder()
        output = DerivationOutput(
            zone: settings.zone, catalogue: settings.catalogue,
            cellSets: CellSets(breakdowns: settings.breakdowns),
            payloads: store.payloads)
        deltas = DeltaAccumulator(settings.catalogue, rulesVersion: settings.rulesVersion)
        present = EntitySettingsRecord(
            fingerprint: (settings.fingerprint ^ UInt64(Derivation.version)) &* 0x100_0000_01b3,
            rulesVersion: settings.rulesVersion, derivation: Derivation.version, zone: settings.zone.name,
            zoneData: settings.zone.fingerprint,
            measures: settings.catalogue.measures.filter { settings.catalogue.baseBucket(of: $0) != nil }.map(\.id))
    }

    public var dirty: Int { changed.count + stale.count + (sourceStates.isUnsaved ? 1 : 0) }
    public var isUrgent: Bool { false }

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
        // The past is derived under the new rules before anything new is added, so that the two do not mix.
        if store.heads[Int(entity)].has(EntityHead.outdated) { try derive(entity, lastTime, sink) }
        var next = TimelineIntake.pack(event, decoder, &payload, keepsSource: Derivation.waitsForSources)
        deltas.observe(next.time)
        if let place = store.indexOfEvent(next.identity, of: entity) {
            try meet(&next, place, entity)
        } else if Int(store.heads[Int(entity)].eventCount) == EntityStore.largestTimeline {
            sink.deadLetter(batch, record, reason: RejectionReason.entityTooLarge.identifier, pointer: nil)
            return
        } else {
            next.payload = store.payloads.retain(payload.bytes)
            store.append(next, to: entity)
            note(entity)
        }
        store.setArrival(batch.records[record].timestamp, of: entity)
    }

    /// The touched entity of an event, a new one if need be; nil when only its contributions are left.
    private func entity(
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

    private func entity(_ key: RawSpan, hash: UInt64) -> EntityStore.Index? {
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
        next.payload = store.payloads.retain(payload.bytes)
        if held == next {
            store.payloads.release(next.payload)
            return
        }
        guard let parsed = names.parse(store.key(of: entity)) else {
            throw InternalRecordError("an entity of a kind that is not this stage's")
        }
        let subject = (field: parsed.name.keyField, id: parsed.id)
        let heldEncoding = try TimelineIntake.canonicalEncoding(of: held, entity: subject, store.payloads, &encoder)
        let nextEncoding = try TimelineIntake.canonicalEncoding(of: next, entity: subject, store.payloads, &encoder)
        if CanonicalEncoder.isGreater(nextEncoding, than: heldEncoding) {
            store.replace(place, of: entity, by: next)
            note(entity)
        } else {
            store.payloads.release(next.payload)
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
        next.payload = store.payloads.retain(payload.bytes)
        if let place {
            store.replace(place, of: entity, by: next)
        } else {
            store.append(next, to: entity)
        }
        store.setArrival(batch.records[record].timestamp, of: entity)
        note(entity)
    }

    private func note(_ entity: EntityStore.Index) {
        if store.heads[Int(entity)].has(EntityHead.changed) { return }
        store.setFlag(EntityHead.changed, true, of: entity)
        changed.append(entity)
    }

    // MARK: Time

    public func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        lastTime = time
        while let (entity, instant) = timers.popDue(time.clock) {
            let head = store.heads[Int(entity)]
            if head.has(EntityHead.used), head.nextTimer == instant { refresh(entity) }
        }
        for place in sourceStates.advance(time.sources) {
            releaseHeld(place)
            releaseHeld(nil)
        }
        seat?.answer { answer($0, time) }
        guard time.caughtUp, !awaiting.isEmpty else { return }
        for entity in awaiting {
            let head = store.heads[Int(entity)]
            if head.has(EntityHead.used), head.nextTimer == DerivationOutput.caughtUp { refresh(entity) }
        }
        awaiting.removeAll(keepingCapacity: true)
    }

    private func releaseHeld(_ place: Int?) {
        for entity in held.removeValue(forKey: place) ?? [] {
            let head = store.heads[Int(entity)]
            if head.has(EntityHead.used), head.nextTimer == DerivationOutput.sourceReturns { refresh(entity) }
        }
    }

    private func answer(_ question: EntityLookups.Question, _ time: TaskTime) -> [EntityLookups.Entry] {
        switch question {
        case .entity(let id):
            guard let entity = unsafe store.find(id.span.bytes, hash: KeyHash.hash(id)) else { return [] }
            return describe(entity, time, isWhole: true)
        case .soonest(let count):
            var entries: [EntityLookups.Entry] = []
            for entity in soonest(count) { entries += describe(entity, time, isWhole: false) }
            return Array(entries.sorted { $0.instant < $1.instant }.prefix(count))
        }
    }

    private func soonest(_ count: Int) -> [EntityStore.Index] {
        var found: [(instant: Int64, entity: EntityStore.Index)] = []
        for (index, head) in store.heads.enumerated()
        where head.has(EntityHead.used) && head.nextTimer < DerivationOutput.sourceReturns {
            found.append((head.nextTimer, EntityStore.Index(index)))
        }
        found.sort { $0.instant < $1.instant }
        return found.prefix(count).map(\.entity)
    }

    /// A state that cannot be read stops the task at its next derivation; here it is no answer.
    private func describe(
        _ entity: EntityStore.Index, _ time: TaskTime, isWhole: Bool
    ) -> [EntityLookups.Entry] {
        arrived.removeAll(keepingCapacity: true)
        store.appendEvents(of: entity, to: &arrived)
        do {
            try timeline.arrange(arrived, isSorted: false, settings.classes, payloads: store.payloads)
            output.begin()
            let clock = min(time.clock, try source(of: timeline.events).map { sourceStates.bound($0) } ?? .max)
            output.key = names.parse(store.key(of: entity))?.id ?? []
            if Derivation.keepsMemory { try prepareMemory(entity, time, clock) }
            return try derivation.describe(timeline.events, clock: clock, isWhole: isWhole, using: &output)
        } catch {
            context.logger.warning("a look-up failed", metadata: ["error": "\(error)"])
            return []
        }
    }

    private func schedule(_ entity: EntityStore.Index, at instant: Int64) {
        if instant == DerivationOutput.caughtUp {
            awaiting.append(entity)
        } else if instant == DerivationOutput.sourceReturns {
            held[nil, default: []].append(entity)
        } else if instant != .max {
            timers.insert(entity, at: instant)
        }
    }

    private func refresh(_ entity: EntityStore.Index) {
        if store.heads[Int(entity)].has(EntityHead.stale) { return }
        store.setFlag(EntityHead.stale, true, of: entity)
        stale.append(entity)
    }

    // MARK: Commit

    public func prepareCommit(_ time: TaskTime, output sink: any TaskOutput) throws(InternalRecordError) {
        if output.labels.count > Self.rememberedLabels { output.forgetLabels() }
        for entity in changed { try derive(entity, time, sink) }
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
        saveCellSets(sink)
        saveSources(time, sink)
        // Only when every entity has been derived under the present settings: a crash before then begins again.
        if stale.isEmpty, settingsSaved == .differs { saveSettings(sink) }
        // A stage without outputs contributes nothing.
        let partitions = context.outputPartitionCounts.first ?? 1
        deltas.drain { cell, record in
            key.removeAll(keepingCapacity: true)
            output.cellSets.cells.withPartitionKey(of: cell) { key.append($0) }
            let partition = Partitioner.partition(key: CellKey.owner(of: key), count: partitions)
            sink.send(to: 0, partition: partition, key: key, value: record)
        }
    }

    private func derive(
        _ entity: EntityStore.Index, _ time: TaskTime, _ sink: any TaskOutput
    ) throws(InternalRecordError) {
        arrived.removeAll(keepingCapacity: true)
        store.appendEvents(of: entity, to: &arrived)
        let isSorted = !store.heads[Int(entity)].has(EntityHead.unsorted)
        try timeline.arrange(arrived, isSorted: isSorted, settings.classes, payloads: store.payloads)
        output.begin()
        let place = try source(of: timeline.events)
        let clock = min(time.clock, place.map { sourceStates.bound($0) } ?? .max)
        if Derivation.keepsMemory { try prepareMemory(entity, time, clock) }
        if settings.factOutput != nil { output.key = names.parse(store.key(of: entity))?.id ?? [] }
        try derivation.derive(timeline.events, clock: clock, into: &output)
        if clock < time.clock, output.nextTimer <= time.clock { output.deriveWhenSourceReturns() }
        encoded.removeAll(keepingCapacity: true)
        if Derivation.keepsMemory { encoded.appendBytes(output.memory) }
        output.list.facts = output.facts.map(\.address)
        output.list.encode(into: &encoded, scopes)
        let head = store.heads[Int(entity)]
        var hasChanged =
            Int(head.savedEvents) < Int(head.eventCount) || head.nextTimer != output.nextTimer
            || head.has(EntityHead.shortened)
        if !store.hasContributions(encoded, entity), try loadBefore(entity) {
            try emitDifference(entity, sink)
            store.setContributions(encoded, of: entity)
            hasChanged = true
        }
        if head.nextTimer != output.nextTimer {
            store.setTimer(output.nextTimer, of: entity)
            if output.nextTimer != DerivationOutput.sourceReturns { schedule(entity, at: output.nextTimer) }
        }
        if output.nextTimer == DerivationOutput.sourceReturns { held[place, default: []].append(entity) }
        store.setFlag(EntityHead.changed, false, of: entity)
        store.setFlag(EntityHead.outdated, false, of: entity)
        if output.isErased {
            erase(entity, sink)
        } else if settings.firstFactInput != nil, head.eventCount == 0 {
            forget(entity, sink)
        } else if hasChanged {
            save(entity, sink)
        }
        if !output.alerts.isEmpty { publishAlerts(sink) }
    }

    /// The place of the source that the clock of an entity with these events waits for; nil when it waits for none.
    private func source(of events: [TimelineEvent]) throws(InternalRecordError) -> Int? {
        guard sourceStates.holdClocks else { return nil }
        for event in events {
            switch EventType(rawValue: event.type) {
            case .ticketCreated, .ticketSnapshot, .contactQueued:
                if let code = try output.number(.source, of: event) { return sourceStates.place(ofCode: code) }
            default: continue
            }
        }
        return nil
    }

    private func prepareMemory(
        _ entity: EntityStore.Index, _ time: TaskTime, _ clock: Int64
    ) throws(InternalRecordError) {
        output.moment = Moment(
            clock: clock, wall: time.wall, isCaughtUp: time.caughtUp, isDegraded: time.degraded,
            lastArrival: store.heads[Int(entity)].lastArrival * 1_000, lastArrivedTime: arrived.last?.time ?? 0)
        output.moment.heldUntil = heldUntil
        output.key = names.parse(store.key(of: entity))?.id ?? []
        value.removeAll(keepingCapacity: true)
        store.appendContributions(of: entity, to: &value)
        var reader = BinaryReader(value)
        output.memory = reader.isAtEnd ? [] : try reader.bytes()
    }

    private func publishAlerts(_ sink: any TaskOutput) {
        for alert in output.alerts { publish(alert, sink) }
    }

    private func publish(_ alert: EntityAlert, _ sink: any TaskOutput) {
        let partitions = context.outputPartitionCounts[Self.alerts]
        unsafe sink.send(
            to: Self.alerts, partition: Partitioner.partition(key: alert.partitionKey, count: partitions),
            key: alert.key.span.bytes, value: alert.value.span.bytes, headers: [("ce_type", Array(alert.type.utf8))])
    }

    /// Loads what was emitted before into ``before``. Where windows that have ended keep what they have, the derived list is
    /// brought in line with that.
    ///
    /// - Returns: whether there is a difference.
    private func loadBefore(_ entity: EntityStore.Index) throws(InternalRecordError) -> Bool {
        value.removeAll(keepingCapacity: true)
        store.appendContributions(of: entity, to: &value)
        var reader = BinaryReader(value)
        if Derivation.keepsMemory, !reader.isAtEnd { _ = try reader.bytes() }
        try before.decode(value, from: reader.position, &scopes)
        let isOutdated = store.heads[Int(entity)].has(EntityHead.outdated)
        if isOutdated, let former = formerSettings {
            output.list.items = reconciliation(former).underNewRules(
                from: before.items, to: output.list.items, &scopes)
        } else if !isOutdated, before.items.contains(where: { $0.scope != 0 }) {
            output.list.items = Reconciliation.underSameRules(from: before.items, to: output.list.items, scopes)
        } else {
            return true
        }
        encoded.removeAll(keepingCapacity: true)
        if Derivation.keepsMemory { encoded.appendBytes(output.memory) }
        output.list.encode(into: &encoded, scopes)
        return !store.hasContributions(encoded, entity)
    }

    private func reconciliation(_ former: EntitySettingsRecord) -> Reconciliation {
        let catalogue = settings.catalogue
        return Reconciliation(
            since: WindowScope.Edge(settings.rulesSince, in: settings.zone), wasCounted: former.measures.contains,
            isCounted: present.measures.contains,
            isLevel: { id in catalogue.measures.contains { $0.id == id && $0.kind == .levelDelta } })
    }

    private func emitDifference(
        _ entity: EntityStore.Index, _ sink: any TaskOutput
    ) throws(InternalRecordError) {
        sendFacts(from: before.facts, of: entity, sink)
        // Out of `output`, so that the loop may read its cell sets.
        var after = ContributionList()
        swap(&after, &output.list)
        defer { swap(&after, &output.list) }
        do {
            try forEachDifference(from: &before, to: &after) { (contribution, weight) throws(KPIError) in
                for cell in output.cellSets.sets[Int(contribution.cells)] {
                    try deltas.add(
                        cell: cell, measure: contribution.measure, base: contribution.base,
                        bucket: contribution.bucket, value: contribution.value, weight: weight, at: .min,
                        scope: scopes[contribution.scope])
                }
            }
        } catch {
            throw InternalRecordError(error.description)
        }
    }

    private func sendFacts(from old: [StatedFact], of entity: EntityStore.Index, _ sink: any TaskOutput) {
        guard let topic = settings.factOutput, !(old.isEmpty && output.facts.isEmpty) else { return }
        let sender = store.key(of: entity)
        forEachChange(from: old, to: output.facts) { address, fact in
            value.removeAll(keepingCapacity: true)
            FactRecord.encode(address, fact, sender: sender, into: &value)
            let partition = Partitioner.partition(key: address.key, count: context.outputPartitionCounts[topic])
            sink.send(to: topic, partition: partition, address.key, value)
        }
    }

    /// Leaves nothing of an entity to which nobody states anything any more.
    private func forget(_ entity: EntityStore.Index, _ sink: any TaskOutput) {
        key.removeAll(keepingCapacity: true)
        EntityChangelog.headKey(entity, store, into: &key)
        sink.forget(key)
        forgetChunks(from: 0, entity, sink)
        emptied.append(entity)
    }

    /// Leaves the contributions of an entity, under a hash of its key.
    private func erase(_ entity: EntityStore.Index, _ sink: any TaskOutput) {
        key.removeAll(keepingCapacity: true)
        EntityChangelog.headKey(entity, store, into: &key)
        sink.forget(key)
        forgetChunks(from: 0, entity, sink)
        let left = unsafe EntityNames.erasedKey(of: store.key(of: entity).span.bytes)
        let residue = unsafe store.insert(left.span.bytes, hash: KeyHash.hash(left))
        store.touch(residue, isNew: true)
        store.setFlag(EntityHead.erased, true, of: residue)
        store.setContributions(encoded, of: residue)
        key.removeAll(keepingCapacity: true)
        value.removeAll(keepingCapacity: true)
        EntityChangelog.headKey(residue, store, into: &key)
        EntityChangelog.head(residue, store, tail: [], into: &value)
        sink.changelog(key, value)
        erased.append(entity)
    }

    private func isErased(_ key: RawSpan) -> Bool {
        guard erasedCount > 0 else { return false }
        let left = EntityNames.erasedKey(of: key)
        return unsafe store.find(left.span.bytes, hash: KeyHash.hash(left)) != nil
    }

    /// Deletes the chunks from this one on of those that the changelog holds.
    private func forgetChunks(from first: Int, _ entity: EntityStore.Index, _ sink: any TaskOutput) {
        let end = EntityChangelog.chunkCount(
            store.committedEvents(of: entity), isSplit: store.heads[Int(entity)].has(EntityHead.split))
        guard first < end else { return }
        for chunk in first..<end {
            key.removeAll(keepingCapacity: true)
            EntityChangelog.chunkKey(chunk, entity, store, into: &key)
            sink.forget(key)
        }
    }

    /// Writes the entity as it is now; `arrived` has its events.
    private func save(_ entity: EntityStore.Index, _ sink: any TaskOutput) {
        let head = store.heads[Int(entity)]
        let count = Int(head.eventCount)
        var isSplit = head.has(EntityHead.split)
        if head.has(EntityHead.shortened) {
            forgetChunks(from: EntityChangelog.chunkCount(count, isSplit: isSplit), entity, sink)
            store.setFlag(EntityHead.shortened, false, of: entity)
        }
        var firstChunk = Int(head.savedEvents) / EntityChangelog.eventsPerChunk
        if !encodeHead(entity, isSplit: isSplit) {
            isSplit = true
            store.setFlag(EntityHead.split, true, of: entity)
            firstChunk = min(firstChunk, EntityChangelog.chunkCount(count, isSplit: false))
            _ = encodeHead(entity, isSplit: true)
        }
        key.removeAll(keepingCapacity: true)
        EntityChangelog.headKey(entity, store, into: &key)
        sink.changelog(key, value)
        saveChunks(firstChunk, EntityChangelog.chunkCount(count, isSplit: isSplit), entity, sink)
        store.setSaved(entity)
    }

    /// Puts the head record into `value`.
    ///
    /// - Returns: false when its events are too large for it.
    private func encodeHead(_ entity: EntityStore.Index, isSplit: Bool) -> Bool {
        let chunks = EntityChangelog.chunkCount(arrived.count, isSplit: isSplit)
        let tail = arrived[min(arrived.count, chunks * EntityChangelog.eventsPerChunk)...]
        value.removeAll(keepingCapacity: true)
        EntityChangelog.head(entity, store, tail: tail, into: &value)
        let contributions = Int(store.heads[Int(entity)].contributionBytes)
        return isSplit || value.count - contributions <= EntityChangelog.largestTail
    }

    private func saveChunks(_ first: Int, _ end: Int, _ entity: EntityStore.Index, _ sink: any TaskOutput) {
        guard first < end else { return }
        let size = EntityChangelog.eventsPerChunk
        for chunk in first..<end {
            let events = arrived[chunk * size..<min(arrived.count, (chunk + 1) * size)]
            key.removeAll(keepingCapacity: true)
            value.removeAll(keepingCapacity: true)
            EntityChangelog.chunkKey(chunk, entity, store, into: &key)
            EntityChangelog.chunk(events, store.payloads, into: &value)
            sink.changelog(key, value)
        }
    }

    private func saveCellSets(_ sink: any TaskOutput) {
        for id in output.cellSets.unsaved {
            key.removeAll(keepingCapacity: true)
            value.removeAll(keepingCapacity: true)
            EntityChangelog.cellSetKey(id, into: &key)
            output.cellSets.encode(id, into: &value)
            sink.changelog(key, value)
        }
        output.cellSets.saved()
    }

    private func saveSources(_ time: TaskTime, _ sink: any TaskOutput) {
        guard sourceStates.isUnsaved else { return }
        key.removeAll(keepingCapacity: true)
        value.removeAll(keepingCapacity: true)
        key.append(EntityChangelog.Kind.sources.rawValue)
        sourceStates.save(into: &value)
        sink.changelog(key, value)
        let moment = Moment(
            clock: time.clock, wall: time.wall, isCaughtUp: time.caughtUp, isDegraded: time.degraded)
        for change in sourceStates.takeChanges() {
            let name = Array(change.source.name.utf8)
            guard Partitioner.partition(key: name, count: context.partitionCount) == context.partition,
                let alert = derivation.alert(of: change, moment)
            else { continue }
            publish(alert, sink)
        }
    }

    private func saveSettings(_ sink: any TaskOutput) {
        key.removeAll(keepingCapacity: true)
        value.removeAll(keepingCapacity: true)
        key.append(EntityChangelog.Kind.settings.rawValue)
        present.encode(into: &value)
        sink.changelog(key, value)
        settingsSaved = .writtenInTransaction
    }

    public func commitSucceeded() {
        store.commitSucceeded()
        for entity in emptied {
            let head = store.heads[Int(entity)]
            if head.has(EntityHead.used), head.eventCount == 0 { store.remove(entity) }
        }
        emptied.removeAll(keepingCapacity: true)
        for entity in erased { store.remove(entity) }
        erasedCount += erased.count
        erased.removeAll(keepingCapacity: true)
        output.cellSets.commitSucceeded()
        figures.committed(
            negativeDurations: output.negativeDurations, refusedValues: output.cellSets.refusedValues, context.logger)
        figures.committed(refusedFacts: refusedFacts, context.logger)
        changed.removeAll(keepingCapacity: true)
        refreshed.removeAll(keepingCapacity: true)
        sourceStates.commitSucceeded()
        if settingsSaved == .writtenInTransaction { settingsSaved = .current }
    }

    public func rollBack() {
        store.rollBack { entity, head in
            schedule(entity, at: head.nextTimer)
        }
        output.cellSets.rollBack()
        sourceStates.rollBack()
        emptied.removeAll(keepingCapacity: true)
        erased.removeAll(keepingCapacity: true)
        deltas.removeAll()
        changed.removeAll(keepingCapacity: true)
        for entity in refreshed where store.heads[Int(entity)].has(EntityHead.used) {
            store.setFlag(EntityHead.stale, true, of: entity)
            stale.append(entity)
        }
        refreshed.removeAll(keepingCapacity: true)
        if settingsSaved == .writtenInTransaction { settingsSaved = .differs }
    }

    // MARK: Restore

    public func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError) {
        guard key.byteCount > 0, let kind = EntityChangelog.Kind(rawValue: key.byte(at: 0)) else {
            throw InternalRecordError("a changelog key of an unknown kind: written by a newer version")
        }
        // Most records are heads, and most of those are replaced by later ones.
        if kind == .head, let value { return try restoreHead(key, value) }
        var keyReader = BinaryReader(key.array(from: 1))
        guard let value else { return try forget(kind, &keyReader) }
        var reader = BinaryReader(value.array(from: 0))
        switch kind {
        case .settings:
            let saved = try EntitySettingsRecord.decode(&reader)
            settingsSaved = saved?.fingerprint == present.fingerprint ? .current : .differs
            formerSettings = saved.flatMap { present.differsByRules(from: $0) ? $0 : nil }
        case .hold:
            guard try reader.byte() == EntityChangelog.format else {
                throw InternalRecordError("a hold of an unknown format: written by a newer version")
            }
            heldUntil = try reader.signedVarint()
        case .sources: try sourceStates.restore(&reader)
        case .cellSet:
            let id = try keyReader.varint()
            guard id <= UInt64(UInt32.max) else { throw InternalRecordError("a cell set out of range") }
            try output.cellSets.restore(UInt32(id), &reader)
        case .head: return
        case .chunk:
            let chunk = try chunkNumber(&keyReader)
            restored.setChunk(chunk, reader.rest(), of: try entity(keyReader.rest()))
        }
    }

    private func restoreHead(_ key: RawSpan, _ value: RawSpan) throws(InternalRecordError) {
        guard value.byteCount > 0, value.byte(at: 0) == EntityChangelog.format else {
            throw InternalRecordError("an entity's head of an unknown format: written by another version")
        }
        let id = key.extracting(1..<key.byteCount)
        if let known = store.find(id, hash: KeyHash.hash(id)) { return try restored.setHead(value, of: known) }
        try restored.setHead(value, of: try entity(key.array(from: 1)))
    }

    private func chunkNumber(_ key: inout BinaryReader) throws(InternalRecordError) -> Int {
        let chunk = try key.varint()
        guard chunk < UInt64(EntityStore.largestTimeline / EntityChangelog.eventsPerChunk) else {
            throw InternalRecordError("a chunk number out of range")
        }
        return Int(chunk)
    }

    private func entity(_ key: [UInt8]) throws(InternalRecordError) -> EntityStore.Index {
        if key.first == EntityNames.erased {
            let hash = KeyHash.hash(key)
            let entity = unsafe store.find(key.span.bytes, hash: hash) ?? store.insert(key.span.bytes, hash: hash)
            store.setFlag(EntityHead.erased, true, of: entity)
            return entity
        }
        guard let id = names.parse(key)?.id else {
            throw InternalRecordError("an entity of a kind that is not this stage's: written by a newer version")
        }
        guard 1...200 ~= id.count else { throw InternalRecordError("an entity id of \(id.count) bytes") }
        guard Partitioner.partition(key: id, count: context.partitionCount) == context.partition else {
            throw InternalRecordError("an entity of another partition: the partition count has changed")
        }
        let hash = KeyHash.hash(key)
        if let known = unsafe store.find(key.span.bytes, hash: hash) { return known }
        return unsafe store.insert(key.span.bytes, hash: hash)
    }

    /// What a deleted record was about stays in the store until the end of the restore: it may come again.
    private func forget(_ kind: EntityChangelog.Kind, _ key: inout BinaryReader) throws(InternalRecordError) {
        switch kind {
        case .head:
            let id = key.rest()
            guard let entity = unsafe store.find(id.span.bytes, hash: KeyHash.hash(id)) else { return }
            restored.removeHead(of: entity)
        case .chunk:
            let chunk = try chunkNumber(&key)
            let id = key.rest()
            guard let entity = unsafe store.find(id.span.bytes, hash: KeyHash.hash(id)) else { return }
            restored.removeChunk(chunk, of: entity)
        case .settings, .cellSet, .sources, .hold: return
        }
    }

    public func restoreCompleted(output: any TaskOutput) throws(InternalRecordError) {
        if settingsSaved == .unknown { settingsSaved = .differs }
        for index in store.heads.indices where store.heads[index].has(EntityHead.used) {
            let entity = EntityStore.Index(index)
            // A head is written with every change: an entity without one has been deleted.
            guard restored.loadHead(of: entity, into: &value) else {
                store.remove(entity)
                continue
            }
            try decodeRestored(entity)
            schedule(entity, at: store.heads[index].nextTimer)
            if store.heads[index].has(EntityHead.erased) {
                erasedCount += 1
            } else if settingsSaved == .differs {
                refresh(entity)
                store.setFlag(EntityHead.outdated, true, of: entity)
            }
        }
        restored = RestoredEntities()
        seat?.isReady()
    }

    /// Puts the entity whose head is in `value` into the store.
    private func decodeRestored(_ entity: EntityStore.Index) throws(InternalRecordError) {
        var reader = BinaryReader(value)
        let head = try EntityChangelog.Head(&reader)
        var tail = reader
        arrived.removeAll(keepingCapacity: true)
        let isSplit = try tail.count() == 0 && head.eventCount % EntityChangelog.eventsPerChunk > 0
        for number in 0..<EntityChangelog.chunkCount(head.eventCount, isSplit: isSplit) {
            guard let chunk = restored.chunk(number, of: entity) else {
                throw InternalRecordError("chunk \(number) of an entity's events is missing")
            }
            try EntityChangelog.chunk(chunk, store.payloads, to: &arrived)
        }
        try EntityChangelog.events(&reader, store.payloads, to: &arrived)
        guard arrived.count == head.eventCount else {
            throw InternalRecordError("an entity of \(head.eventCount) events has \(arrived.count)")
        }
        store.restore(entity, arrived, contributions: value[head.contributions])
        store.setTimer(head.nextTimer, of: entity)
        store.setArrival(head.lastArrival, of: entity)
        store.setFlag(EntityHead.split, isSplit, of: entity)
    }
}

extension TaskOutput {
    fileprivate func changelog(_ key: [UInt8], _ value: [UInt8]) {
        unsafe changelog(key: key.span.bytes, value: value.span.bytes)
    }

    fileprivate func forget(_ key: [UInt8]) {
        unsafe changelog(key: key.span.bytes, value: nil)
    }

    fileprivate func send(to output: Int, partition: Int32, _ key: [UInt8], _ value: [UInt8]) {
        unsafe send(to: output, partition: partition, key: key.span.bytes, value: value.span.bytes)
    }

    fileprivate func send(to output: Int, partition: Int32, key: [UInt8], value: RawSpan) {
        unsafe send(to: output, partition: partition, key: key.span.bytes, value: value)
    }
}
