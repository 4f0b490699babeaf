import CSimdjson

/// Interns byte strings as small integers: open addressing on a 64-bit hash with a check of the bytes, one byte arena.
///
/// With reference counting, an id whose last reference is released is used again for another string, and the arena
/// is compacted when half of it is unused: memory is bounded by the strings in use. Without it ids are dense, from 0,
/// and for ever. At most 2^31 strings and 4 GiB of bytes.
public struct StringTable: ~Copyable {
    /// Stands for "no string".
    public static let none = UInt32.max

    @usableFromInline
    struct Entry {
        /// Into the arena; of a free entry the next free one.
        @usableFromInline var offset: UInt32
        @usableFromInline var count: UInt32
        /// 0: free.
        @usableFromInline var references: UInt32
        @usableFromInline var tag: UInt32
    }

    private let countsReferences: Bool
    @usableFromInline var entries: [Entry] = []
    @usableFromInline var bytes: [UInt8] = []
    /// Ids by slot, the upper half of the string's hash above each, so that a look-up meets no other string's entry on its way,
    /// and the table can grow without looking at the strings. At most three quarters full.
    private var slots: [UInt64]
    /// An empty slot: no id is `none`.
    private static let empty = UInt64.max
    private var firstFree = Self.none
    private var unusedBytes = 0

    /// Number of strings in the table.
    public private(set) var count = 0

    public init(countsReferences: Bool = false) {
        self.countsReferences = countsReferences
        slots = Array(repeating: Self.empty, count: 16)
    }

    /// Bytes of memory that the table holds.
    public var memory: Int {
        bytes.capacity + entries.capacity * MemoryLayout<Entry>.stride + slots.capacity * MemoryLayout<UInt64>.stride
    }

    /// One above the greatest id that was ever given: the size of an array indexed by id.
    public var idLimit: Int { entries.count }

    // MARK: Look-up

    /// The id of a string, which is put into the table if need be. With reference counting this takes one reference.
    ///
    /// - Parameters:
    ///   - hash: `KeyHash.hash` of the bytes.
    ///   - tag: Tells strings of the same bytes apart.
    public mutating func intern(_ string: RawSpan, hash: UInt64, tag: UInt32 = 0) -> UInt32 {
        let hash = Self.hash(hash, tag)
        if let id = find(string, tag, hash) {
            if countsReferences { retain(id) }
            return id
        }
        if (count + 1) * 4 > slots.count * 3 { grow() }
        let id = store(string, tag)
        place(Self.slot(id, hash: hash))
        count += 1
        return id
    }

    private mutating func place(_ entry: UInt64) {
        var slot = HashPlace.home(entry, slots.count)
        while slots[slot] != Self.empty { slot = HashPlace.next(slot, slots.count) }
        slots[slot] = entry
    }

