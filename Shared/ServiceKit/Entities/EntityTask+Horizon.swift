import Streams
import SupportEvents

/// Entities that never end, such as an agent with all states (``EntityStageSettings/rolling``): their oldest days are let go.
extension EntityTask {
    /// The instant from which all events of an entity are kept; nil where none has been let go.
    func horizon(of entity: EntityStore.Index) -> Int64? {
        guard store.heads[Int(entity)].has(EntityHead.hasHorizon) else { return nil }
        var events: [TimelineEvent] = []
        store.appendEvents(of: entity, to: &events)
        return events.horizon
    }

    /// Lets the oldest days of a touched entity with the most events go, but for what decides how things stand after them.
    ///
    /// - Returns: false when that makes no room for `next`.
    func makeRoom(for next: TimelineEvent, in entity: EntityStore.Index) throws(InternalRecordError) -> Bool {
        arrived.removeAll(keepingCapacity: true)
        store.appendEvents(of: entity, to: &arrived)
        try timeline.arrange(arrived, isSorted: false, settings.classes, payloads: payloads)
        guard let horizon = timeline.events.horizonForRoom, next.time >= horizon else { return false }
        output.begin()
        let decisive = try derivation.decisive(timeline.events, before: horizon, using: &output)
        let kept = Set(decisive.map { timeline.events[$0].identity })
        for place in arrived.indices.reversed() where arrived[place].time < horizon {
            var event = arrived[place]
            if !kept.contains(event.identity) {
                store.takeOut(place, of: entity)
            } else if !event.isBeforeHorizon {
                event.setBeforeHorizon()
                var content = EventPayload()
                payloads.load(event, into: &content)
                event.payload = payloads.retain(content.bytes, of: event)
                store.replace(place, of: entity, by: event)
            }
        }
        store.setFlag(EntityHead.hasHorizon, true, of: entity)
        note(entity)
        return Int(store.heads[Int(entity)].eventCount) < EntityStore.largestTimeline
    }
}

extension [TimelineEvent] {
    private static var day: Int64 { 86_400_000_000 }

    private static func dayAfter(_ time: Int64) -> Int64 {
        (time >= 0 ? time / day : (time + 1) / day - 1) * day + day
    }

    /// The beginning of the first day (UTC) whose events are all there; nil where none has been let go.
    public var horizon: Int64? { lazy.filter(\.isBeforeHorizon).map { Self.dayAfter($0.time) }.max() }

    /// The horizon that leaves half of these events, which are in order, or as many as the last day has.
    fileprivate var horizonForRoom: Int64? {
        guard count > 1 else { return nil }
        let half = Self.dayAfter(self[count / 2].time)
        let lastDay = Self.dayAfter(self[count - 1].time) - Self.day
        let horizon = Swift.min(half, lastDay)
        return self[0].time < horizon ? horizon : nil
    }
}
