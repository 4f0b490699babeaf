public import Streams
import Synchronization

/// The version of the rules that a process works by, and how its stages' tasks are made under it.
///
/// Read by any thread; changed by ``RulesFollower`` alone.
public final class RulesInForce: StageSettings {
    package typealias Makers = [String: @Sendable (TaskContext) -> any StreamTask]

    private struct State {
        var rules: Rules
        var position: Int64 = 0
        /// By name of the stage.
        var makers: Makers = [:]
    }

    public let topic: TopicSpec
    private let state: Mutex<State>

    /// - Parameter rules: What holds until a version has been read: the built-in rules.
    public init(_ rules: Rules = .default, internalPrefix: String) {
        topic = .rules(internalPrefix + "rules")
        state = Mutex(State(rules: rules))
    }

    public var rules: Rules { state.withLock { $0.rules } }
    public var version: Int64 { state.withLock { $0.rules.version } }
    public var position: Int64 { state.withLock { $0.position } }

    /// The stage with tasks that are always made under the version in force.
    package func following(_ stage: StageDefinition) -> StageDefinition {
        var stage = stage
        let (name, first) = (stage.name, stage.makeTask)
        stage.settings = self
        stage.makeTask = { [self] context in (state.withLock { $0.makers[name] } ?? first)(context) }
        return stage
    }

    package func take(_ rules: Rules, _ makers: Makers) {
        state.withLock { state in
            state.rules = rules
            state.makers = makers
        }
    }

    package func read(to position: Int64) {
        state.withLock { $0.position = max($0.position, position) }
    }
}
