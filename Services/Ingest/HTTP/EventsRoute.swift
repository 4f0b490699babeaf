package import Hummingbird
import Logging
import Metrics
import NIOCore
package import ServiceKit
import SupportEvents

/// `POST /v1/events`: takes events from helpdesks and answers once they are durable.
///
/// The steps, each with its refusal: token (401), media type (415), declared size (413), a service at work (503), the
/// sender's rate (429), room for another request (429), the body in time (the connection is cut) and within its size (413),
/// every event valid (400), durable (429 when the queue is full, 503 when the broker is away).
package struct EventsRoute: Sendable {
    private let limits: IntakeLimits
    private let tokens: BearerTokens?
    private let intake: EventIntake
    private let producer: any InboundProducer
    private let budget: RequestBudget
    private let deadlines: BodyDeadlines
    private let limiter: RateLimiter
    private let figures: IntakeFigures
    private let isOpen: @Sendable () -> Bool
    private let wall: @Sendable () -> Int64
    private let clock: @Sendable () -> ContinuousClock.Instant

    /// - Parameters:
    ///   - tokens: nil: everybody may post.
    ///   - isOpen: Whether events can be taken at all; before the topics exist they must not be sent.
    ///   - wall: Microseconds since 1970, for what is too far in the future.
    ///   - clock: Monotonic, for rates.
    package init(
        limits: IntakeLimits, tokens: BearerTokens?, intake: EventIntake, producer: any InboundProducer,
        figures: IntakeFigures = IntakeFigures(), isOpen: @escaping @Sendable () -> Bool = { true },
        wall: @escaping @Sendable () -> Int64 = UTCTime.now,
        clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.limits = limits
        self.tokens = tokens
        self.intake = intake
        self.producer = producer
        self.figures = figures
        self.isOpen = isOpen
        self.wall = wall
        self.clock = clock
        budget = RequestBudget(requests: limits.requests, bytes: limits.bodyMemory)
        limiter = RateLimiter(rate: limits.rate)
        deadlines = BodyDeadlines(timeout: limits.bodyTimeout)
    }

    package func add(to router: Router<ServiceRequestContext>) {
        router.post("/v1/events") { request, context in
            let response = await answer(request, context)
            figures.answered(response.status)
            return response
        }
    }

    private func answer(_ request: Request, _ context: ServiceRequestContext) async -> Response {
        var grant: BearerTokens.Grant?
        if let tokens {
            grant = tokens.grant(request.headers)
            if grant == nil {
                return refuse(
                    request, context, .unauthorized,
                    "Send the header Authorization: Bearer, with a token that is valid here.",
                    headers: [.wwwAuthenticate: "Bearer"])
            }
        }
        guard let mode = EventMode(headers: request.headers) else {
            return refuse(
                request, context, .unsupportedMediaType,
                "Send application/cloudevents+json, application/cloudevents-batch+json, application/json or "
                    + "application/x-ndjson.")
        }
        let limit =
            switch mode {
            case .structured, .binary: limits.body
            case .batched, .lines, .either: limits.batchBody
            }
        let declared = request.headers[.contentLength].flatMap { Int($0) }
        if let declared, declared > limit {
            return refuse(request, context, .contentTooLarge, Self.tooLarge(limit))
        }
        guard isOpen() else {
            return refuse(
                request, context, .serviceUnavailable,
                "The service is starting or stopping; send the same request again later.",
                headers: [.retryAfter: "2"])
        }
        let sender = grant?.id ?? 0
        if let wait = limiter.wait(sender, now: clock()) {
            return refuse(
                request, context, .tooManyRequests, "The rate of events is limited to \(limits.rate) per second.",
                headers: [.retryAfter: Self.seconds(wait)])
        }
        let response = await budget.with(bytes: declared ?? limit) {
            guard let body = await read(request, context, limit: limit) else {
                return Self.problem(.contentTooLarge, Self.tooLarge(limit))
            }
            guard declared == nil || declared == body.count else {
                return ServiceHTTP.json(.badRequest) {
                    $0.member("error", "The body is shorter than its declared length.")
                }
            }
            return await accept(body, mode, grant, sender)
        }
        return response
            ?? refuse(
                request, context, .tooManyRequests, "Too many requests are in progress.", headers: [.retryAfter: "1"])
    }

    private func accept(
        _ body: [UInt8], _ mode: EventMode, _ grant: BearerTokens.Grant?, _ sender: UInt64
    ) async -> Response {
        let records: [InboundRecord]
        switch intake.read(body, mode, sourcePrefixes: grant?.sourcePrefixes, now: wall()) {
        case .accepted(let accepted): records = accepted
        case .refused(let faults):
            figures.rejected(faults)
            return Self.refusal(faults)
        }
        limiter.charge(sender, events: records.count, now: clock())
        do {
            try await producer.send(records)
        } catch {
            switch error {
            case .full:
                return Self.problem(
                    .tooManyRequests, "The queue to the broker is full; send the same request again later.",
                    headers: [.retryAfter: "1"])
            case .unavailable(let reason):
                return Self.problem(
                    .serviceUnavailable, "The broker cannot be reached; send the same request again later. \(reason)",
                    headers: [.retryAfter: "5"])
            }
        }
        figures.accepted(records.count)
        return ServiceHTTP.json(.accepted) { $0.member("accepted", Int64(records.count)) }
    }

    /// The whole body, nil when it is larger than `limit`: then it was read to its end and thrown away, because many clients send
    /// all of it before they read the answer. A client that takes longer than ``IntakeLimits/bodyTimeout`` for it is cut off, so
    /// that dribbling clients cannot hold the budget.
    private func read(_ request: Request, _ context: ServiceRequestContext, limit: Int) async -> [UInt8]? {
        let deadline = deadlines.begin(context.channel)
        defer { deadlines.end(deadline) }
        var body: [UInt8] = []
        var isTooLarge = false
        do {
            for try await part in request.body where !isTooLarge {
                if body.count + part.readableBytes <= limit {
                    body.append(contentsOf: part.readableBytesView)
                } else {
                    isTooLarge = true
                    body = []
                }
            }
        } catch {
            // The connection is gone, so nobody will see the answer; an empty body is refused below.
            return []
        }
        return isTooLarge ? nil : body
    }

    // MARK: Answers

    /// An answer to a request of whose body nothing has been read, and which is of no use. What the client still sends is read and
    /// thrown away behind the answer, but not for longer than a body may take.
    private func refuse(
        _ request: Request, _ context: ServiceRequestContext, _ status: HTTPResponse.Status, _ error: String,
        headers: HTTPFields = [:]
    ) -> Response {
        deadlines.begin(context.channel)
        var headers = headers
        headers[.connection] = "close"
        var answer = Self.problem(status, error, headers: headers)
        let body = answer.body
        answer.body = ResponseBody(contentLength: body.contentLength) { writer in
            try await body.write(writer)
            do { for try await _ in request.body {} } catch {
                // The connection is gone, and nobody waits for anything.
            }
        }
        return answer
    }

    private static func tooLarge(_ limit: Int) -> String {
        "The body may have at most \(limit) bytes; send fewer events at a time."
    }

    private static func problem(
        _ status: HTTPResponse.Status, _ error: String, headers: HTTPFields = [:]
    ) -> Response {
        ServiceHTTP.json(status, headers: headers) { $0.member("error", error) }
    }

    private static func refusal(_ faults: [EventFault]) -> Response {
        var json = JSONText()
        json.array { json in
            for fault in faults {
                json.object { json in
                    json.member("index", Int64(fault.index))
                    json.member("pointer", fault.pointer)
                    json.member("reason", fault.reason.identifier)
                    json.member("hint", fault.hint)
                }
            }
        }
        return Response(
            status: .badRequest, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.bytes)))
    }

    /// Whole seconds, at least 1: what Retry-After takes.
    private static func seconds(_ wait: Duration) -> String {
        String(max(1, wait.components.seconds + (wait.components.attoseconds > 0 ? 1 : 0)))
    }
}
