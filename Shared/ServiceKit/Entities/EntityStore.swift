import Streams
import SupportEvents

/// What the state keeps of one entity beside its events; 44 bytes.
struct EntityHead: BitwiseCopyable {
    /// The instant at which the entity must be derived again although nothing arrives (µs); `Int64.max` when there is none.
    var nextTimer: Int64 {
        get { timer.value }
        set { timer = HalvedInt64(newValue) }
    }
    /// Wall time of the last record that changed the entity (ms).
    var lastArrival: Int64 {
        get { arrival.value }
        set { arrival = HalvedInt64(newValue) }
    }
    private var timer = HalvedInt64(.max)
    private var arrival = HalvedInt64(0)
    var key: SegmentedPool<UInt8>.Handle
    var events: SegmentedPool<StoredEvent>.Handle = 0
    var contributions: SegmentedPool<UInt8>.Handle = 0
    /// Below 16 MiB.
    var contributionBytes: UInt32 {
        get { sizes >> 8 }
        set {
            precondition(newValue < 1 << 24, "an entity contributes too much")
            sizes = newValue << 8 | sizes & 0xff
        }
    }
    var keyCount: UInt8 { UInt8(truncatingIfNeeded: sizes) }
    /// Of the contributions, and in the lowest byte of the key.
    private var sizes: UInt32
    var flags: UInt16 = 0
    var eventCount: UInt16 = 0
    var eventCapacity: UInt16 = 0
    /// Events before this index are in the changelog as they are here.
    var savedEvents: UInt16 = 0
    /// Place in the undo log of the current transaction; -1 when the entity is untouched in it.
    var undo: Int32 = -1

    init(key: SegmentedPool<UInt8>.Handle, keyCount: Int) {
        self.key = key
        sizes = UInt32(UInt8(keyCount))
    }

    static let used: UInt16 = 1
    /// Has events of the current transaction.
    static let changed: UInt16 = 2
    /// Waits to be derived again.
    static let stale: UInt16 = 4
    /// Arrival order is not, or not surely, the timeline's order.
    static let unsorted: UInt16 = 8
    /// Its last events are too large to stand in its head record, and have one of their own.
    static let split: UInt16 = 128
    /// Items were taken out of the timeline since it was last saved.
    static let shortened: UInt16 = 32
    /// Only contributions are left, under a hash of the key; never derived again.
    static let erased: UInt16 = 64
    /// Derived under other settings than the present ones.
    static let outdated: UInt16 = 16
    /// See ``EntityLifecycle``; an entity that is neither is open.
    static let closed: UInt16 = 256
    static let orphan: UInt16 = 512
    /// Only an ``EntityResidue`` is left, in the place of the contributions.
    static let residue: UInt16 = 1024
    /// Its oldest events have been let go (``EntityStageSettings/rolling``).
    static let hasHorizon: UInt16 = 2048

    func has(_ flag: UInt16) -> Bool { flags & flag != 0 }
    mutating func set(_ flag: UInt16, _ on: Bool = true) { if on { flags |= flag } else { flags &= ~flag } }
}

/// The live entities of one partition: a slab of heads found through an open-addressing table, their events and what was
/// last emitted for them, and the undo log of the current transaction.
///
/// Entities are known by their index in the slab; an index is stable for as long as the entity lives.
struct EntityStore: ~Copyable {
    typealias Index = UInt32

    /// More events than this of one entity are not accepted.
    static let largestTimeline = EntityLimits.timeline

    private(set) var heads: [EntityHead] = []
    private var freeHeads: [Index] = []
    /// Slab index + 1 in the lower half, the upper half of the key's hash above it, so that a look-up meets no other entity's
    /// head on its way; 0 for an empty place. At most three quarters full.
    private var table: [UInt64] = Array(repeating: 0, count: 64)
    /// Makes the loads of ``prefetch(_:)`` count for something.
    private var prefetched: UInt64 = 0
    private(set) var count = 0

    private var keys = SegmentedPool<UInt8>(filler: 0)
    private var events = SegmentedPool<StoredEvent>(filler: .none, offsetBits: 12)
    private var contributions = SegmentedPool<UInt8>(filler: 0)
    let payloads: PayloadTable

