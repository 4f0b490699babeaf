/// A file that only takes up space, to be given free when there is no other.
final class DiskReserve {
    private let path: String
    private(set) var isHeld = false

    /// Room for tens of thousands of markers and decisions.
    static let byteCount = 16 << 20

    init(path: String) {
        self.path = path
        _ = hold()
    }

    func hold() -> Bool {
        if isHeld { return true }
        do throws(StorageError) {
            let descriptor = try Posix.open(path, DiskFile.create)
            defer { Posix.closeFile(descriptor) }
            try Posix.allocate(descriptor, byteCount: Self.byteCount, path)
            isHeld = true
        } catch {
            // What it has got must not stay away from the logs.
            try? Posix.remove(path)
        }
        return isHeld
    }

    func release() -> Bool {
        guard isHeld, (try? Posix.remove(path)) != nil else { return false }
        isHeld = false
        return true
    }
}
