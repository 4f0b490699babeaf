import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Holds a data directory for one process. The system releases it with the process, however that ends.
struct DataDirectoryLock: ~Copyable {
    private let descriptor: Int32

    init(_ folder: String) throws {
        try Posix.makeDirectory(folder)
        let path = "\(folder)/lock"
        let descriptor = try Posix.open(path, DiskFile.create)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let owner = (try? Posix.read(from: descriptor, at: 0, count: 20, path)).map { String(buffer: $0) } ?? ""
            Posix.closeFile(descriptor)
            throw LocalBrokerError(
                """
                data directory \(folder) is in use by another broker\(owner.isEmpty ? "" : " (process \(owner))"); \
                stop that one, or give this one a directory of its own
                """)
        }
        // Only for the error message above; a full disk must not keep the broker from starting.
        if (try? Posix.truncateFile(descriptor, to: 0, path)) != nil {
            try? Posix.write(ByteBuffer(string: "\(getpid())"), ByteBuffer(), to: descriptor, at: 0, path)
        }
        self.descriptor = descriptor
    }

    deinit { Posix.closeFile(descriptor) }
}
