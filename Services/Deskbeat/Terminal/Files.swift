import Glibc

/// `/a` for `/a/b`, `.` for `b`.
func parentDirectory(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Makes a directory and those above it that are missing; one that is there is left as it is.
func createDirectory(_ path: String) throws(InputError) {
    var end = path.startIndex
    while end < path.endIndex {
        end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
        let folder = String(path[..<end])
        guard unsafe mkdir(folder, 0o777) != 0 else { continue }
        let code = errno
        var status = stat()
        guard unsafe stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw InputError("\(folder) cannot be created: \(systemMessage(code))")
        }
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    func trimmingWhitespace() -> String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
