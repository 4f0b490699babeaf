import SupportEvents

/// A binary heap of (instant, entity). An entity whose timer has moved leaves its old entry behind; the owner drops it
/// when it comes up and no longer matches the entity's own instant.
struct TimerHeap {
    private struct Entry {
        var instant: Int64
        var entity: UInt32
    }

    private var entries: [Entry] = []

    var count: Int { entries.count }

    mutating func removeAll() { entries.removeAll() }

    mutating func insert(_ entity: UInt32, at instant: Int64) {
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
    mutating func popDue(_ now: Int64) -> (entity: UInt32, instant: Int64)? {
        guard let first = entries.first, first.instant <= now else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            var parent = 0
            while true {
                var least = 2 * parent + 1
                if least >= entries.count { break }
                if least + 1 < entries.count, entries[least + 1].instant < entries[least].instant { least += 1 }
                if entries[parent].instant <= entries[least].instant { break }
                entries.swapAt(parent, least)
                parent = least
            }
        }
        return (first.entity, first.instant)
    }
}
