import Kafka
public import Streams
import SupportEvents

/// A task reads its state back.
extension EntityTask {
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
        guard value.byteCount > 0, EntityChangelog.isHead(format: value.byte(at: 0)) else {
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

    func entity(_ key: [UInt8]) throws(InternalRecordError) -> EntityStore.Index {
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
    func forget(_ kind: EntityChangelog.Kind, _ key: inout BinaryReader) throws(InternalRecordError) {
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
        case .cellSet:
            let id = try key.varint()
            guard id <= UInt64(UInt32.max) else { throw InternalRecordError("a cell set out of range") }
            output.cellSets.restoreUnused(UInt32(id))
        case .settings, .sources, .hold: return
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
            } else if settingsSaved == .differs, !store.heads[index].has(EntityHead.residue) {
                refresh(entity)
                store.setFlag(EntityHead.outdated, true, of: entity)
            }
        }
        restored = RestoredEntities()
        self.output.cellSets.restoreCompleted()
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
            try EntityChangelog.chunk(chunk, payloads, to: &arrived)
        }
        try EntityChangelog.events(&reader, payloads, to: &arrived)
        guard arrived.count == head.eventCount else {
            throw InternalRecordError("an entity of \(head.eventCount) events has \(arrived.count)")
        }
        store.restore(entity, arrived, contributions: value[head.contributions])
        store.setTimer(head.nextTimer, of: entity)
        store.setArrival(head.lastArrival, of: entity)
        store.setFlag(EntityHead.split, isSplit, of: entity)
        store.setLifecycle(head.lifecycle, of: entity)
        store.setFlag(EntityHead.residue, head.isResidue, of: entity)
        store.setFlag(EntityHead.hasHorizon, arrived.contains(where: \.isBeforeHorizon), of: entity)
    }
}
