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
