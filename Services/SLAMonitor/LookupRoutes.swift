import FoundationEssentials
import Hummingbird
import Kafka
import NIOCore
import ServiceKit
import Streams

/// The tasks that answer: those of tickets, and those of customers.
struct SLALookups: Sendable {
    let tickets = EntityLookups()
    let customers = EntityLookups()
}

/// `GET /v1/sla/tickets/{id}`, `GET /v1/sla/customers/{id}` and `GET /v1/sla/at-risk`: what the monitor knows of its own
/// partitions.
struct LookupRoutes: Sendable {
    private static let mostEntries = 1000

    /// What can be looked up by its id.
    enum Subject: String {
        case ticket, customer
    }

    let lookups: SLALookups
    let partitions: Int32
    /// Nil: everybody may ask.
    let tokens: BearerTokens?
    /// The address of the instance that owns a partition, if it can be found out.
    let owner: @Sendable (Subject, Int32) async -> String?

    func add(to router: Router<ServiceRequestContext>) {
        router.get("/v1/sla/tickets/{id}") { request, context in
            await lookUp(.ticket, request, context)
        }
        router.get("/v1/sla/customers/{id}") { request, context in
            await lookUp(.customer, request, context)
        }
        router.get("/v1/sla/at-risk") { request, _ in
            if let refusal = refusal(request) { return refusal }
            let limit = request.uri.queryParameters["limit"].flatMap { Int($0) } ?? 100
            guard 1...Self.mostEntries ~= limit else {
                return Self.error(.badRequest, "limit is a number from 1 to \(Self.mostEntries).")
            }
            return await atRisk(limit)
        }
    }

    private func refusal(_ request: Request) -> Response? {
        guard let tokens, tokens.grant(request.headers) == nil else { return nil }
        return Self.error(
            .unauthorized, "Send the header Authorization: Bearer, with a token that is valid here.",
            headers: [.wwwAuthenticate: "Bearer"])
    }

    private func lookUp(_ subject: Subject, _ request: Request, _ context: ServiceRequestContext) async -> Response {
        if let refusal = refusal(request) { return refusal }
        let given = context.parameters.get("id") ?? ""
        let key = Array((given.percentDecoded ?? given).utf8)
        guard 1...200 ~= key.count else {
            return Self.error(.badRequest, "A \(subject.rawValue)'s id has 1 to 200 bytes.")
        }
        let partition = Partitioner.partition(key: key, count: partitions)
        do {
            let answers = subject == .ticket ? lookups.tickets : lookups.customers
            guard let entry = try await answers.ask(.entity(key), of: partition).first else {
                return Self.error(
                    .notFound,
                    subject == .ticket
                        ? "There is no ticket of this id."
                        : "There is no verdict on a promise to a customer of this id.")
            }
            return Self.body(entry.json)
        } catch EntityLookups.Failure.elsewhere {
            let address = await owner(subject, partition)
            return ServiceHTTP.json(.misdirectedRequest) { json in
                json.member("error", "Another instance has this \(subject.rawValue).")
                json.member("owner", address)
                json.member("partition", Int64(partition))
            }
        } catch {
            return Self.busy
        }
    }

    /// What is due next, soonest first, of this instance's partitions.
    private func atRisk(_ limit: Int) async -> Response {
        let own = lookups.tickets.partitions
        guard !own.isEmpty else { return Self.busy }
        var entries: [EntityLookups.Entry] = []
        for partition in own {
            do { entries += try await lookups.tickets.ask(.soonest(limit), of: partition) } catch { return Self.busy }
        }
        entries.sort { $0.instant < $1.instant }
        var body = Array(#"{"partitions":[\#(own.map(String.init).joined(separator: ","))],"#.utf8)
        body += Array(#""complete":\#(own.count == Int(partitions)),"at_risk":["#.utf8)
        for (index, entry) in entries.prefix(limit).enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body += entry.json
        }
        return Self.body(body + Array("]}".utf8))
    }

    private static var busy: Response {
        error(
            .serviceUnavailable, "The state is being restored, or the monitor is busy; ask again.",
            headers: [.retryAfter: "2"])
    }

    private static func error(
        _ status: HTTPResponse.Status, _ text: String, headers: HTTPFields = [:]
    ) -> Response {
        ServiceHTTP.json(status, headers: headers) { $0.member("error", text) }
    }

    private static func body(_ json: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json)))
    }
}