    private var undoLog: [Undo] = []
    private var replacements: [Replacement] = []

    /// How an entity was when the current transaction first touched it.
    private struct Undo {
        var entity: Index
        var isNew: Bool
        var eventCount: UInt16
        var flags: UInt16
        var nextTimer: Int64
        var lastArrival: Int64
        var contributions: SegmentedPool<UInt8>.Handle
        var contributionBytes: UInt32
        var hasNewContributions = false
    }

    /// An event that another one with the same identity has replaced within the current transaction, or that was taken out.
    private struct Replacement {
        var entity: Index
        var place: UInt16
        var event: StoredEvent
        var wasTakenOut = false
    }

    init(_ payloads: PayloadTable) {
        self.payloads = payloads
    }

    // MARK: Finding

    /// The entity with this key, if it lives.
    func find(_ key: borrowing RawSpan, hash: UInt64) -> Index? {
        var place = HashPlace.home(hash, table.count)
        while table[place] != 0 {
            if Self.tag(table[place]) == Self.tag(hash) {
                let index = Self.index(table[place])
                let head = heads[Int(index)]
                if Int(head.keyCount) == key.byteCount, matches(head, key) { return index }
            }
            place = HashPlace.next(place, table.count)
        }
        return nil
    }

    private static func tag(_ hash: UInt64) -> UInt64 { hash >> 32 }
    private static func index(_ entry: UInt64) -> Index { UInt32(truncatingIfNeeded: entry) &- 1 }
    private static func entry(_ index: Index, hash: UInt64) -> UInt64 { (hash >> 32) << 32 | UInt64(index + 1) }

    /// Brings what these keys' entities have into the processor's caches: the places of many entities are waited for together,
    /// where look-ups wait for one after the other. Changes nothing.
    ///
    /// - Parameter hashes: hashes of keys; overwritten.
    mutating func prefetch(_ hashes: inout [UInt64]) {
        for position in hashes.indices {
            let hash = hashes[position]
            var place = HashPlace.home(hash, table.count)
            while table[place] != 0, Self.tag(table[place]) != Self.tag(hash) {
                place = HashPlace.next(place, table.count)
            }
            hashes[position] = table[place]
        }
        var sum = prefetched
        for entry in hashes where entry != 0 { sum &+= UInt64(heads[Int(Self.index(entry))].key) }
        for entry in hashes where entry != 0 {
            let head = heads[Int(Self.index(entry))]
            sum &+= UInt64(keys[head.key, 0])
            // Two or three events to a line of the cache.
            for event in stride(from: 0, to: Int(head.eventCount), by: 2) {
                sum &+= events[head.events, event].identity
            }
        }
        prefetched = sum
    }

    private func matches(_ head: EntityHead, _ key: borrowing RawSpan) -> Bool {
        keys.equals(head.key, key)
    }

    func key(of entity: Index) -> [UInt8] {
        var bytes: [UInt8] = []
        let head = heads[Int(entity)]
        keys.append(head.key, count: Int(head.keyCount), to: &bytes)
        return bytes
    }

    func appendKey(of entity: Index, to bytes: inout [UInt8]) {
        let head = heads[Int(entity)]
        keys.append(head.key, count: Int(head.keyCount), to: &bytes)
    }

    // MARK: Changing

    /// Adds an entity without events. `key` has at most 200 bytes and is not in the store.
    mutating func insert(_ key: borrowing RawSpan, hash: UInt64) -> Index {
        if 4 * (count + 1) > 3 * table.count { enlargeTable() }
        let handle = keys.allocate(max(1, key.byteCount))
        for index in 0..<key.byteCount { keys[handle, index] = key.byte(at: index) }
        var head = EntityHead(key: handle, keyCount: key.byteCount)
        head.set(EntityHead.used)
        let index: Index
        if let free = freeHeads.popLast() {
            index = free
            heads[Int(index)] = head
        } else {
            index = Index(heads.count)
            heads.reserveSparingly()
            heads.append(head)
        }
        place(Self.entry(index, hash: hash))
        count += 1
        return index
    }

