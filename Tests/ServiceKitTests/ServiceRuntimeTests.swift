import ArgumentParser
import Foundation
import FoundationNetworking
import Kafka
import Logging
import ServiceKit
import ServiceLifecycle
import Synchronization
import Testing

/// A stage whose work the test ends.
final class FakeStage: Sendable {
    struct Failure: Error, CustomStringConvertible { var description: String }
    let name: String
    let obstacle = Mutex<String?>(nil)
    let stops = Mutex(0)
    private let (ends, end) = AsyncStream<Failure?>.makeStream()

    init(_ name: String) { self.name = name }

    func fail(_ reason: String) { end.yield(Failure(description: reason)) }

    var running: RunningStage {
        RunningStage(
            name: name, obstacle: { self.obstacle.withLock { $0 } },
            run: {
                for await failure in self.ends {
                    if let failure { throw failure }
                    return
                }
            },
            stop: {
                self.stops.withLock { $0 += 1 }
                self.end.yield(nil)
            })
    }
}

@Suite(.timeLimit(.minutes(2))) struct ServiceRuntimeTests {
    private func environment(_ readiness: Readiness, announce: String? = nil) throws -> ServiceEnvironment {
        var options = try ServiceOptions.parse(["--http", "127.0.0.1:0", "--bootstrap-servers", "none:1"])
        options.announceFile = announce
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return ServiceEnvironment(
            settings: try ServiceSettings(options, service: "fake", environment: [:]), rules: .default,
            metrics: MetricsRegistry(), readiness: readiness, logger: logger)
    }

    private func get(_ address: HTTPAddress, _ path: String) async throws -> (status: Int, type: String, body: String) {
        let url = try #require(URL(string: "http://\(address)\(path)"))
        let (data, response) = try await URLSession.shared.data(from: url)
        let http = try #require(response as? HTTPURLResponse)
        return (
            http.statusCode, http.value(forHTTPHeaderField: "Content-Type") ?? "", String(decoding: data, as: UTF8.self)
        )
    }

    /// Runs a service, hands its group and address to `body`, and returns how the service ended.
    private func withService(
        _ readiness: Readiness = Readiness(), announce: String? = nil,
        prepare: @escaping @Sendable () async throws -> [RunningStage],
        _ body: @Sendable (ServiceGroup, HTTPAddress) async throws -> Void
    ) async throws -> Result<Void, any Error> {
        let (addresses, bound) = AsyncStream<HTTPAddress>.makeStream()
        let runtime = ServiceRuntime(
            environment: try environment(readiness, announce: announce), prepare: prepare, onBound: { bound.yield($0) })
        let group = runtime.group()
        return try await withThrowingTaskGroup(of: Result<Void, any Error>.self) { tasks in
            tasks.addTask {
                do { return .success(try await group.run()) } catch { return .failure(error) }
            }
            var iterator = addresses.makeAsyncIterator()
            try await body(group, try #require(await iterator.next()))
            return try #require(await tasks.next())
        }
    }

    @Test func healthFollowsTheLifeOfTheService() async throws {
        let stage = FakeStage("fake/one")
        let readiness = Readiness()
        let (gate, open) = AsyncStream<Void>.makeStream()
        let announce = FileManager.default.temporaryDirectory.appending(path: "announce-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: announce) }
        let end = try await withService(readiness, announce: announce) {
            for await _ in gate { break }
            stage.obstacle.withLock { $0 = "restoring 12 %" }
            return [stage.running]
        } _: { group, address in
            #expect(address.port != 0)
            let announced = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: announce)))
            let fields = try #require(announced as? [String: Any])
            #expect(fields["service"] as? String == "fake")
            #expect(fields["http"] as? String == "http://\(address)")
            #expect(fields["pid"] as? Int == Int(ProcessInfo.processInfo.processIdentifier))

            #expect(try await get(address, "/livez").status == 200)
            var ready = try await get(address, "/readyz")
            #expect(ready.status == 503)
            #expect(ready.body == #"{"state":"starting","service":"fake","reasons":["the service is starting"]}"#)
            open.yield()
            repeat { ready = try await get(address, "/readyz") } while ready.body.contains("starting")
            #expect(ready.status == 503)
            #expect(ready.body == #"{"state":"waiting","service":"fake","reasons":["stage fake/one: restoring 12 %"]}"#)
            stage.obstacle.withLock { $0 = nil }
            ready = try await get(address, "/readyz")
            #expect(ready.status == 200)
            #expect(ready.body == #"{"state":"ready","service":"fake","reasons":[]}"#)
            let metrics = try await get(address, "/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.type == "text/plain; version=0.0.4; charset=utf-8")
            #expect(metrics.body.contains("process_resident_memory_bytes"))
            #expect(try await get(address, "/nothing").status == 404)
            await group.triggerGracefulShutdown()
        }
        try end.get()
        #expect(stage.stops.withLock { $0 } > 0)
        #expect(readiness.phase == .stopping)
    }

    @Test func aFailingStageStopsTheOthersAndEndsTheService() async throws {
        let (good, bad) = (FakeStage("fake/good"), FakeStage("fake/bad"))
        let readiness = Readiness()
        let end = try await withService(readiness) {
            [good.running, bad.running]
        } _: { _, _ in
            bad.fail("the changelog is broken")
        }
        #expect(throws: FakeStage.Failure.self) { try end.get() }
        #expect(good.stops.withLock { $0 } > 0)
        #expect(readiness.phase == .failed)
        #expect(readiness.obstacles().contains("the changelog is broken"))
    }

    @Test func aFailingPreparationEndsTheService() async throws {
        let end = try await withService {
            throw FakeStage.Failure(description: "other settings")
        } _: { _, _ in
        }
        #expect(throws: FakeStage.Failure.self) { try end.get() }
    }

    @Test func shutdownDuringThePreparationIsNoFailure() async throws {
        let end = try await withService {
            try await Task.sleep(for: .seconds(3_600))
            return []
        } _: { group, _ in
            await group.triggerGracefulShutdown()
        }
        try end.get()
    }

    @Test func aPortThatIsTakenIsAFailure() async throws {
        let stage = FakeStage("fake/one")
        let end = try await withService {
            [stage.running]
        } _: { group, address in
            var options = try ServiceOptions.parse(["--http", "\(address)", "--bootstrap-servers", "none:1"])
            options.instance = "second"
            let first = try environment(Readiness())
            let second = ServiceRuntime(
                environment: ServiceEnvironment(
                    settings: try ServiceSettings(options, service: "second", environment: [:]), rules: .default,
                    metrics: first.metrics, readiness: Readiness(), logger: first.logger), prepare: { [] })
            let error = try #require(await #expect(throws: HTTPServiceError.self) { try await second.group().run() })
            #expect(error.description.contains("HTTP cannot be served at \(address)"))
            #expect(error.description.contains("--http (DESKBEAT_HTTP)"))
            await group.triggerGracefulShutdown()
        }
        try end.get()
    }

    @Test func readinessNeverLeavesFailure() {
        let readiness = Readiness()
        readiness.enter(.failed, reason: "broken")
        readiness.enter(.running)
        #expect(readiness.obstacles() == ["broken"])
        let stopping = Readiness()
        stopping.enter(.stopping)
        stopping.enter(.running)
        #expect(stopping.obstacles() == ["the service is stopping"])
    }
}
