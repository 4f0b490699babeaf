package import NIOCore

/// Storage without a disk, for tests, simulation and brokers without a data directory. A test may cut or break its bytes.
package final class MemoryStorage: BrokerStorage {
    package final class File: ByteFile {
        package private(set) var bytes: [UInt8]
        private let budget: Budget

        fileprivate init(_ bytes: [UInt8] = [], _ budget: Budget) {
            self.bytes = bytes
            self.budget = budget
        }

        package var byteCount: Int { bytes.count }

        package func append(_ head: ByteBuffer, _ body: ByteBuffer) throws(StorageError) {
            try budget.spend()
            bytes.append(contentsOf: head.readableBytesView)
            bytes.append(contentsOf: body.readableBytesView)
        }

        package func read(at position: Int, count: Int) -> ByteBuffer {
            guard position < bytes.count else { return ByteBuffer() }
            return ByteBuffer(bytes: bytes[position..<min(bytes.count, position + count)])
        }

        package func truncate(to byteCount: Int) throws(StorageError) {
            try budget.spend()
            if byteCount < bytes.count { bytes.removeLast(bytes.count - byteCount) }
        }

        package func flipBit(at position: Int) { bytes[position] ^= 1 }
    }

    /// How many changes may still be made.
    fileprivate final class Budget {
        var isFull = false
        var changes: Int?
        /// Changes that succeed on a full disk once the reserve is released; nil while it is there.
        var released: Int?

        func spend() throws(StorageError) {
            if let changes {
                guard changes > 0 else { throw Self.full }
                self.changes = changes - 1
            }
            guard isFull else { return }
            guard let released, released > 0 else { throw Self.full }
            self.released = released - 1
        }

        private static let full = StorageError(
            operation: "write", path: "memory", reason: "no space left", isDiskFull: true)
    }

    private let budget = Budget()
    private var journalFile: File
    package private(set) var logs: [LogID: [Int64: File]] = [:]
    private var replacements: [LogID: File] = [:]
    package private(set) var notes: [LogID: [String: ByteBuffer]] = [:]
    /// When set, every change fails as on a full disk.
    package var isFull: Bool {
        get { budget.isFull }
        set { budget.isFull = newValue }
    }
    /// When set, so many changes succeed; all further ones fail.
    package var changesUntilFailure: Int? {
        get { budget.changes }
        set { budget.changes = newValue }
    }

    package init() { journalFile = File([], budget) }

    package var journal: any ByteFile { journalFile }

    package func replaceJournal(with bytes: ByteBuffer) throws(StorageError) {
        try budget.spend()
        journalFile = File(Array(bytes.readableBytesView), budget)
    }

    package func segments(of log: LogID) -> [Int64] { (logs[log] ?? [:]).keys.sorted() }

    package func segment(of log: LogID, baseOffset: Int64) throws(StorageError) -> any ByteFile {
        if let file = logs[log]?[baseOffset] { return file }
        try budget.spend()
        let file = File([], budget)
        logs[log, default: [:]][baseOffset] = file
        return file
    }

    package func beginReplacement(of log: LogID) throws(StorageError) -> any ByteFile {
        try budget.spend()
        let file = File([], budget)
        replacements[log] = file
        return file
    }

    package func replaceSegments(
        of log: LogID, _ baseOffsets: [Int64], with file: any ByteFile
    ) throws(StorageError) -> any ByteFile {
        try budget.spend()
        guard let new = replacements.removeValue(forKey: log), new === file, let first = baseOffsets.first else {
            preconditionFailure("only the file that was begun can replace segments")
        }
        for base in baseOffsets { logs[log]?[base] = nil }
        logs[log]?[first] = new
        return new
    }

    package func abandonReplacement(of log: LogID) { replacements[log] = nil }

    package func deleteSegment(of log: LogID, baseOffset: Int64) throws(StorageError) {
        try budget.spend()
        logs[log]?[baseOffset] = nil
    }

    package func readNote(of log: LogID, named name: String) -> ByteBuffer? { notes[log]?[name] }

    package func writeNote(of log: LogID, named name: String, _ bytes: ByteBuffer) throws(StorageError) {
        try budget.spend()
        notes[log, default: [:]][name] = bytes
    }

    package func deleteNote(of log: LogID, named name: String) {
        guard (try? budget.spend()) != nil else { return }
        notes[log]?[name] = nil
    }

    package func deleteLog(_ log: LogID) throws(StorageError) {
        try budget.spend()
        logs[log] = nil
        notes[log] = nil
    }

    package func deleteLogs(except kept: [LogID], below nextTopicID: Int64) -> Int64? {
        let unknown = logs.keys.filter { !kept.contains($0) }
        for log in unknown where log.topicID < nextTopicID { try? deleteLog(log) }
        return unknown.map(\.topicID).filter { $0 >= nextTopicID }.max()
    }

    package func synchronize() {}

    package var hasReserve: Bool { budget.released == nil }

    package func releaseReserve() -> Bool {
        guard hasReserve, budget.changes == nil else { return false }
        budget.released = 1000
        return true
    }

    package func restoreReserve() -> Bool {
        if !isFull { budget.released = nil }
        return hasReserve
    }

    /// The same bytes in another storage: what a broker would find that starts after this one was killed now.
    package func copy() -> MemoryStorage {
        let other = MemoryStorage()
        other.journalFile = File(journalFile.bytes, other.budget)
        other.logs = logs.mapValues { files in files.mapValues { File($0.bytes, other.budget) } }
        other.notes = notes
        return other
    }
}
