#if canImport(Glibc)
    import Glibc
#endif

/// Why a file could not be read to its end: a sentence for the operator, naming the file or the place in it.
package struct InputError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// The bytes of a file or of standard input, inflated when they begin with gzip's magic number, without a byte order
/// mark, in chunks.
package final class ByteSource {

    /// What messages call it: the path, or `standard input`.
    package let name: String
    /// Size of the file in bytes as stored, when it is a regular file.
    package let size: Int64?
    /// Bytes taken from the file so far, as stored (compressed ones count, not what they inflate to).
    package private(set) var consumed: Int64 = 0

    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private let chunk: Int
    private var memory: ArraySlice<UInt8> = []
    private var pending: [UInt8] = []
    private var inflater: Inflater?
    private var atEnd = false
    private var isFirst = true

    /// Opens `path`; `-` is standard input.
    package init(path: String) throws(InputError) {
        chunk = 256 * 1_024
        if path == "-" {
            name = "standard input"
            descriptor = STDIN_FILENO
            ownsDescriptor = false
        } else {
            name = path
            descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
            ownsDescriptor = true
            guard descriptor >= 0 else { throw InputError("\(path): \(systemMessage(errno))") }
        }
        var status = stat()
        let known = unsafe fstat(descriptor, &status) == 0
        let kind = status.st_mode & S_IFMT
        if known, kind == S_IFDIR {
            if ownsDescriptor { close(descriptor) }
            throw InputError("\(path): is a directory; give a file")
        }
        size = known && kind == S_IFREG ? Int64(status.st_size) : nil
        try begin()
    }

    /// Bytes in memory, handed out in chunks of `chunk`.
    package init(bytes: [UInt8], chunk: Int) throws(InputError) {
        precondition(chunk > 0)
        self.chunk = chunk
        name = "memory"
        size = Int64(bytes.count)
        descriptor = -1
        ownsDescriptor = false
        memory = bytes[...]
        try begin()
    }

    private func begin() throws(InputError) {
        // A pipe may yield its first bytes one by one.
        while pending.count < 2, !atEnd { try fill() }
        if pending.starts(with: [0x1f, 0x8b]) {
            do { inflater = try Inflater() } catch { throw InputError("\(name): \(error)") }
        }
    }

    deinit { if ownsDescriptor { close(descriptor) } }

    /// Appends the next bytes to `buffer`; false at the end of the input.
    package func read(into buffer: inout [UInt8]) throws(InputError) -> Bool {
        guard isFirst else { return try readNext(into: &buffer) }
        isFirst = false
        let start = buffer.count
        while buffer.count - start < 3, try readNext(into: &buffer) {}
        if buffer[start...].starts(with: [0xEF, 0xBB, 0xBF]) {
            buffer.removeSubrange(start..<start + 3)
            if buffer.count == start { return try readNext(into: &buffer) }
        }
        return buffer.count > start
    }

    private func readNext(into buffer: inout [UInt8]) throws(InputError) -> Bool {
        guard let inflater else {
            if pending.isEmpty { try fill() }
            buffer.append(contentsOf: pending)
            defer { pending.removeAll(keepingCapacity: true) }
            return !pending.isEmpty
        }
        let before = buffer.count
        while buffer.count == before {
            if inflater.needsInput {
                if pending.isEmpty { try fill() }
                guard !pending.isEmpty else {
                    guard inflater.isBetweenMembers else {
                        throw InputError("\(name): the gzip data ends in the middle")
                    }
                    return false
                }
                inflater.supply(pending)
                pending = []
            }
            do { try inflater.step(into: &buffer) } catch { throw InputError("\(name): \(error)") }
        }
        return true
    }

    private func fill() throws(InputError) {
        guard !atEnd else { return }
        let before = pending.count
        if descriptor < 0 {
            pending += memory.prefix(chunk)
            memory = memory.dropFirst(chunk)
        } else {
            var failure: Int32 = 0
            pending += unsafe [UInt8](unsafeUninitializedCapacity: chunk) { buffer, count in
                var got = unsafe Glibc.read(descriptor, buffer.baseAddress, chunk)
                while got < 0, errno == EINTR { got = unsafe Glibc.read(descriptor, buffer.baseAddress, chunk) }
                if got < 0 { failure = errno }
                count = max(got, 0)
            }
            guard failure == 0 else { throw InputError("\(name): \(systemMessage(failure))") }
        }
        consumed += Int64(pending.count - before)
        atEnd = pending.count == before
    }
}

/// The system's own words for an `errno`.
package func systemMessage(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
