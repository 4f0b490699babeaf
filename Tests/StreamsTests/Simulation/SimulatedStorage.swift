import LocalBroker
import NIOCore

/// The broker's disk. It can fail in the middle of a write, as a process does that is killed: a part of the bytes is there,
/// and nothing is written any more until the broker starts again.
final class SimulatedStorage: BrokerStorage {
    final class File: ByteFile {
        fileprivate unowned let disk: SimulatedStorage
        private(set) var bytes: [UInt8]

        fileprivate init(_ disk: SimulatedStorage, _ bytes: [UInt8] = []) {
            self.disk = disk
            self.bytes = bytes
        }

        var byteCount: Int { bytes.count }

        func append(_ head: ByteBuffer, _ body: ByteBuffer) throws(StorageError) {
            let whole = Array(head.readableBytesView) + Array(body.readableBytesView)
            let written = try disk.write(whole.count)
            bytes.append(contentsOf: whole.prefix(written))
            if written < whole.count { throw SimulatedStorage.failure }
        }

        func read(at position: Int, count: Int) throws(StorageError) -> ByteBuffer {
            guard position < bytes.count else { return ByteBuffer() }
            return ByteBuffer(bytes: bytes[position..<min(bytes.count, position + count)])
        }

        func truncate(to byteCount: Int) throws(StorageError) {
            try disk.check()
            if byteCount < bytes.count { bytes.removeLast(bytes.count - byteCount) }
        }
    }

    fileprivate static let failure = StorageError(operation: "write", path: "disk", reason: "the broker was killed")

    private lazy var journalFile = File(self)
    private var logs: [LogID: [Int64: File]] = [:]
    private var notes: [LogID: [String: ByteBuffer]] = [:]

    private(set) var isDown = false
    /// Writes that still succeed, and the share of the next one that reaches the disk.
    private var killAfter: (writes: Int, share: Double)?

    /// The broker will be killed in the middle of a write.
    func kill(afterWrites writes: Int, share: Double) { killAfter = (writes, share) }

    func revive() {
        isDown = false
        killAfter = nil
    }

    fileprivate func check() throws(StorageError) {
        if isDown { throw Self.failure }
    }

    /// How many of the bytes reach the disk.
    fileprivate func write(_ count: Int) throws(StorageError) -> Int {
        try check()
        guard let (writes, share) = killAfter else { return count }
        if writes > 0 {
            killAfter = (writes - 1, share)
            return count
        }
        isDown = true
        return min(count - 1, Int(Double(count) * share))
    }

    var journal: any ByteFile { journalFile }

    func replaceJournal(with bytes: ByteBuffer) throws(StorageError) {
        try check()
        journalFile = File(self, Array(bytes.readableBytesView))
    }

    func segments(of log: LogID) -> [Int64] { (logs[log] ?? [:]).keys.sorted() }

    func segment(of log: LogID, baseOffset: Int64) throws(StorageError) -> any ByteFile {
        if let file = logs[log]?[baseOffset] { return file }
        try check()
        let file = File(self)
        logs[log, default: [:]][baseOffset] = file
        return file
    }

    func deleteSegment(of log: LogID, baseOffset: Int64) throws(StorageError) {
        try check()
        logs[log]?[baseOffset] = nil
    }

    func beginReplacement(of log: LogID) throws(StorageError) -> any ByteFile {
        try check()
        return File(self)
    }

    func replaceSegments(
        of log: LogID, _ baseOffsets: [Int64], with file: any ByteFile
    ) throws(StorageError) -> any ByteFile {
        try check()
        guard let new = file as? File, let first = baseOffsets.first else {
            preconditionFailure("only a file of this storage can replace segments")
        }
        for base in baseOffsets { logs[log]?[base] = nil }
        logs[log]?[first] = new
        return new
    }

    func abandonReplacement(of log: LogID) {}

    func readNote(of log: LogID, named name: String) -> ByteBuffer? { notes[log]?[name] }

    func writeNote(of log: LogID, named name: String, _ bytes: ByteBuffer) throws(StorageError) {
        try check()
        notes[log, default: [:]][name] = bytes
    }

    func deleteNote(of log: LogID, named name: String) { notes[log]?[name] = nil }

    func deleteLog(_ log: LogID) throws(StorageError) {
        try check()
        logs[log] = nil
        notes[log] = nil
    }

    func deleteLogs(except kept: [LogID], below nextTopicID: Int64) -> Int64? {
        let unknown = logs.keys.filter { !kept.contains($0) }
        for log in unknown where log.topicID < nextTopicID {
            logs[log] = nil
            notes[log] = nil
        }
        return unknown.map(\.topicID).filter { $0 >= nextTopicID }.max()
    }

    func synchronize() {}

    // This disk is killed, never full.
    var hasReserve: Bool { true }
    func releaseReserve() -> Bool { false }
    func restoreReserve() -> Bool { true }
}