    private static func hash(_ hash: UInt64, _ tag: UInt32) -> UInt64 { hash ^ UInt64(tag) &* 0x9E37_79B9_7F4A_7C15 }
    private static func slot(_ id: UInt32, hash: UInt64) -> UInt64 { (hash >> 32) << 32 | UInt64(id) }
    private static func id(_ slot: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: slot) }

    /// The id of a string.
    public mutating func intern(_ string: RawSpan, tag: UInt32 = 0) -> UInt32 {
        intern(string, hash: KeyHash.hash(string), tag: tag)
    }

    /// The id of a string given as an array.
    public mutating func intern(_ string: [UInt8]) -> UInt32 {
        unsafe intern(string.span.bytes)
    }

    /// The id of a string of a decoder's batch; `none` for an empty one.
    public mutating func intern(_ text: EventText, in decoder: EventDecoder) -> UInt32 {
        if text.isEmpty { return Self.none }
        return decoder.withText(text) { intern($0, hash: text.hash) }
    }

    /// The id of a string without a tag that is in the table, without taking a reference.
    public func find(_ string: RawSpan, hash: UInt64) -> UInt32? { find(string, 0, hash) }

    private func find(_ string: RawSpan, _ tag: UInt32, _ hash: UInt64) -> UInt32? {
        var slot = HashPlace.home(hash, slots.count)
        while true {
            let found = slots[slot]
            if found == Self.empty { return nil }
            if found >> 32 == hash >> 32 {
                let id = Self.id(found)
                if entries[Int(id)].tag == tag, equal(entries[Int(id)], string) { return id }
            }
            slot = HashPlace.next(slot, slots.count)
        }
    }

    /// The id of a string that is in the table, without taking a reference.
    public func find(_ string: [UInt8]) -> UInt32? {
        unsafe find(string.span.bytes, hash: KeyHash.hash(string))
    }

    private func equal(_ entry: Entry, _ string: RawSpan) -> Bool {
        guard Int(entry.count) == string.byteCount else { return false }
        return unsafe bytes.withUnsafeBytes { all in
            unsafe string.withUnsafeBytes { other in
                unsafe db_equal(all.baseAddress.map { unsafe $0 + Int(entry.offset) }, other.baseAddress, other.count)
            }
        }
    }

    // MARK: Look-back

    /// Passes the bytes of a string.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        of id: UInt32, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let entry = entries[Int(id)]
        precondition(entry.references > 0, "no string has this id")
        return try unsafe body(bytes.span.bytes.extracting(Int(entry.offset)..<Int(entry.offset) + Int(entry.count)))
    }

    /// The bytes of a string.
    public func bytes(of id: UInt32) -> [UInt8] {
        let entry = entries[Int(id)]
        precondition(entry.references > 0, "no string has this id")
        return Array(bytes[Int(entry.offset)..<Int(entry.offset) + Int(entry.count)])
    }

    /// What it was given with.
    @inlinable
    public func tag(of id: UInt32) -> UInt32 { entries[Int(id)].tag }

    /// A string as text.
    public func string(of id: UInt32) -> String {
        String(decoding: bytes(of: id), as: UTF8.self)
    }

    // MARK: References

    /// Takes one more reference. Does nothing for `none`, or without reference counting.
    public mutating func retain(_ id: UInt32) {
        guard countsReferences, id != Self.none else { return }
        precondition(entries[Int(id)].references > 0, "no string has this id")
        entries[Int(id)].references += 1
    }

    /// Gives up one reference; with the last one the string goes and its id may come back for another.
    ///
    /// - Returns: whether the string is gone.
    @discardableResult
    public mutating func release(_ id: UInt32) -> Bool {
        guard countsReferences, id != Self.none else { return false }
        precondition(entries[Int(id)].references > 0, "no string has this id")
        guard entries[Int(id)].references == 1 else {
            entries[Int(id)].references -= 1
            return false
        }
        removeSlot(of: id)
        unusedBytes += Int(entries[Int(id)].count)
        entries[Int(id)] = Entry(offset: firstFree, count: 0, references: 0, tag: 0)
        firstFree = id
        count -= 1
        if unusedBytes > 4096, unusedBytes * 2 > bytes.count { compact() }
        return true
    }

    /// Compacts the arena when an eighth of it is unused, for a moment at which there is time.
    public mutating func tidy() {
        if unusedBytes > 4096, unusedBytes * 8 > bytes.count { compact() }
    }

    // MARK: Storage

    private mutating func store(_ string: RawSpan, _ tag: UInt32) -> UInt32 {
        precondition(bytes.count + string.byteCount <= Int(UInt32.max), "a string table holds at most 4 GiB")
        let entry = Entry(offset: UInt32(bytes.count), count: UInt32(string.byteCount), references: 1, tag: tag)
        bytes.reserveSparingly(string.byteCount)
        unsafe string.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        if firstFree != Self.none {
            let id = firstFree
            firstFree = entries[Int(id)].offset
            entries[Int(id)] = entry
            return id
        }
        precondition(entries.count < 1 << 31, "a string table is full")
        entries.reserveSparingly()
        entries.append(entry)
        return UInt32(entries.count - 1)
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Self.empty, count: old.count + old.count / 2)
        for entry in old where entry != Self.empty { place(entry) }
    }

    /// Closes the gap by moving back what was displaced over it, so that no tombstones are needed.
    private mutating func removeSlot(of id: UInt32) {
        let size = slots.count
        let tag = entries[Int(id)].tag
        var gap = withBytes(of: id) { HashPlace.home(Self.hash(KeyHash.hash($0), tag), size) }
        while Self.id(slots[gap]) != id { gap = HashPlace.next(gap, size) }
        var next = HashPlace.next(gap, size)
        while slots[next] != Self.empty {
            let home = HashPlace.home(slots[next], size)
            if HashPlace.distance(home, next, size) >= HashPlace.distance(gap, next, size) {
                slots[gap] = slots[next]
                gap = next
            }
            next = HashPlace.next(next, size)
        }
        slots[gap] = Self.empty
    }

    private mutating func compact() {
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count - unusedBytes)
        for id in entries.indices where entries[id].references > 0 {
            let start = Int(entries[id].offset)
            entries[id].offset = UInt32(kept.count)
            kept.append(contentsOf: bytes[start..<start + Int(entries[id].count)])
        }
        bytes = kept
        unusedBytes = 0
    }
}
