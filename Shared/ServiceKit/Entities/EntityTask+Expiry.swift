import KPIs
import Kafka
import Streams
import SupportEvents

/// What bounds a task's state by the entities that live: closed ones for which nothing has arrived for
/// ``EntityLimits/silence`` shrink to their residue, residues go after ``EntityLimits/residue``, what is made of facts alone
/// after ``EntityLimits/facts``, and what was never begun is given up.
extension EntityTask {
    /// Entities that are looked at after a batch, and those that may wait for the next commit.
    private static var looksPerBatch: Int { 2000 }
    private static var expirationsPerCommit: Int { 1000 }
    /// Pause between two looks at all entities, in µs of the clock.
    private static var expiryInterval: Int64 { 6 * 3_600_000_000 }

    /// Goes on with the look for entities whose time is up.
    func lookForExpired(_ clock: Int64) {
        guard clock >= nextExpiry, clock > 0 else { return }
        let end = min(store.heads.count, expiryPlace + Self.looksPerBatch)
        while expiryPlace < end {
            guard expiring.count < Self.expirationsPerCommit else { return }
            if isDue(store.heads[expiryPlace], clock) { expiring.append(EntityStore.Index(expiryPlace)) }
            expiryPlace += 1
        }
        guard expiryPlace >= store.heads.count else { return }
        expiryPlace = 0
        nextExpiry = clock + Self.expiryInterval
    }

    private func isDue(_ head: EntityHead, _ clock: Int64) -> Bool {
        guard head.has(EntityHead.used), head.lastArrival > 0 else { return false }
        let silence = clock / 1_000 - head.lastArrival
        if head.has(EntityHead.residue) { return silence >= EntityLimits.residue }
        if isMadeOfFacts { return silence >= EntityLimits.facts && isAtRest(head) }
        guard silence >= EntityLimits.silence else { return false }
        return head.has(EntityHead.orphan) || isComplete(head)
    }

    /// Whether time will change nothing of what is derived of it.
    private func isAtRest(_ head: EntityHead) -> Bool {
        head.nextTimer == .max && !head.has(EntityHead.changed | EntityHead.stale | EntityHead.outdated)
    }

    /// Whether neither an event nor time will change what is derived of it.
    private func isComplete(_ head: EntityHead) -> Bool { head.has(EntityHead.closed) && isAtRest(head) }

    /// Whether the stage's entities consist of what others state to them. When they go, what they have contributed stays.
    private var isMadeOfFacts: Bool { settings.firstFactInput == 0 }

    /// Does what ``lookForExpired(_:)`` has found to be due and nothing has come for since.
    func expire(_ time: TaskTime, _ sink: any TaskOutput) throws(InternalRecordError) {
        for entity in expiring where isDue(store.heads[Int(entity)], time.clock) {
            store.touch(entity)
            let head = store.heads[Int(entity)]
            if head.has(EntityHead.residue) || isMadeOfFacts {
                drop(entity, sink)
            } else if head.has(EntityHead.orphan) {
                try giveUp(entity, sink)
            } else {
                shrink(entity, sink)
            }
        }
        expiring.removeAllSparingly()
    }

    func expiryCommitted() {
        for entity in shrunk { store.dropEvents(of: entity) }
        for entity in dropped { store.remove(entity) }
        forgetExpired()
    }

    func expiryRolledBack() {
        // What was to go is looked for once more.
        if !shrunk.isEmpty || !dropped.isEmpty { (expiryPlace, nextExpiry) = (0, .min) }
        forgetExpired()
    }

    private func forgetExpired() {
        shrunk.removeAllSparingly()
        dropped.removeAllSparingly()
        expiring.removeAllSparingly()
    }

    // MARK: Arrivals

    /// Whether only the residue of a touched entity is left when something arrives (ms). It follows from the arrivals alone:
    /// an entity whose time is up but that has not been looked at yet shrinks now.
    func isExpired(
        _ entity: EntityStore.Index, at arrival: Int64, _ sink: any TaskOutput
    ) throws(InternalRecordError) -> Bool {
        let head = store.heads[Int(entity)]
        if head.has(EntityHead.residue) { return true }
        guard head.lastArrival > 0, arrival - head.lastArrival >= EntityLimits.silence else { return false }
        if !isComplete(head) {
            var time = lastTime
            time.clock = max(time.clock, arrival * 1_000)
            try derive(entity, time, sink)
            store.setFlag(EntityHead.stale, false, of: entity)
        }
        guard isComplete(store.heads[Int(entity)]) else { return false }
        shrink(entity, sink)
        return true
    }

