internal import BusinessTime

/// What is filled again and again keeps no more memory than for so many elements: a backlog's would stay for good.
private let usualLength = 2_048

/// Buckets that wait for publication, first in, first out, by key: one that has gone in the meantime is not found.
struct KeyQueue {
    private var keys: [UInt64] = []
    private var head = 0

    mutating func append(_ key: UInt64) { keys.append(key) }

    mutating func popFirst() -> UInt64? {
        guard head < keys.count else { return nil }
        defer { trim() }
        head += 1
        return keys[head - 1]
    }

    var count: Int { keys.count - head }

    private mutating func trim() {
        if head == keys.count {
            keys.removeAll(keepingCapacity: keys.capacity <= usualLength)
            head = 0
        } else if head >= 65_536, head * 2 >= keys.count {
            keys.removeFirst(head)
            head = 0
        }
    }
}

/// Buckets that were published less than an emit interval ago, in the order of publication.
struct CoolingQueue {
    private(set) var items: [(key: UInt64, wall: Micros)] = []
    private var head = 0
    /// How many were appended since the last commit.
    private var uncommitted = 0

    mutating func append(_ key: UInt64, wall: Micros) {
        items.append((key, wall))
        uncommitted += 1
    }

    /// The next one that was published at `wall` or before.
    mutating func popFirst(until wall: Micros) -> UInt64? {
        guard head < items.count, items[head].wall <= wall else { return nil }
        head += 1
        return items[head - 1].key
    }

    var waiting: ArraySlice<(key: UInt64, wall: Micros)> { items[head...] }

    mutating func commit() {
        uncommitted = 0
        if head == items.count {
            items.removeAll(keepingCapacity: items.capacity <= usualLength)
            head = 0
        } else if head >= 65_536, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
    }

    /// Takes out what was appended since the last commit, and gives its keys.
    mutating func rollBack() -> [UInt64] {
        let first = items.count - uncommitted
        let keys = items[first...].map(\.key)
        items.removeLast(uncommitted)
        head = min(head, items.count)
        uncommitted = 0
        return keys
    }
}

/// Undo copies of the buckets that were touched since the last commit, in their changelog encoding.
struct UndoLog {
    struct Entry {
        let cell: UInt32
        let kind: WindowKind
        let bucket: Int64
        /// The copy's place in `arena`; nil when the bucket is new.
        let copy: Range<Int>?
    }

    private(set) var entries: [Entry] = []
    var arena: [UInt8] = []
    /// Windows closed since the last commit.
    var closedWindows: [UInt32] = []
    private(set) var committedNewest = Micros.min

    mutating func noteCreation(_ cell: UInt32, _ kind: WindowKind, _ bucket: Int64) {
        entries.append(Entry(cell: cell, kind: kind, bucket: bucket, copy: nil))
    }

    /// Notes that `arena` holds a bucket's copy from `start` on.
    mutating func noteCopy(_ cell: UInt32, _ kind: WindowKind, _ bucket: Int64, from start: Int) {
        entries.append(Entry(cell: cell, kind: kind, bucket: bucket, copy: start..<arena.count))
    }

    mutating func removeAll(newest: Micros) {
        entries.removeAll(keepingCapacity: entries.capacity <= usualLength)
        arena.removeAll(keepingCapacity: arena.capacity <= 32 * usualLength)
        closedWindows.removeAll(keepingCapacity: true)
        committedNewest = newest
    }
}
