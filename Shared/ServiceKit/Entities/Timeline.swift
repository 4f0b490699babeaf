import Streams

/// Types of events with a part in the timeline's order.
public struct EventClasses: Sendable {
    /// Come before all others at one instant.
    public var creations: [UInt8]
    /// Come after all others at one instant.
    public var deletions: [UInt8]
    /// Makes another event count as if it had never been.
    public var void: UInt8

    public init(creations: [UInt8], deletions: [UInt8], void: UInt8) {
        self.creations = creations
        self.deletions = deletions
        self.void = void
    }

    fileprivate func rank(_ type: UInt8) -> Int8 {
        if creations.contains(type) { return 0 }
        return deletions.contains(type) ? 2 : 1
    }
}

/// The timeline's order and the effect of voiding: from the events as they arrived to the events as they count.
struct Timeline {
    private struct Entry {
        var event: TimelineEvent
        var sequence: Int64
        var rank: Int8
    }

    private var entries: [Entry] = []
    private(set) var events: [TimelineEvent] = []

    /// Puts `arrived` into the order (time, sequence or -1, creation first and deletion last, identity) and drops voided
    /// events and the voids themselves.
    mutating func arrange(
        _ arrived: [TimelineEvent], isSorted: Bool, _ classes: EventClasses, payloads: PayloadTable
    ) throws(InternalRecordError) {
        events.removeAll(keepingCapacity: true)
        if isSorted {
            events.append(contentsOf: arrived)
        } else {
            entries.removeAll(keepingCapacity: true)
            for event in arrived {
                entries.append(
                    Entry(
                        event: event, sequence: try payloads.sequence(of: event),
                        rank: classes.rank(event.type)))
            }
            entries.sort(by: Self.isOrdered)
            for entry in entries { events.append(entry.event) }
        }
        if events.contains(where: { $0.type == classes.void }) { try applyVoids(classes.void, payloads) }
    }

    private static func isOrdered(_ left: Entry, _ right: Entry) -> Bool {
        if left.event.time != right.event.time { return left.event.time < right.event.time }
        if left.sequence != right.sequence { return left.sequence < right.sequence }
        if left.rank != right.rank { return left.rank < right.rank }
        return left.event.identity < right.event.identity
    }

    /// A void has an effect unless a void that has one names it. Voids that name each other in a circle are decided from the
    /// last one in the timeline's order.
    private mutating func applyVoids(_ type: UInt8, _ payloads: PayloadTable) throws(InternalRecordError) {
        var voidsOf: [UInt64: [Int]] = [:]
        for (index, event) in events.enumerated() where event.type == type {
            voidsOf[try payloads.voidedIdentity(of: event), default: []].append(index)
        }
        var verdicts: [Int: Bool] = [:]
        func isVoided(_ index: Int) -> Bool {
            (voidsOf[events[index].identity] ?? []).contains { $0 != index && isEffective($0) }
        }
        func isEffective(_ index: Int) -> Bool {
            if let verdict = verdicts[index] { return verdict }
            // While this one is being decided, a circle that leads back to it finds it effective.
            verdicts[index] = true
            let verdict = !isVoided(index)
            verdicts[index] = verdict
            return verdict
        }
        for index in events.indices.reversed() where events[index].type == type { _ = isEffective(index) }
        let kept = events.indices.filter { events[$0].type != type && !isVoided($0) }
        events = kept.map { events[$0] }
    }
}
