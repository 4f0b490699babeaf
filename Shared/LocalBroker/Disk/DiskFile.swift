import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file that is written at its known end, so that what a failed write has left behind is written over by the next one.
final class DiskFile: ByteFile {
    fileprivate(set) var descriptor: Int32 = -1
    fileprivate var lastUse: UInt64 = 0
    fileprivate var isDirty = false
    private(set) var byteCount: Int
    var path: String
    private let descriptors: DescriptorCache
    /// Has the system write what was appended to the disk soon, so that a later `synchronize` is short.
    private let writesBackEarly: Bool

    static let create = O_RDWR | O_CREAT

    init(path: String, descriptors: DescriptorCache, writesBackEarly: Bool = false) throws(StorageError) {
        self.path = path
        self.writesBackEarly = writesBackEarly
        self.descriptors = descriptors
        byteCount = 0
        byteCount = try Posix.size(of: descriptors.use(self), path)
    }

    deinit { if descriptor >= 0 { Posix.closeFile(descriptor) } }

    func append(_ head: ByteBuffer, _ body: ByteBuffer) throws(StorageError) {
        let descriptor = try descriptors.use(self)
        do throws(StorageError) {
            try Posix.write(head, body, to: descriptor, at: byteCount, path)
        } catch {
            try? Posix.truncateFile(descriptor, to: byteCount, path)
            throw error
        }
        let count = head.readableBytes + body.readableBytes
        if writesBackEarly { Posix.startWriteback(descriptor, from: byteCount, count: count) }
        byteCount += count
        descriptors.markDirty(self)
    }

    func read(at position: Int, count: Int) throws(StorageError) -> ByteBuffer {
        let available = max(0, min(count, byteCount - position))
        guard available > 0 else { return ByteBuffer() }
        return try Posix.read(from: descriptors.use(self), at: position, count: available, path)
    }

    func truncate(to byteCount: Int) throws(StorageError) {
        guard byteCount < self.byteCount else { return }
        try Posix.truncateFile(descriptors.use(self), to: byteCount, path)
        self.byteCount = byteCount
    }

    func synchronize() throws(StorageError) {
        try Posix.synchronize(descriptors.use(self), path)
        isDirty = false
    }

    func close() {
        descriptors.forget(self)
        if descriptor >= 0 { Posix.closeFile(descriptor) }
        descriptor = -1
    }

    fileprivate func closeDescriptor() {
        if isDirty { try? Posix.synchronize(descriptor, path) }
        isDirty = false
        Posix.closeFile(descriptor)
        descriptor = -1
    }
}

/// Keeps the number of open files bounded: the least recently used one is closed for the next.
final class DescriptorCache {
    private var open: [ObjectIdentifier: DiskFile] = [:]
    private var dirty: [ObjectIdentifier: DiskFile] = [:]
    private var clock: UInt64 = 0

    static let limit = 512

    func use(_ file: DiskFile) throws(StorageError) -> Int32 {
        clock += 1
        file.lastUse = clock
        if file.descriptor >= 0 { return file.descriptor }
        if open.count >= Self.limit, let oldest = open.values.min(by: { $0.lastUse < $1.lastUse }) {
            open[ObjectIdentifier(oldest)] = nil
            oldest.closeDescriptor()
        }
        file.descriptor = try Posix.open(file.path, DiskFile.create)
        open[ObjectIdentifier(file)] = file
        return file.descriptor
    }

    func markDirty(_ file: DiskFile) {
        guard !file.isDirty else { return }
        file.isDirty = true
        dirty[ObjectIdentifier(file)] = file
    }

    func forget(_ file: DiskFile) {
        open[ObjectIdentifier(file)] = nil
        dirty[ObjectIdentifier(file)] = nil
    }

    func synchronizeDirty() throws(StorageError) {
        for file in dirty.values where file.isDirty { try file.synchronize() }
        dirty.removeAll(keepingCapacity: true)
    }
}
