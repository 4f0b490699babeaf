import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The log of one child process: appended to a file of bounded size, with one older file kept beside it (`.1`).
package final class LogFile: Sendable {
    private let path: String
    private let limit: Int64
    private let state: Mutex<State>

    private struct State {
        var descriptor: Int32
        var size: Int64
    }

    /// - Parameter limit: bytes after which the file is moved aside and a new one begun.
    package init(path: String, limit: Int64 = 8 << 20) throws(InputError) {
        self.path = path
        self.limit = limit
        state = Mutex(try Self.open(path))
    }

    deinit { state.withLock { _ = close($0.descriptor) } }

    /// Appends a line. What the disk does not take is lost: a full disk must not stop the services.
    package func append(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        state.withLock { state in
            if state.size > 0, state.size + Int64(bytes.count) > limit { rotate(&state) }
            let written = unsafe bytes.withUnsafeBytes { unsafe write(state.descriptor, $0.baseAddress, bytes.count) }
            state.size += Int64(max(written, 0))
        }
    }

    private static func open(_ path: String) throws(InputError) -> State {
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw InputError("\(path) cannot be written: \(systemMessage(errno))") }
        var status = stat()
        return State(
            descriptor: descriptor, size: unsafe fstat(descriptor, &status) == 0 ? Int64(status.st_size) : 0)
    }

    private func rotate(_ state: inout State) {
        guard unsafe rename(path, path + ".1") == 0, let fresh = try? Self.open(path) else { return }
        close(state.descriptor)
        state = fresh
    }
}

/// What a line of a service's log is worth to somebody who watches all of them.
package enum LogImportance {
    /// False for lines that say themselves that they are no more than a notice; anything else may be the last words of
    /// a process.
    package static func isNoteworthy(_ line: String) -> Bool {
        let routine: Set<Substring> = ["TRACE", "DEBUG", "INFO", "NOTICE", "trace", "debug", "info", "notice"]
        if line.hasPrefix("{"), let range = line.firstRange(of: "\"level\":\"") {
            return !routine.contains(line[range.upperBound...].prefix { $0 != "\"" })
        }
        // `10:00:00.123Z INFO     label: message`
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count > 1, words[0].first?.isNumber == true else { return true }
        return !routine.contains(words[1])
    }
}
