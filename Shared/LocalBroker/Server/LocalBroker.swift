public import Logging
import NIOCore
import NIOPosix
import Synchronization

/// A durable broker of one node that speaks the Kafka protocol: for a laptop, for tests, and for an installation on one machine.
///
/// It behaves as Apache Kafka does wherever a client can see it, but for what one node without authentication cannot have.
/// Durable means: in the log file before the acknowledgement, so that `kill -9` loses nothing (see
/// `LocalBrokerConfiguration.fsync` for loss of power).
public final class LocalBroker: Sendable {
    /// The port on which it listens.
    public let port: Int
    /// For `bootstrap.servers`.
    public let bootstrapServers: String

    private let networkGroup: MultiThreadedEventLoopGroup
    private let brokerGroup: MultiThreadedEventLoopGroup
    private let driver: NIOLoopBound<BrokerDriver>
    private let server: any Channel
    private let connections: ConnectionRegistry
    private let lock: LockBox
    /// Ends when the server's socket is closed. A task, because the socket's own future answers nobody once its thread is gone.
    private let closed: Task<Void, any Error>
    private let stopping = Mutex<Task<Void, any Error>?>(nil)

    /// Opens the data directory, recovers what a former process has left, and listens.
    ///
    /// Throws `LocalBrokerError` when the configuration is not allowed or the directory is in use, and errors of the disk and the
    /// network as they are.
    public static func start(
        _ configuration: LocalBrokerConfiguration, logger: Logger = Logger(label: "deskbeat.broker")
    ) async throws -> LocalBroker {
        let address = try await resolve(configuration)
        let lock = LockBox(try configuration.dataDirectory.map { try DataDirectoryLock($0) })
        let brokerGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let networkGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let loop = brokerGroup.next()
            let driver = try await loop.submit {
                NIOLoopBound(try makeDriver(configuration, loop: loop, logger: logger), eventLoop: loop)
            }.get()
            let inbox = BrokerInbox(loop: loop, driver: driver)
            let connections = ConnectionRegistry(limit: configuration.maximumConnections)
            let maximumFrame = min(configuration.maximumRequestBytes, Int(Int32.max))
            let bootstrap = ServerBootstrap(group: networkGroup)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 16_384, maximum: 1 << 20)
                )
                .childChannelOption(.writeBufferWaterMark, value: .init(low: 1 << 20, high: 4 << 20))
                .childChannelInitializer { channel in
                    guard let id = connections.add(channel) else {
                        return channel.eventLoop.makeFailedFuture(ChannelError.eof)
                    }
                    return channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            ConnectionHandler(id: id, inbox: inbox, maximumFrame: maximumFrame))
                    }
                }
            let host = configuration.advertisedHost ?? configuration.host
            // Before anybody can connect: a client that asks at once would be sent to another port, for as long as it keeps the answer.
            try await loop.submit { driver.value.advertise(host: host, port: configuration.port) }.get()
            let server: any Channel
            do {
                server = try await bootstrap.bind(to: address).get()
            } catch let error as IOError where error.errnoCode == Posix.addressInUse {
                throw LocalBrokerError(
                    "\(configuration.host):\(configuration.port) is in use by another program; choose another port, or 0"
                )
            }
            let port = server.localAddress?.port ?? configuration.port
            try await loop.submit { driver.value.advertise(host: host, port: port) }.get()
            logger.info("listening", metadata: ["host": "\(configuration.host)", "port": "\(port)"])
            return LocalBroker(
                port: port, host: host, networkGroup: networkGroup, brokerGroup: brokerGroup, driver: driver,
                server: server, connections: connections, lock: lock)
        } catch {
            try? await networkGroup.shutdownGracefully()
            try? await brokerGroup.shutdownGracefully()
            throw error
        }
    }

    private init(
        port: Int, host: String, networkGroup: MultiThreadedEventLoopGroup, brokerGroup: MultiThreadedEventLoopGroup,
        driver: NIOLoopBound<BrokerDriver>, server: any Channel, connections: ConnectionRegistry, lock: LockBox
    ) {
        self.port = port
        self.bootstrapServers = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        self.networkGroup = networkGroup
        self.brokerGroup = brokerGroup
        self.driver = driver
        self.server = server
        self.connections = connections
        self.lock = lock
        closed = Task { try await server.closeFuture.get() }
    }

    /// Returns when the broker no longer listens.
    public func waitUntilClosed() async throws { try await closed.value }

    /// Stops listening, closes the connections, and leaves the data directory so that the next start is fast. May be called more
    /// than once; every call returns when the broker has stopped.
    public func shutdown() async throws {
        let task = stopping.withLock { stopping in
            let task = stopping ?? Task { try await self.stop() }
            stopping = task
            return task
        }
        try await task.value
    }

    private func stop() async throws {
        try? await server.close().get()
        try? await closed.value
        for channel in connections.all() { try? await channel.close().get() }
        let driver = driver
        try await brokerGroup.next().submit { driver.value.close() }.get()
        try await networkGroup.shutdownGracefully()
        try await brokerGroup.shutdownGracefully()
        lock.release()
    }

    private static func resolve(_ configuration: LocalBrokerConfiguration) async throws -> SocketAddress {
        guard (0...65_535).contains(configuration.port) else {
            throw LocalBrokerError("port \(configuration.port) is not in 0...65535")
        }
        guard configuration.defaultPartitionCount > 0 else {
            throw LocalBrokerError("the default number of partitions must be 1 or more")
        }
        do throws(TopicConfiguration.Invalid) {
            var defaults = TopicConfiguration(overrides: configuration.topicDefaults)
            try defaults.validate()
        } catch {
            throw LocalBrokerError(error.reason)
        }
        let host = configuration.host
        let port = configuration.port
        // The system's resolver can block: not on a thread of Swift's pool.
        let address = try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(host, port: port)
        }
        let ip = address.ipAddress ?? ""
        let isLoopback = ip.hasPrefix("127.") || ip == "::1"
        guard isLoopback || configuration.allowNonLoopback else {
            throw LocalBrokerError(
                """
                \(configuration.host) can be reached from other machines, and the local broker has no authentication; listen on \
                127.0.0.1, or allow it explicitly
                """)
        }
        guard (ip != "0.0.0.0" && ip != "::") || configuration.advertisedHost != nil else {
            throw LocalBrokerError("\(configuration.host) is no address to connect to; set the advertised host")
        }
        return address
    }

    private static func makeDriver(
        _ configuration: LocalBrokerConfiguration, loop: any EventLoop, logger: Logger
    ) throws -> BrokerDriver {
        var core = BrokerCoreConfiguration()
        if let directory = configuration.dataDirectory { core.logDirectory = "\(directory)/logs" }
        core.createsTopicsAutomatically = configuration.createsTopicsAutomatically
        core.defaultPartitionCount = Int32(clamping: configuration.defaultPartitionCount)
        core.topicDefaults = configuration.topicDefaults
        core.groupInitialRebalanceDelay = Int64(max(0, configuration.groupInitialRebalanceDelay))
        core.minimumSessionTimeout = min(
            Int32(clamping: max(1, configuration.minimumSessionTimeout)), core.maximumSessionTimeout)
        core.maximumTransactionTimeout = Int32(clamping: max(1, configuration.maximumTransactionTimeout))
        core.seed = UInt64.random(in: .min ... .max)
        let storage: any BrokerStorage =
            if let folder = configuration.dataDirectory {
                try FileStorage(folder: folder, synchronizes: configuration.fsync)
            } else {
                MemoryStorage()
            }
        let broker = try BrokerCore(configuration: core, storage: storage, time: BrokerDriver.time())
        logger.info(
            "recovered",
            metadata: [
                "topics": "\(broker.recovery.topics)", "partitions": "\(broker.recovery.partitions)",
                "checked_bytes": "\(broker.recovery.checkedBytes)", "removed_bytes": "\(broker.recovery.removedBytes)",
                "completed_transactions": "\(broker.recovery.completedTransactions)",
            ])
        if broker.recovery.unknownTopics {
            logger.warning(
                "there are logs of topics that the journal does not know; they are kept but not served",
                metadata: ["folder": "\(configuration.dataDirectory ?? "")/logs"])
        }
        if broker.recovery.removedBytes > 0 {
            logger.notice("what was being written when the broker died has been cut off; it was never acknowledged")
        }
        return BrokerDriver(
            engine: ProtocolEngine(core: broker), storage: storage,
            synchronizes: configuration.fsync && configuration.dataDirectory != nil, loop: loop, logger: logger)
    }
}

