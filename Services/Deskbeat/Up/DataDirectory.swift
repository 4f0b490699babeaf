import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// The directory of one local installation: the broker's log, ports that stay the same over restarts, logs of the
/// services. One `up` at a time holds it.
package final class DataDirectory: Sendable {
    package let path: String
    private let lock: Int32

    /// Creates the directory where it is missing, and takes its lock. The lock ends with the process, however it ends.
    package init(_ path: String) throws(InputError) {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        self.path = absolute
        for folder in ["", "/run", "/logs"] { try createDirectory(absolute + folder) }
        let file = absolute + "/lock"
        lock = unsafe open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw InputError("\(file): \(systemMessage(errno))") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let holder = (try? String(contentsOfFile: file, encoding: .utf8)).flatMap { Int($0.filter(\.isNumber)) }
            // Everything is initialised by now, so that throwing runs `deinit`, which closes the file.
            throw InputError(
                "\(absolute) is in use by another `deskbeat up`\(holder.map { " (process \($0))" } ?? ""); "
                    + "stop that one, or give another --data-dir")
        }
        ftruncate(lock, 0)
        let text = Array("\(getpid())\n".utf8)
        _ = unsafe text.withUnsafeBytes { unsafe pwrite(lock, $0.baseAddress, $0.count, 0) }
    }

    deinit { close(lock) }

    package func file(_ name: String) -> String { path + "/" + name }

    /// The port that `name` had before, if it is free, else a new one; kept for the next time.
    package func port(for name: String) throws(InputError) -> Int {
        let file = file("\(name).port")
        let before = (try? String(contentsOfFile: file, encoding: .utf8))
            .flatMap { Int($0.trimmingWhitespace()) }
        if let before, (1...65_535).contains(before), LoopbackPort.isFree(before) { return before }
        let port = try LoopbackPort.free()
        try writeAtomically(Array("\(port)\n".utf8), to: file)
        return port
    }
}
