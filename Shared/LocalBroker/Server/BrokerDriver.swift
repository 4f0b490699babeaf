import Logging
import NIOCore
import NIOPosix

/// Owns the core on the broker's thread: feeds it with frames and time, does its timers, and sends its responses.
final class BrokerDriver {
    private let engine: ProtocolEngine
    private let storage: any BrokerStorage
    private let loop: any EventLoop
    private let logger: Logger
    private let synchronizes: Bool
    private var channels: [ConnectionID: any Channel] = [:]
    private var timer: Scheduled<Void>?
    private var timerDeadline: Int64 = .max
    private var isClosed = false
    private var reportedDamage = 0
    private var reportedFailures = 0
    private var hadReserve = true

    init(
        engine: ProtocolEngine, storage: any BrokerStorage, synchronizes: Bool, loop: any EventLoop, logger: Logger
    ) {
        self.engine = engine
        self.storage = storage
        self.synchronizes = synchronizes
        self.loop = loop
        self.logger = logger
    }

    static func time() -> BrokerTime {
        BrokerTime(wall: Posix.wallMilliseconds(), monotonic: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000))
    }

    func advertise(host: String, port: Int) {
        engine.core.configuration.host = host
        engine.core.configuration.port = Int32(port)
        scheduleTimer()
    }

    func turn(_ events: [BrokerInbox.Event]) {
        guard !isClosed else { return }
        let time = Self.time()
        for event in events {
            switch event {
            case .opened(let id, let channel):
                channels[id] = channel
                engine.open(id, host: channel.remoteAddress?.ipAddress ?? "")
            case .frames(let id, let frames):
                for frame in frames { engine.receive(frame, from: id, at: time) }
            case .invalid(let id, let reason):
                logger.debug("closing a connection", metadata: ["connection": "\(id.number)", "reason": "\(reason)"])
            case .closed(let id):
                engine.close(id)
                channels[id] = nil
            }
        }
        engine.advance(to: time)
        report()
        send()
        scheduleTimer()
    }

    /// Says what goes on without a request that could be told.
    private func report() {
        let counts = engine.core.compactionCounts
        for place in counts.damagedLogs.dropFirst(reportedDamage) {
            logger.error(
                "a log is damaged and will not be compacted any more; restore it from a backup, or write its topic anew",
                metadata: ["place": "\(place)"])
        }
        reportedDamage = counts.damagedLogs.count
        if counts.failures > reportedFailures {
            logger.warning("a round of compaction has failed and will be tried again; is the disk full?")
        }
        reportedFailures = counts.failures
        if storage.hasReserve != hadReserve {
            hadReserve = storage.hasReserve
            if hadReserve {
                logger.notice("there is room on the disk again; producers may go on")
            } else {
                logger.error("the disk is full: producers are refused until there is room again; reads go on")
            }
        }
    }

    private func send() {
        let outputs = engine.takeOutputs()
        if synchronizes {
            do {
                try storage.synchronize()
            } catch {
                // What could not be made durable must not be acknowledged. The clients try again on new connections.
                logger.error("the disk failed; closing all connections", metadata: ["error": "\(error)"])
                for channel in channels.values { channel.close(promise: nil) }
                return
            }
        }
        guard !outputs.isEmpty else { return }
        var responses: [ConnectionID: [[ByteBuffer]?]] = [:]
        for output in outputs {
            switch output {
            case .response(let id, let parts): responses[id, default: []].append(parts)
            case .silence(let id): responses[id, default: []].append(nil)
            case .close(let id, let reason):
                logger.debug("closing a connection", metadata: ["connection": "\(id.number)", "reason": "\(reason)"])
                channels[id]?.close(promise: nil)
            }
        }
        for (id, parts) in responses {
            guard let channel = channels[id] else { continue }
            channel.eventLoop.execute {
                guard let context = try? channel.pipeline.syncOperations.context(handlerType: ConnectionHandler.self),
                    let handler = context.handler as? ConnectionHandler
                else { return }
                for response in parts { handler.respond(response, context: context) }
                context.flush()
            }
        }
    }

    private func scheduleTimer() {
        guard let deadline = engine.nextDeadline(), deadline != timerDeadline else { return }
        timer?.cancel()
        timerDeadline = deadline
        let this = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleTask(deadline: NIODeadline.uptimeNanoseconds(UInt64(max(0, deadline)) * 1_000_000)) {
            this.value.timerDeadline = .max
            this.value.turn([])
        }
    }

    func close() {
        isClosed = true
        timer?.cancel()
        engine.core.close()
        if synchronizes { try? storage.synchronize() }
        (storage as? FileStorage)?.close()
    }
}
