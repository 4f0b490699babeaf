/// Deadlines by key, on the injected monotonic clock (milliseconds). Scheduling a key again replaces its deadline; the heap
/// entry of the old one is skipped when it comes up, and the heap is rebuilt when most of it is stale.
struct TimerQueue<Key: Hashable> {
    private struct Entry {
        var deadline: Int64
        var order: UInt64
        var key: Key
    }

    private var heap: [Entry] = []
    private var live: [Key: (deadline: Int64, order: UInt64)] = [:]
    private var nextOrder: UInt64 = 0

    mutating func schedule(_ key: Key, at deadline: Int64) {
        nextOrder += 1
        live[key] = (deadline, nextOrder)
        push(Entry(deadline: deadline, order: nextOrder, key: key))
        if heap.count > 64, heap.count > live.count * 4 { rebuild() }
    }

    func isScheduled(_ key: Key) -> Bool { live[key] != nil }

    mutating func cancel(_ key: Key) { live[key] = nil }

    /// The earliest deadline.
    mutating func nextDeadline() -> Int64? {
        dropStale()
        return heap.first?.deadline
    }

    /// Removes and returns the earliest key that is due; keys with one deadline come in the order of scheduling.
    mutating func popDue(at now: Int64) -> Key? {
        dropStale()
        guard let first = heap.first, first.deadline <= now else { return nil }
        live[first.key] = nil
        removeFirst()
        return first.key
    }

    private mutating func dropStale() {
        while let first = heap.first, live[first.key]?.order != first.order { removeFirst() }
    }

    private mutating func rebuild() {
        let entries = heap.filter { live[$0.key]?.order == $0.order }
        heap.removeAll(keepingCapacity: true)
        for entry in entries { push(entry) }
    }

    private static func isBefore(_ a: Entry, _ b: Entry) -> Bool {
        a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isBefore(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if Self.isBefore(heap[child], heap[smallest]) { smallest = child }
            }
            guard smallest != parent else { return }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
