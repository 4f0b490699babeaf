import BusinessTime
import KPIs
import Kafka
import Streams
import SupportEvents

/// From timelines to contributions, facts and alerts.
extension EntityTask {
    func derive(
        _ entity: EntityStore.Index, _ time: TaskTime, _ sink: any TaskOutput
    ) throws(InternalRecordError) {
        arrived.removeAll(keepingCapacity: true)
        store.appendEvents(of: entity, to: &arrived)
        let isSorted = !store.heads[Int(entity)].has(EntityHead.unsorted)
        try timeline.arrange(arrived, isSorted: isSorted, settings.classes, payloads: payloads)
        output.begin()
        let place = try source(of: timeline.events)
        let clock = min(time.clock, place.map { sourceStates.bound($0) } ?? .max)
        if Derivation.keepsMemory { try prepareMemory(entity, time, clock) }
        if settings.factOutput != nil { loadID(of: entity) }
        try derivation.derive(timeline.events, clock: clock, into: &output)
        if clock < time.clock, output.nextTimer <= time.clock { output.deriveWhenSourceReturns() }
        encoded.removeAll(keepingCapacity: true)
        if Derivation.keepsMemory { encoded.appendBytes(output.memory) }
        output.list.facts = output.facts.map(\.address)
        output.list.encode(into: &encoded, scopes)
        let head = store.heads[Int(entity)]
        var hasChanged =
            Int(head.savedEvents) < Int(head.eventCount) || head.nextTimer != output.nextTimer
            || head.has(EntityHead.shortened) || head.lifecycle != output.lifecycle
        store.setLifecycle(output.lifecycle, of: entity)
        if !store.hasContributions(encoded, entity), try loadBefore(entity) {
            try emitDifference(of: entity, sink)
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

    /// Puts the entity's id where its derivation finds it.
    func loadID(of entity: EntityStore.Index) {
        output.key.removeAll(keepingCapacity: true)
        store.appendKey(of: entity, to: &output.key)
        names.reduceToID(&output.key)
    }

    /// The place of the source that the clock of an entity with these events waits for; nil when it waits for none.
    func source(of events: [TimelineEvent]) throws(InternalRecordError) -> Int? {
        guard sourceStates.holdClocks else { return nil }
        return try output.sourceCode(of: events).flatMap { sourceStates.place(ofCode: $0) }
    }

    func prepareMemory(
        _ entity: EntityStore.Index, _ time: TaskTime, _ clock: Int64
    ) throws(InternalRecordError) {
        output.moment = Moment(
            clock: clock, wall: time.wall, isCaughtUp: time.caughtUp, isDegraded: time.degraded,
            lastArrival: store.heads[Int(entity)].lastArrival * 1_000, lastArrivedTime: arrived.last?.time ?? 0)
        output.moment.heldUntil = heldUntil
        loadID(of: entity)
        value.removeAll(keepingCapacity: true)
        store.appendContributions(of: entity, to: &value)
        var reader = BinaryReader(value)
        if store.heads[Int(entity)].has(EntityHead.residue) { _ = try EntityResidue.hashes(&reader) }
        output.memory = reader.isAtEnd ? [] : try reader.bytes()
    }

    func publishAlerts(_ sink: any TaskOutput) {
        for alert in output.alerts { publish(alert, sink) }
    }

    func publish(_ alert: EntityAlert, _ sink: any TaskOutput) {
        let partitions = context.outputPartitionCounts[Self.alerts]
        unsafe sink.send(
            to: Self.alerts, partition: Partitioner.partition(key: alert.partitionKey, count: partitions),
            key: alert.key.span.bytes, value: alert.value.span.bytes, headers: [("ce_type", Array(alert.type.utf8))])
    }

    /// Loads what was emitted for an entity into ``before``.
    ///
    /// - Returns: the hashes of a residue's events.
    func loadHeld(_ entity: EntityStore.Index) throws(InternalRecordError) -> [UInt64] {
        value.removeAll(keepingCapacity: true)
        store.appendContributions(of: entity, to: &value)
        var reader = BinaryReader(value)
        let isResidue = store.heads[Int(entity)].has(EntityHead.residue)
        let hashes = isResidue ? try EntityResidue.hashes(&reader) : []
        if Derivation.keepsMemory, !reader.isAtEnd { _ = try reader.bytes() }
        try before.decode(value, from: reader.position, &scopes)
        return hashes
    }

    /// Looks for cell sets that no contribution names any more, when there are many.
    func collectCellSets() throws(InternalRecordError) {
        guard output.cellSets.isWorthCollecting else { return }
        var isUsed = [Bool](repeating: false, count: output.cellSets.sets.count)
        for index in store.heads.indices where store.heads[index].has(EntityHead.used) {
            _ = try loadHeld(EntityStore.Index(index))
            for item in before.items where Int(item.cells) < isUsed.count { isUsed[Int(item.cells)] = true }
        }
        output.cellSets.collect(isUsed)
    }

    /// Loads what was emitted before into ``before``. Where windows that have ended keep what they have, the derived list is
    /// brought in line with that.
    ///
    /// - Returns: whether there is a difference.
    private func loadBefore(_ entity: EntityStore.Index) throws(InternalRecordError) -> Bool {
        _ = try loadHeld(entity)
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

    /// Sends what ``output`` contributes and states other than ``before``.
    func emitDifference(
        of entity: EntityStore.Index, _ sink: any TaskOutput
    ) throws(InternalRecordError) {
        sendFacts(from: before.facts, sender: entity, sink)
        do {
            try forEachDifference(from: &before, to: &output.list) { (contribution, weight) throws(KPIError) in
                try deltas.add(
                    set: contribution.cells, measure: contribution.measure, base: contribution.base,
                    bucket: contribution.bucket, value: contribution.value, weight: weight, at: .min,
                    scope: scopes[contribution.scope])
            }
        } catch {
            throw InternalRecordError(error.description)
        }
    }

    private func sendFacts(from old: [StatedFact], sender entity: EntityStore.Index, _ sink: any TaskOutput) {
        guard let topic = settings.factOutput, !(old.isEmpty && output.facts.isEmpty) else { return }
        let sender = store.key(of: entity)
        let old = output.stands.map { stands in old.filter { !stands($0.key) } } ?? old
        forEachChange(from: old, to: output.facts) { address, fact in
            value.removeAll(keepingCapacity: true)
            FactRecord.encode(address, fact, sender: sender, into: &value)
            let partition = Partitioner.partition(key: address.key, count: context.outputPartitionCounts[topic])
            sink.send(to: topic, partition: partition, address.key, value)
        }
    }
}

extension DerivationOutput {
    /// The source that a ticket or contact began with (``SourceStates``).
    mutating func sourceCode(of events: [TimelineEvent]) throws(InternalRecordError) -> Int64? {
        for event in events {
            switch EventType(rawValue: event.type) {
            case .ticketCreated, .ticketSnapshot, .contactQueued:
                if let code = try number(.source, of: event) { return code }
            default: continue
            }
        }
        return nil
    }
}
