import Glibc

/// Small files and standard streams, without a framework for them.
package enum PlainFile {
    /// The first `limit` bytes of a file, or fewer where it ends before; also of files that do not know their size, as in /proc.
    /// nil when it cannot be opened or read.
    package static func read(_ path: String, upTo limit: Int) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var content: [UInt8] = []
        while content.count < limit {
            let wanted = min(limit - content.count, 65_536)
            var count = 0
            var code: Int32 = 0
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
                count = unsafe Glibc.read(file, buffer.baseAddress, wanted)
                code = errno
                filled = max(0, count)
            }
            if count < 0, code == EINTR { continue }
            guard count >= 0 else { return nil }
            guard count > 0 else { break }
            content += piece
        }
        return content
    }

    /// As ``read(_:upTo:)``, and nil when it is no UTF-8 text.
    package static func text(_ path: String, upTo limit: Int) -> String? {
        read(path, upTo: limit).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// Writes all of it to an open descriptor; false when its reader is gone or the disk is full.
    @discardableResult
    package static func write(_ text: String, to descriptor: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
