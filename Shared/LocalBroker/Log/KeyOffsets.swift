/// The last offset of each key, in a bounded amount of memory: keys are held as 128 bits of hash (SipHash under two seeds that change
/// with each process, so that nobody can make two keys collide on purpose).
struct KeyOffsets {
    private struct Entry {
        var first: UInt64 = 0
        var second: UInt64 = 0
        var offset: Int64 = -1
    }

    private var entries: [Entry]
    private(set) var count = 0
    let limit: Int

    /// `memoryLimit` in bytes; the table begins small and doubles.
    init(memoryLimit: Int) {
        var largest = 64
        while largest * 2 * MemoryLayout<Entry>.stride <= memoryLimit { largest *= 2 }
        limit = largest / 4 * 3
        entries = [Entry](repeating: Entry(), count: 64)
    }

    var isFull: Bool { count >= limit }

    struct Hash: Equatable {
        var first: UInt64
        var second: UInt64

        init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
            var one = Hasher()
            var two = Hasher()
            one.combine(1 as UInt8)
            two.combine(2 as UInt8)
            unsafe bytes.extracting(range).withUnsafeBytes { key in
                unsafe one.combine(bytes: key)
                unsafe two.combine(bytes: key)
            }
            first = UInt64(bitPattern: Int64(one.finalize()))
            second = UInt64(bitPattern: Int64(two.finalize()))
        }
    }

    /// Where the key is, or where it would be.
    private func slot(_ hash: Hash) -> Int {
        let mask = entries.count - 1
        var index = Int(truncatingIfNeeded: hash.first) & mask
        while entries[index].offset >= 0, entries[index].first != hash.first || entries[index].second != hash.second {
            index = (index + 1) & mask
        }
        return index
    }

    subscript(hash: Hash) -> Int64? {
        let entry = entries[slot(hash)]
        return entry.offset < 0 ? nil : entry.offset
    }

    /// Offsets come in ascending order; false when a new key does not fit any more.
    mutating func set(_ hash: Hash, to offset: Int64) -> Bool {
        let index = slot(hash)
        if entries[index].offset < 0 {
            guard !isFull else { return false }
            count += 1
        }
        entries[index] = Entry(first: hash.first, second: hash.second, offset: offset)
        if count * 4 > entries.count * 3, !isFull { grow() }
        return true
    }

    private mutating func grow() {
        let old = entries
        entries = [Entry](repeating: Entry(), count: old.count * 2)
        for entry in old where entry.offset >= 0 {
            entries[slot(Hash(first: entry.first, second: entry.second))] = entry
        }
    }
}

extension KeyOffsets.Hash {
    init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }
}
