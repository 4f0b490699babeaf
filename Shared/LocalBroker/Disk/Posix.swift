import CLocalBroker
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The system calls of the file storage, with errors as values.
enum Posix {
    static func error(_ operation: String, _ path: String, _ number: Int32 = errno) -> StorageError {
        // glibc's strerror is thread-local since 2.32.
        let message = unsafe strerror(number).map { text in unsafe String(cString: text) } ?? "error \(number)"
        return StorageError(
            operation: operation, path: path, reason: message, isDiskFull: number == ENOSPC || number == EDQUOT)
    }

    static func open(_ path: String, _ flags: Int32) throws(StorageError) -> Int32 {
        while true {
            let descriptor = unsafe open(path, flags | O_CLOEXEC, 0o640)
            if descriptor >= 0 { return descriptor }
            if errno != EINTR { throw error("open", path) }
        }
    }

    private static func open(_ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: mode_t) -> Int32 {
        #if canImport(Glibc)
            unsafe Glibc.open(path, flags, mode)
        #elseif canImport(Musl)
            unsafe Musl.open(path, flags, mode)
        #else
            unsafe Darwin.open(path, flags, mode)
        #endif
    }

    static func closeFile(_ descriptor: Int32) { _ = close(descriptor) }

    static func size(of descriptor: Int32, _ path: String) throws(StorageError) -> Int {
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw error("measure", path) }
        return Int(end)
    }

    static func makeDirectory(_ path: String) throws(StorageError) {
        var built = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            built += "/\(part)"
            guard unsafe mkdir(built, 0o750) == 0 || errno == EEXIST else { throw error("create folder", built) }
        }
    }

    /// The names in a folder, without the two that are not files; empty when the folder is not there.
    static func list(_ path: String) throws(StorageError) -> [String] {
        guard let folder = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw error("list", path)
        }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func remove(_ path: String) throws(StorageError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw error("delete", path) }
    }

    /// Deletes a folder with everything in it. Does not follow links.
    static func removeTree(_ path: String) throws(StorageError) {
        if unsafe unlink(path) == 0 || errno == ENOENT { return }
        for name in try list(path) { try removeTree("\(path)/\(name)") }
        guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw error("delete folder", path) }
    }

    static func renameFile(_ from: String, _ to: String) throws(StorageError) {
        guard unsafe rename(from, to) == 0 else { throw error("rename", from) }
    }

    static func synchronize(_ descriptor: Int32, _ path: String) throws(StorageError) {
        guard fdatasync(descriptor) == 0 else { throw error("synchronize", path) }
    }

    /// Makes sure that the blocks of the file's first bytes are its own.
    static func allocate(_ descriptor: Int32, byteCount: Int, _ path: String) throws(StorageError) {
        #if os(Linux)
            let number = posix_fallocate(descriptor, 0, off_t(byteCount))
            guard number == 0 else { throw error("allocate", path, number) }
        #else
            let block = ByteBuffer(repeating: 0, count: 1 << 20)
            for position in stride(from: 0, to: byteCount, by: block.readableBytes) {
                try write(block, ByteBuffer(), to: descriptor, at: position, path)
            }
        #endif
    }

    /// Has the system begin to write a range to the disk, without waiting for it.
    static func startWriteback(_ descriptor: Int32, from position: Int, count: Int) {
        _ = clocalbroker_start_writeback(descriptor, Int64(position), Int64(count))
    }

    /// Makes the creation, renaming and deletion of a folder's files survive a loss of power.
    static func synchronizeFolder(_ path: String) throws(StorageError) {
        let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
        defer { closeFile(descriptor) }
        guard fsync(descriptor) == 0 else { throw error("synchronize", path) }
    }

    static func truncateFile(_ descriptor: Int32, to size: Int, _ path: String) throws(StorageError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw error("truncate", path) }
    }

    /// Writes both buffers at `position`, completely.
    static func write(
        _ head: ByteBuffer, _ body: ByteBuffer, to descriptor: Int32, at position: Int, _ path: String
    ) throws(StorageError) {
        let number: Int32 = unsafe head.withUnsafeReadableBytes { head in
            unsafe body.withUnsafeReadableBytes { body in
                var written = 0
                let total = head.count + body.count
                while written < total {
                    let first = unsafe UnsafeRawBufferPointer(rebasing: head[min(written, head.count)...])
                    let second = unsafe UnsafeRawBufferPointer(rebasing: body[max(0, written - head.count)...])
                    let vectors = unsafe [
                        iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
                        iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count),
                    ]
                    let count = unsafe pwritev(descriptor, vectors, 2, off_t(position + written))
                    if count > 0 {
                        written += count
                    } else if count == 0 {
                        return ENOSPC
                    } else if errno != EINTR {
                        return errno
                    }
                }
                return 0
            }
        }
        if number != 0 { throw error("write", path, number) }
    }

    static func read(
        from descriptor: Int32, at position: Int, count: Int, _ path: String
    ) throws(StorageError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var number: Int32 = 0
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            var done = 0
            while done < count {
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done..<count])
                let size = unsafe pread(descriptor, target.baseAddress, target.count, off_t(position + done))
                if size > 0 {
                    done += size
                } else if size == 0 {
                    break
                } else if errno != EINTR {
                    number = errno
                    break
                }
            }
            return done
        }
        if number != 0 { throw error("read", path, number) }
        return buffer
    }

    /// Raises the soft limit of open files to the hard one: every partition has one, and services have hundreds.
    static func raiseFileLimit() {
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(resource, &limit)
    }
}

extension Posix {
    static var addressInUse: Int32 { EADDRINUSE }

    /// Milliseconds since 1970.
    static func wallMilliseconds() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
