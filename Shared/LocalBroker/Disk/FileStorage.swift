package import NIOCore

/// Storage in a folder:
///
///     lock                                  held by the process that owns the folder
///     journal                               see `JournalRecord`
///     reserve                               space for what must be written even when the disk is full
///     logs/<topic>.<number>/<partition>/    <base offset>.log, and notes
///
/// Files are opened on demand and at most a few hundred are open at a time.
package final class FileStorage: BrokerStorage {
    let folder: String
    private var journalFile: DiskFile
    private var segmentFiles: [LogID: [Int64: DiskFile]] = [:]
    private let descriptors: DescriptorCache
    private let synchronizes: Bool
    private let reserve: DiskReserve

    /// `synchronizes`: whether `synchronize()` reaches the disk (fsync) or only what `write(2)` gives.
    package init(folder: String, synchronizes: Bool) throws(StorageError) {
        self.folder = folder
        self.synchronizes = synchronizes
        Posix.raiseFileLimit()
        try Posix.makeDirectory("\(folder)/logs")
        descriptors = DescriptorCache()
        reserve = DiskReserve(path: "\(folder)/reserve")
        try Posix.remove("\(folder)/journal.new")
        journalFile = try DiskFile(path: "\(folder)/journal", descriptors: descriptors)
    }

    package var journal: any ByteFile { journalFile }

    package func replaceJournal(with bytes: ByteBuffer) throws(StorageError) {
        let path = "\(folder)/journal.new"
        try Posix.remove(path)
        let file = try DiskFile(path: path, descriptors: descriptors)
        do throws(StorageError) {
            try file.append(bytes, ByteBuffer())
            // Always, whatever the setting: a rename that reaches the disk before the content would lose everything.
            try file.synchronize()
            try Posix.renameFile(path, "\(folder)/journal")
            try Posix.synchronizeFolder(folder)
        } catch {
            file.close()
            try? Posix.remove(path)
            throw error
        }
        journalFile.close()
        file.path = "\(folder)/journal"
        journalFile = file
    }

    private func folder(of log: LogID) -> String { "\(topicFolder(of: log))/\(log.partition)" }

    private func topicFolder(of log: LogID) -> String {
        // A name may have 249 characters, a file name 255; the number makes it unique.
        "\(folder)/logs/\(log.topic.prefix(200)).\(log.topicID)"
    }

    package func segments(of log: LogID) throws(StorageError) -> [Int64] {
        try finishReplacement(of: log)
        var offsets: [Int64] = []
        for name in try Posix.list(folder(of: log)) where name.hasSuffix(".log") {
            if let offset = Int64(name.dropLast(4)) { offsets.append(offset) }
        }
        return offsets.sorted()
    }

    package func segment(of log: LogID, baseOffset: Int64) throws(StorageError) -> any ByteFile {
        if let file = segmentFiles[log]?[baseOffset] { return file }
        let path = folder(of: log)
        try Posix.makeDirectory(path)
        let file = try DiskFile(path: "\(path)/\(Self.segmentName(baseOffset))", descriptors: descriptors)
        if synchronizes {
            try Posix.synchronizeFolder(path)
            try Posix.synchronizeFolder(topicFolder(of: log))
            try Posix.synchronizeFolder("\(folder)/logs")
        }
        segmentFiles[log, default: [:]][baseOffset] = file
        return file
    }

    private static func segmentName(_ baseOffset: Int64) -> String {
        let digits = String(baseOffset)
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits + ".log"
    }

    // MARK: Replacing segments

    private static let replacementName = "replacement.new"
    private static let replacementSuffix = ".swap"

    package func beginReplacement(of log: LogID) throws(StorageError) -> any ByteFile {
        let path = "\(folder(of: log))/\(Self.replacementName)"
        try Posix.remove(path)
        return try DiskFile(path: path, descriptors: descriptors, writesBackEarly: true)
    }

    /// The new file gets, in one step, a name that says which segments it replaces; from then on it is the truth, and what is left
    /// to do can be done at the next start (`finishReplacement`).
    package func replaceSegments(
        of log: LogID, _ baseOffsets: [Int64], with file: any ByteFile
    ) throws(StorageError) -> any ByteFile {
        guard let file = file as? DiskFile, let first = baseOffsets.first, let last = baseOffsets.last else {
            preconditionFailure("only the file that was begun can replace segments")
        }
        let path = folder(of: log)
        let swap = "\(path)/\(first)-\(last)\(Self.replacementSuffix)"
        // Whatever the setting: the old segments may have been on the disk for long.
        try file.synchronize()
        try Posix.renameFile(file.path, swap)
        file.path = swap
        for base in baseOffsets { segmentFiles[log]?.removeValue(forKey: base)?.close() }
        segmentFiles[log, default: [:]][first] = file
        do throws(StorageError) {
            try Posix.synchronizeFolder(path)
            for base in baseOffsets where base != first { try Posix.remove("\(path)/\(Self.segmentName(base))") }
            try Posix.renameFile(swap, "\(path)/\(Self.segmentName(first))")
            file.path = "\(path)/\(Self.segmentName(first))"
        } catch {
            // It goes on under its other name until the next start.
        }
        return file
    }

    package func abandonReplacement(of log: LogID) {
        try? Posix.remove("\(folder(of: log))/\(Self.replacementName)")
    }

    private func finishReplacement(of log: LogID) throws(StorageError) {
        let path = folder(of: log)
        let names = try Posix.list(path)
        if names.contains(Self.replacementName) { try Posix.remove("\(path)/\(Self.replacementName)") }
        for name in names where name.hasSuffix(Self.replacementSuffix) {
            let ends = name.dropLast(Self.replacementSuffix.count).split(separator: "-").compactMap { Int64($0) }
            guard ends.count == 2 else { continue }
            for old in names where old.hasSuffix(".log") {
                guard let base = Int64(old.dropLast(4)), base > ends[0], base <= ends[1] else { continue }
                try Posix.remove("\(path)/\(old)")
            }
            try Posix.renameFile("\(path)/\(name)", "\(path)/\(Self.segmentName(ends[0]))")
        }
    }

    package func deleteSegment(of log: LogID, baseOffset: Int64) throws(StorageError) {
        segmentFiles[log]?.removeValue(forKey: baseOffset)?.close()
        try Posix.remove("\(folder(of: log))/\(Self.segmentName(baseOffset))")
    }

    package func readNote(of log: LogID, named name: String) -> ByteBuffer? {
        let path = "\(folder(of: log))/\(name)"
        guard let descriptor = try? Posix.open(path, 0) else { return nil }
        defer { Posix.closeFile(descriptor) }
        guard let size = try? Posix.size(of: descriptor, path) else { return nil }
        return try? Posix.read(from: descriptor, at: 0, count: size, path)
    }

    package func writeNote(of log: LogID, named name: String, _ bytes: ByteBuffer) throws(StorageError) {
        let path = "\(folder(of: log))/\(name)"
        let descriptor = try Posix.open("\(path).new", DiskFile.create)
        defer { Posix.closeFile(descriptor) }
        try Posix.truncateFile(descriptor, to: 0, path)
        try Posix.write(bytes, ByteBuffer(), to: descriptor, at: 0, path)
        try Posix.renameFile("\(path).new", path)
    }

    package func deleteNote(of log: LogID, named name: String) { try? Posix.remove("\(folder(of: log))/\(name)") }

    package func deleteLog(_ log: LogID) throws(StorageError) {
        for file in (segmentFiles.removeValue(forKey: log) ?? [:]).values { file.close() }
        try Posix.removeTree(folder(of: log))
        if try Posix.list(topicFolder(of: log)).isEmpty { try Posix.removeTree(topicFolder(of: log)) }
    }

    package func deleteLogs(except logs: [LogID], below nextTopicID: Int64) -> Int64? {
        let kept = Set(logs.map { topicFolder(of: $0) })
        var highest: Int64?
        for name in (try? Posix.list("\(folder)/logs")) ?? [] {
            let path = "\(folder)/logs/\(name)"
            guard !kept.contains(path), let number = name.split(separator: ".").last.flatMap({ Int64($0) }) else {
                continue
            }
            if number < nextTopicID {
                try? Posix.removeTree(path)
            } else {
                highest = max(highest ?? 0, number)
            }
        }
        return highest
    }

    package func synchronize() throws(StorageError) {
        guard synchronizes else { return }
        try descriptors.synchronizeDirty()
    }

    package var hasReserve: Bool { reserve.isHeld }
    package func releaseReserve() -> Bool { reserve.release() }
    package func restoreReserve() -> Bool { reserve.hold() }

    /// Closes every file.
    package func close() {
        journalFile.close()
        for files in segmentFiles.values {
            for file in files.values { file.close() }
        }
    }
}
