public import Hummingbird
public import Logging
import NIOCore

/// Bounds of a service's HTTP server.
public struct HTTPLimits: Sendable {
    /// Connections open at a time; further ones wait in the system's queue.
    public var connections: Int
    /// After how long a connection is closed on which nothing happens, or on which a request's head does not come to its end.
    public var idle: Duration
    /// Bytes of a request's head.
    public var headBytes: Int

    public init(connections: Int = 1_024, idle: Duration = .seconds(60), headBytes: Int = 32 << 10) {
        self.connections = connections
        self.idle = idle
        self.headBytes = headBytes
    }
}

/// The HTTP server that every service has: `/livez`, `/readyz`, `/metrics`, and the service's own routes.
public enum ServiceHTTP {
    /// - Parameters:
    ///   - service: Stands in the answers.
    ///   - routes: Adds the service's own routes.
    ///   - onBound: Called once with the address at which the server can be reached.
    public static func application(
        service: String, address: HTTPAddress, limits: HTTPLimits = HTTPLimits(), readiness: Readiness,
        metrics: MetricsRegistry, logger: Logger, routes: (Router<ServiceRequestContext>) -> Void = { _ in },
        onBound: @escaping @Sendable (HTTPAddress) async -> Void
    ) -> some ApplicationProtocol {
        let router = Router(context: ServiceRequestContext.self)
        router.get("/livez") { _, _ in json(.ok) { $0.member("state", "live") } }
        router.get("/readyz") { _, _ in
            let obstacles = readiness.obstacles()
            let state = obstacles.isEmpty ? "ready" : readiness.phase == .running ? "waiting" : readiness.phase.rawValue
            return json(obstacles.isEmpty ? .ok : .serviceUnavailable) { json in
                json.member("state", state)
                json.member("service", service)
                json.array("reasons") { json in for obstacle in obstacles { json.element(obstacle) } }
            }
        }
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: MetricsRegistry.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: metrics.exposition())))
        }
        routes(router)
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        return Application(
            router: router,
            server: .http1(
                configuration: .init(
                    idleTimeout: TimeAmount(limits.idle),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: limits.headBytes, maxHeaderListSize: limits.headBytes,
                        maxHeaderFieldCount: 100))),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                availableConnectionsDelegate: .maximum(limits.connections, logger: quiet)),
            onServerRunning: { channel in
                let bound = channel.localAddress
                await onBound(HTTPAddress(host: bound?.ipAddress ?? address.host, port: bound?.port ?? address.port))
            },
            logger: quiet)
    }

    /// An answer that is one JSON object.
    public static func json(
        _ status: HTTPResponse.Status, headers: HTTPFields = [:], _ members: (inout JSONText) -> Void
    ) -> Response {
        var json = JSONText()
        json.object(nil, members)
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.bytes)))
    }
}
