package import NIOCore

/// One record of a batch, as the builder takes it and the reader gives it.
package struct LogRecord: Equatable, Sendable {
    package var offsetDelta: Int32 = 0
    package var timestampDelta: Int64 = 0
    package var key: [UInt8]?
    package var value: [UInt8]?
    package var headers: [Header] = []

    package struct Header: Equatable, Sendable {
        package var name: String
        package var value: [UInt8]?

        package init(name: String, value: [UInt8]?) {
            self.name = name
            self.value = value
        }
    }

    package init(key: [UInt8]? = nil, value: [UInt8]? = nil, headers: [Header] = [], timestampDelta: Int64 = 0) {
        self.key = key
        self.value = value
        self.headers = headers
        self.timestampDelta = timestampDelta
    }
}

/// Builds an uncompressed batch: the broker's own control batches, and the data of simulated clients and of tests.
package struct RecordBatchBuilder {
    package var header = RecordBatchHeader()
    private var records = ByteBuffer()

    package init(
        timestamp: Int64, producerID: Int64 = -1, producerEpoch: Int16 = -1, baseSequence: Int32 = -1,
        isTransactional: Bool = false
    ) {
        header.baseTimestamp = timestamp
        header.maxTimestamp = timestamp
        header.producerID = producerID
        header.producerEpoch = producerEpoch
        header.baseSequence = baseSequence
        if isTransactional { header.attributes |= RecordBatchHeader.transactionalFlag }
        header.lastOffsetDelta = -1
    }

    /// The marker that ends a transaction. Key: version, type (0 abort, 1 commit); value: version, coordinator epoch.
    static func control(isCommit: Bool, producerID: Int64, producerEpoch: Int16, timestamp: Int64) -> ByteBuffer {
        var builder = RecordBatchBuilder(
            timestamp: timestamp, producerID: producerID, producerEpoch: producerEpoch, isTransactional: true)
        builder.header.attributes |= RecordBatchHeader.controlFlag
        builder.append(LogRecord(key: [0, 0, 0, isCommit ? 1 : 0], value: [0, 0, 0, 0, 0, 0]))
        return builder.finish()
    }

    package mutating func append(_ record: LogRecord) {
        header.lastOffsetDelta += 1
        header.count += 1
        header.maxTimestamp = max(header.maxTimestamp, header.baseTimestamp &+ record.timestampDelta)
        var body = ByteBuffer()
        body.writeInteger(0 as Int8)
        body.writeSignedVarint(record.timestampDelta)
        body.writeSignedVarint(Int64(header.lastOffsetDelta))
        body.writeField(record.key)
        body.writeField(record.value)
        body.writeSignedVarint(Int64(record.headers.count))
        for item in record.headers {
            body.writeField(Array(item.name.utf8))
            body.writeField(item.value)
        }
        records.writeSignedVarint(Int64(body.readableBytes))
        records.writeImmutableBuffer(body)
    }

    /// Nil only when memory is out.
    package consuming func finish(_ codec: CompressionCodec) -> ByteBuffer? {
        guard let compressed = codec.compress(records) else { return nil }
        records = compressed
        header.attributes |= Int16(codec.rawValue)
        return finish()
    }

    package consuming func finish() -> ByteBuffer {
        header.length = Int32(
            clamping: RecordBatchHeader.byteCount - RecordBatchHeader.lengthOverhead + records.readableBytes)
        header.crc = header.checksum(records: records)
        var buffer = ByteBufferAllocator().buffer(capacity: header.batchByteCount)
        header.write(into: &buffer)
        buffer.writeImmutableBuffer(records)
        return buffer
    }
}

extension ByteBuffer {
    fileprivate mutating func writeField(_ field: [UInt8]?) {
        guard let field else {
            writeSignedVarint(-1)
            return
        }
        writeSignedVarint(Int64(field.count))
        writeBytes(field)
    }

    /// Zig-zag, then seven bits a byte.
    mutating func writeSignedVarint(_ value: Int64) {
        var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(rest))
    }

    private mutating func readSignedVarint() -> Int64? {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = readInteger(as: UInt8.self) else { return nil }
            result |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return Int64(bitPattern: result >> 1) ^ -Int64(bitPattern: result & 1) }
        }
        return nil
    }

    private mutating func readField() -> [UInt8]?? {
        guard let length = readSignedVarint(), length >= -1, length <= Int64(readableBytes) else { return nil }
        if length < 0 { return .some(nil) }
        return readBytes(length: Int(length)).map { .some($0) }
    }

    /// The next record of an uncompressed batch; nil when the bytes are no record. Lengths are checked before allocation.
    package mutating func readLogRecord() -> LogRecord? {
        guard let length = readSignedVarint(), length >= 0, length <= Int64(readableBytes),
            var body = readSlice(length: Int(length)),
            body.readInteger(as: Int8.self) != nil,
            let timestampDelta = body.readSignedVarint(),
            let offsetDelta = body.readSignedVarint().flatMap({ Int32(exactly: $0) }),
            let key = body.readField(), let value = body.readField(),
            let headerCount = body.readSignedVarint(), headerCount >= 0, headerCount <= Int64(body.readableBytes)
        else { return nil }
        var record = LogRecord(key: key, value: value, timestampDelta: timestampDelta)
        record.offsetDelta = offsetDelta
        for _ in 0..<headerCount {
            guard let name = body.readField(), let name, let value = body.readField() else { return nil }
            record.headers.append(LogRecord.Header(name: String(decoding: name, as: UTF8.self), value: value))
        }
        return record
    }
}

extension RecordBatchHeader {
    /// The records of an uncompressed batch that starts at the reader index of `batch`.
    package static func records(in batch: ByteBuffer) -> [LogRecord]? {
        guard let header = RecordBatchHeader(batch, at: batch.readerIndex), header.compression == 0,
            header.batchByteCount <= batch.readableBytes, header.batchByteCount >= byteCount,
            var body = batch.getSlice(at: batch.readerIndex + byteCount, length: header.batchByteCount - byteCount)
        else { return nil }
        var records: [LogRecord] = []
        for _ in 0..<max(0, header.count) {
            guard let record = body.readLogRecord() else { return nil }
            records.append(record)
        }
        return records
    }
}
