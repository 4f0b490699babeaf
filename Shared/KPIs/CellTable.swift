/// An interner of cell keys: bytes to a number and back. Numbers count up from 0 and stay for the table's life.
///
/// Open addressing over one byte arena: looking a known cell up allocates nothing.
public struct CellTable {
    private var arena: [UInt8] = []
    /// `ends[i]` is where key i ends in the arena; it begins where the one before ends.
    private var ends: [Int] = []
    /// Cell number + 1; 0 is free.
    private var slots = [UInt32](repeating: 0, count: 64)

    public init() {}

    public var count: Int { ends.count }

    /// The number of a key, which is added if it is new. A record key of `~` is the overall cell.
    public mutating func intern(_ key: RawSpan) -> UInt32 {
        if key.byteCount == 1, CellTable.byte(key, 0) == UInt8(ascii: "~") { return intern(.overall) }
        var slot = slot(of: key)
        if slots[slot] != 0 { return slots[slot] - 1 }
        if (ends.count + 1) * 2 > slots.count {
            grow()
            slot = self.slot(of: key)
        }
        for index in 0..<key.byteCount { arena.append(CellTable.byte(key, index)) }
        ends.append(arena.count)
        slots[slot] = UInt32(ends.count)
        return UInt32(ends.count - 1)
    }

    public mutating func intern(_ key: CellKey) -> UInt32 { unsafe intern(key.bytes.span.bytes) }

    /// The bytes of a cell's key.
    public func key(of cell: UInt32) -> ArraySlice<UInt8> { arena[start(of: cell)..<ends[Int(cell)]] }

    /// Calls `body` with the record key of a cell on repartition topics (see ``CellKey/partitionKey``).
    public func withPartitionKey<Result>(of cell: UInt32, _ body: (RawSpan) -> Result) -> Result {
        let range = start(of: cell)..<ends[Int(cell)]
        if range.isEmpty {
            let key = CellKey.overallPartitionKey
            return unsafe body(key.span.bytes)
        }
        let bytes = unsafe arena.span.bytes
        return body(bytes.extracting(range))
    }

    private func start(of cell: UInt32) -> Int { cell == 0 ? 0 : ends[Int(cell) - 1] }

    @inline(__always)
    private static func byte(_ span: RawSpan, _ index: Int) -> UInt8 {
        unsafe span.unsafeLoad(fromByteOffset: index, as: UInt8.self)
    }

    /// The slot that holds the key, or the free one where it belongs.
    private func slot(of key: RawSpan) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<key.byteCount { hash = (hash ^ UInt64(CellTable.byte(key, index))) &* 0x100_0000_01b3 }
        var slot = Int(truncatingIfNeeded: (hash ^ hash >> 32)) & (slots.count - 1)
        while slots[slot] != 0, !holds(slots[slot] - 1, key) { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    private func holds(_ cell: UInt32, _ key: RawSpan) -> Bool {
        let start = start(of: cell)
        guard ends[Int(cell)] - start == key.byteCount else { return false }
        for index in 0..<key.byteCount where arena[start + index] != CellTable.byte(key, index) { return false }
        return true
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for cell in 0..<UInt32(ends.count) {
            let free = unsafe slot(of: arena.span.bytes.extracting(start(of: cell)..<ends[Int(cell)]))
            slots[free] = cell + 1
        }
    }
}