extension BrokerInbox {
    convenience init(loop: any EventLoop, driver: NIOLoopBound<BrokerDriver>) {
        let box = InboxBox()
        self.init(loop: loop) { if let inbox = box.inbox { driver.value.turn(inbox.take()) } }
        box.inbox = self
    }

    /// Lets the closure refer to the inbox that owns it.
    private final class InboxBox: Sendable {
        private let reference = Mutex<WeakReference>(WeakReference())

        private struct WeakReference { weak var inbox: BrokerInbox? }

        var inbox: BrokerInbox? {
            get { reference.withLock { $0.inbox } }
            set { reference.withLock { $0.inbox = newValue } }
        }
    }
}

/// The open connections, numbered.
final class ConnectionRegistry: Sendable {
    private struct State {
        var next: UInt64 = 0
        var channels: [UInt64: any Channel] = [:]
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Nil when there are too many.
    func add(_ channel: any Channel) -> ConnectionID? {
        let number: UInt64? = state.withLock { state in
            guard state.channels.count < limit else { return nil }
            state.next += 1
            state.channels[state.next] = channel
            return state.next
        }
        guard let number else { return nil }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[number] = nil } }
        return ConnectionID(number)
    }

    func all() -> [any Channel] { state.withLock { Array($0.channels.values) } }
}

/// Keeps the lock of the data directory for as long as the broker runs.
final class LockBox: Sendable {
    private let lock: Mutex<DataDirectoryLock?>

    init(_ lock: consuming sending DataDirectoryLock?) { self.lock = Mutex(lock) }

    func release() { lock.withLock { $0 = nil } }
}
