import Logging
import Synchronization

/// Keeps what the client library complained about last: it says why brokers cannot be talked to (a certificate, a password), which the call
/// that then runs out of time does not know.
final class LastComplaint: Sendable {
    private let last = Mutex<String?>(nil)

    var text: String? { last.withLock { $0 } }

    var logger: Logger {
        Logger(label: "deskbeat") { _ in Handler(owner: self) }
    }

    private struct Handler: LogHandler {
        let owner: LastComplaint
        var logLevel: Logger.Level = .warning
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            owner.last.withLock { $0 = event.message.description }
        }
    }
}
