import Synchronization

/// What a process says on standard error: read all the time, since a full pipe would stop it, and the end of it kept for
/// whoever looks into a failure.
final class ProcessLog: Sendable {
    private static let kept = 60

    private let lines = Mutex<[String]>([])
    private let sign: String
    private let (signs, given) = AsyncStream<String>.makeStream()

    /// - Parameter sign: in the line that is waited for.
    init(awaiting sign: String) {
        self.sign = sign
    }

    func add(_ line: String) {
        lines.withLock { lines in
            if lines.count == Self.kept { lines.removeFirst() }
            lines.append(line)
        }
        if line.contains(sign) { given.yield(line) }
    }

    /// Nothing more will come.
    func end() { given.finish() }

    /// Waits for the line with the sign.
    ///
    /// - Returns: nil when the log has ended before.
    func awaited() async -> String? {
        for await line in signs { return line }
        return nil
    }

    var tail: String { lines.withLock { $0.joined(separator: "\n") } }
}
