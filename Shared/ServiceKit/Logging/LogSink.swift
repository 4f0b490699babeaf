import Dispatch
import FoundationEssentials
import Glibc
import Synchronization

/// Where log lines go: a bounded buffer that one queue empties into a file descriptor, so that a slow or stuck reader of
/// the log never holds up a stream thread or an event loop. Lines that do not fit are dropped and counted in the log
/// itself.
public final class LogSink: Sendable {
    private struct State {
        var pending: [UInt8] = []
        var dropped = 0
        var isDraining = false
    }

    private let descriptor: Int32
    private let limit: Int
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "deskbeat.log")

    /// - Parameters:
    ///   - descriptor: An open file descriptor, standard error by default; it stays the caller's.
    ///   - limit: How many bytes may wait, above 0.
    public init(descriptor: Int32 = 2, limit: Int = 1 << 20) {
        precondition(limit > 0)
        self.descriptor = descriptor
        self.limit = limit
    }

    /// Appends one line, without its end.
    package func write(_ line: [UInt8]) {
        let mustDrain = state.withLock { state in
            guard state.pending.count + line.count < limit else {
                state.dropped += 1
                return false
            }
            state.pending.append(contentsOf: line)
            state.pending.append(UInt8(ascii: "\n"))
            guard !state.isDraining else { return false }
            state.isDraining = true
            return true
        }
        if mustDrain { queue.async { self.drain() } }
    }

    /// Waits until what was written so far has reached the descriptor, at most `seconds`. For the last lines of a
    /// process; it blocks.
    public func flush(seconds: Double = 1) {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + seconds)
    }

    private func drain() {
        while true {
            let next = state.withLock { state -> (bytes: [UInt8], dropped: Int)? in
                guard !state.pending.isEmpty || state.dropped > 0 else {
                    state.isDraining = false
                    return nil
                }
                defer { (state.pending, state.dropped) = ([], 0) }
                return (state.pending, state.dropped)
            }
            guard let next else { return }
            put(next.bytes)
            if next.dropped > 0 {
                put(
                    Array(
                        "{\"level\":\"warning\",\"message\":\"log lines dropped\",\"dropped\":\(next.dropped)}\n".utf8))
            }
        }
    }

    private func put(_ bytes: [UInt8]) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            if count > 0 {
                written += count
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                unsafe _ = poll(&wait, 1, 1_000)
            } else {
                return  // The reader is gone: nobody is left to tell.
            }
        }
    }
}
