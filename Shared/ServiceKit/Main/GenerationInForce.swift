public import Streams
import Synchronization

/// The generation of state that a process works with. Read by any thread.
public final class GenerationInForce: Sendable {
    private let number = Atomic<Int>(1)

    init() {}

    func set(_ generation: Int) { number.store(generation, ordering: .relaxed) }

    /// The stage as it runs in this generation: see ``StageDefinition/inGeneration(_:)``.
    public func stage(_ stage: StageDefinition) -> StageDefinition {
        stage.inGeneration(number.load(ordering: .relaxed))
    }
}
