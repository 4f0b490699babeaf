import CSimdjson

/// Finds the events in a request body: one event, or an array of them (the batched mode of CloudEvents).
public enum EventSplitter {
    /// The places of the events in `body`. They are checked one by one when they are decoded.
    /// - Throws: `malformed_json` when the body is not one JSON text, for which memory of about five times its size is
    ///   needed; limit the body before.
    public static func events(in body: [UInt8]) throws(Rejection) -> [Range<Int>] {
        var padded = body
        padded.append(contentsOf: repeatElement(0, count: EventDecoder.padding))
        var ranges: [Range<Int>] = []
        let broken = unsafe withUnsafeMutablePointer(to: &ranges) { context in
            unsafe db_split(padded, body.count, context) { context, offset, length in
                unsafe context?.assumingMemoryBound(to: [Range<Int>].self).pointee.append(offset..<offset + length)
            }
        }
        guard broken == 0 else { throw Rejection(reason: .malformedJSON, offset: broken - 1) }
        return ranges
    }
}
