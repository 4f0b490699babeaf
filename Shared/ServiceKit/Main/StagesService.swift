import Logging
import ServiceLifecycle

/// Runs a service's stages as one member of its service group: prepares (broker, topics), starts the stages, and ends with
/// all of them, or as soon as one fails.
struct StagesService: Service, CustomStringConvertible {
    let readiness: Readiness
    /// Waits for the broker, creates what is missing, and makes the stages.
    let prepare: @Sendable () async throws -> [RunningStage]

    var description: String { "stages" }

    func run() async throws {
        do {
            guard let stages = try await prepared() else { return readiness.enter(.stopping) }
            for stage in stages { readiness.require("stage \(stage.name)", stage.obstacle) }
            readiness.enter(.running)
            try await withTaskCancellationOrGracefulShutdownHandler {
                try await runAll(stages)
            } onCancelOrGracefulShutdown: {
                readiness.enter(.stopping, reason: "the service is stopping")
                for stage in stages { stage.stop() }
            }
            // Without stages there is still the rest of the service, which ends with the group.
            if stages.isEmpty { try? await gracefulShutdown() }
        } catch {
            readiness.enter(.failed, reason: "\(error)")
            throw error
        }
    }

    /// The stages, or nil when the service is asked to stop before they are there. Nothing that would have to be put in order
    /// exists by then, and preparing may hang in a call to a broker that does not answer: it is left behind.
    private func prepared() async throws -> [RunningStage]? {
        let (results, result) = AsyncStream<Result<[RunningStage], any Error>>.makeStream()
        let preparation = Task {
            do { result.yield(.success(try await prepare())) } catch { result.yield(.failure(error)) }
        }
        return try await withTaskCancellationOrGracefulShutdownHandler {
            for await result in results { return try result.get() }
            return nil
        } onCancelOrGracefulShutdown: {
            result.finish()
            preparation.cancel()
        }
    }

    /// Returns when all have ended. When one fails, the others are stopped, awaited, and its error is thrown.
    private func runAll(_ stages: [RunningStage]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for stage in stages { group.addTask { try await stage.run() } }
            var failure: (any Error)?
            while let result = await group.nextResult() {
                guard case .failure(let error) = result, failure == nil else { continue }
                failure = error
                readiness.enter(.failed, reason: "\(error)")
                for stage in stages { stage.stop() }
            }
            if let failure { throw failure }
        }
    }
}
