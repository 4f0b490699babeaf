import Dispatch

#if canImport(Glibc)
    import Glibc
#endif

/// SIGTERM, SIGINT and SIGHUP as values instead of deaths.
final class TerminationSignals: Sendable {
    private let signals: AsyncStream<Int32>
    private let post: AsyncStream<Int32>.Continuation
    // Made in `init` and cancelled in `deinit`, never touched in between.
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

    /// From now on these signals no longer end the process by themselves.
    init() {
        let (signals, post) = AsyncStream.makeStream(of: Int32.self)
        self.signals = signals
        self.post = post
        let queue = DispatchQueue(label: "deskbeat.signals")
        unsafe sources = [SIGTERM, SIGINT, SIGHUP].map { number in
            _ = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { post.yield(number) }
            source.resume()
            return source
        }
    }

    deinit { unsafe sources.forEach { $0.cancel() } }

    /// Waits for the first signal; false when `finish` came before one.
    func first() async -> Bool {
        for await _ in signals { return true }
        return false
    }

    /// Calls `body` for every signal, on a queue of its own.
    func forEach(_ body: @escaping @Sendable (Int32) -> Void) {
        Task { [signals] in for await number in signals { body(number) } }
    }

    func finish() { post.finish() }
}
