import Logging
import Streams
import SupportEvents

/// What a task answers about its entities.
extension EntityTask {
    func answer(_ question: EntityLookups.Question, _ time: TaskTime) -> [EntityLookups.Entry] {
        switch question {
        case .entity(let id):
            guard let entity = unsafe store.find(id.span.bytes, hash: KeyHash.hash(id)),
                !store.heads[Int(entity)].has(EntityHead.residue)
            else { return [] }
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
            loadID(of: entity)
            if Derivation.keepsMemory { try prepareMemory(entity, time, clock) }
            return try derivation.describe(timeline.events, clock: clock, isWhole: isWhole, using: &output)
        } catch {
            context.logger.warning("a look-up failed", metadata: ["error": "\(error)"])
            return []
        }
    }
}