    private mutating func place(_ entry: UInt64) {
        var place = HashPlace.home(entry, table.count)
        while table[place] != 0 { place = HashPlace.next(place, table.count) }
        table[place] = entry
    }

    private mutating func enlargeTable() {
        let old = table
        table = Array(repeating: 0, count: old.count + old.count / 2)
        for entry in old where entry != 0 { place(entry) }
    }

    /// Drops an entity's events; call it between transactions.
    mutating func dropEvents(of entity: Index) {
        releaseEvents(of: heads[Int(entity)])
        heads[Int(entity)].eventCount = 0
        heads[Int(entity)].eventCapacity = 0
        heads[Int(entity)].savedEvents = 0
        for flag in [EntityHead.unsorted, EntityHead.split, EntityHead.shortened] { setFlag(flag, false, of: entity) }
    }

    private mutating func releaseEvents(of head: EntityHead) {
        for index in 0..<Int(head.eventCount) { payloads.release(events[head.events, index].payload) }
        if head.eventCapacity > 0 { events.release(head.events, capacity: Int(head.eventCapacity)) }
    }

    /// Removes an entity and everything it holds.
    mutating func remove(_ entity: Index) {
        let head = heads[Int(entity)]
        releaseEvents(of: head)
        releaseContributions(head.contributions, bytes: head.contributionBytes)
        removeFromTable(entity)
        keys.release(head.key, capacity: SegmentedPool<UInt8>.capacity(for: max(1, Int(head.keyCount))))
        heads[Int(entity)].flags = 0
        freeHeads.append(entity)
        count -= 1
    }

    /// Backward-shift deletion, so that no tombstones pile up in the table.
    private mutating func removeFromTable(_ entity: Index) {
        let size = table.count
        var hole = HashPlace.home(KeyHash.hash(key(of: entity)), size)
        while Self.index(table[hole]) != entity { hole = HashPlace.next(hole, size) }
        var next = HashPlace.next(hole, size)
        while table[next] != 0 {
            let home = HashPlace.home(table[next], size)
            if HashPlace.distance(home, next, size) >= HashPlace.distance(hole, next, size) {
                table[hole] = table[next]
                hole = next
            }
            next = HashPlace.next(next, size)
        }
        table[hole] = 0
    }

    /// Says that the current transaction changes `entity`; remembers how it was. Idempotent within a transaction.
    mutating func touch(_ entity: Index, isNew: Bool = false) {
        let head = heads[Int(entity)]
        guard head.undo < 0 else { return }
        heads[Int(entity)].undo = Int32(undoLog.count)
        undoLog.append(
            Undo(
                entity: entity, isNew: isNew, eventCount: head.eventCount, flags: head.flags, nextTimer: head.nextTimer,
                lastArrival: head.lastArrival, contributions: head.contributions,
                contributionBytes: head.contributionBytes))
    }

    /// The place of the event with this identity.
    func indexOfEvent(_ identity: UInt64, of entity: Index) -> Int? {
        let head = heads[Int(entity)]
        if head.eventCount == 0 { return nil }
        return events.firstIndex(head.events, count: Int(head.eventCount)) { $0.identity == identity }
    }

    func event(_ place: Int, of entity: Index) -> TimelineEvent {
        let stored = events[heads[Int(entity)].events, place]
        return stored.event(attributes: payloads.attributes(of: stored.payload))
    }

    /// Appends an event in arrival order. The payload's reference passes to the store. The entity must be touched and
    /// below ``largestTimeline``.
    mutating func append(_ event: TimelineEvent, to entity: Index) {
        var head = heads[Int(entity)]
        let count = Int(head.eventCount)
        if count == Int(head.eventCapacity) {
            if count == 0 {
                head.events = events.allocate(2)
            } else {
                head.events = events.move(
                    head.events, count: count, capacity: Int(head.eventCapacity), to: count + 1)
            }
            head.eventCapacity = UInt16(SegmentedPool<StoredEvent>.capacity(for: count + 1))
        }
        // Events at one instant need their sequences compared; the derivation's sort does that.
        if count > 0, events[head.events, count - 1].time >= event.time { head.set(EntityHead.unsorted) }
        events[head.events, count] = StoredEvent(event)
        head.eventCount += 1
        heads[Int(entity)] = head
    }

