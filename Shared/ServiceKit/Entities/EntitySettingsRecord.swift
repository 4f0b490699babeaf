import BusinessTime
import KPIs
import Streams

/// What the contributions of a task's state were derived with: a record of its changelog. Where it is not what holds now,
/// every entity is derived again.
struct EntitySettingsRecord: Equatable {
    private static let format: UInt8 = 2

    /// Of everything that contributions depend on.
    var fingerprint: UInt64
    var rulesVersion: Int64
    var derivation: UInt32
    var zone: String
    /// Of the time-zone data.
    var zoneData: UInt64
    /// Ids of the measures that were kept, ascending.
    var measures: [UInt16]

    /// Whether rules alone make the difference. Then windows that have ended keep what they have; other code or other
    /// time-zone data derive all windows again.
    func differsByRules(from saved: EntitySettingsRecord) -> Bool {
        saved.rulesVersion < rulesVersion && saved.derivation == derivation
            && (saved.zone != zone || saved.zoneData == zoneData)
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(Self.format)
        bytes.appendFixed64(fingerprint)
        bytes.appendVarint(UInt64(rulesVersion))
        bytes.appendVarint(UInt64(derivation))
        bytes.appendBytes(zone.utf8)
        bytes.appendFixed64(zoneData)
        bytes.appendVarint(UInt64(measures.count))
        for measure in measures { bytes.appendVarint(UInt64(measure)) }
    }

    /// - Returns: nil for a record that only told the fingerprint: everything is derived again.
    static func decode(_ reader: inout BinaryReader) throws(InternalRecordError) -> EntitySettingsRecord? {
        let format = try reader.byte()
        if format == 1 { return nil }
        guard format == Self.format else {
            throw InternalRecordError("settings of an unknown format: written by a newer version")
        }
        var record = EntitySettingsRecord(
            fingerprint: try reader.fixed64(), rulesVersion: Int64(truncatingIfNeeded: try reader.varint()),
            derivation: UInt32(truncatingIfNeeded: try reader.varint()),
            zone: String(decoding: try reader.bytes(), as: UTF8.self), zoneData: try reader.fixed64(), measures: [])
        for _ in 0..<(try reader.count()) {
            record.measures.append(UInt16(truncatingIfNeeded: try reader.varint()))
        }
        return record
    }
}
