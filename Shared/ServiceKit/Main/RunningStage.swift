import Logging
import Streams

/// A stage at work, as the service sees it.
public struct RunningStage: Sendable {
    /// `ticketing/entity`.
    public let name: String
    /// Why the stage is not ready (restoring, no assignment …); nil when it is. Must not block.
    public let obstacle: @Sendable () -> String?
    /// Does the stage's work until ``stop`` has been called and everything is committed and closed.
    ///
    /// - Throws: What ended the stage for good; its description tells the operator what to do.
    public let run: @Sendable () async throws -> Void
    /// Asks the stage to commit, close and return from ``run``; returns at once; may be called
    /// before ``run``, and again.
    public let stop: @Sendable () -> Void

    public init(
        name: String, obstacle: @escaping @Sendable () -> String?, run: @escaping @Sendable () async throws -> Void,
        stop: @escaping @Sendable () -> Void
    ) {
        self.name = name
        self.obstacle = obstacle
        self.run = run
        self.stop = stop
    }
}

extension RunningStage {
    /// How long a stage may take to commit and close: below the grace period of container platforms (30 s), and below that of
    /// the service group.
    static let grace: Duration = .seconds(20)

    /// A stage of the stream runtime that has been started.
    init(_ runtime: StageRuntime, logger: Logger) {
        self.init(
            name: "\(runtime.stage.service)/\(runtime.stage.name)",
            obstacle: {
                switch runtime.state {
                case .running: nil
                case let state: state.description
                }
            },
            run: { try await runtime.ended() },
            stop: {
                Task {
                    guard await runtime.stop(within: Self.grace) else {
                        return logger.error(
                            "a stage did not stop in time; its open transaction will be aborted by the broker",
                            metadata: ["stage": "\(runtime.stage.name)"])
                    }
                }
            })
    }
}
