package import NIOCore

/// What the disk said no to.
package struct StorageError: Error, Sendable, CustomStringConvertible {
    package var operation: String
    package var path: String
    package var reason: String
    package var isDiskFull: Bool

    package init(operation: String, path: String, reason: String, isDiskFull: Bool = false) {
        self.operation = operation
        self.path = path
        self.reason = reason
        self.isDiskFull = isDiskFull
    }

    package var description: String { "cannot \(operation) \(path): \(reason)" }
}

/// The name of one partition's log. Topics have numbers, so that a topic deleted and made anew under its name is another log.
package struct LogID: Hashable, Sendable {
    package var topicID: Int64
    package var topic: String
    package var partition: Int32

    package init(topicID: Int64, topic: String, partition: Int32) {
        self.topicID = topicID
        self.topic = topic
        self.partition = partition
    }
}

/// A file of bytes that grows at its end.
package protocol ByteFile: AnyObject {
    var byteCount: Int { get }
    /// Appends the two parts as one; after an error nothing has been appended.
    func append(_ head: ByteBuffer, _ body: ByteBuffer) throws(StorageError)
    /// Up to `count` bytes from `position`; fewer at the end.
    func read(at position: Int, count: Int) throws(StorageError) -> ByteBuffer
    func truncate(to byteCount: Int) throws(StorageError)
}

/// Where the core keeps what must survive. The core calls it synchronously and only from its own thread. What a call has
/// written survives the death of the process; `synchronize` makes it survive the loss of power.
package protocol BrokerStorage: AnyObject {
    var journal: any ByteFile { get }
    /// Puts a new journal in the old one's place, atomically.
    func replaceJournal(with bytes: ByteBuffer) throws(StorageError)

    /// The base offsets of the segments of a log, ascending.
    func segments(of log: LogID) throws(StorageError) -> [Int64]
    func segment(of log: LogID, baseOffset: Int64) throws(StorageError) -> any ByteFile
    func deleteSegment(of log: LogID, baseOffset: Int64) throws(StorageError)
    /// A new, empty file for what will replace segments of a log; one at a time for each log.
    func beginReplacement(of log: LogID) throws(StorageError) -> any ByteFile
    /// Puts the file in the place of neighbouring segments, as the segment of the first one's base offset. All or nothing, whatever
    /// happens in between, loss of power included; nothing has changed after an error. The old segments' files are not to be used
    /// any more, and the returned one is the new segment.
    func replaceSegments(
        of log: LogID, _ baseOffsets: [Int64], with file: any ByteFile
    ) throws(StorageError) -> any ByteFile
    func abandonReplacement(of log: LogID)
    /// A small file beside the segments that can be lost without harm: it is derived from them.
    func readNote(of log: LogID, named name: String) -> ByteBuffer?
    func writeNote(of log: LogID, named name: String, _ bytes: ByteBuffer) throws(StorageError)
    func deleteNote(of log: LogID, named name: String)
    func deleteLog(_ log: LogID) throws(StorageError)
    /// Deletes what belongs to none of the given logs and has a topic number below `nextTopicID` (left by a crash between the
    /// journal's word and the deletion). Returns the highest topic number of what it has kept without knowing it.
    func deleteLogs(except logs: [LogID], below nextTopicID: Int64) -> Int64?
    func synchronize() throws(StorageError)

    /// Space is kept back for what must be written even when the disk is full: decisions and transaction markers. Whether it is
    /// there; false after `releaseReserve` and until `restoreReserve` has succeeded.
    var hasReserve: Bool { get }
    /// Gives the space free. False when it was already.
    func releaseReserve() -> Bool
    /// Takes the space again. False when there is none.
    func restoreReserve() -> Bool
}

extension BrokerStorage {
    /// Does what must be done even when the disk is full, at the cost of the reserve.
    func withReserve<Result>(_ body: () throws(StorageError) -> Result) throws(StorageError) -> Result {
        do {
            return try body()
        } catch {
            guard error.isDiskFull, releaseReserve() else { throw error }
        }
        return try body()
    }
}