    /// Replaces an event by another one with the same identity.
    mutating func replace(_ place: Int, of entity: Index, by event: TimelineEvent) {
        let head = heads[Int(entity)]
        replacements.append(Replacement(entity: entity, place: UInt16(place), event: events[head.events, place]))
        events[head.events, place] = StoredEvent(event)
        heads[Int(entity)].set(EntityHead.unsorted)
        heads[Int(entity)].savedEvents = min(head.savedEvents, UInt16(place))
    }

    /// Takes an event out of the timeline. The entity must be touched.
    mutating func takeOut(_ place: Int, of entity: Index) {
        var head = heads[Int(entity)]
        replacements.append(
            Replacement(
                entity: entity, place: UInt16(place), event: events[head.events, place], wasTakenOut: true))
        for next in place + 1..<Int(head.eventCount) { events[head.events, next - 1] = events[head.events, next] }
        head.eventCount -= 1
        head.savedEvents = min(head.savedEvents, UInt16(place))
        head.set(EntityHead.shortened)
        heads[Int(entity)] = head
    }

    /// How many events the changelog holds of a touched entity.
    func committedEvents(of entity: Index) -> Int {
        let undo = heads[Int(entity)].undo
        return undo < 0 ? 0 : Int(undoLog[Int(undo)].eventCount)
    }

    /// Appends the events in arrival order.
    func appendEvents(of entity: Index, to target: inout [TimelineEvent]) {
        let head = heads[Int(entity)]
        for place in 0..<Int(head.eventCount) {
            let stored = events[head.events, place]
            target.append(stored.event(attributes: payloads.attributes(of: stored.payload)))
        }
    }

    func appendContributions(of entity: Index, to target: inout [UInt8]) {
        let head = heads[Int(entity)]
        if head.contributionBytes > 0 {
            contributions.append(head.contributions, count: Int(head.contributionBytes), to: &target)
        }
    }

    func hasContributions(_ encoded: [UInt8], _ entity: Index) -> Bool {
        let head = heads[Int(entity)]
        if head.contributionBytes == 0 { return encoded.isEmpty }
        return contributions.equals(head.contributions, count: Int(head.contributionBytes), encoded)
    }

    /// Stores what has now been emitted for the entity (touched, below 16 MiB).
    mutating func setContributions(_ encoded: [UInt8], of entity: Index) {
        var head = heads[Int(entity)]
        let undo = Int(head.undo)
        if undo >= 0, !undoLog[undo].hasNewContributions {
            undoLog[undo].hasNewContributions = true
        } else {
            releaseContributions(head.contributions, bytes: head.contributionBytes)
        }
        head.contributionBytes = UInt32(encoded.count)
        if !encoded.isEmpty {
            head.contributions = contributions.allocate(encoded.count)
            unsafe contributions.write(encoded.span.bytes, to: head.contributions)
        }
        heads[Int(entity)] = head
    }

    private mutating func releaseContributions(_ handle: SegmentedPool<UInt8>.Handle, bytes: UInt32) {
        if bytes > 0 {
            contributions.release(handle, capacity: SegmentedPool<UInt8>.capacity(for: Int(bytes)))
        }
    }

    mutating func setFlag(_ flag: UInt16, _ on: Bool, of entity: Index) { heads[Int(entity)].set(flag, on) }
    mutating func setLifecycle(_ lifecycle: EntityLifecycle, of entity: Index) {
        setFlag(EntityHead.closed, lifecycle == .closed, of: entity)
        setFlag(EntityHead.orphan, lifecycle == .orphan, of: entity)
    }
    mutating func setTimer(_ instant: Int64, of entity: Index) { heads[Int(entity)].nextTimer = instant }
    mutating func setArrival(_ wall: Int64, of entity: Index) {
        heads[Int(entity)].lastArrival = max(heads[Int(entity)].lastArrival, wall)
    }
    mutating func setSaved(_ entity: Index) { heads[Int(entity)].savedEvents = heads[Int(entity)].eventCount }

    // MARK: Transactions

