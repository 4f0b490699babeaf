import Streams
import SupportEvents

/// What is left of a closed entity for which nothing has arrived for long: a hash of each of its events, by which duplicates are
/// known, and what it contributes, so that a deletion can still take that back.
///
/// Packed: number of hashes, the hashes (8 bytes each, little-endian), what the state holds of contributions.
enum EntityResidue {
    /// Tells events apart by all that the state keeps of them.
    static func hash(_ event: TimelineEvent, payload: [UInt8]) -> UInt64 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count + 20)
        bytes.appendFixed64(event.identity)
        bytes.appendFixed64(UInt64(bitPattern: event.time))
        bytes.appendFixed32(event.attributes)
        bytes.append(contentsOf: payload)
        return KeyHash.hash(bytes)
    }

    static func encode(_ hashes: [UInt64], into bytes: inout [UInt8]) {
        bytes.appendVarint(UInt64(hashes.count))
        for hash in hashes { bytes.appendFixed64(hash) }
    }

    /// Takes the hashes; the reader stands at the contributions afterwards.
    static func hashes(_ reader: inout BinaryReader) throws(InternalRecordError) -> [UInt64] {
        var hashes: [UInt64] = []
        for _ in 0..<(try reader.count(minimum: 8)) { hashes.append(try reader.fixed64()) }
        return hashes
    }
}
