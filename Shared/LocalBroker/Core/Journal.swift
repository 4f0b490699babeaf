import NIOCore

/// One change of the broker's state that is not record data. The journal is the list of them; state is what applying all of
/// them in order gives, both when the change happens and when the broker starts.
enum JournalRecord: Sendable {
    case cluster(ClusterRecord)
    case producerIDs(ProducerIDsRecord)
    case topic(TopicRecord)
    case topicDeleted(TopicDeletedRecord)
    case startOffset(StartOffsetRecord)
    case group(GroupRecord)
    case groupDeleted(GroupDeletedRecord)
    case offsets(OffsetsRecord)
    case transaction(TransactionRecord)
    case transactionOffsets(TransactionOffsetsRecord)
    case transactionDeleted(TransactionDeletedRecord)
    case offsetsDeleted(OffsetsDeletedRecord)

    /// Whether it must be possible even when the disk is full: what ends a transaction that others wait for, and what makes room.
    fileprivate var mayUseReserve: Bool {
        switch self {
        case .transaction(let record): Transaction.State(rawValue: record.state)?.isEnding ?? false
        case .startOffset, .topicDeleted, .groupDeleted, .offsetsDeleted, .transactionDeleted: true
        case .cluster, .producerIDs, .topic, .group, .offsets, .transactionOffsets: false
        }
    }

    fileprivate func encode(into coder: inout WireEncoder) throws(WireError) {
        func put<Message: WireStruct>(_ kind: Int8, _ message: Message) throws(WireError) {
            var kind = kind
            var message = message
            coder.int8(&kind)
            try message.code(&coder)
        }
        switch self {
        case .cluster(let message): try put(1, message)
        case .producerIDs(let message): try put(2, message)
        case .topic(let message): try put(3, message)
        case .topicDeleted(let message): try put(4, message)
        case .startOffset(let message): try put(5, message)
        case .group(let message): try put(6, message)
        case .groupDeleted(let message): try put(7, message)
        case .offsets(let message): try put(8, message)
        case .transaction(let message): try put(9, message)
        case .transactionOffsets(let message): try put(10, message)
        case .transactionDeleted(let message): try put(11, message)
        case .offsetsDeleted(let message): try put(12, message)
        }
    }

    fileprivate static func decode(_ bytes: ByteBuffer) throws(WireError) -> JournalRecord {
        var coder = WireDecoder(bytes, version: 0, flexible: false)
        var kind: Int8 = 0
        try coder.int8(&kind)
        return switch kind {
        case 1: .cluster(try coder.message())
        case 2: .producerIDs(try coder.message())
        case 3: .topic(try coder.message())
        case 4: .topicDeleted(try coder.message())
        case 5: .startOffset(try coder.message())
        case 6: .group(try coder.message())
        case 7: .groupDeleted(try coder.message())
        case 8: .offsets(try coder.message())
        case 9: .transaction(try coder.message())
        case 10: .transactionOffsets(try coder.message())
        case 11: .transactionDeleted(try coder.message())
        case 12: .offsetsDeleted(try coder.message())
        default: throw .unsupportedAPI(key: Int16(kind), version: 0)
        }
    }

    /// Length, CRC-32C, body.
    func frame() -> ByteBuffer {
        var coder = WireEncoder(version: 0, flexible: false)
        do {
            try encode(into: &coder)
        } catch {
            preconditionFailure("encoding cannot fail: \(error)")
        }
        var body = ByteBuffer()
        for part in coder.finish() { body.writeImmutableBuffer(part) }
        var frame = ByteBufferAllocator().buffer(capacity: body.readableBytes + 8)
        frame.writeInteger(UInt32(body.readableBytes))
        frame.writeInteger(unsafe body.withUnsafeReadableBytes { bytes in unsafe CRC32C.checksum(bytes) })
        frame.writeImmutableBuffer(body)
        return frame
    }
}

/// The journal as a file: appended to on every change, replaced by a snapshot of the live state when most of it is history.
final class Journal {
    private let storage: any BrokerStorage
    /// The size right after the last snapshot; growth is measured against it.
    private var snapshotBytes = 0
    private var nextAttempt = 0

