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
        // Of a connection that is refused or breaks (`LibraryLog`).
        var logLevel: Logger.Level = .notice
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let text = event.message.description
            // That says only that there was a reason.
            guard !text.hasSuffix("brokers are down") else { return }
            owner.last.withLock { $0 = text }
        }
    }
}
