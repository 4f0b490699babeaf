package import NIOCore

/// Storage without a disk, for tests, simulation and brokers without a data directory. A test may cut or break its bytes.
package final class MemoryStorage: BrokerStorage {
    package final class File: ByteFile {
        package private(set) var bytes: [UInt8]
        /// When set, appends fail as on a full disk.
        package var isFull = false

        init(_ bytes: [UInt8] = []) { self.bytes = bytes }

        package var byteCount: Int { bytes.count }

        package func append(_ head: ByteBuffer, _ body: ByteBuffer) throws(StorageError) {
            guard !isFull else {
                throw StorageError(operation: "write", path: "memory", reason: "no space left", isDiskFull: true)
            }
            bytes.append(contentsOf: head.readableBytesView)
            bytes.append(contentsOf: body.readableBytesView)
        }

        package func read(at position: Int, count: Int) -> ByteBuffer {
            guard position < bytes.count else { return ByteBuffer() }
            return ByteBuffer(bytes: bytes[position..<min(bytes.count, position + count)])
        }

        package func truncate(to byteCount: Int) {
            if byteCount < bytes.count { bytes.removeLast(bytes.count - byteCount) }
        }

        package func flipBit(at position: Int) { bytes[position] ^= 1 }
    }

    private var journalFile = File()
    package private(set) var logs: [LogID: [Int64: File]] = [:]
    package private(set) var notes: [LogID: [String: ByteBuffer]] = [:]
    /// When set, every append fails as on a full disk.
    package var isFull = false {
        didSet {
            journalFile.isFull = isFull
            for file in logs.values.flatMap(\.values) { file.isFull = isFull }
        }
    }

    package init() {}

    package var journal: any ByteFile { journalFile }

    package func replaceJournal(with bytes: ByteBuffer) {
        journalFile = File(Array(bytes.readableBytesView))
        journalFile.isFull = isFull
    }

    package func segments(of log: LogID) -> [Int64] { (logs[log] ?? [:]).keys.sorted() }

    package func segment(of log: LogID, baseOffset: Int64) -> any ByteFile {
        if let file = logs[log]?[baseOffset] { return file }
        let file = File()
        file.isFull = isFull
        logs[log, default: [:]][baseOffset] = file
        return file
    }

    package func deleteSegment(of log: LogID, baseOffset: Int64) { logs[log]?[baseOffset] = nil }
    package func readNote(of log: LogID, named name: String) -> ByteBuffer? { notes[log]?[name] }

    package func writeNote(of log: LogID, named name: String, _ bytes: ByteBuffer) {
        notes[log, default: [:]][name] = bytes
    }

    package func deleteNote(of log: LogID, named name: String) { notes[log]?[name] = nil }

    package func deleteLog(_ log: LogID) {
        logs[log] = nil
        notes[log] = nil
    }

    package func deleteLogs(except kept: [LogID], below nextTopicID: Int64) -> Int64? {
        let unknown = logs.keys.filter { !kept.contains($0) }
        for log in unknown where log.topicID < nextTopicID { deleteLog(log) }
        return unknown.map(\.topicID).filter { $0 >= nextTopicID }.max()
    }

    package func synchronize() {}

    /// The same bytes in another storage: what a broker would find that starts after this one was killed now.
    package func copy() -> MemoryStorage {
        let other = MemoryStorage()
        other.journalFile = File(journalFile.bytes)
        other.logs = logs.mapValues { files in files.mapValues { File($0.bytes) } }
        other.notes = notes
        return other
    }
}
