package import NIOCore

/// The fixed 61 bytes in front of the records of a batch of format 2, the unit in which the broker stores and serves data.
///
/// Layout: base offset 8, length 4 (of what follows), leader epoch 4, magic 1, CRC 4 (of everything behind it), attributes 2, last
/// offset delta 4, base timestamp 8, max timestamp 8, producer id 8, producer epoch 2, base sequence 4, record count 4.
package struct RecordBatchHeader: Equatable, Sendable {
    package var baseOffset: Int64 = 0
    package var length: Int32 = 0
    package var leaderEpoch: Int32 = 0
    package var magic: Int8 = 2
    package var crc: UInt32 = 0
    package var attributes: Int16 = 0
    package var lastOffsetDelta: Int32 = 0
    package var baseTimestamp: Int64 = -1
    package var maxTimestamp: Int64 = -1
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = -1
    package var baseSequence: Int32 = -1
    package var count: Int32 = 0

    package static let byteCount = 61
    /// The bytes in front of the ones that `length` counts.
    static let lengthOverhead = 12
    /// Where the bytes start that the CRC covers.
    static let checkedOffset = 21

    static let compressionMask: Int16 = 0x07
    static let logAppendTimeFlag: Int16 = 0x08
    static let transactionalFlag: Int16 = 0x10
    static let controlFlag: Int16 = 0x20
    static let deleteHorizonFlag: Int16 = 0x40

    package init() {}

    /// Reads the header at `index` (absolute) of `buffer`; nil when fewer than 61 bytes are there or the magic is not 2.
    package init?(_ buffer: ByteBuffer, at index: Int) {
        guard index >= buffer.readerIndex, index + Self.byteCount <= buffer.writerIndex,
            let magic = buffer.getInteger(at: index + 16, as: Int8.self), magic == 2,
            let baseOffset = buffer.getInteger(at: index, as: Int64.self),
            let length = buffer.getInteger(at: index + 8, as: Int32.self),
            let leaderEpoch = buffer.getInteger(at: index + 12, as: Int32.self),
            let crc = buffer.getInteger(at: index + 17, as: UInt32.self),
            let attributes = buffer.getInteger(at: index + 21, as: Int16.self),
            let lastOffsetDelta = buffer.getInteger(at: index + 23, as: Int32.self),
            let baseTimestamp = buffer.getInteger(at: index + 27, as: Int64.self),
            let maxTimestamp = buffer.getInteger(at: index + 35, as: Int64.self),
            let producerID = buffer.getInteger(at: index + 43, as: Int64.self),
            let producerEpoch = buffer.getInteger(at: index + 51, as: Int16.self),
            let baseSequence = buffer.getInteger(at: index + 53, as: Int32.self),
            let count = buffer.getInteger(at: index + 57, as: Int32.self)
        else { return nil }
        self.magic = magic
        self.baseOffset = baseOffset
        self.length = length
        self.leaderEpoch = leaderEpoch
        self.crc = crc
        self.attributes = attributes
        self.lastOffsetDelta = lastOffsetDelta
        self.baseTimestamp = baseTimestamp
        self.maxTimestamp = maxTimestamp
        self.producerID = producerID
        self.producerEpoch = producerEpoch
        self.baseSequence = baseSequence
        self.count = count
    }

    /// The size of the whole batch, this header included.
    package var batchByteCount: Int { Int(length) + Self.lengthOverhead }
    package var lastOffset: Int64 { baseOffset &+ Int64(lastOffsetDelta) }
    package var isTransactional: Bool { attributes & Self.transactionalFlag != 0 }
    package var isControl: Bool { attributes & Self.controlFlag != 0 }
    /// The base timestamp is when what the batch marks as deleted may go (KIP-534).
    var hasDeleteHorizon: Bool { attributes & Self.deleteHorizonFlag != 0 }
    package var isLogAppendTime: Bool { attributes & Self.logAppendTimeFlag != 0 }
    package var compression: Int { Int(attributes & Self.compressionMask) }
    package var hasProducerID: Bool { producerID >= 0 }
    /// Sequence numbers wrap from 2^31 - 1 to 0.
    package var lastSequence: Int32 {
        baseSequence < 0
            ? baseSequence : Int32(truncatingIfNeeded: (Int64(baseSequence) + Int64(lastOffsetDelta)) & 0x7fff_ffff)
    }

    package func write(into buffer: inout ByteBuffer) {
        buffer.writeInteger(baseOffset)
        buffer.writeInteger(length)
        buffer.writeInteger(leaderEpoch)
        buffer.writeInteger(magic)
        buffer.writeInteger(crc)
        buffer.writeInteger(attributes)
        buffer.writeInteger(lastOffsetDelta)
        buffer.writeInteger(baseTimestamp)
        buffer.writeInteger(maxTimestamp)
        buffer.writeInteger(producerID)
        buffer.writeInteger(producerEpoch)
        buffer.writeInteger(baseSequence)
        buffer.writeInteger(count)
    }

    /// The checksum of the batch whose records are `records` under this header's fields.
    func checksum(records: ByteBuffer) -> UInt32 {
        var head = ByteBuffer()
        write(into: &head)
        var crc = CRC32C()
        unsafe head.withUnsafeReadableBytes { bytes in
            unsafe crc.update(UnsafeRawBufferPointer(rebasing: bytes[Self.checkedOffset...]))
        }
        unsafe records.withUnsafeReadableBytes { bytes in unsafe crc.update(bytes) }
        return crc.value
    }

    /// The checksum of the batch that starts at `index` of `buffer` and is `batchByteCount` long; nil when it is not all there.
    func checksum(in buffer: ByteBuffer, at index: Int) -> UInt32? {
        let start = index + Self.checkedOffset - buffer.readerIndex
        let end = index + batchByteCount - buffer.readerIndex
        guard length >= Int32(Self.byteCount - Self.lengthOverhead), start >= 0, end <= buffer.readableBytes else {
            return nil
        }
        return unsafe buffer.withUnsafeReadableBytes { bytes in
            unsafe CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        }
    }
}
