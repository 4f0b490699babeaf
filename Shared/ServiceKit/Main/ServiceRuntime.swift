public import Hummingbird
public import Logging
public import ServiceLifecycle
public import UnixSignals

/// What a service's parts may use.
public struct ServiceEnvironment: Sendable {
    public let settings: ServiceSettings
    /// Changes when another version of the rules comes into force.
    public let rulesInForce: RulesInForce
    /// Of this service's state, from when its stages start.
    public let generation = GenerationInForce()
    public let topics: TopicNames
    public let metrics: MetricsRegistry
    public let readiness: Readiness
    public let logger: Logger

    public init(
        settings: ServiceSettings, rules: Rules = .default, metrics: MetricsRegistry, readiness: Readiness,
        logger: Logger
    ) {
        self.settings = settings
        rulesInForce = RulesInForce(rules, internalPrefix: settings.internalPrefix)
        self.topics = TopicNames(prefix: settings.topicPrefix)
        self.metrics = metrics
        self.readiness = readiness
        self.logger = logger
    }

    /// The rules of this moment.
    public var rules: Rules { rulesInForce.rules }
}

/// A running service without its command line: HTTP, the service's own parts, and its stages, in one service group.
///
/// The group stops in the opposite order: first HTTP takes no more requests and finishes those in progress, then the parts
/// finish what those have left, then the stages commit and close.
public struct ServiceRuntime: Sendable {
    public let environment: ServiceEnvironment
    public let routes: @Sendable (Router<ServiceRequestContext>) -> Void
    public let parts: [any Service]
    public let prepare: @Sendable () async throws -> [RunningStage]
    /// Told where HTTP can be reached, before anything else happens there.
    public let onBound: @Sendable (HTTPAddress) -> Void

    public init(
        environment: ServiceEnvironment, routes: @escaping @Sendable (Router<ServiceRequestContext>) -> Void = { _ in },
        parts: [any Service] = [], prepare: @escaping @Sendable () async throws -> [RunningStage],
        onBound: @escaping @Sendable (HTTPAddress) -> Void = { _ in }
    ) {
        self.environment = environment
        self.routes = routes
        self.parts = parts
        self.prepare = prepare
        self.onBound = onBound
    }

    /// Runs until a signal asks for the end, or something fails.
    ///
    /// - Parameter signals: Whether SIGTERM and SIGINT end the service; tests stop it by the group.
    /// - Throws: What ended the service before it was asked to stop.
    public func run(signals: [UnixSignal] = [.sigterm, .sigint]) async throws {
        try await group(signals: signals).run()
    }

    /// The service group, for a caller who stops it by `triggerGracefulShutdown()`.
    public func group(signals: [UnixSignal] = []) -> ServiceGroup {
        let settings = environment.settings
        let logger = environment.logger
        let http = ServiceHTTP.application(
            service: settings.service, address: settings.http, readiness: environment.readiness,
            metrics: environment.metrics, logger: logger, routes: routes
        ) { address in
            logger.info("listening", metadata: ["http": "http://\(AnnounceFile.reachable(address))"])
            if let path = settings.announceFile {
                do {
                    try AnnounceFile.write(path, service: settings.service, address: address)
                } catch {
                    logger.error(
                        "the announce file cannot be written", metadata: ["path": "\(path)", "error": "\(error)"])
                }
            }
            onBound(address)
        }
        let stages = StagesService(readiness: environment.readiness, prepare: prepare)
        // The group says at `debug` what it does; its signals and errors are told by this module.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        var configuration = ServiceGroupConfiguration(
            services: [stages] + parts + [HTTPService(address: settings.http, serve: { try await http.run() })],
            gracefulShutdownSignals: signals, logger: quiet)
        configuration.maximumGracefulShutdownDuration = .seconds(25)
        return ServiceGroup(configuration: configuration)
    }
}

/// The HTTP server as a member of the group; says at which address it could not serve.
private struct HTTPService: Service, CustomStringConvertible {
    let address: HTTPAddress
    let serve: @Sendable () async throws -> Void
    var description: String { "http" }

    func run() async throws {
        do {
            try await serve()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw HTTPServiceError(
                description: "HTTP cannot be served at \(address): \(error); choose another --http (DESKBEAT_HTTP)")
        }
    }
}

/// Why the HTTP server did not start, or has ended.
public struct HTTPServiceError: Error, Sendable, CustomStringConvertible {
    public let description: String
}
