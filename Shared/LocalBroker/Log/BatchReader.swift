import NIOCore

/// Reads whole batches of a segment one after the other, in pieces of bounded size.
struct BatchReader {
    private let file: any ByteFile
    /// Where the next batch starts.
    private(set) var position: Int
    private var chunk = ByteBuffer()
    private var chunkStart = 0

    static let chunkBytes = 512 << 10

    init(_ file: any ByteFile, from position: Int = 0) {
        self.file = file
        self.position = position
    }

    struct Damage: Error {
        var position: Int
    }

    /// The next batch, or nil at the end of the file; `Damage` when what is there is no batch with a right checksum.
    mutating func next() throws -> (header: RecordBatchHeader, batch: ByteBuffer)? {
        guard position < file.byteCount else { return nil }
        try fill(RecordBatchHeader.byteCount)
        guard let header = RecordBatchHeader(chunk, at: position - chunkStart),
            header.length >= Int32(RecordBatchHeader.byteCount - RecordBatchHeader.lengthOverhead),
            header.batchByteCount <= file.byteCount - position
        else { throw Damage(position: position) }
        try fill(header.batchByteCount)
        guard header.checksum(in: chunk, at: position - chunkStart) == header.crc,
            let batch = chunk.getSlice(at: position - chunkStart, length: header.batchByteCount)
        else { throw Damage(position: position) }
        position += header.batchByteCount
        return (header, batch)
    }

    private mutating func fill(_ count: Int) throws(StorageError) {
        guard position < chunkStart || position + count > chunkStart + chunk.writerIndex else { return }
        chunk = try file.read(at: position, count: max(count, Self.chunkBytes))
        chunkStart = position
    }
}
