import Kafka
import Synchronization

/// Gives freed memory back to the system after a backlog or a restore, and keeps it for the next use during one, for all stages
/// of a process.
package final class MemoryRelease: Sendable {
    static let shared = MemoryRelease()

    /// After a stage has caught up, the last of what was fetched ahead is still in use: milliseconds.
    static let delay: Int64 = 500
    /// A load that overtakes the stages again and again gets its memory from the system each time: milliseconds.
    static let spacing: Int64 = 2_000

    private struct Shared {
        var due: Int64?
        /// Put off for as long as there is work.
        var quiet: Int64?
        var last = Int64.min / 2
    }

    private let shared = Mutex(Shared())

    package init() {}

    /// A stage has caught up. Times are of the monotonic clock.
    package func caughtUp(now: Int64) {
        shared.withLock { $0.due = max(now + Self.delay, $0.last + Self.spacing) }
    }

    /// A stage that has caught up has committed much: what it took for that is free once it is quiet.
    package func worked(now: Int64) {
        shared.withLock { $0.quiet = max(now + Self.delay, $0.last + Self.spacing) }
    }

    /// Closes what has read much, such as a restore's reader.
    ///
    /// What lies at the end of a thread's heap is given back by a free() there, and after the thread has ended nobody calls it: so
    /// the closing itself has to. What follows is a backlog.
    func closing(_ close: () -> Void) {
        shared.withLock { _ in FreedMemory.giveBack() }
        close()
        shared.withLock { _ in FreedMemory.keep() }
    }

    /// A stage has fallen behind.
    func fellBehind() {
        // One at a time: the allocator's settings have no lock of their own.
        shared.withLock { _ in FreedMemory.keep() }
    }

    /// Whether it is time, once for each time.
    package func takeDue(now: Int64) -> Bool {
        shared.withLock { shared in
            let isDue = [shared.due, shared.quiet].contains { $0.map { $0 <= now } ?? false }
            guard isDue else { return false }
            shared.due = nil
            shared.quiet = nil
            shared.last = now
            return true
        }
    }

    /// Called now and then, from a thread that no stream waits for.
    func look(now: Int64) {
        guard takeDue(now: now) else { return }
        shared.withLock { _ in FreedMemory.giveBack() }
    }
}
