internal import CRdkafka
import Glibc

/// Threads of the operating system, for work that blocks: it must not run on Swift's cooperative pool.
package enum OSThread {
    /// Of the stack; most of it is never touched, and so is no memory.
    private static let stackBytes = 8 << 20

    /// Runs `body` on a new thread, which ends with it.
    ///
    /// - Parameter name: as debuggers and `ps` show it; of at most 15 bytes, the rest is cut off.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, stackBytes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let work = unsafe Unmanaged.passRetained(Work(name: name, body: body)).toOpaque()
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, &attributes,
            { opaque in
                guard let opaque = unsafe opaque else { return nil }
                let work = unsafe Unmanaged<Work>.fromOpaque(opaque).takeRetainedValue()
                unsafe crdkafka_name_thread(work.name)
                work.body()
                return nil
            }, work)
        // As of memory: nothing can go on, and nothing was begun that would have to be undone.
        guard code == 0 else { fatalError("no thread \(name) can be started: error \(code); see ulimit -u") }
    }

    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = String(decoding: name.utf8.prefix(15), as: UTF8.self)
            self.body = body
        }
    }
}
