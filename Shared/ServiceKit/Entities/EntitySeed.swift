package import Streams

/// What a new generation of an entity stage's state begins with, where its derivation keeps a memory: what has been published
/// about each entity. Events are read again from the beginning.
package enum EntitySeed {
    /// The seed of one changelog record.
    ///
    /// - Returns: the entity's id, by which its partition is computed, and the seed under the same key (nil deletes it); nil for
    ///   a record of another kind.
    package static func record(
        key: [UInt8], value: [UInt8]?
    ) throws(InternalRecordError) -> (id: [UInt8], value: [UInt8]?)? {
        // What is left of an erased entity follows from its events again.
        guard key.first == EntityChangelog.Kind.head.rawValue, key.dropFirst().first != EntityNames.erased else {
            return nil
        }
        let id = Array(key.dropFirst())
        guard let value else { return (id, nil) }
        var reader = BinaryReader(value)
        let head = try EntityChangelog.Head(&reader)
        var contributions = BinaryReader(Array(value[head.contributions]))
        if head.isResidue { _ = try EntityResidue.hashes(&contributions) }
        let memory = contributions.isAtEnd ? [] : try contributions.bytes()
        return (id, EntityChangelog.head(memory: memory))
    }

    /// The record that holds publication back until everything that had arrived by `instant` (µs) has been read again.
    package static func hold(until instant: Int64) -> (key: [UInt8], value: [UInt8]) {
        var value = [EntityChangelog.format]
        value.appendSignedVarint(instant)
        return ([EntityChangelog.Kind.hold.rawValue], value)
    }
}