    /// The touched entities' changes are permanent.
    mutating func commitSucceeded() {
        for undo in undoLog {
            heads[Int(undo.entity)].undo = -1
            if undo.hasNewContributions { releaseContributions(undo.contributions, bytes: undo.contributionBytes) }
        }
        for replacement in replacements { payloads.release(replacement.event.payload) }
        undoLog.removeAllSparingly()
        replacements.removeAllSparingly()
    }

    /// Moves together what has been emitted, and payloads, where much of their memory is unused: for a moment at which there is
    /// time. What has been emitted only between transactions.
    mutating func tidy() {
        payloads.tidy()
        guard undoLog.isEmpty, contributions.isScattered else { return }
        var together = SegmentedPool<UInt8>(filler: 0)
        for index in heads.indices where heads[index].has(EntityHead.used) && heads[index].contributionBytes > 0 {
            heads[index].contributions = contributions.copy(
                heads[index].contributions, count: Int(heads[index].contributionBytes), to: &together)
        }
        contributions = together
    }

    /// Takes back everything since the last ``commitSucceeded()``, and reports each entity that still lives, so that its
    /// owner can put it back on its lists.
    mutating func rollBack(_ restored: (Index, EntityHead) -> Void) {
        for replacement in replacements.reversed() {
            let place = Int(replacement.place)
            if replacement.wasTakenOut {
                putBack(replacement.event, place, replacement.entity)
                continue
            }
            let handle = heads[Int(replacement.entity)].events
            payloads.release(events[handle, place].payload)
            events[handle, place] = replacement.event
        }
        for undo in undoLog {
            if undo.isNew {
                remove(undo.entity)
                continue
            }
            var head = heads[Int(undo.entity)]
            for index in Int(undo.eventCount)..<Int(head.eventCount) {
                payloads.release(events[head.events, index].payload)
            }
            if undo.hasNewContributions { releaseContributions(head.contributions, bytes: head.contributionBytes) }
            head.eventCount = undo.eventCount
            head.flags = undo.flags
            head.nextTimer = undo.nextTimer
            head.lastArrival = undo.lastArrival
            head.contributions = undo.contributions
            head.contributionBytes = undo.contributionBytes
            head.savedEvents = undo.eventCount
            head.undo = -1
            heads[Int(undo.entity)] = head
            restored(undo.entity, head)
        }
        undoLog.removeAllSparingly()
        replacements.removeAllSparingly()
    }
}

extension EntityStore {
    /// Undoes ``takeOut(_:of:)``. The place behind the last event may belong to one that was appended since.
    private mutating func putBack(_ event: StoredEvent, _ place: Int, _ entity: Index) {
        var head = heads[Int(entity)]
        let count = Int(head.eventCount)
        if count == Int(head.eventCapacity) {
            head.events = events.move(head.events, count: count, capacity: Int(head.eventCapacity), to: count + 1)
            head.eventCapacity = UInt16(SegmentedPool<StoredEvent>.capacity(for: count + 1))
        }
        for next in (place..<count).reversed() { events[head.events, next + 1] = events[head.events, next] }
        events[head.events, place] = event
        head.eventCount += 1
        heads[Int(entity)] = head
    }

    // MARK: Restoring

    /// Fills an entity that has nothing but its key with what the changelog holds of it. The payloads' references pass to the
    /// store.
    mutating func restore(_ entity: Index, _ list: [TimelineEvent], contributions encoded: ArraySlice<UInt8>) {
        var head = heads[Int(entity)]
        if !list.isEmpty {
            head.events = events.allocate(list.count)
            head.eventCapacity = UInt16(SegmentedPool<StoredEvent>.capacity(for: list.count))
            events.write(list.lazy.map(StoredEvent.init), to: head.events)
        }
        head.eventCount = UInt16(list.count)
        head.savedEvents = head.eventCount
        head.contributionBytes = UInt32(encoded.count)
        if !encoded.isEmpty {
            head.contributions = contributions.allocate(encoded.count)
            unsafe contributions.write(encoded.span.bytes, to: head.contributions)
        }
        for place in list.indices.dropFirst() where list[place].time <= list[place - 1].time {
            head.set(EntityHead.unsorted)
            break
        }
        heads[Int(entity)] = head
    }
}
