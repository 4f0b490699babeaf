import SupportEvents

/// A binary heap of (instant, entity). An entity whose timer has moved leaves its old entry behind; the owner drops it
/// when it comes up and no longer matches the entity's own instant, or all of them when there are many.
package struct TimerHeap {
    private struct Entry: BitwiseCopyable {
        private var halvedInstant: HalvedInt64
        var entity: UInt32

        init(instant: Int64, entity: UInt32) {
            halvedInstant = HalvedInt64(instant)
            self.entity = entity
        }

        var instant: Int64 { halvedInstant.value }
    }

    private var entries: [Entry] = []
    /// How many were left when those left behind were last dropped.
    private var kept = 0

    package init() {}

    package mutating func removeAll() {
        entries.removeAll()
        kept = 0
    }

    /// Whether it is worth looking for entries left behind, where `entities` are alive.
    package func isCrowded(_ entities: Int) -> Bool {
        entries.count > 1_024 + 9 * max(entities, kept) / 8
    }

    /// Drops the entries that no longer match their entity's instant.
    package mutating func removeAll(unless isCurrent: (_ entity: UInt32, _ instant: Int64) -> Bool) {
        kept = entries.count { isCurrent($0.entity, $0.instant) }
        var current: [Entry] = []
        current.reserveCapacity(kept)
        for entry in entries where isCurrent(entry.entity, entry.instant) { current.append(entry) }
        entries = current
        for place in (0..<kept / 2).reversed() { siftDown(place) }
    }

    package mutating func insert(_ entity: UInt32, at instant: Int64) {
        entries.reserveSparingly()
        entries.append(Entry(instant: instant, entity: entity))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if entries[parent].instant <= entries[child].instant { break }
            entries.swapAt(parent, child)
            child = parent
        }
    }

    /// Removes and returns the earliest entry when its instant is at or before `now`.
    package mutating func popDue(_ now: Int64) -> (entity: UInt32, instant: Int64)? {
        guard let first = entries.first, first.instant <= now else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            siftDown(0)
        }
        return (first.entity, first.instant)
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = 2 * parent + 1
            if least >= entries.count { break }
            if least + 1 < entries.count, entries[least + 1].instant < entries[least].instant { least += 1 }
            if entries[parent].instant <= entries[least].instant { break }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
