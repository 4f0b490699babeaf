package import NIOCore

/// Where the parts of one record are, in the uncompressed bytes behind a batch's header. Nothing is copied and nothing allocated:
/// whoever looks at the records of a whole log looks at them through this.
package struct RecordSpan: Equatable, Sendable {
    /// All of the record, its length included.
    package var whole: Range<Int>
    package var timestampDelta: Int64
    package var offsetDelta: Int32
    /// The part behind the two deltas: key, value, headers.
    package var content: Range<Int>
    package var key: Range<Int>?
    package var hasValue: Bool

    /// Reads the record at `position` and moves it behind; nil when the bytes are no record.
    package init?(_ bytes: Span<UInt8>, at position: inout Int) {
        let start = position
        guard let length = Self.varint(bytes, &position, bytes.count), length >= 0,
            length <= Int64(bytes.count - position)
        else { return nil }
        let end = position + Int(length)
        // The record's own attributes: unused.
        guard position < end else { return nil }
        position += 1
        guard let timestamp = Self.varint(bytes, &position, end),
            let offset = Self.varint(bytes, &position, end).flatMap({ Int32(exactly: $0) })
        else { return nil }
        timestampDelta = timestamp
        offsetDelta = offset
        let contentStart = position
        guard let keyLength = Self.varint(bytes, &position, end), keyLength >= -1, keyLength <= Int64(end - position)
        else { return nil }
        key = keyLength < 0 ? nil : position..<(position + Int(keyLength))
        position += max(0, Int(keyLength))
        guard let valueLength = Self.varint(bytes, &position, end), valueLength >= -1,
            valueLength <= Int64(end - position)
        else { return nil }
        hasValue = valueLength >= 0
        position = end
        whole = start..<end
        content = contentStart..<end
    }

    private static func varint(_ bytes: Span<UInt8>, _ position: inout Int, _ end: Int) -> Int64? {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 70 {
            let byte = bytes[position]
            position += 1
            result |= UInt64(byte & 0x7f) &<< shift
            if byte & 0x80 == 0 { return Int64(bitPattern: result >> 1) ^ -Int64(bitPattern: result & 1) }
            shift += 7
        }
        return nil
    }
}

extension RecordBatchHeader {
    /// A batch of the largest size that is allowed does not grow beyond this when it is decompressed, or is not looked into.
    static let largestContent = 256 << 20

    /// The uncompressed records of the batch that starts at the reader index of `batch`; nil when they cannot be had.
    package func content(of batch: ByteBuffer) -> ByteBuffer? {
        guard let codec = CompressionCodec(rawValue: compression), batchByteCount >= Self.byteCount,
            let body = batch.getSlice(
                at: batch.readerIndex + Self.byteCount, length: batchByteCount - Self.byteCount)
        else { return nil }
        return codec.decompress(body, limit: Self.largestContent)
    }

    /// Calls `visit` with each record of a batch's uncompressed records, until it says false. False when they are not what the header says.
    package func forEachRecord(in content: ByteBuffer, _ visit: (RecordSpan, Span<UInt8>) -> Bool) -> Bool {
        let bytes = content.readableBytesUInt8Span
        var position = 0
        for _ in 0..<max(0, count) {
            guard let record = RecordSpan(bytes, at: &position) else { return false }
            guard record.offsetDelta >= 0, record.offsetDelta <= lastOffsetDelta else { return false }
            if !visit(record, bytes) { return true }
        }
        return true
    }
}
