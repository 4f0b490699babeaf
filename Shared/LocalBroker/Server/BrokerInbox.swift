import NIOCore
import Synchronization

/// What the network tells the broker's thread. Events are collected, so that one turn of the thread takes all that have come:
/// with fsync they then share one wait for the disk.
final class BrokerInbox: Sendable {
    enum Event: Sendable {
        case opened(ConnectionID, any Channel)
        case frames(ConnectionID, [ByteBuffer])
        case invalid(ConnectionID, String)
        case closed(ConnectionID)
    }

    private let events = Mutex<[Event]>([])
    private let loop: any EventLoop
    private let turn: @Sendable () -> Void

    /// `turn` runs on `loop` whenever events have come.
    init(loop: any EventLoop, turn: @escaping @Sendable () -> Void) {
        self.loop = loop
        self.turn = turn
    }

    func send(_ event: Event) {
        let isFirst = events.withLock { events in
            events.append(event)
            return events.count == 1
        }
        if isFirst { loop.execute(turn) }
    }

    func take() -> [Event] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }
}
