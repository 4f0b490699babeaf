import NIOCore

/// Writes the small derived files beside the segments: integers between a format byte and a CRC.
struct NoteWriter {
    private var buffer = ByteBuffer()

    init(format: UInt8) { buffer.writeInteger(format) }

    mutating func write(_ value: Int64) { buffer.writeInteger(value) }

    mutating func write(index: SparseIndex, maxTimestamp: Int64, created: Int64) {
        write(maxTimestamp)
        write(created)
        write(Int64(index.entries.count))
        for entry in index.entries {
            write(entry.offset)
            write(Int64(entry.position))
            write(entry.maxTimestampBefore)
        }
    }

    consuming func finish() -> ByteBuffer {
        let crc = unsafe buffer.withUnsafeReadableBytes { bytes in unsafe CRC32C.checksum(bytes) }
        buffer.writeInteger(crc)
        return buffer
    }
}

/// Reads such a file; everything is nil that is not whole.
struct NoteReader {
    private var buffer: ByteBuffer

    init?(_ bytes: ByteBuffer, format: UInt8) {
        guard bytes.readableBytes >= 5,
            let crc = bytes.getInteger(at: bytes.writerIndex - 4, as: UInt32.self),
            var body = bytes.getSlice(at: bytes.readerIndex, length: bytes.readableBytes - 4),
            unsafe body.withUnsafeReadableBytes({ bytes in unsafe CRC32C.checksum(bytes) }) == crc,
            body.readInteger(as: UInt8.self) == format
        else { return nil }
        buffer = body
    }

    mutating func read() -> Int64? { buffer.readInteger() }

    private mutating func readCount(elementBytes: Int) -> Int? {
        guard let count = read(), count >= 0, count <= Int64(buffer.readableBytes / elementBytes) else { return nil }
        return Int(count)
    }

    struct Index {
        var index: SparseIndex
        var maxTimestamp: Int64
        var created: Int64
    }

    mutating func readIndex() -> Index? {
        guard let maxTimestamp = read(), let created = read(), let count = readCount(elementBytes: 24) else {
            return nil
        }
        var entries: [SparseIndex.Entry] = []
        for _ in 0..<count {
            guard let offset = read(), let position = read(), let before = read() else { return nil }
            entries.append(SparseIndex.Entry(offset: offset, position: Int(position), maxTimestampBefore: before))
        }
        return Index(index: SparseIndex(entries: entries), maxTimestamp: maxTimestamp, created: created)
    }

    mutating func readProducers() -> [Int64: ProducerState]? {
        guard let count = readCount(elementBytes: 40) else { return nil }
        var producers: [Int64: ProducerState] = [:]
        for _ in 0..<count {
            guard let id = read(), let epoch = read().flatMap({ Int16(exactly: $0) }), let first = read(),
                let lastAppend = read(), let batches = readCount(elementBytes: 32)
            else { return nil }
            var state = ProducerState(epoch: epoch, lastAppend: lastAppend)
            state.transactionFirstOffset = first < 0 ? nil : first
            for _ in 0..<batches {
                guard let firstSequence = read().flatMap({ Int32(exactly: $0) }),
                    let lastSequence = read().flatMap({ Int32(exactly: $0) }),
                    let offset = read(), let timestamp = read()
                else { return nil }
                state.batches.append(
                    ProducerState.Batch(
                        firstSequence: firstSequence, lastSequence: lastSequence, firstOffset: offset,
                        timestamp: timestamp))
            }
            producers[id] = state
        }
        return producers
    }

    mutating func readOpenTransactions() -> [OpenTransaction]? {
        guard let count = readCount(elementBytes: 32) else { return nil }
        var transactions: [OpenTransaction] = []
        for _ in 0..<count {
            guard let producer = read(), let first = read(), let base = read(), let position = read() else {
                return nil
            }
            transactions.append(
                OpenTransaction(
                    producerID: producer, firstOffset: first, segmentBaseOffset: base, position: Int(position)))
        }
        return transactions
    }

    mutating func readAbortedTransactions() -> [AbortedTransaction]? {
        guard let count = readCount(elementBytes: 32) else { return nil }
        var transactions: [AbortedTransaction] = []
        for _ in 0..<count {
            guard let producer = read(), let first = read(), let last = read(), let stable = read() else { return nil }
            transactions.append(
                AbortedTransaction(producerID: producer, firstOffset: first, lastOffset: last, lastStableOffset: stable)
            )
        }
        return transactions
    }
}
