import Streams

/// What a restore has read of the entities so far, as it was read. A record replaces the one before it unseen; only what is left
/// at the end is decoded.
struct RestoredEntities {
    /// Where the head of an entity lies in the pool; `count` 0 stands for none, or for a deleted one.
    private struct Place {
        var handle: SegmentedPool<UInt8>.Handle = 0
        var count: UInt32 = 0
    }

    private static let largestHead = 4 << 20

    private var pool = SegmentedPool<UInt8>(filler: 0)
    /// Index = entity.
    private var heads: [Place] = []
    /// By entity and number of the chunk. Most entities have none.
    private var chunks: [UInt64: [UInt8]] = [:]

    /// - Throws: for a record that is larger than any that is written.
    mutating func setHead(_ value: borrowing RawSpan, of entity: EntityStore.Index) throws(InternalRecordError) {
        guard value.byteCount <= Self.largestHead else {
            throw InternalRecordError("an entity's head of \(value.byteCount) bytes")
        }
        removeHead(of: entity)
        while heads.count <= Int(entity) { heads.append(Place()) }
        let handle = pool.allocate(value.byteCount)
        pool.write(value, to: handle)
        heads[Int(entity)] = Place(handle: handle, count: UInt32(value.byteCount))
    }

    mutating func removeHead(of entity: EntityStore.Index) {
        guard Int(entity) < heads.count, heads[Int(entity)].count > 0 else { return }
        let place = heads[Int(entity)]
        pool.release(place.handle, capacity: SegmentedPool<UInt8>.capacity(for: Int(place.count)))
        heads[Int(entity)].count = 0
    }

    mutating func setChunk(_ number: Int, _ value: [UInt8], of entity: EntityStore.Index) {
        chunks[Self.key(number, entity)] = value
    }

    mutating func removeChunk(_ number: Int, of entity: EntityStore.Index) {
        chunks[Self.key(number, entity)] = nil
    }

    /// Replaces the content of `bytes` by the entity's head.
    ///
    /// - Returns: whether it has one.
    func loadHead(of entity: EntityStore.Index, into bytes: inout [UInt8]) -> Bool {
        guard Int(entity) < heads.count, heads[Int(entity)].count > 0 else { return false }
        let place = heads[Int(entity)]
        bytes.removeAll(keepingCapacity: true)
        pool.append(place.handle, count: Int(place.count), to: &bytes)
        return true
    }

    func chunk(_ number: Int, of entity: EntityStore.Index) -> [UInt8]? { chunks[Self.key(number, entity)] }

    private static func key(_ number: Int, _ entity: EntityStore.Index) -> UInt64 {
        UInt64(entity) << 8 | UInt64(number)
    }
}
