import Logging
import Streams
import SupportEvents

/// What a task answers about its entities.
extension EntityTask {
    /// Entities that are looked at for one answer beyond those that are asked for: the stage waits meanwhile.
    private static var furtherEntitiesPerAnswer: Int { 2_000 }

    func answer(_ question: EntityLookups.Question, _ time: TaskTime) -> [EntityLookups.Entry] {
        switch question {
        case .entity(let id):
            guard let entity = unsafe store.find(id.span.bytes, hash: KeyHash.hash(id)),
                !store.heads[Int(entity)].has(EntityHead.residue)
            else { return [] }
            return describe(entity, time, isWhole: true)
        case .soonest(let count):
            return soonest(count, time)
        }
    }

    /// An entity's timer goes off at its soonest instant or before. So entities are looked at in the order of their timers, until
    /// none of the rest can come before what has been found.
    private func soonest(_ count: Int, _ time: TaskTime) -> [EntityLookups.Entry] {
        var timers = TimerHeap()
        for (index, head) in store.heads.enumerated()
        where head.has(EntityHead.used) && head.nextTimer < DerivationOutput.sourceReturns {
            timers.insert(EntityStore.Index(index), at: head.nextTimer)
        }
        var found: [EntityLookups.Entry] = []
        var looked = 0
        while looked < count + Self.furtherEntitiesPerAnswer, let (entity, instant) = timers.popDue(.max) {
            if found.count == count, let last = found.last, last.instant <= instant { break }
            looked += 1
            for entry in describe(entity, time, isWhole: false) {
                let place = found.firstIndex { entry.instant < $0.instant } ?? found.count
                found.insert(entry, at: place)
            }
            found.removeLast(max(0, found.count - count))
        }
        return found
    }

    /// A state that cannot be read stops the task at its next derivation; here it is no answer.
    private func describe(
        _ entity: EntityStore.Index, _ time: TaskTime, isWhole: Bool
    ) -> [EntityLookups.Entry] {
        arrived.removeAll(keepingCapacity: true)
        store.appendEvents(of: entity, to: &arrived)
        do {
            try timeline.arrange(arrived, isSorted: false, settings.classes, payloads: payloads)
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