    /// An event for an entity of which only the residue is left: duplicates have no effect, removals take back what it
    /// contributed, and everything else is a dead letter.
    func meetResidue(
        _ event: borrowing DecodedEvent, _ batch: RecordBatch, _ record: Int, _ entity: EntityStore.Index,
        _ sink: any TaskOutput
    ) throws(InternalRecordError) {
        var next = TimelineIntake.pack(event, decoder, &payload, keepsSource: Derivation.waitsForSources)
        let hash = EntityResidue.hash(next, payload: payload.bytes)
        var hashes = try loadHeld(entity)
        if hashes.contains(hash) { return }
        guard settings.removals.contains(next.type) else {
            sink.deadLetter(batch, record, reason: RejectionReason.entityExpired.identifier, pointer: nil)
            return
        }
        deltas.observe(next.time)
        store.setArrival(batch.records[record].timestamp, of: entity)
        next.payload = payloads.retain(payload.bytes, of: next)
        defer { payloads.release(next.payload) }
        output.begin()
        if Derivation.keepsMemory { try prepareMemory(entity, lastTime, lastTime.clock) }
        try derivation.derive([next], clock: lastTime.clock, into: &output)
        try emitDifference(of: entity, sink)
        hashes.append(hash)
        encoded.removeAll(keepingCapacity: true)
        EntityResidue.encode(hashes, into: &encoded)
        if Derivation.keepsMemory { encoded.appendBytes(output.memory) }
        output.list.facts = output.facts.map(\.address)
        output.list.encode(into: &encoded, scopes)
        store.setContributions(encoded, of: entity)
        saveResidue(entity, sink)
        publishAlerts(sink)
    }

    // MARK: Ends

    /// Leaves the residue of a touched entity.
    private func shrink(_ entity: EntityStore.Index, _ sink: any TaskOutput) {
        arrived.removeAll(keepingCapacity: true)
        store.appendEvents(of: entity, to: &arrived)
        encoded.removeAll(keepingCapacity: true)
        EntityResidue.encode(
            arrived.map { event in
                payloads.load(event, into: &payload)
                return EntityResidue.hash(event, payload: payload.bytes)
            }, into: &encoded)
        store.appendContributions(of: entity, to: &encoded)
        forgetChunks(from: 0, entity, sink)
        store.setContributions(encoded, of: entity)
        store.setFlag(EntityHead.residue, true, of: entity)
        saveResidue(entity, sink)
        shrunk.append(entity)
    }

    private func saveResidue(_ entity: EntityStore.Index, _ sink: any TaskOutput) {
        key.removeAll(keepingCapacity: true)
        value.removeAll(keepingCapacity: true)
        EntityChangelog.headKey(entity, store, into: &key)
        EntityChangelog.head(entity, store, tail: [], into: &value)
        sink.changelog(key, value)
    }

    /// What never began counts nowhere: its events are told as dead letters, as far as they are still known.
    private func giveUp(_ entity: EntityStore.Index, _ sink: any TaskOutput) throws(InternalRecordError) {
        guard let parsed = names.parse(store.key(of: entity)) else {
            throw InternalRecordError("an entity of a kind that is not this stage's")
        }
        arrived.removeAll(keepingCapacity: true)
        store.appendEvents(of: entity, to: &arrived)
        for event in arrived {
            let content = try TimelineIntake.canonicalEncoding(
                of: event, entity: (field: parsed.name.keyField, id: parsed.id), payloads, &encoder)
            unsafe sink.deadLetter(
                input: 0, key: parsed.id.span.bytes, value: content.span.bytes,
                reason: RejectionReason.orphanExpired.identifier)
        }
        drop(entity, sink)
    }

    private func drop(_ entity: EntityStore.Index, _ sink: any TaskOutput) {
        key.removeAll(keepingCapacity: true)
        EntityChangelog.headKey(entity, store, into: &key)
        sink.forget(key)
        forgetChunks(from: 0, entity, sink)
        dropped.append(entity)
    }
}
