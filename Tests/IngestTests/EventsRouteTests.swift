import Foundation
import Ingest
import Logging
import Metrics
import NIOCore
import ServiceKit
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct EventsRouteTests {
    struct Front: Sendable {
        let client: HTTPClient
        let producer: CapturingProducer
        let metrics: MetricsRegistry
        let isOpen: FrontSwitch
    }

    final class FrontSwitch: Sendable {
        let isOn = Atomic(true)
    }

    /// Runs the HTTP front on a port of its own around `body`.
    private func withFront(
        _ limits: IntakeLimits = IntakeLimits(), tokens: BearerTokens? = nil, rules: Rules = .default,
        _ body: @Sendable (Front) async throws -> Void
    ) async throws {
        let producer = CapturingProducer()
        let metrics = MetricsRegistry(includesProcess: false)
        let isOpen = FrontSwitch()
        let route = EventsRoute(
            limits: limits, tokens: tokens, intake: EventIntake(rules: rules), producer: producer,
            figures: IntakeFigures(factory: metrics), isOpen: { isOpen.isOn.load(ordering: .relaxed) },
            wall: { fixtureNow })
        let (addresses, bound) = AsyncStream<HTTPAddress>.makeStream()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let application = ServiceHTTP.application(
            service: "ingest", address: HTTPAddress(host: "127.0.0.1", port: 0), readiness: Readiness(),
            metrics: metrics,
            logger: logger, routes: { route.add(to: $0) }, onBound: { bound.yield($0) })
        let group = ServiceGroup(configuration: .init(services: [application], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = addresses.makeAsyncIterator()
            let address = try #require(await iterator.next())
            let client = HTTPClient(port: address.port)
            try await body(Front(client: client, producer: producer, metrics: metrics, isOpen: isOpen))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private let structured = "application/cloudevents+json"

    // MARK: 202

    @Test func everyModeIsAccepted() async throws {
        try await withFront { front in
            let one = created(ticket: "1")
            let two = created(ticket: "2")
            let answers = [
                try await front.client.post("application/cloudevents+json; charset=utf-8", one),
                try await front.client.post("application/cloudevents-batch+json", "[\(one), \(two)]"),
                try await front.client.post("application/json", " [\(one)] "),
                try await front.client.post("Application/JSON", two),
                try await front.client.post("application/x-ndjson", "\(one)\n\n  \r\n\(two)\r\n"),
                try await front.client.post("application/cloudevents-batch+json", "[]"),
                try await front.client.post("application/x-ndjson", ""),
            ]
            #expect(answers.map(\.status) == [202, 202, 202, 202, 202, 202, 202])
            #expect(answers.map(\.body) == [1, 2, 1, 1, 2, 0, 0].map { #"{"accepted":\#($0)}"# })
            #expect(answers[0].headers["content-type"] == "application/json")
            let sent = front.producer.sent.withLock { $0 }
            #expect(sent.map { String(decoding: $0.key, as: UTF8.self) } == ["1", "1", "2", "1", "2", "1", "2"])
            // The records are the senders' own bytes.
            #expect(sent.prefix(6).map { String(decoding: $0.value, as: UTF8.self) } == [one, one, two, one, two, one])
            #expect(sent.allSatisfy { $0.headers.isEmpty })
            let figures = String(decoding: front.metrics.exposition(), as: UTF8.self)
            #expect(figures.contains("ingest_http_events_accepted_total 7\n"))
            #expect(figures.contains("ingest_http_requests_total{status=\"202\"} 7\n"))
        }
    }

    @Test func binaryModeKeepsItsAttributes() async throws {
        try await withFront { front in
            let headers = [
                ("ce-specversion", "1.0"), ("ce-id", "91-1"), ("ce-source", "https://acme.example/%C3%A9"),
                ("ce-type", "support.ticket.created"), ("ce-time", "2026-11-20T09:00:00Z"), ("ce-subject", "91"),
            ]
            let answer = try await front.client.post("application/json", #"{"ticket_id":"91"}"#, headers: headers)
            #expect(answer.status == 202, "\(answer)")
            let record = try #require(front.producer.sent.withLock { $0.first })
            #expect(record.key == Array("91".utf8))
            #expect(record.value == Array(#"{"ticket_id":"91"}"#.utf8))
            let sent = record.headers.map { "\($0.name)=\(String(decoding: $0.value, as: UTF8.self))" }
            #expect(
                Set(sent) == [
                    "ce_specversion=1.0", "ce_id=91-1", "ce_source=https://acme.example/é",
                    "ce_type=support.ticket.created",
                    "ce_time=2026-11-20T09:00:00Z", "ce_subject=91", "content-type=application/json",
                ])
        }
    }

    @Test func oneConnectionCarriesManyRequests() async throws {
        try await withFront { front in
            let body = created()
            let head =
                "POST /v1/events HTTP/1.1\r\nHost: t\r\nContent-Type: \(structured)\r\nContent-Length: \(body.utf8.count)\r\n"
            let first = Array("\(head)\r\n\(body)".utf8)
            let last = Array("\(head)Connection: close\r\n\r\n\(body)".utf8)
            let received = try await front.client.exchange([first, first, last])
            #expect(String(decoding: received, as: UTF8.self).ranges(of: "202 Accepted").count == 3)
            #expect(front.producer.sent.withLock { $0.count } == 3)
        }
    }

    // MARK: 400

    @Test func faultsAreListedAndNothingIsAccepted() async throws {
        try await withFront { front in
            let late = created(time: "1999-01-01T00:00:00Z")
            let future = created(time: "2026-11-22T00:06:00Z")
            let answer = try await front.client.post(
                "application/x-ndjson", "\(created())\n\n{\n\(late)\n\(future)\n{}\n")
            #expect(answer.status == 400)
            let list = try #require(JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [[String: Any]])
            #expect(list.map { $0["index"] as? Int } == [1, 2, 3, 4])
            #expect(
                list.map { $0["reason"] as? String } == ["malformed_json", "too_late", "in_future", "not_cloudevents"])
            #expect(list.map { $0["pointer"] as? String } == ["", "/time", "/time", "/specversion"])
            for fault in list { #expect((fault["hint"] as? String)?.isEmpty == false) }
            #expect(front.producer.sent.withLock { $0.isEmpty })
            let figures = String(decoding: front.metrics.exposition(), as: UTF8.self)
            #expect(figures.contains("ingest_http_events_rejected_total{reason=\"too_late\"} 1\n"))
        }
    }

    @Test func theListIsBounded() async throws {
        try await withFront { front in
            let answer = try await front.client.post(
                "application/cloudevents-batch+json",
                "[\(Array(repeating: "{}", count: 300_000).joined(separator: ","))]")
            #expect(answer.status == 400)
            let list = try #require(JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [[String: Any]])
            #expect(list.count == EventIntake.maximumFaults)
        }
    }

    @Test(arguments: [
        ("application/cloudevents+json", "", "malformed_json"),
        ("application/cloudevents+json", "[]", "malformed_json"),
        ("application/cloudevents-batch+json", "{}", "malformed_json"),
        ("application/cloudevents-batch+json", "[{},", "malformed_json"), ("application/json", "", "malformed_json"),
        ("application/json", "\"x\"", "malformed_json"),
    ]) func bodiesThatAreNoEvents(_ type: String, _ body: String, _ reason: String) async throws {
        try await withFront { front in
            let answer = try await front.client.post(type, body)
            #expect(answer.status == 400)
            let list = try #require(JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [[String: Any]])
            #expect(list.count == 1)
            // JSON that is no object is one or the other.
            #expect([reason, "not_cloudevents"].contains(list[0]["reason"] as? String))
        }
    }

    @Test func aLargeEventIsRefusedByItself() async throws {
        try await withFront { front in
            let padding = String(repeating: "x", count: 257 * 1_024)
            let answer = try await front.client.post(structured, created(data: #""x":"\#(padding)""#))
            #expect(answer.status == 400)
            #expect(answer.body.contains(#""reason":"too_large""#))
        }
    }

    @Test func rulesAreApplied() async throws {
        let change = created().replacing("ticket.created", with: "ticket.status_changed")
            .replacing(#""ticket_id":"91""#, with: #""ticket_id":"91","status":"waiting""#)
        try await withFront { front in
            let answer = try await front.client.post(structured, change)
            #expect(answer.status == 400)
        }
        try await withFront(rules: Rules(parsing: "status_aliases: {waiting: pending}\nmax_future: 1d")) { front in
            let answers = [
                try await front.client.post(structured, change),
                try await front.client.post(structured, created(time: "2026-11-22T23:00:00Z")),
            ]
            #expect(answers.map(\.status) == [202, 202])
        }
    }

    // MARK: 401

    @Test func tokensAndTheirSources() async throws {
        let tokens = try BearerTokens(
            parsing: "token-a-0123456789abcdef https://acme.example/\ntoken-b-0123456789abcdef https://b.example/")
        try await withFront(tokens: tokens) { front in
            func status(_ authorization: String?) async throws -> HTTPClient.Answer {
                try await front.client.post(
                    structured, created(), headers: authorization.map { [("Authorization", $0)] } ?? [])
            }
            #expect(try await status("Bearer token-a-0123456789abcdef").status == 202)
            #expect(try await status("bearer  token-a-0123456789abcdef").status == 202)
            for wrong in [nil, "Bearer ", "Bearer wrong", "token-a-0123456789abcdef", "Basic token-a-0123456789abcdef"]
            {
                let answer = try await status(wrong)
                #expect(answer.status == 401)
                #expect(answer.headers["www-authenticate"] == "Bearer")
            }
            let foreign = try await status("Bearer token-b-0123456789abcdef")
            #expect(foreign.status == 400)
            #expect(foreign.body.contains(#""pointer":"/source","reason":"invalid_field""#))
            #expect(foreign.body.contains("https://b.example/"))
            #expect(front.producer.sent.withLock { $0.count } == 2)
        }
    }

    // MARK: 413, 415, 404

    @Test func largeBodiesAreRefused() async throws {
        var limits = IntakeLimits()
        limits.body = 2_000
        limits.batchBody = 4_000
        try await withFront(limits) { front in
            let padding = String(repeating: " ", count: 2_001)
            #expect(try await front.client.post(structured, created() + padding).status == 413)
            #expect(try await front.client.post("application/json", created() + padding).status == 202)
            #expect(try await front.client.post("application/x-ndjson", padding + padding).status == 413)
            // Without a declared length: the client may send all of it before it reads.
            let head =
                "POST /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: \(structured)\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n"
            let chunk = Array("3e8\r\n\(String(repeating: " ", count: 1_000))\r\n".utf8)
            let parts = [Array(head.utf8)] + (0..<8_000).map { _ in chunk } + [Array("0\r\n\r\n".utf8)]
            let received = try await front.client.exchange(parts, mustSendAll: true)
            #expect(HTTPClient.parse(received)?.status == 413)
            let small =
                "POST /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: \(structured)\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n\(String(created().utf8.count, radix: 16))\r\n\(created())\r\n0\r\n\r\n"
            #expect(HTTPClient.parse(try await front.client.exchange([Array(small.utf8)]))?.status == 202)
        }
    }

    /// Most HTTP clients send all of a body before they read.
    @Test(arguments: [("application/cloudevents+json", 413), ("text/plain", 415)])
    func aClientThatSendsAllBeforeItReadsSeesTheRefusal(_ type: String, _ status: Int) async throws {
        var limits = IntakeLimits()
        limits.bodyTimeout = .seconds(100)
        try await withFront(limits) { front in
            let part = Array(repeating: UInt8(ascii: " "), count: 1 << 20)
            let head =
                "POST /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: \(type)\r\n"
                + "Content-Length: \(24 << 20)\r\n\r\n"
            let parts = [Array(head.utf8)] + (0..<24).map { _ in part }
            let received = try await front.client.exchange(parts, mustSendAll: true)
            #expect(HTTPClient.parse(received)?.status == status)
        }
    }

    @Test func mediaTypes() async throws {
        try await withFront { front in
            for type in ["text/plain", "application/xml", "application/cloudevents+avro", ""] {
                let answer = try await front.client.post(type, created())
                #expect(answer.status == 415)
            }
            let others = [
                try await front.client.request(body: Array(created().utf8)),
                try await front.client.request("GET"),
                try await front.client.request("POST", "/v1/nothing", body: []),
            ]
            #expect(others.map(\.status) == [415, 404, 404])
        }
    }

    // MARK: 429, 503

    @Test func aFullQueueAndABrokerThatIsAway() async throws {
        try await withFront { front in
            front.producer.failure.withLock { $0 = .full }
            let full = try await front.client.post(structured, created())
            #expect(full.status == 429)
            #expect(full.headers["retry-after"] == "1")
            front.producer.failure.withLock { $0 = .unavailable("no broker") }
            let away = try await front.client.post(structured, created())
            #expect(away.status == 503)
            #expect(away.headers["retry-after"] == "5")
            front.producer.failure.withLock { $0 = nil }
            front.isOpen.isOn.store(false, ordering: .relaxed)
            let closed = try await front.client.post(structured, created())
            #expect(closed.status == 503)
            #expect(closed.headers["retry-after"] == "2")
            front.isOpen.isOn.store(true, ordering: .relaxed)
            #expect(try await front.client.post(structured, created()).status == 202)
        }
    }

    @Test func ratesAreLimitedPerToken() async throws {
        var limits = IntakeLimits()
        limits.rate = 1
        let tokens = try BearerTokens(parsing: "token-a-0123456789abcdef https://\ntoken-b-0123456789abcdef https://")
        try await withFront(limits, tokens: tokens) { front in
            func post(_ token: String, _ count: Int) async throws -> HTTPClient.Answer {
                try await front.client.post(
                    "application/x-ndjson", String(repeating: created() + "\n", count: count),
                    headers: [("Authorization", "Bearer token-\(token)-0123456789abcdef")])
            }
            #expect(try await post("a", 100_000 / 100).status == 202)
            let limited = try await post("a", 1)
            #expect(limited.status == 429)
            let wait = try #require(limited.headers["retry-after"].flatMap { Int($0) })
            #expect(wait > 900 && wait <= 999)
            #expect(try await post("b", 1).status == 202)
        }
    }

    @Test func requestsInProgressAreBounded() async throws {
        var limits = IntakeLimits()
        limits.requests = 1
        try await withFront(limits) { front in
            let (gate, open) = AsyncStream<Void>.makeStream()
            front.producer.gate.withLock { $0 = gate }
            async let first = front.client.post(structured, created())
            var entered = front.producer.entered.makeAsyncIterator()
            await entered.next()
            let second = try await front.client.post(structured, created())
            #expect(second.status == 429)
            #expect(second.headers["retry-after"] == "1")
            open.finish()
            #expect(try await first.status == 202)
            front.producer.gate.withLock { $0 = nil }
            #expect(try await front.client.post(structured, created()).status == 202)
        }
    }

    @Test func bodyMemoryIsBounded() async throws {
        var limits = IntakeLimits()
        limits.bodyMemory = created().utf8.count * 3 / 2
        try await withFront(limits) { front in
            let (gate, open) = AsyncStream<Void>.makeStream()
            front.producer.gate.withLock { $0 = gate }
            async let first = front.client.post(structured, created())
            var entered = front.producer.entered.makeAsyncIterator()
            await entered.next()
            let second = try await front.client.post(structured, created())
            #expect(second.status == 429)
            open.finish()
            #expect(try await first.status == 202)
        }
    }

    // MARK: Clients that misbehave

    @Test func aClientThatDribblesIsCutOff() async throws {
        var limits = IntakeLimits()
        limits.bodyTimeout = .milliseconds(100)
        try await withFront(limits) { front in
            let head =
                "POST /v1/events HTTP/1.1\r\nHost: t\r\nContent-Type: \(structured)\r\nContent-Length: 1000\r\n\r\n{"
            // Returns when the server has closed the connection.
            let received = try await front.client.exchange([Array(head.utf8)])
            #expect(HTTPClient.parse(received)?.status != 202)
            #expect(front.producer.sent.withLock { $0.isEmpty })
            #expect(try await front.client.post(structured, created()).status == 202)
        }
    }

    @Test func aClientThatIsRefusedAndGoesOnSendingIsCutOff() async throws {
        var limits = IntakeLimits()
        limits.bodyTimeout = .milliseconds(100)
        try await withFront(limits) { front in
            let head =
                "POST /v1/events HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n{"
            let received = try await front.client.exchange([Array(head.utf8)])
            #expect(HTTPClient.parse(received)?.status == 415)
        }
    }

    @Test func aBodyThatBreaksOffIsNotAccepted() async throws {
        try await withFront { front in
            let line = created() + "\n"
            let head =
                "POST /v1/events HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-ndjson\r\n"
                + "Content-Length: \(line.utf8.count * 2)\r\n\r\n\(line)"
            try await front.client.sendAndHangUp(Array(head.utf8))
            #expect(try await front.client.post(structured, created(ticket: "after")).status == 202)
            #expect(front.producer.sent.withLock { $0.map(\.key) } == [Array("after".utf8)])
        }
    }

    @Test(arguments: 0..<4) func anyBodyGetsAnAnswer(_ run: Int) async throws {
        let seed = UInt64(run) &* 104_729 &+ 3
        try await withFront { front in
            var random = SeededGenerator(seed: seed)
            let types = [structured, "application/cloudevents-batch+json", "application/json", "application/x-ndjson"]
            for _ in 0..<60 {
                let original = "[\(created(ticket: "1")),\(created(ticket: "2"))]\n\(created(ticket: "3"))"
                var body = Array(original.utf8)
                for _ in 0..<Int.random(in: 0...6, using: &random) where !body.isEmpty {
                    let index = Int.random(in: 0..<body.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: body[index] = UInt8.random(in: 0...255, using: &random)
                    case 1: body.removeSubrange(index...)
                    case 2: body.removeFirst(index)
                    default: body.insert(contentsOf: body.suffix(30), at: index)
                    }
                }
                let type = types.randomElement(using: &random) ?? structured
                let before = front.producer.sent.withLock { $0.count }
                let answer = try await front.client.request(headers: [("Content-Type", type)], body: body)
                let after = front.producer.sent.withLock { $0.count }
                #expect([202, 400].contains(answer.status), "seed \(seed)")
                if answer.status == 400 { #expect(after == before, "seed \(seed)") }
                if answer.status == 202 { #expect(answer.body == #"{"accepted":\#(after - before)}"#, "seed \(seed)") }
                #expect((try? JSONSerialization.jsonObject(with: Data(answer.body.utf8))) != nil, "seed \(seed)")
            }
        }
    }
}
