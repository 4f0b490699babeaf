import SLA
import ServiceKit
import Streams

/// The stored form of a promise's name: one byte for a metric without a variant, as most promises are.
enum PromiseName {
    /// Places stand in state: new ones come last.
    private static let known: [String] = [
        SLAMetric.firstResponse, .nextResponse, .update, .periodicUpdate, .resolution, .requesterWait, .agentWork,
        .answer,
    ].map(\.rawValue)

    static func decode(_ reader: inout BinaryReader) throws(InternalRecordError) -> String {
        let place = Int(try reader.byte())
        if place == 0 { return String(decoding: try reader.bytes(), as: UTF8.self) }
        guard place <= known.count else {
            throw InternalRecordError("a fact of an unknown metric: written by a newer version")
        }
        return known[place - 1]
    }

    static func encode(_ name: String, to bytes: inout [UInt8]) {
        if let place = known.firstIndex(of: name) {
            bytes.append(UInt8(place + 1))
        } else {
            bytes.append(0)
            bytes.appendBytes(name.utf8)
        }
    }
}
