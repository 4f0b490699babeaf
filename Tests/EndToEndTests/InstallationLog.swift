import Synchronization

/// What `deskbeat up` and its services say on standard error: read all the time, since a full pipe would stop them, and the
/// end of it kept for whoever looks into a failure.
final class InstallationLog: Sendable {
    private static let kept = 60

    private let lines = Mutex<[String]>([])
    private let (signs, sign) = AsyncStream<Void>.makeStream()

    func add(_ line: String) {
        lines.withLock { lines in
            if lines.count == Self.kept { lines.removeFirst() }
            lines.append(line)
        }
        if line.contains("deskbeat ready") { sign.yield() }
    }

    /// Nothing more will come.
    func end() { sign.finish() }

    /// Waits until everything is ready.
    ///
    /// - Returns: false when the log has ended before.
    func isReady() async -> Bool {
        for await _ in signs { return true }
        return false
    }

    var tail: String { lines.withLock { $0.joined(separator: "\n") } }
}