    static let format: UInt32 = 0x4442_4a01  // "DBJ", version 1
    /// A journal below this size is never worth a snapshot.
    static let smallestCompactedSize = 1 << 20
    static let largestRecord = 64 << 20

    init(storage: any BrokerStorage) { self.storage = storage }

    /// Every whole record, in order; a torn record at the end is cut off. Returns the number of bytes that were cut off.
    func replay(_ apply: (JournalRecord) -> Void) throws(StorageError) -> Int {
        let file = storage.journal
        if file.byteCount < 4 {
            let removed = file.byteCount
            try file.truncate(to: 0)
            var head = ByteBuffer()
            head.writeInteger(Self.format)
            try file.append(head, ByteBuffer())
            return removed
        }
        guard try file.read(at: 0, count: 4).getInteger(at: 0, as: UInt32.self) == Self.format else {
            throw StorageError(
                operation: "read", path: "journal", reason: "it is not a journal of this version of the broker")
        }
        var position = 4
        while position < file.byteCount {
            guard let (record, size) = try read(file, at: position) else { break }
            apply(record)
            position += size
        }
        let rest = file.byteCount - position
        if rest > 0 {
            guard try !hasRecord(file, after: position) else {
                throw StorageError(
                    operation: "read", path: "journal",
                    reason: "it is damaged at byte \(position) while whole records follow; restore it from a backup")
            }
            try file.truncate(to: position)
        }
        snapshotBytes = position
        return rest
    }

    private func read(_ file: any ByteFile, at position: Int) throws(StorageError) -> (JournalRecord, Int)? {
        let head = try file.read(at: position, count: 8)
        guard let length = head.getInteger(at: 0, as: UInt32.self), let crc = head.getInteger(at: 4, as: UInt32.self),
            length > 0, Int(length) <= Self.largestRecord, position + 8 + Int(length) <= file.byteCount
        else { return nil }
        let body = try file.read(at: position + 8, count: Int(length))
        guard unsafe body.withUnsafeReadableBytes({ bytes in unsafe CRC32C.checksum(bytes) }) == crc,
            let record = try? JournalRecord.decode(body)
        else { return nil }
        return (record, 8 + Int(length))
    }

    /// Whether the bytes behind a broken record hold a whole one: then the journal was not torn by a crash, but damaged.
    private func hasRecord(_ file: any ByteFile, after position: Int) throws(StorageError) -> Bool {
        let head = try file.read(at: position, count: 4)
        guard let length = head.getInteger(at: 0, as: UInt32.self), Int(length) <= Self.largestRecord else {
            return false
        }
        let next = position + 8 + Int(length)
        guard next < file.byteCount else { return false }
        return try read(file, at: next) != nil
    }

    func append(_ record: JournalRecord) throws(StorageError) {
        let frame = record.frame()
        guard record.mayUseReserve else {
            guard storage.hasReserve else {
                throw StorageError(
                    operation: "write", path: "journal",
                    reason: "the disk is full; what is left is kept for the ends of transactions", isDiskFull: true)
            }
            return try storage.journal.append(frame, ByteBuffer())
        }
        try storage.withReserve { () throws(StorageError) in try storage.journal.append(frame, ByteBuffer()) }
    }

    var isWorthCompacting: Bool {
        storage.journal.byteCount > max(Self.smallestCompactedSize, snapshotBytes * 4, nextAttempt)
    }

    func compact(to snapshot: [JournalRecord]) throws(StorageError) {
        // After a failure (a full disk) not again with every request.
        nextAttempt = storage.journal.byteCount + Self.smallestCompactedSize
        var bytes = ByteBuffer()
        bytes.writeInteger(Self.format)
        for record in snapshot { bytes.writeImmutableBuffer(record.frame()) }
        try storage.replaceJournal(with: bytes)
        snapshotBytes = bytes.readableBytes
        nextAttempt = 0
    }
}
