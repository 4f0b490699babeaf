import KPIs
import Kafka
import Streams
import SupportEvents

/// What a task writes down of its entities.
extension EntityTask {
    /// Leaves nothing of an entity to which nobody states anything any more.
    func forget(_ entity: EntityStore.Index, _ sink: any TaskOutput) {
        key.removeAll(keepingCapacity: true)
        EntityChangelog.headKey(entity, store, into: &key)
        sink.forget(key)
        forgetChunks(from: 0, entity, sink)
        emptied.append(entity)
    }

    /// Leaves the contributions of an entity, under a hash of its key.
    func erase(_ entity: EntityStore.Index, _ sink: any TaskOutput) {
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

    func isErased(_ key: RawSpan) -> Bool {
        guard erasedCount > 0 else { return false }
        let left = EntityNames.erasedKey(of: key)
        return unsafe store.find(left.span.bytes, hash: KeyHash.hash(left)) != nil
    }

    /// Deletes the chunks from this one on of those that the changelog holds.
    func forgetChunks(from first: Int, _ entity: EntityStore.Index, _ sink: any TaskOutput) {
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
    func save(_ entity: EntityStore.Index, _ sink: any TaskOutput) {
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
            EntityChangelog.chunk(events, payloads, into: &value)
            sink.changelog(key, value)
        }
    }

    func saveCellSets(_ sink: any TaskOutput) {
        for id in output.cellSets.unsaved {
            key.removeAll(keepingCapacity: true)
            value.removeAll(keepingCapacity: true)
            EntityChangelog.cellSetKey(id, into: &key)
            output.cellSets.encode(id, into: &value)
            sink.changelog(key, value)
        }
        output.cellSets.saved()
        for id in output.cellSets.unused {
            key.removeAll(keepingCapacity: true)
            EntityChangelog.cellSetKey(id, into: &key)
            sink.forget(key)
        }
    }

    func saveSources(_ time: TaskTime, _ sink: any TaskOutput) {
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

    func saveSettings(_ sink: any TaskOutput) {
        key.removeAll(keepingCapacity: true)
        value.removeAll(keepingCapacity: true)
        key.append(EntityChangelog.Kind.settings.rawValue)
        present.encode(into: &value)
        sink.changelog(key, value)
        settingsSaved = .writtenInTransaction
    }
}

extension TaskOutput {
    func changelog(_ key: [UInt8], _ value: [UInt8]) {
        unsafe changelog(key: key.span.bytes, value: value.span.bytes)
    }

    func forget(_ key: [UInt8]) {
        unsafe changelog(key: key.span.bytes, value: nil)
    }

    func send(to output: Int, partition: Int32, _ key: [UInt8], _ value: [UInt8]) {
        unsafe send(to: output, partition: partition, key: key.span.bytes, value: value.span.bytes)
    }

    func send(to output: Int, partition: Int32, key: [UInt8], value: RawSpan) {
        unsafe send(to: output, partition: partition, key: key.span.bytes, value: value)
    }
}
