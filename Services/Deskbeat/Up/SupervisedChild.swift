import CDeskbeat
import Dispatch
import FoundationEssentials
import Kafka
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A program that is kept running: started, waited for, and started again when it dies, until it is stopped.
///
/// One thread starts it and waits for it, for the life of this object's activity: the kernel's notice of a parent's
/// death is bound to the thread that started the child. Another one takes its output line by line.
package final class SupervisedChild: Sendable {
    package enum Event: Equatable, Sendable {
        case started(Int32)
        /// `restartIn` is nil when it was stopped.
        case ended(Int32, ExitReason, restartIn: Duration?)
        case failedToStart(String, restartIn: Duration?)
        case line(String)
        /// It has been stopped and will not run again; the last event.
        case stopped
    }

    package let name: String
    private let command: ChildCommand
    private let report: @Sendable (Event) -> Void
    private let state = Mutex(State())
    /// Signalled once by `stop`: ends a wait for the next start.
    private let wake = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()

    private struct State {
        var child: Int32?
        var isStopping = false
    }

    /// Longer lines are cut into several.
    private static let lineLimit = 64 * 1_024

    /// - Parameter report: called on threads of this object, in order for starts and ends, and in order for lines.
    package init(name: String, command: ChildCommand, report: @escaping @Sendable (Event) -> Void) {
        self.name = name
        self.command = command
        self.report = report
    }

    /// The process that runs now.
    package var pid: Int32? { state.withLock { $0.child } }

    /// Starts the program; only once.
    package func start() throws(InputError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe deskbeat_pipe(&ends) == 0 else { throw InputError("no pipe: \(systemMessage(errno))") }
        let (output, input) = (ends[0], ends[1])
        running.enter()
        running.enter()
        OSThread.start("child-\(name)") { [self] in
            supervise(output: input)
            close(input)
            running.leave()
        }
        OSThread.start("log-\(name)") { [self] in
            takeLines(from: output)
            close(output)
            running.leave()
        }
    }

    /// Sends a signal to the process that runs now, if one does, and to what it has started: to its group.
    package func signal(_ number: Int32) {
        state.withLock { state in if let child = state.child { kill(-child, number) } }
    }

    /// Asks the program to stop (SIGTERM), and keeps it from being started again.
    package func stop() {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            if let child = state.child { kill(-child, SIGTERM) }
            return !state.isStopping
        }
        if isFirst { wake.signal() }
    }

    /// Blocks until the program has ended after `stop`, and its output has been taken; false when time runs out.
    package func wait(seconds: Double) -> Bool { running.wait(timeout: .now() + seconds) == .success }

    // MARK: - Starting and waiting

    private func supervise(output: Int32) {
        var policy = RestartPolicy()
        let clock = ContinuousClock()
        while true {
            let start = clock.now
            let outcome: Result<Int32, InputError>? = state.withLock { state in
                guard !state.isStopping else { return nil }
                do throws(InputError) {
                    let child = try ChildProcess.spawn(command, output: output)
                    state.child = child
                    return .success(child)
                } catch {
                    return .failure(error)
                }
            }
            switch outcome {
            case nil: return report(.stopped)
            case .failure(let error):
                let delay = policy.delay(afterRunning: .zero)
                report(.failedToStart(error.description, restartIn: delay))
                sleep(delay)
            case .success(let child):
                report(.started(child))
                ChildProcess.waitWithoutReaping(child)
                let (reason, isStopping) = state.withLock { state in
                    state.child = nil
                    return (ChildProcess.reap(child), state.isStopping)
                }
                endLine(output)
                let delay = isStopping ? nil : policy.delay(afterRunning: clock.now - start)
                report(.ended(child, reason, restartIn: delay))
                if let delay { sleep(delay) }
            }
        }
    }

    /// Until the time has passed or `stop` is called.
    private func sleep(_ delay: Duration) {
        let (seconds, attoseconds) = delay.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        if wake.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success { wake.signal() }
    }

    // MARK: - Output

    /// All lives of the program write into one pipe: the end of one must end its last line, or the next one continues it.
    private static let endOfLife: UInt8 = 0

    private func endLine(_ output: Int32) {
        var mark = Self.endOfLife
        while unsafe write(output, &mark, 1) < 0, errno == EINTR {}
    }

    private func takeLines(from output: Int32) {
        var line: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(output, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for byte in buffer[..<count] {
                let isEnd = byte == UInt8(ascii: "\n") || byte == Self.endOfLife
                if byte == UInt8(ascii: "\n") || (isEnd && !line.isEmpty) || line.count == Self.lineLimit {
                    report(.line(String(decoding: line, as: UTF8.self)))
                    line.removeAll(keepingCapacity: true)
                }
                if !isEnd { line.append(byte) }
            }
        }
        if !line.isEmpty { report(.line(String(decoding: line, as: UTF8.self))) }
    }
}
